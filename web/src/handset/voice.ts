// What is said aloud, where the device has a voice of its own, and what is felt.
import { language } from "../shared/i18n";
import { settings } from "./settings";

/** Voices of other hosts are left alone: no word leaves this device. */
function ownVoice(): SpeechSynthesisVoice | undefined {
  if (!("speechSynthesis" in window)) return undefined;
  return speechSynthesis
    .getVoices()
    .find(({ lang, localService }) => localService && lang.startsWith(language.value));
}

/** Whether there is a voice for the language; browsers may find theirs a moment after the page opened. */
export const canSpeak = (): boolean => ownVoice() !== undefined;

/** After what is being said already. False: nothing is said. */
export function say(text: string): boolean {
  const voice = ownVoice();
  if (!voice || !settings.peek().voice) return false;
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  utterance.lang = voice.lang;
  utterance.volume = settings.peek().volume;
  speechSynthesis.speak(utterance);
  return true;
}

export function hush(): void {
  if ("speechSynthesis" in window) speechSynthesis.cancel();
}

/** Milliseconds on and off, in turn; [] ends it. */
export function vibrate(pattern: number[]): void {
  if ("vibrate" in navigator && (settings.peek().vibration || pattern.length === 0))
    navigator.vibrate(pattern);
}
