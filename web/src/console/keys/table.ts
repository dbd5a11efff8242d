// The one table of keys: keys/index.ts acts by it; caps in buttons, the help and the command bar show it. A key
// stands nowhere else. A name here wants an act there and words in keys/locales, or the type check fails.

/** Where it stands in the help. */
export const GROUPS = ["desk", "incident", "lists", "work", "map", "pages"] as const;
export type Group = (typeof GROUPS)[number];

/** Group, then the keys as `KeyboardEvent.key` says them, `Ctrl+` before those that want it. */
export const KEYS = {
  bar: ["desk", "/", "Ctrl+k"],
  acknowledge: ["desk", "a"],
  sound: ["desk", "s"],
  help: ["desk", "?"],
  back: ["desk", "Escape"],
  submit: ["desk", "Ctrl+Enter"],
  new: ["incident", "n"],
  enter: ["incident", "Enter"],
  choose: ["incident", "u"],
  pair: ["incident", "t"],
  recommend: ["incident", "r"],
  claim: ["incident", "g"],
  close: ["incident", "c"],
  incidents: ["lists", "1"],
  units: ["lists", "2"],
  roads: ["lists", "3"],
  work: ["lists", "4"],
  next: ["lists", "j", "ArrowDown"],
  previous: ["lists", "k", "ArrowUp"],
  act: ["work", "m"],
  proposal: ["work", "p"],
  remind: ["work", "l"],
  receive: ["work", "o"],
  welfare: ["work", "q"],
  follow: ["map", "f"],
  all: ["map", "0"],
  layers: ["map", "y"],
  trail: ["map", "x"],
  measure: ["map", "d"],
  reach: ["map", "i"],
  zones: ["map", "z"],
  batteries: ["pages", "b"],
  runcards: ["pages", "e"],
  handover: ["pages", "h"],
  stance: ["pages", "w"],
  screens: ["pages", "v"],
} as const satisfies Record<string, readonly [Group, string, ...string[]]>;

export type KeyName = keyof typeof KEYS;

type KeysOf<Name extends KeyName> = (typeof KEYS)[Name] extends readonly [Group, ...infer Keys]
  ? Keys[number]
  : never;
type Twice = {
  [Name in KeyName]: Extract<
    KeysOf<Name>,
    { [Other in Exclude<KeyName, Name>]: KeysOf<Other> }[Exclude<KeyName, Name>]
  >;
}[KeyName];
/** Does not compile where a key stands in the table twice, and names it. */
export type NoKeyTwice = None<Twice>;
type None<Found extends never> = Found;

const SIGNS: Record<string, string> = { Enter: "⏎", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑" };

/** As it is printed on a cap: "N", "Ctrl ⏎". */
export const printed = (key: string): string =>
  key
    .split("+")
    .map((each) => SIGNS[each] ?? (each.length === 1 ? each.toUpperCase() : each))
    .join(" ");

/** The cap of what a button does; of several keys the first. */
export const cap = (name: KeyName): string => printed(KEYS[name][1]);

/** "Batteries (B)": what a button without words says of itself. */
export const withCap = (words: string, name: KeyName): string => `${words} (${cap(name)})`;
