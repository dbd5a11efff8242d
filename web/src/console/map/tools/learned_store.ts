// What drives taught of the roads that are in sight, asked again when the map has moved. Mirrors server/roadviews.py.
import { effect, signal } from "@preact/signals";
import type OlMap from "ol/Map";
import { transformExtent } from "ol/proj";
import { call } from "../../../shared/api";
import { toastError } from "../../../shared/components/Toast";
import type { LonLat } from "../../../shared/types";
import { isOn } from "./switches";

const SETTLE_MS = 250;
/** Asked for so much more than is in sight, on each side. */
const MARGIN_SHARE = 0.15;

export interface Slower {
  drives: number;
  slower_pct: number;
  low_pct: number;
  high_pct: number;
}

export interface LearnedLine {
  edge: number;
  coordinates: LonLat[];
  forward: Slower | null;
  backward: Slower | null;
}

interface LearnedLines {
  version: number | null;
  left_out: number;
  lines: LearnedLine[];
}

export type Mode = "routine" | "urgent";
export const MODES: readonly Mode[] = ["routine", "urgent"];
export const mode = signal<Mode>("routine");
export const learned = signal<LearnedLines | null>(null);

/** Follow what the map shows while the layer is on; until stopped. */
export function startLearned(map: OlMap): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let newest = 0;
  async function ask(): Promise<void> {
    newest += 1;
    const mine = newest;
    try {
      const found = await call<LearnedLines>("GET", `/api/learning/lines?${boxOf(map)}&mode=${mode.peek()}`);
      if (mine === newest) learned.value = found;
    } catch (error) {
      if (mine === newest) toastError(error);
    }
  }
  const later = () => {
    clearTimeout(timer);
    if (isOn("learned")) timer = setTimeout(() => void ask(), SETTLE_MS);
  };
  map.on("moveend", later);
  const stop = effect(() => {
    mode.value;
    if (isOn("learned")) void ask();
    else {
      newest += 1;
      learned.value = null;
    }
  });
  return () => {
    map.un("moveend", later);
    clearTimeout(timer);
    stop();
    newest += 1;
    learned.value = null;
  };
}

function boxOf(map: OlMap): string {
  const seen = map.getView().calculateExtent(map.getSize());
  const [west = 0, south = 0, east = 0, north = 0] = transformExtent(seen, "EPSG:3857", "EPSG:4326");
  const [dx, dy] = [(east - west) * MARGIN_SHARE, (north - south) * MARGIN_SHARE];
  const box = { west: west - dx, south: south - dy, east: east + dx, north: north + dy };
  const tolerance_m = Math.round(map.getView().getResolution() ?? 10);
  return new URLSearchParams(
    Object.entries({ ...box, tolerance_m }).map(([name, value]) => [name, String(value)]),
  ).toString();
}
