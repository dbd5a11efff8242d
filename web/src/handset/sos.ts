// The officer's call for help: kept on this device first, sent before everything else, and the truth
// about how far it came: not sent, sent, seen by a person.
import { signal } from "@preact/signals";
import { battery, lastFix } from "./sensors";
import type { Store } from "./store";
import type { SosRecord } from "./wire";

/** The last call of this handset, until the officer has put it away. */
export interface StoredCall {
  id: string;
  at: number;
  /** What was said last. */
  s: SosRecord["s"];
  /** The server has stored everything that was said; computed when it is read. */
  sent: boolean;
  /** A dispatcher has seen it; null: nobody said so. */
  heardAt: number | null;
}

export const call = signal<StoredCall | null>(null);

const RAISED_MS = [120, 80, 120, 80, 600];
const ID_BYTES = 12;

/** Durable on return. Raises where this browser cannot store any more. */
export async function raise(store: Store, badge: string): Promise<void> {
  const record: SosRecord = { t: "up", k: "sos", id: newId(), s: "raised", at: Date.now(), by: badge };
  const fix = lastFix.peek();
  if (fix) Object.assign(record, { lat: fix.lat, lon: fix.lon, acc: fix.acc, fix: fix.at });
  const pct = battery.peek()?.pct;
  if (pct !== undefined) record.bat = pct;
  await store.say(record);
  if ("vibrate" in navigator) navigator.vibrate(RAISED_MS);
}

/** A statement, no more: a dispatcher still looks at it. */
export async function withdraw(store: Store, { id }: StoredCall, badge: string): Promise<void> {
  await store.say({ t: "up", k: "sos", id, s: "withdrawn", at: Date.now(), by: badge });
}

function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
