// Checkpoints of the command log that this handset keeps for others: it is a witness, as in
// devices/checkpoints.py. The newest is shown with every report; of the days before, one each. One of a
// shorter log never takes the place of one of a longer: a server that lost entries is to be told so. The clock may
// have been wrong: none of those before came later than the one that comes now.
import type { Write } from "./stored";

const DAYS_MAX = 30;
const DAY_MS = 86_400_000;

export interface KeptCheckpoint {
  /** The signed note. */
  note: string;
  /** When it came, by this device's clock. */
  at: number;
}

/** Name and size of the log; size 0: no checkpoint. */
function of(note: string): [string, number] {
  const [origin = "", size = ""] = note.split("\n");
  return [origin, /^\d{1,15}$/.test(size) ? Number(size) : 0];
}

/** With one more, if it is of a longer log than the newest, or of another one. */
export function kept(before: KeptCheckpoint[], came: KeptCheckpoint): KeptCheckpoint[] {
  const [origin, size] = of(came.note);
  const newest = before.at(-1);
  const [knownOrigin, knownSize] = of(newest?.note ?? "");
  if (size === 0 || (origin === knownOrigin && size <= knownSize)) return before;
  const past = before.map(({ note, at }) => ({ note, at: Math.min(at, came.at) }));
  const [earlier, last] = past.slice(-2);
  const sameDay = earlier && last && last.at - earlier.at < DAY_MS;
  return [...(sameDay ? past.slice(0, -1) : past), came].slice(-DAYS_MAX);
}

export async function keepCheckpoint(tx: Write, came: KeptCheckpoint): Promise<void> {
  const state = tx.objectStore("state");
  const before = ((await state.get("checkpoints")) as KeptCheckpoint[] | undefined) ?? [];
  await state.put(kept(before, came), "checkpoints");
}
