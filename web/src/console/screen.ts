// What this window shows: all of the console, a part of it beside another window, or the wall display.
export const SCREENS = ["all", "lists", "map", "wall"] as const;
export type Screen = (typeof SCREENS)[number];

const wanted = new URLSearchParams(location.search);
export const screen: Screen = SCREENS.find((name) => name === wanted.get("screen")) ?? "all";

/** Windows of one desk share what is selected (screens/share.ts); null: this one stands alone. */
export const deskOfAddress: string | null = wanted.get("desk");
