// The way to the scene, turn by turn: fetched from the server while there is signal and kept with the
// order for the time without. Mirrors server/wayviews.py.
import { call } from "../shared/api";
import type { Language } from "../shared/i18n";
import type { Instant, LonLat } from "../shared/types";

type Words = Record<Language, string>;

export interface Caution {
  hazard: string;
  /** From the start of the way. */
  at_m: number;
  length_m: number;
  /** From the start of the way, at median pace. */
  at_s: number;
  duration_s: number;
  text: Words;
}

export interface WayStep {
  maneuver: "depart" | "continue" | "turn" | "u_turn" | "roundabout" | "ferry" | "arrive" | "walk";
  bend: string | null;
  exit: number | null;
  at_m: number;
  distance_m: number;
  duration_s: number;
  lon: number;
  lat: number;
  road: string;
  text: Words;
  /** The same without the distance after it. */
  act: Words;
  cautions: Caution[];
}

export interface Way {
  order_id: string;
  computed_at: Instant;
  duration_s: number;
  distance_m: number;
  /** Of the map whose tiles show it. */
  map_id: string;
  /** Longitude, latitude, metres from the start. */
  line: [lon: number, lat: number, atM: number][];
  /** Roads closed near it. */
  closed: LonLat[][];
  steps: WayStep[];
}

/** From where the server last saw this unit. Raises `ApiError`. */
export const fetchWay = (orderId: string) =>
  call<Way>("GET", `/api/orders/${orderId}/route`, undefined, true);

const ARROWS: Record<string, string> = {
  straight: "↑",
  slight_right: "↗",
  right: "→",
  sharp_right: "↘",
  slight_left: "↖",
  left: "←",
  sharp_left: "↙",
};
const SIGNS: Record<WayStep["maneuver"], string> = {
  depart: "●",
  continue: "↑",
  turn: "↑",
  u_turn: "↶",
  roundabout: "⟳",
  ferry: "⛴",
  arrive: "◎",
  walk: "⇢",
};

/** One glyph for the eye; the words say the same. */
export const signOf = ({ maneuver, bend }: WayStep): string =>
  maneuver === "turn" ? (ARROWS[bend ?? "straight"] ?? "↑") : SIGNS[maneuver];
