// Of several tabs of one person in one browser one rings: the one that holds a lock (Web Locks). Only a tab that can be
// heard and whose feed is live asks for it; one that loses either lets go, so that another takes over. Where the browser
// has no such locks (plain http), every tab rings: rather twice than not at all.
import { computed, effect, signal } from "@preact/signals";
import { feedState } from "../feed";
import { audible } from "../sound";

const holds = signal(false);
/** Somebody else holds it. */
const elsewhere = signal(false);

/** This tab rings; also while nobody holds the lock, and with a dead link nobody knows who. */
export const leads = computed(() => holds.value || !elsewhere.value);

const ASK_AGAIN_MS = 3_000;

export function startLead(username: string): () => void {
  const locks = navigator.locks as LockManager | undefined;
  if (!locks) return () => undefined;
  const name = `ridgeline.alarms.${username}`;
  let letGo: (() => void) | null = null;
  let waiting = false;

  const ask = async () => {
    waiting = true;
    await locks.request(name, async () => {
      waiting = false;
      if (!fit.peek()) return;
      holds.value = true;
      elsewhere.value = false;
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
      letGo = null;
      holds.value = false;
    });
    waiting = false;
    if (fit.peek()) void ask();
  };
  const look = async () => {
    const { held = [] } = await locks.query();
    elsewhere.value = !holds.peek() && held.some((lock) => lock.name === name);
  };

  const fit = computed(() => audible.value && feedState.value === "live");
  const stop = effect(() => {
    if (!fit.value) letGo?.();
    else if (!waiting && !holds.peek()) void ask();
  });
  const timer = setInterval(() => void look(), ASK_AGAIN_MS);
  void look();
  return () => {
    stop();
    clearInterval(timer);
    letGo?.();
  };
}
