// This browser as a witness of the log: what it has found of each entry on the page, and of the log as a whole.
import { batch, signal } from "@preact/signals";
import * as api from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import type { JournalEntry } from "../../shared/types";
import { judge, type Proofs, type Standing, type Verdict } from "./judge";
import * as memory from "./kept";

/** Of one question; the server takes no more. */
const SEQS_MAX = 200;

export interface Found {
  standing: Standing;
  /** Entries of the checkpoint that was shown, and of the one that was held before; null: none. */
  shown: number | null;
  held: number | null;
  note: string | null;
}

/** Null: not looked yet. */
export const found = signal<Found | null>(null);
export const verdicts = signal<ReadonlyMap<number, Verdict>>(new Map());
/** Why nothing can be checked here: not a secure page, or a browser without Ed25519. */
export const unable = signal<"" | "insecure" | "old_browser">("");
export const checking = signal(false);

/** Entries whose proof was looked at, so that the panel can say more of it. */
export const proofs = signal<ReadonlyMap<number, Proofs["entries"][number]>>(new Map());

let queue: Promise<void> = Promise.resolve();

/** Check these entries, and the log with them; one question after the other. */
export function check(entries: JournalEntry[]): Promise<void> {
  queue = queue.then(() => checkAll(entries)).catch(toastError);
  return queue;
}

async function checkAll(entries: JournalEntry[]): Promise<void> {
  unable.value = await whyNot();
  if (unable.value) return;
  checking.value = true;
  try {
    for (let start = 0; start === 0 || start < entries.length; start += SEQS_MAX)
      await checkSome(entries.slice(start, start + SEQS_MAX));
  } finally {
    checking.value = false;
  }
}

async function checkSome(entries: JournalEntry[]): Promise<void> {
  const before = memory.recall();
  const asked = new URLSearchParams({
    seq: entries.map(({ seq }) => seq).join(","),
    held: String(before?.newest.size ?? 0),
  });
  const answer = await api.call<Proofs>("GET", `/api/journal/proofs?${asked}`);
  const { standing, shown, verdicts: judged } = await judge(answer, entries, before);
  batch(() => {
    found.value = {
      standing,
      shown: shown?.checkpoint.size ?? (answer.note ? answer.size : null),
      held: before?.newest.size ?? null,
      note: answer.note,
    };
    verdicts.value = new Map([...verdicts.peek(), ...judged]);
    proofs.value = new Map([...proofs.peek(), ...answer.entries.map((each) => [each.seq, each] as const)]);
  });
  if (!answer.note) return;
  if (standing === "well" && shown) {
    const held = { size: shown.checkpoint.size, note: answer.note, at: new Date().toISOString() };
    memory.remember(shown.checkpoint.origin, shown.key, held);
  } else {
    memory.keepCaught(answer.note, standing);
  }
}

/** Begin anew: what the server shows next is believed. */
export function startAnew(entries: JournalEntry[]): Promise<void> {
  memory.forget();
  return check(entries);
}

async function whyNot(): Promise<"" | "insecure" | "old_browser"> {
  if (!globalThis.crypto?.subtle) return "insecure";
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return "";
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") return "old_browser";
    return ""; // it knows the algorithm, and refuses this key
  }
}

/** Whether an entry that cannot be read has its place in the log all the same: its row was taken out. */
export async function leafOnly(seq: number): Promise<boolean> {
  const answer = await api.call<Proofs>("GET", `/api/journal/proofs?seq=${seq}`);
  return answer.entries.some((each) => each.seq === seq && each.id === null);
}
