// What this person has seen: remembered in this browser, so that neither another tab nor a reload rings for it again.
import { signal } from "@preact/signals";

/** More than ever stand open; the oldest are forgotten. */
const SEEN_MAX = 300;

/** When, by id of the alarm; milliseconds since 1970. */
export const seen = signal<ReadonlyMap<string, number>>(new Map());
let key = "";

function read(): ReadonlyMap<string, number> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (Array.isArray(stored)) return new Map(stored as [string, number][]);
  } catch (error) {
    console.warn("what was seen is unreadable; alarms ring once more", error);
  }
  return new Map();
}

/** Whoever comes next to this browser has seen nothing of it. */
export function startSeen(username: string): void {
  key = `ridgeline.alarms.seen.${username}`;
  seen.value = read();
  addEventListener("storage", (event) => {
    if (event.key === key) seen.value = read();
  });
}

export function noteSeen(id: string): void {
  const kept = [...seen.peek(), [id, Date.now()] as const].slice(-SEEN_MAX);
  seen.value = new Map(kept);
  localStorage.setItem(key, JSON.stringify(kept));
}
