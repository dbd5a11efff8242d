// Where we are and how much battery is left, as fixes for the queue; how often is for economy.ts to say.
import { computed, effect, signal } from "@preact/signals";
import { now } from "../shared/time";
import { type Duty, planFor, type Wish } from "./economy";
import { linkState } from "./link";
import type { LocationRecord } from "./wire";

const MOVING_MPS = 1;
/** Between two looks at whether the next position is due. */
const LOOK_MS = 2_500;
const FIX_TIMEOUT_MS = 30_000;
/** A wish holds for so long: nobody remembers to take it back. */
const WISH_MS = 60 * 60_000;
const WISH_KEY = "ridgeline.position_wish";

interface BatteryManager extends EventTarget {
  level: number;
  charging: boolean;
}

export interface BatteryLevel {
  pct: number;
  charging: boolean;
  /** When a person entered it, where the browser tells nothing. */
  enteredAt?: number;
}

export type PositionState = "waiting" | "known" | "denied" | "unavailable" | "insecure";

export const positionState = signal<PositionState>(isSecureContext ? "waiting" : "insecure");
export const lastFix = signal<LocationRecord | null>(null);
export const battery = signal<BatteryLevel | null>(null);
/** Whether the browser tells it (Firefox and Safari do not); null: not asked yet. */
export const batteryTold = signal<boolean | null>(null);
/** What the officer does; the orders know. */
export const duty = signal<Duty>("idle");
/** The way is on the screen. */
export const guided = signal(false);
export const wish = signal<{ wish: Wish; until: number }>(storedWish());

const moving = computed(() => (lastFix.value?.spd ?? 0) > MOVING_MPS);
const wished = computed<Wish>(() => (wish.value.until > now.value ? wish.value.wish : "auto"));
export const plan = computed(() =>
  planFor({
    duty: duty.value,
    moving: moving.value,
    guided: guided.value,
    linked: linkState.value === "live",
    battery: battery.value,
    wish: wished.value,
  }),
);

function storedWish(): { wish: Wish; until: number } {
  const stored: unknown = JSON.parse(localStorage.getItem(WISH_KEY) ?? "null");
  return (stored as { wish: Wish; until: number } | null) ?? { wish: "auto", until: 0 };
}

/** For an hour; `auto` at once. */
export function setWish(next: Wish): void {
  wish.value = { wish: next, until: next === "auto" ? 0 : now.peek() + WISH_MS };
  localStorage.setItem(WISH_KEY, JSON.stringify(wish.value));
}

async function watchBattery(): Promise<void> {
  const source = (navigator as { getBattery?: () => Promise<BatteryManager> }).getBattery;
  batteryTold.value = source !== undefined;
  if (!source) return;
  const manager = await source.call(navigator);
  const read = () => {
    battery.value = { pct: Math.round(manager.level * 100), charging: manager.charging };
  };
  manager.addEventListener("levelchange", read);
  manager.addEventListener("chargingchange", read);
  read();
}

let entered: number | null = null;
let askNow: () => void = () => undefined;
let sendLast: () => Promise<void> = async () => undefined;

/** What a person reads off the screen. It goes out once, with the next fix: a level that never fell would be a lie. */
export function enterBattery(pct: number): void {
  battery.value = { pct, charging: false, enteredAt: Date.now() };
  entered = pct;
  askNow();
}

/** The newest fix goes out now, whatever the economy says: somebody waits for it. Resolved once it is kept. */
export const sendFixNow = (): Promise<void> => sendLast();

/** Calls `onFix` with each fix worth sending. */
export function watchPosition(onFix: (fix: LocationRecord) => Promise<void>): void {
  watchBattery().catch((error: unknown) => console.warn("no battery reading", error));
  if (!isSecureContext || !navigator.geolocation) {
    positionState.value = isSecureContext ? "unavailable" : "insecure";
    return;
  }
  const { geolocation } = navigator;
  const watched = computed(() => (plan.value.watch ? (plan.value.exact ? "exact" : "coarse") : null));
  const beginning = signal(0);
  let sentAt = 0;
  let askedAt = 0;
  let sent: LocationRecord | null = null;
  const send = (fix: LocationRecord) => {
    sentAt = Date.now();
    sent = fix;
    return onFix(withBattery(fix));
  };
  const take = (position: GeolocationPosition) => {
    const fix = record(position);
    positionState.value = "known";
    lastFix.value = fix;
    if (entered !== null || Date.now() - sentAt >= 1000 * plan.peek().everyS) void send(fix);
  };
  const fail = (error: GeolocationPositionError) => {
    if (error.code === error.TIMEOUT && lastFix.peek()) return; // its age says it
    positionState.value = error.code === error.PERMISSION_DENIED ? "denied" : "unavailable";
  };
  const ask = () => {
    askedAt = Date.now();
    if (watched.peek() !== null) {
      // One that is silent, as nothing moves, tells the place when it begins; a question beside it may hang.
      beginning.value += 1;
      return;
    }
    const options = { enableHighAccuracy: plan.peek().exact, maximumAge: LOOK_MS, timeout: FIX_TIMEOUT_MS };
    geolocation.getCurrentPosition(take, fail, options);
  };
  const isDue = () => Date.now() - Math.max(sentAt, askedAt) >= 1000 * plan.value.everyS;
  askNow = ask;
  sendLast = () => {
    const fix = lastFix.peek();
    return fix && fix !== sent ? send(fix) : Promise.resolve();
  };

  effect(() => {
    const how = watched.value;
    beginning.value;
    if (how === null) return;
    const id = geolocation.watchPosition(take, fail, {
      enableHighAccuracy: how === "exact",
      maximumAge: 2_000,
    });
    return () => geolocation.clearWatch(id);
  });
  // A watch may be silent while nothing moves; "still here" is news all the same.
  const look = () => isDue() && ask();
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  ask();
}

function withBattery(fix: LocationRecord): LocationRecord {
  const level = battery.peek();
  if (!level || (level.enteredAt !== undefined && entered === null)) return fix;
  entered = null;
  return { ...fix, bat: level.pct, chg: level.charging };
}

function record({ coords, timestamp }: GeolocationPosition): LocationRecord {
  const fix: LocationRecord = {
    t: "up",
    k: "loc",
    at: Math.round(timestamp),
    lat: coords.latitude,
    lon: coords.longitude,
    acc: Math.min(coords.accuracy, 100_000),
  };
  if (coords.speed !== null && coords.speed >= 0) fix.spd = Math.min(coords.speed, 200);
  if (coords.heading !== null && !Number.isNaN(coords.heading)) fix.hdg = coords.heading;
  return fix;
}
