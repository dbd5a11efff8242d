// Tones of the console, made here: no file, no other host. Browsers let a page sound only after a person
// has touched it; until then `blocked` says so.
import { signal } from "@preact/signals";

/** A siren of two tones, and two short notes. [Hz, seconds from the start, seconds long] */
const TONES = {
  sos: [
    [880, 0, 0.35],
    [587, 0.35, 0.35],
    [880, 0.7, 0.35],
    [587, 1.05, 0.35],
  ],
  work: [
    [659, 0, 0.12],
    [880, 0.16, 0.18],
  ],
} as const;

const LOUDNESS = { sos: 0.5, work: 0.2 } as const;
const EDGE_S = 0.02;

export type Tone = keyof typeof TONES;

/** A tone was due and the browser did not let it sound. */
export const blocked = signal(false);

let context: AudioContext | null = null;

export function play(tone: Tone): void {
  context ??= new AudioContext();
  blocked.value = context.state !== "running";
  if (blocked.value) {
    void context.resume().then(noteState);
    return;
  }
  const { currentTime, destination } = context;
  for (const [hz, after, long] of TONES[tone]) {
    const [source, level] = [context.createOscillator(), context.createGain()];
    const begin = currentTime + after;
    source.frequency.value = hz;
    level.gain.setValueAtTime(0, begin);
    level.gain.linearRampToValueAtTime(LOUDNESS[tone], begin + EDGE_S);
    level.gain.setValueAtTime(LOUDNESS[tone], begin + long - EDGE_S);
    level.gain.linearRampToValueAtTime(0, begin + long);
    source.connect(level).connect(destination);
    source.start(begin);
    source.stop(begin + long);
  }
}

function noteState(): void {
  blocked.value = context?.state !== "running";
}

/** Any touch of the page lets it sound. */
export function unlockSound(): void {
  const unlock = () => {
    if (blocked.peek()) void context?.resume().then(noteState);
  };
  addEventListener("pointerdown", unlock);
  addEventListener("keydown", unlock);
}
