// A command that arrives is felt in the pocket and spoken, where the device has a voice of its own.
import { language } from "../shared/i18n";
import type { StoredOrder } from "./stored";
import type { Command, TaskBody } from "./wire";
import { t, typeName } from "./words";

const TASK_MS = [300, 150, 300, 150, 600];
const NOTICE_MS = [200, 100, 200];
/** Somebody has seen the call for help: felt, never spoken, for who may hear it. */
const HEARD_MS = [80, 60, 80];

/** `orders`: a notice that repeats an order makes that order heard again. */
export function announce(command: Command, orders: readonly StoredOrder[]): void {
  if (command.kind === "notice" && command.body.why === "route_changed") return; // nothing to be done
  const heard = command.kind === "notice" && command.body.why === "heard";
  const loud = command.kind !== "notice" || command.body.why === "repeat";
  const pattern = heard ? HEARD_MS : loud ? TASK_MS : NOTICE_MS;
  if ("vibrate" in navigator) navigator.vibrate(pattern);
  if (!heard) say(words(command, orders));
}

function words(command: Command, orders: readonly StoredOrder[]): string {
  if (command.kind === "task") return task(command.body);
  if (command.kind === "advice") return command.body.text[language.value];
  const { body } = command;
  const order = orders.find((each) => each.id === body.ref || each.body.order === body.ref)?.body;
  if (command.kind === "recall") return t("say.recall", { n: order?.number ?? "" });
  if (command.kind === "check")
    return command.body.why === "leader" ? t("leader.title", { unit: command.body.unit }) : t("check.title");
  if (command.body.why === "repeat" && order) return task(order);
  if (command.body.why === "stance") return t(command.body.mode === "war" ? "say.war" : "say.peace");
  return t("say.notice", { n: command.body.number ?? "" });
}

function task({ incident, instruction }: TaskBody): string {
  return [t("say.task"), typeName(incident.type), incident.place, instruction].filter(Boolean).join(". ");
}

/** Voices of other hosts are left alone: no word leaves this device. */
function say(text: string): void {
  if (!("speechSynthesis" in window)) return;
  const voice = speechSynthesis
    .getVoices()
    .find(({ lang, localService }) => localService && lang.startsWith(language.value));
  if (!voice) return;
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  speechSynthesis.speak(utterance);
}
