// When a turn is spoken: once from afar, once before it, once at it. No voice, no clock.
import type { WayStep } from "../way";
import type { Progress } from "./progress";

/** Metres before a turn, and seconds of driving, whichever is more. Starting values. */
const CALLS = [
  { call: "far", metres: 800, seconds: 45 },
  { call: "near", metres: 200, seconds: 14 },
  { call: "now", metres: 40, seconds: 4 },
] as const;

export type Call = (typeof CALLS)[number]["call"] | "stretch";

export interface Spoken {
  call: Call;
  step: WayStep;
  toM: number;
}

/** Remembers what was said of one way. */
export class TurnCaller {
  readonly #said = new Set<string>();
  #stretch: WayStep | null = null;

  /** What is worth saying now; null: nothing. A nearer call stands for the farther ones that were missed. */
  take(progress: Progress, speed_mps: number): Spoken | null {
    const { next, toNextM, on } = progress;
    if (this.#stretch !== on) {
      this.#stretch = on;
      if (toNextM > 2 * CALLS[0].metres) return { call: "stretch", step: on, toM: toNextM };
    }
    if (next.maneuver === "walk" || next.maneuver === "depart") return null;
    const due = CALLS.filter(({ metres, seconds }) => toNextM <= Math.max(metres, seconds * speed_mps));
    const nearest = due.at(-1);
    if (!nearest || this.#said.has(`${nearest.call}${next.at_m}`)) return null;
    for (const { call } of due) this.#said.add(`${call}${next.at_m}`);
    return { call: nearest.call, step: next, toM: toNextM };
  }
}
