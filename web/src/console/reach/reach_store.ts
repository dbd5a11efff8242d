// What the reach panel asks for and what the server said: isochrones of a unit or a group, coverage of
// the villages. Asked again whenever the question changes, or by hand: units move, the answer does not.
import { computed, effect, signal } from "@preact/signals";
import { ApiError, call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { language } from "../../shared/i18n";
import type { Instant, LonLat } from "../../shared/types";
import { selectedUnit } from "../store";
import { t } from "./words";

export type Topic = "isochrone" | "coverage" | "cover";
export type Group = "stations" | "units" | "available";

export const BANDS_MIN = [10, 20, 30, 60] as const;
export const LIMITS_MIN = [10, 15, 20, 30, 45, 60] as const;

/** As the server names them; `own`: each unit its own, a patrol car from stations. */
export const VEHICLES = ["own", "patrol_car", "four_by_four", "motorcycle", "foot"] as const;
export const MODES = ["routine", "urgent"] as const;
/** `now`: what holds, and where. */
export const WEATHERS = ["now", "dry", "rain", "heavy_rain", "snow"] as const;
export type Vehicle = (typeof VEHICLES)[number];
export type Mode = (typeof MODES)[number];
export type Weather = (typeof WEATHERS)[number];

export interface Band {
  type: "Feature";
  properties: { minutes: number; area_km2: number };
  geometry: { type: "MultiPolygon"; coordinates: LonLat[][][] };
}

interface Source {
  id: string;
  name: string;
}

export interface Village {
  name: string;
  /** In Latin letters, where the name is not. */
  latin: string;
  kind: string;
  population: number | null;
  /** 0 not covered, 1 covered, 2 covered twice. */
  units_in_time: 0 | 1 | 2;
  source: number | null;
  median_s: number | null;
  p90_s: number | null;
  chance: number | null;
  second_chance: number | null;
}

export interface Tally {
  total: number;
  covered: number;
  covered_twice: number;
  share: number | null;
  share_twice: number | null;
}

/** How all drive that the answer is about. */
interface About {
  condition: string;
}

export interface Isochrones extends About {
  sources: Source[];
  features: Band[];
}

export interface VillageFeature {
  properties: Village;
  geometry: { coordinates: LonLat };
}

export interface Coverage extends About {
  minutes: number;
  likely: number;
  villages: Tally;
  people: Tally;
  population_unknown: Tally;
  sources: Source[];
  features: VillageFeature[];
}

/** Where a unit may wait. */
export interface Post {
  id: string;
  name: string;
  kind: "station" | "standby";
  lon: number;
  lat: number;
}

export interface MoveUp {
  unit_id: string;
  post: Post;
  /** Share of all calls more within the limit. */
  gain: number;
  people: number;
  drive_min: number;
}

/** What the county is left with without each free unit, as the server saw it last. */
export interface Cover {
  at: Instant;
  limit_min: number;
  horizon_min: number;
  /** Share of all calls. */
  covered: number;
  /** The unit that leaves most first. */
  left: {
    unit_id: string;
    people: number;
    places: number;
    worst: string | null;
    /** null: nobody within the horizon. */
    worst_next_min: number | null;
  }[];
  move_ups: MoveUp[];
  posts: Post[];
}

export const villageName = ({ name, latin }: Village): string => (language.value === "en" && latin) || name;

export const topic = signal<Topic>("isochrone");
/** `unit`: the one that is selected. */
export const from = signal<Group | "unit">("stations");
export const likely = signal(false);
export const limitMin = signal<number>(30);
export const vehicle = signal<Vehicle>("own");
export const mode = signal<Mode>("routine");
export const weather = signal<Weather>("now");
/** Counts only with a weather that is assumed. */
export const night = signal(false);
export const computing = signal(false);
/** When the answer on the map was computed, by this browser's clock. */
export const answeredAtMs = signal(0);

export const isochrones = signal<Isochrones | null>(null);
export const coverage = signal<Coverage | null>(null);
export const cover = signal<Cover | null>(null);

/** The unit whose isochrones can be shown: selected, and with a position. */
export const reachUnit = computed(() => (selectedUnit.value?.position ? selectedUnit.value : undefined));

const unitId = computed(() => reachUnit.value?.id);

const terms = computed(() => {
  const said = new URLSearchParams({ mode: mode.value });
  if (vehicle.value !== "own") said.set("vehicle", vehicle.value);
  if (weather.value !== "now") said.set("condition", night.value ? `${weather.value},night` : weather.value);
  return said.toString();
});

/** What to ask the server; null when there is nobody to ask for. */
const question = computed<string | null>(() => {
  if (topic.value === "cover") return "/api/cover";
  const group = from.value;
  if (topic.value === "coverage")
    return `/api/coverage?minutes=${limitMin.value}&from=${group === "unit" ? "units" : group}&${terms.value}`;
  const who = group === "unit" ? `unit=${unitId.value}` : `from=${group}`;
  if (group === "unit" && !unitId.value) return null;
  return `/api/isochrone?minutes=${BANDS_MIN.join()}&share=${likely.value ? 0.9 : 0.5}&${who}&${terms.value}`;
});

/** Ask now, and again when the question changes, until stopped. */
export function startReach(): () => void {
  if (reachUnit.peek()) from.value = "unit";
  const stop = effect(() => {
    void ask(question.value);
  });
  return () => {
    stop();
    void ask(null);
  };
}

export const askAgain = (): void => void ask(question.peek());

let asked = 0;
/** The server has only started, and looks for the first time. */
const LATER_MS = 3_000;

function again(of: number): void {
  if (of === asked) askAgain();
}

/** Only the newest question counts; an answer that comes after another was asked is dropped. */
async function ask(path: string | null): Promise<void> {
  asked += 1;
  const mine = asked;
  isochrones.value = null;
  coverage.value = null;
  cover.value = null;
  computing.value = path !== null;
  if (path === null) return;
  try {
    const answer = await call<Isochrones | Coverage | Cover>("GET", path);
    if (mine !== asked) return;
    answeredAtMs.value = Date.now();
    if ("posts" in answer) cover.value = answer;
    else if ("villages" in answer) coverage.value = answer;
    else isochrones.value = answer;
  } catch (error) {
    if (mine !== asked) return;
    if (error instanceof ApiError && error.code === "not_ready") setTimeout(() => again(mine), LATER_MS);
    else toastError(error, t);
  } finally {
    if (mine === asked) computing.value = false;
  }
}
