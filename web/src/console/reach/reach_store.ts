// What the reach panel and the layers ask for and what the server said: isochrones of a unit or a group, coverage of
// the villages, what each free unit leaves.
import { computed, effect, signal } from "@preact/signals";
import { language } from "../../shared/i18n";
import type { Instant, LonLat } from "../../shared/types";
import { isOn } from "../map/tools/switches";
import { mapPanel, selectedUnit } from "../store";
import { type Question, question } from "./question";

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
  /** People of whom nobody is within the limit any more once it has gone. */
  leaves: number;
  drive_min: number;
}

/** What the county is left with without each free unit, as the server saw it last. */
export interface Cover {
  at: Instant;
  limit_min: number;
  horizon_min: number;
  /** Share of all calls. */
  covered: number;
  /** Ids of units that are free by the book and that nobody hears. */
  unheard: string[];
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
/** Whose coverage of the villages. */
export const coverageFrom = signal<Group>("available");
export const likely = signal(false);
export const limitMin = signal<number>(30);
export const vehicle = signal<Vehicle>("own");
export const mode = signal<Mode>("routine");
export const weather = signal<Weather>("now");
/** Counts only with a weather that is assumed. */
export const night = signal(false);

/** The unit whose isochrones can be shown: selected, and with a position. */
export const reachUnit = computed(() => (selectedUnit.value?.position ? selectedUnit.value : undefined));

const unitId = computed(() => reachUnit.value?.id);

const terms = computed(() => {
  const said = new URLSearchParams({ mode: mode.value });
  if (vehicle.value !== "own") said.set("vehicle", vehicle.value);
  if (weather.value !== "now") said.set("condition", night.value ? `${weather.value},night` : weather.value);
  return said.toString();
});

export const LAYER_OF = { isochrone: "reach", coverage: "coverage" } as const;

/** Shown while its panel is open with that topic, or while its layer is on. */
const isShown = (name: Topic): boolean =>
  (mapPanel.value === "reach" && topic.value === name) || (name !== "cover" && isOn(LAYER_OF[name]));

const reach = question<Isochrones>(() => {
  if (!isShown("isochrone")) return null;
  const group = from.value === "unit" && !unitId.value ? "units" : from.value;
  const who = group === "unit" ? `unit=${unitId.value}` : `from=${group}`;
  return `/api/isochrone?minutes=${BANDS_MIN.join()}&share=${likely.value ? 0.9 : 0.5}&${who}&${terms.value}`;
});

const covered = question<Coverage>(() =>
  isShown("coverage")
    ? `/api/coverage?minutes=${limitMin.value}&from=${coverageFrom.value}&${terms.value}`
    : null,
);

const left = question<Cover>(() => (isShown("cover") ? "/api/cover" : null));

export const isochrones = reach.answer;
export const coverage = covered.answer;
export const cover = left.answer;
export const reachBusy = reach.busy;
export const coverageBusy = covered.busy;

const OF: Record<Topic, Question<unknown>> = { isochrone: reach, coverage: covered, cover: left };
const current = computed(() => OF[topic.value]);
export const computing = computed(() => current.value.busy.value);
/** When what the panel tells of was computed, by this browser's clock. */
export const answeredAtMs = computed(() => current.value.atMs.value);
export const askAgain = (): void => current.peek().again();

/** Answer what the panel or a layer shows, until stopped. */
export function startReach(): () => void {
  const stops = [
    reach.start(),
    covered.start(),
    left.start(),
    effect(() => {
      if (mapPanel.value === "reach" && reachUnit.peek()) from.value = "unit";
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
