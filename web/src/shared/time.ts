// Time as people read it: ages that count up, local time with UTC on hover. Ages are measured against
// the server's clock, so that a PC with a wrong clock does not lie about them.
import { signal } from "@preact/signals";
import { language } from "./i18n";
import type { Instant } from "./types";

/** Server time minus this browser's time, milliseconds; set from each feed message. */
let offsetMs = 0;

export const serverNow = (): number => Date.now() + offsetMs;

/** Milliseconds since 1970 by the server's clock; moves once a second. */
export const now = signal(serverNow());

setInterval(() => {
  now.value = serverNow();
}, 1000);

const OFFSET_SLACK_MS = 1500;

/** Take over the server's clock. Small differences are the network's delay and are left alone. */
export function syncClock(serverTime: Instant): void {
  const measuredMs = Date.parse(serverTime) - Date.now();
  if (Math.abs(measuredMs - offsetMs) < OFFSET_SLACK_MS) return;
  offsetMs = measuredMs;
  now.value = serverNow();
}

export const ageMs = (at: Instant): number => Math.max(0, now.value - Date.parse(at));

const UNITS = {
  en: { s: " s", min: " min", h: " h", d: " d" },
  zh: { s: "秒", min: "分", h: "小时", d: "天" },
};

/** "8 s", "4 min", "1 h 05 min", "3 d": one glance. */
export function durationText(ms: number): string {
  const unit = UNITS[language.value];
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}${unit.s}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${unit.min}`;
  const hours = Math.floor(minutes / 60);
  const gap = language.value === "zh" ? "" : " ";
  if (hours < 24) return `${hours}${unit.h}${gap}${String(minutes % 60).padStart(2, "0")}${unit.min}`;
  return `${Math.floor(hours / 24)}${unit.d}`;
}

/** "3:07", "1:02:45": a running clock. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const tail = `${String(Math.floor(seconds / 60) % 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${tail.padStart(5, "0")}` : tail;
}

/** Travel time: whole minutes, rounded up; "<1 min" under a minute. */
export function etaText(seconds: number): string {
  const unit = UNITS[language.value];
  if (seconds < 60) return `<1${unit.min}`;
  return durationText(Math.ceil(seconds / 60) * 60_000);
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

const DAYS = {
  en: { "-1": "yesterday", "1": "tomorrow" },
  zh: { "-1": "昨天", "1": "明天" },
} as const;

const dayText = (date: Date): string =>
  `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;

const timeText = (date: Date, withSeconds: boolean): string =>
  `${pad(date.getHours())}:${pad(date.getMinutes())}${withSeconds ? `:${pad(date.getSeconds())}` : ""}`;

/** "14:03:25" local; "yesterday 23:10", "tomorrow 06:00" beside today, and the date in front further away. */
export function localTime(at: Instant | number, withSeconds = true): string {
  const date = new Date(at);
  const time = timeText(date, withSeconds);
  const today = new Date(serverNow());
  if (date.toDateString() === today.toDateString()) return time;
  const midnight = (day: Date) => Date.UTC(day.getFullYear(), day.getMonth(), day.getDate());
  const days = String((midnight(date) - midnight(today)) / 86_400_000) as "-1" | "1";
  return `${DAYS[language.value][days] ?? dayText(date)} ${time}`;
}

/** "2026-01-31 16:00:00 UTC+8": the local time in full, with its zone. */
export function zonedTime(at: Instant | number): string {
  const date = new Date(at);
  const minutes = -date.getTimezoneOffset();
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const zone = `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${pad(rest)}` : ""}`;
  return `${dayText(date)} ${timeText(date, true)} ${zone}`;
}

/** "2026-01-31 08:00:00 UTC": for the hover text beside a local time. */
export function utcTime(at: Instant | number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "850 m", "12.4 km". */
export function distanceText(metres: number): string {
  return metres < 995
    ? `${Math.round(metres / 10) * 10} m`
    : `${(metres / 1000).toFixed(metres < 99_500 ? 1 : 0)} km`;
}
