// What is asked for, and the answer. Every answer is read from the server, and logged there.
import { signal } from "@preact/signals";
import { call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import type { Coverage, Points, Times } from "./types";

export const AXES = ["mode", "road", "daylight", "priority", "weather"] as const;
export const FIGURES = ["times", "coverage", "points"] as const;
export type Figures = (typeof FIGURES)[number];

/** A year of a county is reckoned for some seconds. */
const TIMEOUT_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS = 28;

export interface Asked {
  figures: Figures;
  /** Days as typed into <input type="date">, both included. */
  from: string;
  to: string;
  axes: string[];
  of: "unit" | "officer";
}

export type Answer =
  | { figures: "times"; view: Times }
  | { figures: "coverage"; view: Coverage }
  | { figures: "points"; view: Points };

const PATHS: Record<Figures, string> = {
  times: "/api/measures",
  coverage: "/api/measures/coverage",
  points: "/api/measures/points",
};

export const asked = signal<Asked>({
  figures: "times",
  from: day(Date.now() - (DAYS - 1) * DAY_MS),
  to: day(Date.now()),
  axes: ["mode", "road", "daylight"],
  of: "unit",
});
export const answer = signal<Answer | null>(null);
export const busy = signal(false);

/** By this machine's clock, as <input type="date"> takes it. */
function day(at: number): string {
  const date = new Date(at);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** The midnight, here, that a day begins with; or the one after it, whatever hours the day has. */
function midnight(typed: string, daysLater = 0): string {
  const [year = 0, month = 1, date = 1] = typed.split("-").map(Number);
  return new Date(year, month - 1, date + daysLater).toISOString();
}

function query({ figures, from, to, axes, of }: Asked): string {
  const parameters = new URLSearchParams({ from: midnight(from), to: midnight(to, 1) });
  if (figures === "times") parameters.set("by", axes.join(","));
  if (figures === "points") parameters.set("of", of);
  return `?${parameters}`;
}

/** Where the answer that is shown can be had as a file: for spreadsheets, for programs. */
export const sheetOf = (wanted: Asked): string => `${PATHS[wanted.figures]}.csv${query(wanted)}`;
export const jsonOf = (wanted: Asked): string => `${PATHS[wanted.figures]}${query(wanted)}`;

export async function ask(wanted: Asked): Promise<void> {
  asked.value = wanted;
  busy.value = true;
  try {
    const view = await call<never>(
      "GET",
      `${PATHS[wanted.figures]}${query(wanted)}`,
      undefined,
      false,
      TIMEOUT_MS,
    );
    // Whoever asked again meanwhile waits for that answer.
    if (asked.peek() === wanted) answer.value = { figures: wanted.figures, view };
  } catch (error) {
    if (asked.peek() === wanted) answer.value = null;
    toastError(error);
  } finally {
    if (asked.peek() === wanted) busy.value = false;
  }
}
