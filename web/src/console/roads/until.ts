// From when and until when, as a dispatcher chooses it: a preset, or a date and a time.

import { serverNow } from "../../shared/time";
import type { Instant } from "../../shared/types";

export const PRESETS = ["open", "1h", "2h", "4h", "12h", "sunrise", "at"] as const;
export type Preset = (typeof PRESETS)[number];

/** Hour of the clock at which "until sunrise" ends: the night shift's end, not the sun's. */
export const SUNRISE_H = 7;
const HOUR_MS = 3_600_000;

export interface Times {
  /** Local date and time of an input field; "": now. */
  startsAt: string;
  until: Preset;
  /** Where `until` is "at". */
  expiresAt: string;
}

export const NOW_UNTIL_ENDED: Times = { startsAt: "", until: "open", expiresAt: "" };

export function spanOf({ startsAt, until, expiresAt }: Times): {
  starts_at: Instant | null;
  expires_at: Instant | null;
} {
  const start = startsAt ? new Date(startsAt).getTime() : serverNow();
  return {
    starts_at: startsAt ? instant(start) : null,
    expires_at: expiry(until, expiresAt, start),
  };
}

function expiry(until: Preset, expiresAt: string, start: number): Instant | null {
  if (until === "open") return null;
  if (until === "at") return expiresAt ? instant(new Date(expiresAt).getTime()) : null;
  if (until === "sunrise") return instant(nextSunrise(start));
  return instant(start + Number.parseInt(until, 10) * HOUR_MS);
}

function nextSunrise(after: number): number {
  const day = new Date(after);
  day.setHours(SUNRISE_H, 0, 0, 0);
  if (day.getTime() <= after) day.setDate(day.getDate() + 1);
  return day.getTime();
}

const instant = (ms: number): Instant => new Date(ms).toISOString();
