// Times of input fields, which are local and without a zone, as the server wants them.
import type { Instant } from "../../shared/types";

/** undefined: the field is empty. */
export const instantOf = (local: string): Instant | undefined =>
  local ? new Date(local).toISOString() : undefined;

/** "2026-01-31 08:00": for paper, which is read on other days. */
export const dated = (ms: number): string => localOf(ms).replace("T", " ");

/** What an input field shows of a moment, milliseconds since 1970. */
export function localOf(ms: number): string {
  const date = new Date(ms);
  const local = new Date(ms - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
