// What arrives is felt in the pocket, spoken, and shown on the lock screen; an order that nobody has answered is
// said again until somebody does. It follows from the orders themselves, so it goes on after a reload, and
// falls silent with the answer, whichever way that came.
//
// What a page cannot do: once the phone has stopped it (screen off for minutes, another app in front, swiped away)
// nothing here runs. There is no push from outside; the server escalates what nobody answers.
import { computed, effect } from "@preact/signals";
import { language } from "../shared/i18n";
import { now } from "../shared/time";
import type { Priority } from "../shared/types";
import { linkState } from "./link";
import { endedBy, orders } from "./orders";
import { settings } from "./settings";
import type { StoredOrder } from "./stored";
import { hush, say, vibrate } from "./voice";
import type { Command, TaskBody } from "./wire";
import { t, typeName } from "./words";

/** Of new orders: more and longer, the more urgent. */
export const PATTERNS: Record<Priority, number[]> = {
  emergency: [400, 100, 400, 100, 400, 100, 900],
  priority: [300, 150, 300, 150, 600],
  routine: [250, 150, 250],
};
const NOTICE_MS = [200, 100, 200];
/** Somebody has seen the call for help: felt, never spoken, for who may hear it. */
const HEARD_MS = [80, 60, 80];
/** Between two times that an unanswered order is said. */
export const AGAIN_MS: Record<Priority, number> = { emergency: 10_000, priority: 20_000, routine: 45_000 };
const RANK: Priority[] = ["emergency", "priority", "routine"];

/** `known`: a notice that repeats an order makes that order heard again. */
export function announce(command: Command, known: readonly StoredOrder[]): void {
  if (command.kind === "notice" && command.body.why === "route_changed") return; // nothing to be done
  if (command.kind === "task") {
    vibrate(PATTERNS[command.body.incident.priority]);
    say(task(command.body));
    void notify(command.id, command.body);
    return;
  }
  if (command.kind === "notice" && command.body.why === "heard") {
    vibrate(HEARD_MS);
    return;
  }
  const loud = command.kind !== "notice" || command.body.why === "repeat";
  vibrate(loud ? PATTERNS.priority : NOTICE_MS);
  say(words(command, known));
}

function words(command: Exclude<Command, { kind: "task" }>, known: readonly StoredOrder[]): string {
  if (command.kind === "advice") return command.body.text[language.value];
  const { body } = command;
  const order = known.find((each) => each.id === body.ref || each.body.order === body.ref)?.body;
  if (command.kind === "recall") return t("say.recall", { n: order?.number ?? "" });
  if (command.kind === "check")
    return command.body.why === "leader" ? t("leader.title", { unit: command.body.unit }) : t("check.title");
  if (command.body.why === "repeat" && order) return task(order);
  if (command.body.why === "stance") return t(command.body.mode === "war" ? "say.war" : "say.peace");
  return t("say.notice", { n: command.body.number ?? "" });
}

/** Who, how urgent, what, where, what to do. */
function task({ incident, instruction }: TaskBody): string {
  const head = [callSign, t("say.task"), t(`priority.${incident.priority}`)];
  return [...head, typeName(incident.type), incident.place, instruction].filter(Boolean).join(". ");
}

let callSign = "";

/** Say what nobody has answered, again and again, most urgent first. `unit`: the call sign to begin with. */
export function keepCalling(unit: string): void {
  callSign = unit;
  let timer = 0;
  let calling = false;
  let every = 0;
  const again = () => {
    const order = unanswered()[0];
    if (!order) return;
    vibrate(PATTERNS[order.body.incident.priority]);
    say(task(order.body));
  };
  effect(() => {
    const first = unanswered()[0];
    const next = first ? AGAIN_MS[first.body.incident.priority] : 0;
    if (next === every) return;
    every = next;
    clearInterval(timer);
    if (first) {
      timer = window.setInterval(again, next);
      calling = true;
    } else if (calling) {
      calling = false;
      hush();
      vibrate([]);
    }
  });
  const waiting = computed(() =>
    unanswered()
      .map(({ id }) => id)
      .join(" "),
  );
  effect(() => void clearNotifications(new Set(waiting.value.split(" "))));
}

/** No person has said a word, or the time that one asked for is over. */
function unanswered(): StoredOrder[] {
  if (linkState.value === "replaced") return []; // the window that took over says it
  const waits = (order: StoredOrder) =>
    ["received", "shown"].includes(order.last.s) ||
    (order.last.s === "standby" && (order.standbyUntil ?? 0) <= now.value);
  const found = orders.value.filter((order) => !order.dismissed && !endedBy(order) && waits(order));
  const rank = ({ body }: StoredOrder) => RANK.indexOf(body.incident.priority);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** As it would sound, and feel, for an urgent order. */
export function tryOut(): boolean {
  vibrate(PATTERNS.priority);
  hush();
  return say(`${callSign}. ${t("say.test")}`);
}

// -- the lock screen --

/** While the page is hidden, as far as the browser was allowed to. */
async function notify(id: string, { incident, number }: TaskBody): Promise<void> {
  if (!settings.peek().notify || document.visibilityState === "visible") return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const { ready } = navigator.serviceWorker;
  const title = `${t(`priority.${incident.priority}`)} · ${typeName(incident.type)}`;
  const options = { body: `${t("order.no", { n: number })} · ${incident.place}`, tag: id };
  await (await ready).showNotification(title, {
    ...options,
    requireInteraction: true,
    vibrate: PATTERNS[incident.priority],
  } as NotificationOptions);
}

/** Those of orders that wait no more go. */
async function clearNotifications(waiting: ReadonlySet<string>): Promise<void> {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? [])
    if (!waiting.has(shown.tag)) shown.close();
}
