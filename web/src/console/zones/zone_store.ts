// Dead zones as the server knows them, asked again now and then while they are shown.
// Mirrors server/zoneviews.py.
import { computed, effect, signal } from "@preact/signals";
import { call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import type { Language } from "../../shared/i18n";
import type { LonLat } from "../../shared/types";
import { isOn } from "../map/tools/switches";
import { mapPanel } from "../store";

const AGAIN_MS = 60_000;

type Words = Record<Language, string>;
export type Standing = "learned" | "confirmed" | "dismissed";
export type Verdict = "confirmed" | "dismissed" | "withdrawn";

export interface Zone {
  id: number;
  geometry: { coordinates: LonLat[][] };
  properties: {
    place: Words;
    standing: Standing;
    length_km: number;
    /** Drives over the stretch of it that was driven most, and how many of them were silent. */
    passages: number;
    silences: number;
    doors: { lon: number; lat: number; place: Words }[];
  };
}

interface Zones {
  version: number | null;
  features: Zone[];
}

export const zones = signal<Zones | null>(null);
export const chosen = signal<number | null>(null);
export const busy = signal(false);

/** The longest first; those that a person dismissed last. */
export const sorted = computed(() =>
  [...(zones.value?.features ?? [])].sort(
    ({ properties: a }, { properties: b }) =>
      Number(a.standing === "dismissed") - Number(b.standing === "dismissed") || b.length_km - a.length_km,
  ),
);

/** Ask now and every minute while the panel or the layer shows them, until stopped. */
export function startZones(): () => void {
  const shown = computed(() => mapPanel.value === "zones" || isOn("zones"));
  const stop = effect(() => {
    if (shown.value) void askZones();
    else forget();
  });
  const timer = setInterval(() => {
    if (shown.peek()) void askZones();
  }, AGAIN_MS);
  return () => {
    stop();
    clearInterval(timer);
    forget();
  };
}

function forget(): void {
  newest += 1;
  zones.value = null;
  chosen.value = null;
}

let newest = 0;

export const askZones = (): Promise<void> => take(() => call<Zones>("GET", "/api/dead-zones"));

/** What a person says of a zone. */
export const judge = (zone: number, verdict: Verdict, reason: string): Promise<void> =>
  take(() => call<Zones>("POST", "/api/dead-zones/verdicts", { zone, verdict, reason }));

async function take(ask: () => Promise<Zones>): Promise<void> {
  newest += 1;
  const mine = newest;
  busy.value = true;
  try {
    const found = await ask();
    if (mine === newest) zones.value = found;
  } catch (error) {
    toastError(error);
  } finally {
    busy.value = false;
  }
}
