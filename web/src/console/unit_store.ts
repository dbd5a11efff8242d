// The units of the live picture. Their positions are most of the feed: messages are gathered and taken over
// once a frame, in place, and whoever draws them is told which ones changed.
import { batch, computed, signal } from "@preact/signals";
import type { Unit } from "../shared/types";

/** Where frames do not come, as in a window that is hidden. */
const FLUSH_MS_MAX = 250;

const known = new Map<string, Unit>();
/** Moves whenever anything about a unit changed; `names`, when one came, went or is called otherwise. */
const version = signal(0);
const names = signal(0);

/** Read as a signal of a map is; it is one map all the time. */
export const units = {
  get value(): ReadonlyMap<string, Unit> {
    version.value;
    return known;
  },
  peek: (): ReadonlyMap<string, Unit> => known,
};

const natural = new Intl.Collator("zh", { numeric: true });

const order = computed(() => {
  names.value;
  return [...known.values()].sort((a, b) => natural.compare(a.call_sign, b.call_sign)).map(({ id }) => id);
});

export const unitsByName = computed(() => {
  version.value;
  return order.value.flatMap((id) => known.get(id) ?? []);
});

type Listener = (changed: Iterable<string>) => void;
const listeners = new Set<Listener>();

/** Hear which units came, changed or went, from all that are known on. */
export function watchUnits(listener: Listener): () => void {
  listeners.add(listener);
  listener(known.keys());
  return () => listeners.delete(listener);
}

/** Those that are to be taken over; null: gone. */
const pending = new Map<string, Unit | null>();
let frame = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Take over with the next frame; at once where nobody looks, for then frames and timers hardly come. */
export function noteUnits(changed: readonly Unit[], gone: readonly string[]): void {
  for (const unit of changed) pending.set(unit.id, unit);
  for (const id of gone) pending.set(id, null);
  if (document.hidden) flushUnits();
  else if (pending.size && !frame) {
    frame = requestAnimationFrame(flushUnits);
    timer = setTimeout(flushUnits, FLUSH_MS_MAX);
  }
}

export function flushUnits(): void {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  frame = 0;
  if (pending.size === 0) return;
  let renamed = false;
  for (const [id, unit] of pending) {
    renamed ||= known.get(id)?.call_sign !== unit?.call_sign;
    if (unit) known.set(id, unit);
    else known.delete(id);
  }
  const changed = [...pending.keys()];
  pending.clear();
  tell(changed, renamed);
}

/** All of them anew. */
export function replaceUnits(all: readonly Unit[]): void {
  pending.clear();
  for (const id of known.keys()) pending.set(id, null);
  for (const unit of all) pending.set(unit.id, unit);
  flushUnits();
}

/** One, as a command's answer tells it. */
export function putUnit(unit: Unit): void {
  pending.set(unit.id, unit);
  flushUnits();
}

function tell(changed: readonly string[], renamed: boolean): void {
  batch(() => {
    version.value++;
    if (renamed) names.value++;
    for (const listener of listeners) listener(changed);
  });
}
