// What is being measured: two places, the straight line between them, and the way by road with its time.
// Mirrors server/mapviews.py.
import { computed, effect, signal } from "@preact/signals";
import { getDistance } from "ol/sphere";
import { ApiError, call } from "../../../shared/api";
import type { LonLat } from "../../../shared/types";
import { errorWords } from "../../../shared/words";
import { roads } from "../../store";
import { t } from "./words";

export const VEHICLES = ["patrol_car", "four_by_four", "motorcycle", "foot"] as const;
export type Vehicle = (typeof VEHICLES)[number];
export const MODES = ["routine", "urgent"] as const;
export type Mode = (typeof MODES)[number];

export interface Travel {
  condition: string;
  duration_s: number;
  p90_s: number;
  road_m: number;
  start_m: number;
  walk_m: number;
  walk_s: number;
  coordinates: LonLat[];
}

export const vehicle = signal<Vehicle>("patrol_car");
export const mode = signal<Mode>("routine");
/** The first place, then the second. */
export const ends = signal<LonLat[]>([]);
/** Where the pointer is, or the cross in the middle of the map. */
export const pointer = signal<LonLat | null>(null);
export const travel = signal<Travel | null>(null);
export const refused = signal("");
export const computing = signal(false);

/** From the first place to the second, or as far as the pointer has come. */
export const straight = computed<{ metres: number; bearingDeg: number } | null>(() => {
  const [from, to = pointer.value] = ends.value;
  return from && to ? { metres: getDistance(from, to), bearingDeg: bearing(from, to) } : null;
});

/** A third place begins anew. */
export function place(at: LonLat): void {
  ends.value = ends.peek().length === 1 ? [...ends.peek(), at] : [at];
}

/** The first bearing of the great circle, degrees clockwise from north. */
function bearing([lon0, lat0]: LonLat, [lon1, lat1]: LonLat): number {
  const [phi0, phi1, turn] = [lat0, lat1, lon1 - lon0].map((degrees) => (degrees * Math.PI) / 180) as [
    number,
    number,
    number,
  ];
  const east = Math.sin(turn) * Math.cos(phi1);
  const north = Math.cos(phi0) * Math.sin(phi1) - Math.sin(phi0) * Math.cos(phi1) * Math.cos(turn);
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
}

/** "27.50123, 100.20456": latitude first, as people write it; a metre. */
export const positionText = ([lon, lat]: LonLat): string => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;

const question = computed<string | null>(() => {
  const [from, to] = ends.value;
  if (!from || !to) return null;
  const asked = { lon: from[0], lat: from[1], to_lon: to[0], to_lat: to[1] };
  const query = Object.entries(asked).map(([name, value]) => [name, value.toFixed(6)]);
  return new URLSearchParams([...query, ["vehicle", vehicle.value], ["mode", mode.value]]).toString();
});

/** Ask for the way whenever it is another; until stopped, when nothing is measured any more. */
export function startRuler(): () => void {
  let newest = 0;
  async function ask(query: string | null): Promise<void> {
    newest += 1;
    const mine = newest;
    travel.value = null;
    refused.value = "";
    computing.value = query !== null;
    if (query === null) return;
    try {
      const found = await call<Travel>("GET", `/api/travel?${query}`);
      if (mine === newest) travel.value = found;
    } catch (error) {
      if (mine === newest) {
        const noRoad = error instanceof ApiError && error.code === "no_road";
        refused.value = noRoad ? t("ruler.no_road") : errorWords(error, t);
      }
    } finally {
      if (mine === newest) computing.value = false;
    }
  }
  const stop = effect(() => {
    roads.value.version; // another road is closed: another way
    void ask(question.value);
  });
  return () => {
    stop();
    newest += 1;
    ends.value = [];
    pointer.value = null;
    travel.value = null;
  };
}
