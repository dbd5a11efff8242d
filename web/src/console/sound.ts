// Tones of the console, made here: no file, no other host. Browsers let a page sound only after a person has touched it;
// until then `blocked` says so.
import { computed, signal } from "@preact/signals";

/** [Hz, seconds from the start, seconds long] */
export type Notes = readonly (readonly [hz: number, after: number, long: number])[];

const EDGE_S = 0.02;

/** null: not tried yet. */
const running = signal<boolean | null>(null);
/** The browser does not let the page sound. */
export const blocked = computed(() => running.value === false);
/** A tone can be heard here. */
export const audible = computed(() => running.value === true);

let context: AudioContext | null = null;

function noteState(): void {
  running.value = context?.state === "running";
}

/** Any touch of the page lets it sound. */
export function openSound(): void {
  context = new AudioContext();
  context.onstatechange = noteState;
  noteState();
  addEventListener("pointerdown", unblock);
  addEventListener("keydown", unblock);
}

export function unblock(): void {
  if (!audible.peek()) void context?.resume().then(noteState);
}

/** `loudness` from 0 (nothing) to 1; `afterS` seconds from now. */
export function ring(notes: Notes, loudness: number, afterS = 0): void {
  unblock();
  if (!context || !audible.peek() || loudness <= 0) return;
  const { currentTime, destination } = context;
  for (const [hz, after, long] of notes) {
    const [source, level] = [context.createOscillator(), context.createGain()];
    const begin = currentTime + afterS + after;
    source.frequency.value = hz;
    level.gain.setValueAtTime(0, begin);
    level.gain.linearRampToValueAtTime(loudness, begin + EDGE_S);
    level.gain.setValueAtTime(loudness, begin + long - EDGE_S);
    level.gain.linearRampToValueAtTime(0, begin + long);
    source.connect(level).connect(destination);
    source.start(begin);
    source.stop(begin + long);
  }
}
