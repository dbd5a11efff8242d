// Rings: once for what is new, again and again for what must be seen. The siren of a call for help runs by itself
// (sos.ts); here it only learns how loud it may be.
import { computed, effect, signal } from "@preact/signals";
import { openedBy } from "../feed";
import { nextAlarm, sirenLoudness, unacknowledged } from "../sos";
import { ring } from "../sound";
import { stance, unassigned, user } from "../store";
import { t as say } from "../words";
import { showBadge } from "./badge";
import { CLASSES, type ClassName, NAMES } from "./classes";
import { type Alarm, due } from "./due";
import { leads, startLead } from "./lead";
import { noteSeen, seen, startSeen } from "./seen";
import { listenToOtherTabs, loudnessOf, volumeOf } from "./settings";

/** Between the tones of several classes that are due together. */
const APART_S = 1.2;
const TICK_MS = 1_000;
const RECENT_MAX = 12;

/** Nobody here has seen them. */
export const standing = computed(() => due.value.filter(({ id, stays }) => stays && !seen.value.has(id)));

export interface Rung extends Alarm {
  /** Heard here, that is: not muted, not left to another tab. */
  heard: boolean;
}
/** What came last, the newest first. */
export const recent = signal<Rung[]>([]);

export function acknowledge(alarm: Alarm): void {
  noteSeen(alarm.id);
  alarm.open();
}

/** As it sounds here, muted or not. */
export const test = (name: ClassName): void => ring(CLASSES[name].notes, volumeOf(name));

let started = false;

/** Once; when it is known who sits here. */
export function startAlarms(): void {
  if (started) return;
  started = true;
  listenToOtherTabs();
  effect(() => {
    sirenLoudness.value = leads.value ? loudnessOf("sos") : 0;
  });
  effect(() => {
    const [first] = standing.value;
    nextAlarm.value = first ? () => acknowledge(first) : null;
  });
  effect(showState);
  let stop: (() => void) | null = null;
  effect(() => {
    const name = user.value?.username;
    if (!name || stop) return;
    startSeen(name);
    startLead(name);
    stop = startRinging();
  });
}

function startRinging(): () => void {
  const known = new Set<string>();
  const rungAt = new Map<ClassName, number>();
  let begun = false;

  const sound = (names: ClassName[]) => {
    const inOrder = NAMES.filter((name) => names.includes(name));
    for (const [place, name] of inOrder.entries()) {
      rungAt.set(name, performance.now());
      if (leads.peek()) ring(CLASSES[name].notes, loudnessOf(name), place * APART_S);
    }
  };

  const stopNew = effect(() => {
    if (openedBy.value === null) return;
    const fresh = due.value.filter(({ id }) => !known.has(id));
    for (const { id } of fresh) known.add(id);
    // What lies there when the page is opened has rung before; what must be seen rings all the same.
    const ringing = fresh.filter(({ id, stays }) => !seen.peek().has(id) && (begun || stays));
    begun = true;
    if (ringing.length === 0) return;
    const heard = ringing.map((each) => ({ ...each, heard: leads.peek() && loudnessOf(each.name) > 0 }));
    recent.value = [...heard.reverse(), ...recent.peek()].slice(0, RECENT_MAX);
    sound(ringing.map(({ name }) => name));
  });
  const timer = setInterval(() => {
    const waiting = new Set(standing.peek().map(({ name }) => name));
    const again = [...waiting].filter(
      (name) => performance.now() - (rungAt.get(name) ?? 0) >= CLASSES[name].again_s * 1000,
    );
    if (again.length) sound(again);
  }, TICK_MS);
  return () => {
    stopNew();
    clearInterval(timer);
  };
}

/** In the title and the icon of the tab, for whoever looks at another. */
function showState(): void {
  const calls = unacknowledged.value.length;
  const alarms = standing.value.length;
  const waiting = unassigned.value.length;
  const war = stance.value.mode === "war" ? say("top.war") : "";
  const head = [calls ? "SOS!" : "", war, alarms ? `⚠${alarms}` : "", waiting ? `(${waiting})` : ""];
  document.title = [...head, say("app.name")].filter(Boolean).join(" ");
  showBadge(calls + alarms);
}
