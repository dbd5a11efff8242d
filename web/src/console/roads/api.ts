// Roads and conditions of docs/http-api.md as typed functions.
import { call } from "../../shared/api";
import type { Instant, LonLat, RoadCondition, RoadState, SpellStatus } from "../../shared/types";

export type Direction = "both" | "forward" | "backward";

export type Extent =
  | { kind: "edges"; edges: { edge: number; direction: Direction }[] }
  | { kind: "road"; ref: string; from_km: number; to_km: number; direction: Direction }
  | { kind: "polygon"; corners: LonLat[] };

export interface NearEdge {
  edge: number;
  distance_m: number;
  name: string;
  ref: string;
  km: number | null;
  road_class: string;
  length_m: number;
  one_way: boolean;
  coordinates: LonLat[];
}

/** One direction of a road in one mode of driving. */
export interface LearnedWay {
  mode: "routine" | "urgent";
  direction: "forward" | "backward";
  drives: number;
  slower_pct: number;
  low_pct: number;
  high_pct: number;
  /** By what was learned, and by the model alone; null: nobody may drive that way. */
  kmh: number | null;
  model_kmh: number | null;
  words: { en: string; zh: string };
}

export interface RoadNumber {
  ref: string;
  length_km: number;
}

export interface Survey {
  place: string;
  edge_count: number;
  length_km: number;
  lines: LonLat[][];
}

export interface RoadLine {
  properties: {
    id: string;
    number: number;
    state: "closed" | "slow";
    status: SpellStatus;
    corners?: LonLat[];
  };
  geometry: { coordinates: LonLat[][] };
}

interface NewSpell {
  request_id: string;
  reason: string;
  starts_at: Instant | null;
  expires_at: Instant | null;
}

export interface NewRoadState extends NewSpell {
  state: "closed" | "slow";
  factor: number | null;
  extent: Extent;
  map_id: string;
}

export interface NewCondition extends NewSpell {
  condition: string;
  corners: LonLat[] | null;
}

export const near = ([lon, lat]: LonLat, withinM: number) =>
  call<NearEdge[]>("GET", `/api/roads/near?lon=${lon}&lat=${lat}&within_m=${Math.round(withinM)}`);
export const learned = (edge: number) =>
  call<{ version: number | null; ways: LearnedWay[] }>("GET", `/api/learning/roads?edge=${edge}`);
export const numbers = () => call<RoadNumber[]>("GET", "/api/roads/numbers");
export const lines = () => call<{ version: number; features: RoadLine[] }>("GET", "/api/roads/lines");
export const preview = (extent: Extent) => call<Survey>("POST", "/api/roads/preview", { extent });
export const setRoad = (wanted: NewRoadState) => call<RoadState>("POST", "/api/roads/state", wanted);
export const endRoad = (id: string, reason: string) =>
  call<RoadState>("POST", `/api/roads/state/${id}/end`, { reason });
export const setCondition = (wanted: NewCondition) => call<RoadCondition>("POST", "/api/conditions", wanted);
export const endCondition = (id: string, reason: string) =>
  call<RoadCondition>("POST", `/api/conditions/${id}/end`, { reason });
