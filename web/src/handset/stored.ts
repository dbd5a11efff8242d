// What is kept, as it lies in the store: the place in both logs, the orders and their questions.
import type { DBSchema, IDBPTransaction } from "idb";
import type { HandsetGrant } from "../shared/types";
import type { StoredAdvice } from "./advices";
import type { StoredAsk } from "./asks";
import type { KeptCheckpoint } from "./checkpoints";
import type { Draft, StoredPhoto } from "./photos";
import type { StoredCall } from "./sos";
import type { Way } from "./way";
import type { NoticeBody, Numbered, RecallBody, StateRecord, TaskBody, UpRecord } from "./wire";

/** Place in both logs of the protocol. */
export interface Link {
  installId: string;
  /** The device whose logs these are; empty before the first enrolment. */
  deviceId: string;
  epoch: string;
  /** Highest downlink seq stored. */
  cursor: number;
  /** Id of the command that had it. */
  cursorId?: string;
  /** `n` of the next record to be sent. */
  nextN: number;
  upAcked: number;
}

export interface StoredOrder {
  /** Id of the command that brought it. */
  id: string;
  body: TaskBody;
  receivedAt: number;
  expiresAt: number | null;
  /** The last step taken here, reports apart: said again if the server turns out to have lost it. */
  last: StateRecord;
  /** Reports (feedback) given here. */
  reports: number;
  /** Why it is over, where that came from outside. */
  ended: Ending | null;
  /** The officer has read that it is over. */
  dismissed: boolean;
  /** To the scene; not there until it was fetched. */
  way?: Way;
  /** A road has changed since. */
  wayOld?: boolean;
  /** The control room wants it back; until the officer answers, the order stands. */
  recall?: Question & { why: RecallBody["why"]; text: string };
  /** The control room asks whether all is well. */
  check?: Question;
  /** What would make a battery last, oldest first. */
  advices?: StoredAdvice[];
  /** Until when the officer asked to wait. */
  standbyUntil?: number;
}

/** A command that a person answers, under its own id. */
export interface Question {
  id: string;
  at: number;
  expiresAt: number | null;
  /** It came after its time. */
  missed?: boolean;
  /** What was said to it last; null: not even shown. */
  last: StateRecord | null;
}

/** Whether and how a person has answered. */
export function answerOf({ last }: Question): "accepted" | "declined" | null {
  return last?.s === "accepted" || last?.s === "declined" ? last.s : null;
}

/** Past its time without an answer: to be known, not to be answered any more. */
export const isMissed = (question: Question, serverMs: number): boolean =>
  answerOf(question) === null &&
  (question.missed || (question.expiresAt !== null && question.expiresAt < serverMs));

export interface Ending {
  /** Of a notice: `cancelled`, `expired`, `closed`; `done` or `unable` said elsewhere. */
  why: string;
  text: string;
  at: number;
}

/** Peace or war, as the last notice said; over by itself when its time is. */
export interface StoredStance {
  mode: "peace" | "war";
  until: number | null;
  text: string;
}

export interface Schema extends DBSchema {
  state: {
    key: "link" | "grant" | "call" | "stance" | "checkpoints";
    value: Link | HandsetGrant | StoredCall | StoredStance | KeptCheckpoint[];
  };
  orders: { key: string; value: StoredOrder };
  /** Command ids seen, also of notices: what is here was handled. */
  seen: { key: string; value: number };
  queue: { key: number; value: UpRecord };
  sent: { key: number; value: Numbered };
  asks: { key: string; value: StoredAsk };
  photos: { key: string; value: StoredPhoto };
  /** Apart, so that counting photos reads no image. */
  images: { key: string; value: Blob };
  /** Of reports, by the command that brought the order. */
  drafts: { key: string; value: Draft };
}

export const STORES = [
  ...(["state", "orders", "seen", "queue", "sent", "asks"] as const),
  ...(["photos", "images", "drafts"] as const),
];
export type Write = IDBPTransaction<Schema, (typeof STORES)[number][], "readwrite">;

export function freshLink(): Link {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const installId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { installId, deviceId: "", epoch: "", cursor: 0, nextN: 1, upAcked: 0 };
}

/** What is owed for a command that came. */
export const received = (id: string, at: number): StateRecord => ({
  t: "up",
  k: "state",
  id,
  s: "received",
  at,
});

/** A task as it arrives. */
export function order(id: string, body: TaskBody, receipt: StateRecord, exp?: number): StoredOrder {
  const fresh = { reports: 0, ended: null, dismissed: false };
  return { id, body, receivedAt: receipt.at, expiresAt: exp ?? null, last: receipt, ...fresh };
}

/** The orders that a command is about. */
export async function meant(
  tx: Write,
  { ref, order }: { ref: string; order?: string },
): Promise<StoredOrder[]> {
  const all = await tx.objectStore("orders").getAll();
  return all.filter(({ id, body }) => id === ref || body.order === ref || body.order === order);
}

/** What a notice tells of a task that never came. */
export function missedTask({ order, number, incident }: NoticeBody): TaskBody | undefined {
  if (!order || number === undefined || !incident) return undefined;
  return { order, number, incident, instruction: "", eta_s: null, unit: "" };
}

/** A standby is a step that may be taken again, and says until when. */
export const stepped = (record: StateRecord): Partial<StoredOrder> =>
  record.until === undefined ? { last: record } : { last: record, standbyUntil: record.until };

/** Why a notice is the end of an order; others are only news. */
export const ENDS = new Set([
  ...["expired", "closed", "cancelled", "done", "unable"],
  ...["recalled", "superseded", "handed_over", "undeliverable"],
]);

/** What an officer's own last step already says. */
const SAID_HERE: Record<string, string> = { done: "done", declined: "unable" };

/** Time ends an order only while nobody has accepted it. */
const UNANSWERED = ["received", "shown", "standby"];

/** Whether what a notice says ends an order here: not what its officer has said himself. */
export const endedBy = (why: string, { last }: StoredOrder): boolean =>
  SAID_HERE[last.s] !== why && (why !== "expired" || UNANSWERED.includes(last.s));
