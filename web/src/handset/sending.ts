// Which of the waiting records goes first, and which old fixes need not go at all.
import type { UpRecord } from "./wire";

const FULL_DETAIL_MS = 60 * 60_000;
const THIN_MS = 60_000;

export interface Waiting {
  key: number;
  record: UpRecord;
}

/** Fixes older than an hour: one a minute is enough. Steps are never dropped. */
export function thin(waiting: Waiting[], now: number): { kept: Waiting[]; dropped: Waiting[] } {
  const kept: Waiting[] = [];
  const dropped: Waiting[] = [];
  let lastOldAt = Number.NEGATIVE_INFINITY;
  for (const item of waiting) {
    const old = item.record.k === "loc" && now - item.record.at > FULL_DETAIL_MS;
    if (old && item.record.at - lastOldAt < THIN_MS) {
      dropped.push(item);
      continue;
    }
    if (old) lastOldAt = item.record.at;
    kept.push(item);
  }
  return { kept, dropped };
}

/** Calls for help, then steps in their order, then the newest fix, then the older ones. */
export function sendingOrder(waiting: Waiting[]): Waiting[] {
  const calls = waiting.filter(({ record }) => record.k === "sos");
  const steps = waiting.filter(({ record }) => record.k === "state");
  const fixes = waiting.filter(({ record }) => record.k === "loc");
  const newest = fixes.pop();
  return newest ? [...calls, ...steps, newest, ...fixes] : [...calls, ...steps];
}
