// What this browser remembers of the log: the key it first saw, the newest checkpoint it has checked, one of
// each of the last days, and what it caught. As a handset does (docs/protocol.md, Witness).
import { signal } from "@preact/signals";

const STORAGE_KEY = "ridgeline.witness";
const DAYS_MAX = 30;
const CAUGHT_MAX = 20;

/** A signed checkpoint that was checked here. */
export interface Held {
  size: number;
  note: string;
  /** When it was checked, by this browser's clock. */
  at: string;
}

export interface Kept {
  /** The log's name. */
  origin: string;
  /** The public key that signed the newest checkpoint. */
  key: string;
  since: string;
  newest: Held;
  /** One a day, oldest first. */
  days: Held[];
  /** Checkpoints that did not fit what was held. */
  caught: { note: string; at: string; why: string }[];
}

export const kept = signal<Kept | null>(read());

function read(): Kept | null {
  try {
    const found = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null") as Kept | null;
    return typeof found?.newest?.note === "string" && Array.isArray(found.caught) ? found : null;
  } catch (error) {
    console.warn("what this browser remembered of the log cannot be read", error);
    return null;
  }
}

function write(next: Kept | null): void {
  kept.value = next;
  if (next) localStorage.setItem(STORAGE_KEY, JSON.stringify(next));
  else localStorage.removeItem(STORAGE_KEY);
}

/** Read anew what another tab may have written meanwhile. */
export function recall(): Kept | null {
  kept.value = read();
  return kept.value;
}

/** A checkpoint that was checked, and that follows what was held. */
export function remember(origin: string, key: string, held: Held): void {
  const before = recall();
  if (before?.origin === origin && before.newest.size > held.size) return; // another tab was further
  const days = (before?.days ?? []).filter(({ at }) => at.slice(0, 10) !== held.at.slice(0, 10));
  write({
    origin,
    key,
    since: before?.since ?? held.at,
    newest: held,
    days: [...days, held].slice(-DAYS_MAX),
    caught: before?.caught ?? [],
  });
}

/** A checkpoint that does not fit; the same is kept once. */
export function keepCaught(note: string, why: string): void {
  const before = recall();
  if (!before || before.caught.some((each) => each.note === note)) return;
  const caught = [...before.caught, { note, why, at: new Date().toISOString() }];
  write({ ...before, caught: caught.slice(-CAUGHT_MAX) });
}

/** Begin anew with whatever the server shows next. */
export const forget = (): void => write(null);
