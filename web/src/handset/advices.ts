// What the control room asks a crew to do so that a battery lasts. Kept with the order that it is for.
import { isMissed, type Question, type StoredOrder, type Write } from "./stored";
import type { AdviceBody, StateRecord } from "./wire";

/** Of one order, the newest. */
export const ADVICES_KEPT_MAX = 10;

export interface StoredAdvice extends Question {
  body: AdviceBody;
  /** Somebody else answered, or it is not wanted any more. */
  over?: boolean;
}

/** Keep a new one with its orders; what is here already stays as it was answered. */
export async function keepAdvice(
  tx: Write,
  orders: StoredOrder[],
  body: AdviceBody,
  question: Question,
): Promise<void> {
  for (const each of orders) {
    const known = each.advices ?? [];
    if (known.some(({ id }) => id === question.id)) continue;
    const advices = [...known, { ...question, body }].slice(-ADVICES_KEPT_MAX);
    await tx.objectStore("orders").put({ ...each, advices });
  }
}

/** A notice about one of them: it needs no answer. False: about something else. */
export const endAdvice = (tx: Write, id: string): Promise<boolean> =>
  change(tx, id, (advice) => ({ ...advice, over: true }));

/** What a person, or at first the page, says to one. */
export const sayAdvice = (tx: Write, record: StateRecord): Promise<boolean> =>
  change(tx, record.id, (advice) => ({ ...advice, last: record }));

async function change(tx: Write, id: string, to: (advice: StoredAdvice) => StoredAdvice): Promise<boolean> {
  let found = false;
  for (const each of await tx.objectStore("orders").getAll()) {
    if (!each.advices?.some((advice) => advice.id === id)) continue;
    found = true;
    const advices = each.advices.map((advice) => (advice.id === id ? to(advice) : advice));
    await tx.objectStore("orders").put({ ...each, advices });
  }
  return found;
}

/** Those that a person should see: unanswered, or answered by him. */
export const advicesOf = ({ advices = [] }: StoredOrder, serverMs: number): StoredAdvice[] =>
  advices.filter((advice) => !advice.over && !isMissed(advice, serverMs));
