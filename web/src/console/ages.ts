// How long an incident has stood where it stands, against how long it should: the thresholds are those of the server's
// timers, by the run card and by war, where a unit was sent; while nobody was, those below (docs/dispatch.md).
import { now } from "../shared/time";
import type { Incident, Order, OrderTimer, Priority } from "../shared/types";

/** Until somebody should have been sent: it ages from half of this on, and is overdue then. Seconds. */
const WAIT_S: Record<Priority, number> = { emergency: 120, priority: 300, routine: 1800 };
const AGES_FROM = 0.5;
/** Of a timer's time: what is nearly over. */
const DUE_FROM = 0.75;
/** The clock does something itself then; nobody is late. */
const NOT_LATE = ["repeat", "expiry", "welfare", "end_receipt"];

export type Stage = "waiting" | "unanswered" | "under_way" | "at_scene" | "closed";
export type Level = "fresh" | "aging" | "late";

export interface Standing {
  stage: Stage;
  level: Level;
  /** Of the time that it should take, 0 to 1. */
  share: number;
}

const STAGES: [Stage, string[]][] = [
  ["unanswered", ["issued", "delivered", "shown", "standby"]],
  ["under_way", ["accepted", "en_route"]],
  ["at_scene", ["on_scene", "feedback"]],
];
const GRAVITY: Level[] = ["fresh", "aging", "late"];

export function standing(incident: Incident): Standing {
  if (incident.status === "closed") return { stage: "closed", level: "fresh", share: 0 };
  const open = incident.orders.filter(({ closed_at }) => closed_at === null);
  if (open.length === 0) return waiting(incident);
  // The one that most wants a look.
  return open.map(ofOrder).reduce((a, b) => (worse(b, a) ? b : a));
}

function worse(a: Standing, b: Standing): boolean {
  const by = GRAVITY.indexOf(a.level) - GRAVITY.indexOf(b.level);
  return by > 0 || (by === 0 && a.share > b.share);
}

function waiting({ opened_at, priority }: Incident): Standing {
  const share = Math.min(1, Math.max(0, (now.value - Date.parse(opened_at)) / (1000 * WAIT_S[priority])));
  return { stage: "waiting", share, level: share >= 1 ? "late" : share >= AGES_FROM ? "aging" : "fresh" };
}

function ofOrder(order: Order): Standing {
  const stage = STAGES.find(([, states]) => states.includes(order.state))?.[0] ?? "unanswered";
  const counting = order.timers.filter(({ kind }) => !NOT_LATE.includes(kind));
  if (counting.some(({ fired_at }) => fired_at !== null)) return { stage, level: "late", share: 1 };
  const share = counting.reduce((most, timer) => Math.max(most, gone(order, timer)), 0);
  return { stage, share, level: share >= DUE_FROM ? "aging" : "fresh" };
}

function gone({ state_at }: Order, { due_at }: OrderTimer): number {
  const from = Date.parse(state_at);
  return Math.min(1, Math.max(0, (now.value - from) / Math.max(1, Date.parse(due_at) - from)));
}
