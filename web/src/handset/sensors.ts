// Where we are and how much battery is left, as fixes for the queue; with an economy of its own:
// often while moving, rarely while still.
import { signal } from "@preact/signals";
import type { LocationRecord } from "./wire";

const MOVING_MPS = 1;
const MOVING_EVERY_MS = 10_000;
const STILL_EVERY_MS = 30_000;

interface BatteryManager extends EventTarget {
  level: number;
  charging: boolean;
}

export type PositionState = "waiting" | "known" | "denied" | "unavailable" | "insecure";

export const positionState = signal<PositionState>(isSecureContext ? "waiting" : "insecure");
export const lastFix = signal<LocationRecord | null>(null);
export const battery = signal<{ pct: number; charging: boolean } | null>(null);

async function watchBattery(): Promise<void> {
  const source = (navigator as { getBattery?: () => Promise<BatteryManager> }).getBattery;
  if (!source) return;
  const manager = await source.call(navigator);
  const read = () => {
    battery.value = { pct: Math.round(manager.level * 100), charging: manager.charging };
  };
  manager.addEventListener("levelchange", read);
  manager.addEventListener("chargingchange", read);
  read();
}

/** Calls `onFix` with each fix worth sending. */
export function watchPosition(onFix: (fix: LocationRecord) => void): void {
  watchBattery().catch((error: unknown) => console.warn("no battery reading", error));
  if (!isSecureContext || !navigator.geolocation) {
    positionState.value = isSecureContext ? "unavailable" : "insecure";
    return;
  }
  let sentAt = 0;
  const take = (position: GeolocationPosition) => {
    const fix = record(position);
    positionState.value = "known";
    lastFix.value = fix;
    const everyMs = (fix.spd ?? 0) > MOVING_MPS ? MOVING_EVERY_MS : STILL_EVERY_MS;
    if (Date.now() - sentAt < everyMs) return;
    sentAt = Date.now();
    onFix(fix);
  };
  const fail = (error: GeolocationPositionError) => {
    positionState.value = error.code === error.PERMISSION_DENIED ? "denied" : "unavailable";
  };
  const options = { enableHighAccuracy: true, maximumAge: 5_000 };
  navigator.geolocation.watchPosition(take, fail, options);
  // A watch may be silent while nothing moves; "still here" is news all the same.
  setInterval(() => {
    if (Date.now() - sentAt >= STILL_EVERY_MS)
      navigator.geolocation.getCurrentPosition(take, fail, { ...options, timeout: STILL_EVERY_MS });
  }, MOVING_EVERY_MS);
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
  if (battery.value) {
    fix.bat = battery.value.pct;
    fix.chg = battery.value.charging;
  }
  return fix;
}

let lock: WakeLockSentinel | null = null;

/** Keep the screen on while there is an order to read. The browser lets go when the page is hidden. */
export async function keepAwake(wanted: boolean): Promise<void> {
  if (!wanted) {
    await lock?.release();
    lock = null;
  } else if ("wakeLock" in navigator && document.visibilityState === "visible" && (!lock || lock.released)) {
    lock = await navigator.wakeLock.request("screen").catch(() => null); // refused on low battery: fine
  }
}
