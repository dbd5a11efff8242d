// Dead zones as the server knows them, asked again now and then while they are shown.
// Mirrors server/zoneviews.py.
import { computed, signal } from "@preact/signals";
import { call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import type { Language } from "../../shared/i18n";
import type { LonLat } from "../../shared/types";

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

/** Ask now and every minute, until stopped. */
export function startZones(): () => void {
  void askZones();
  const timer = setInterval(() => void askZones(), AGAIN_MS);
  return () => {
    clearInterval(timer);
    zones.value = null;
    chosen.value = null;
  };
}

export const askZones = (): Promise<void> => take(() => call<Zones>("GET", "/api/dead-zones"));

/** What a person says of a zone. */
export const judge = (zone: number, verdict: Verdict, reason: string): Promise<void> =>
  take(() => call<Zones>("POST", "/api/dead-zones/verdicts", { zone, verdict, reason }));

async function take(ask: () => Promise<Zones>): Promise<void> {
  busy.value = true;
  try {
    zones.value = await ask();
  } catch (error) {
    toastError(error);
  } finally {
    busy.value = false;
  }
}
