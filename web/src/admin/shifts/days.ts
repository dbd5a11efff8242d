// Weeks and days as the clock on the wall has them: a day on which the clock changes is 23 or 25 hours long,
// and the next midnight is still midnight.
import { language } from "../../shared/i18n";

export const WEEK_DAYS = 7;

export const dayAfter = (day: Date, days: number): Date =>
  new Date(day.getFullYear(), day.getMonth(), day.getDate() + days);

/** Midnight of the Monday of that day's week. */
export const mondayOf = (day: Date): Date => dayAfter(day, -((day.getDay() + 6) % WEEK_DAYS));

const pad = (value: number): string => String(value).padStart(2, "0");

/** `2026-11-30`. */
export const dayText = (day: Date): string =>
  `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;

/** `06:00`. */
export const timeText = (at: Date): string => `${pad(at.getHours())}:${pad(at.getMinutes())}`;

/** `2026-11-30T06:00`, as a field of a form has it. */
export const fieldText = (at: Date): string => `${dayText(at)}T${timeText(at)}`;

/** "Mon 30", "30日 周一". */
export const columnText = (day: Date): string =>
  new Intl.DateTimeFormat(language.value === "zh" ? "zh-CN" : "en-GB", {
    weekday: "short",
    day: "numeric",
  }).format(day);

/** From a local time of that day, so many minutes by the clock on the wall. */
export function spanOf(day: Date, starts: string, minutes: number): [Date, Date] {
  const [hour = 0, minute = 0] = starts.split(":").map(Number);
  const at = (more: number) =>
    new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute + more);
  return [at(0), at(minutes)];
}
