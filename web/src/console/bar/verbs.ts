// What somebody wants who types "dispatch 12", "go K-12", "派 12" or "结案7": a verb of either language, and about what.

export const VERBS = {
  dispatch: ["dispatch", "send", "派警", "派出", "派"],
  recommend: ["recommend", "推荐", "荐"],
  close: ["close", "结案", "结"],
  remind: ["remind", "提醒"],
  follow: ["follow", "跟随", "跟"],
  new: ["new", "新建", "新"],
  mute: ["mute", "静音"],
  go: ["go", "goto", "show", "查看", "转到", "去", "看"],
} as const;
export type Verb = keyof typeof VERBS;

export interface Said {
  verb: Verb;
  /** About what; empty: not said yet. */
  about: string;
}

/** Longer words first, so that 派警 is not read as 派 of 警. */
const SPOKEN = (Object.entries(VERBS) as [Verb, readonly string[]][])
  .flatMap(([verb, words]) => words.map((word) => ({ verb, word })))
  .sort((a, b) => b.word.length - a.word.length);

/** A Latin verb ends with a space; a Chinese one needs none. */
export function said(text: string): Said | null {
  const lower = text.trimStart().toLowerCase();
  for (const { verb, word } of SPOKEN) {
    const parted = /^[a-z]/.test(word) ? `${word} ` : word;
    if (lower.startsWith(parted)) return { verb, about: text.trimStart().slice(parted.length).trim() };
  }
  return null;
}

/** "12", "#12 K-07": the number of an incident, and the unit behind it. */
export function numbered(about: string): { number: string; unit: string } | null {
  const match = /^[#＃]?(\d{1,9})(?:\s+(.+))?$/.exec(about);
  return match ? { number: match[1] ?? "", unit: match[2]?.trim() ?? "" } : null;
}
