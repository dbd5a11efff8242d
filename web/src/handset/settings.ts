// How this handset calls and looks: the officer's own choice, kept in this browser.
import { effect, signal } from "@preact/signals";

export interface Settings {
  /** New orders are spoken. */
  voice: boolean;
  /** Of the voice, 0.1 to 1. */
  volume: number;
  vibration: boolean;
  /** A new order shows on the lock screen, where the browser was allowed to. */
  notify: boolean;
  /** The screen stays on while an order is open, */
  awake: boolean;
  /** but not below so many percent of the battery, unless it charges. */
  awakePct: number;
  /** For bright sun: black on white, thick lines, larger. */
  sunlight: boolean;
}

const KEY = "ridgeline.handset";
const DEFAULTS: Settings = {
  voice: true,
  volume: 1,
  vibration: true,
  notify: false,
  awake: true,
  awakePct: 20,
  sunlight: matchMedia("(prefers-contrast: more)").matches,
};

export const settings = signal<Settings>({
  ...DEFAULTS,
  ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>),
});

export function set(change: Partial<Settings>): void {
  settings.value = { ...settings.peek(), ...change };
  localStorage.setItem(KEY, JSON.stringify(settings.peek()));
}

effect(() => {
  document.documentElement.toggleAttribute("data-sunlight", settings.value.sunlight);
});
