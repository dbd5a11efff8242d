// A command that arrives is felt in the pocket and spoken, where the device has a voice of its own.
import { language } from "../shared/i18n";
import type { Command } from "./wire";
import { t, typeName } from "./words";

const TASK_MS = [300, 150, 300, 150, 600];
const NOTICE_MS = [200, 100, 200];
/** Somebody has seen the call for help: felt, never spoken, for who may hear it. */
const HEARD_MS = [80, 60, 80];

export function announce(command: Command): void {
  const heard = command.kind === "notice" && command.body.why === "heard";
  const pattern = heard ? HEARD_MS : command.kind === "task" ? TASK_MS : NOTICE_MS;
  if ("vibrate" in navigator) navigator.vibrate(pattern);
  if (!heard) say(words(command));
}

function words(command: Command): string {
  if (command.kind === "notice") return t("say.notice", { n: command.body.number ?? "" });
  const { incident, instruction } = command.body;
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
