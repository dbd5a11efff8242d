// The screen stays on while an order is open, as far as the officer wants it and the battery bears it.
import { effect, signal } from "@preact/signals";
import { battery } from "./sensors";
import { settings } from "./settings";

/** An order is open; the desk knows. */
export const underOrder = signal(false);

let lock: WakeLockSentinel | null = null;
/** One after the other: a lock that comes late must not outlive its reason. */
let turn: Promise<void> = Promise.resolve();

function wanted(): boolean {
  const { awake, awakePct } = settings.value;
  const level = battery.value;
  const enough = !level || level.charging || level.pct >= awakePct;
  return underOrder.value && awake && enough;
}

/** The browser lets go of the lock whenever the page is hidden. */
export function watchAwake(): void {
  effect(() => {
    const now = wanted();
    turn = turn.then(() => keep(now));
  });
  document.addEventListener("visibilitychange", () => {
    turn = turn.then(() => keep(wanted()));
  });
}

async function keep(on: boolean): Promise<void> {
  if (!on) {
    await lock?.release();
    lock = null;
  } else if ("wakeLock" in navigator && document.visibilityState === "visible" && (!lock || lock.released)) {
    lock = await navigator.wakeLock.request("screen").catch(() => null); // the system may refuse
  }
}
