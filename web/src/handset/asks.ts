// What the leader of a unit is asked when nobody of it answers an order: that he sees to it. The order
// is not his; it stays with its unit, whatever he says.
import type { Ending, Write } from "./stored";
import type { LeaderBody, NoticeBody, StateRecord } from "./wire";

export const ASKS_KEPT_MAX = 20;

export interface StoredAsk {
  /** Of the command; answered under it. */
  id: string;
  body: LeaderBody;
  at: number;
  expiresAt: number | null;
  last: StateRecord | null;
  /** What became of the order, or `expired`: nothing is to be answered any more. */
  ended: Ending | null;
  /** The officer has read what became of it. */
  dismissed: boolean;
}

/** Keep a new one; what is here already stays as it was answered. */
export async function keepAsk(
  tx: Write,
  id: string,
  body: LeaderBody,
  at: number,
  expiresAt: number | null,
  missed: boolean,
): Promise<void> {
  const asks = tx.objectStore("asks");
  if (await asks.get(id)) return;
  const ended = missed ? { why: "expired", text: "", at } : null;
  await asks.put({ id, body, at, expiresAt, last: null, ended, dismissed: false });
  const all = (await asks.getAll()).sort((a, b) => b.at - a.at);
  for (const old of all.slice(ASKS_KEPT_MAX)) await asks.delete(old.id);
}

/** A notice about one of them: the order needs its leader no more. False: about something else. */
export async function endAsk(tx: Write, { ref, why, became }: NoticeBody, at: number): Promise<boolean> {
  const ask = await tx.objectStore("asks").get(ref);
  if (ask) await tx.objectStore("asks").put({ ...ask, ended: { why: became ?? why, text: "", at } });
  return ask !== undefined;
}
