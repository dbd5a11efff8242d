// server/measureviews.py, coverageviews.py, pointviews.py.
import type { Instant } from "../../shared/types";

export interface Quantile {
  estimable: boolean;
  value_s: number | null;
  low_s: number | null;
  high_s: number | null;
}

/** One value for each axis; empty: everything together. */
export type Held = Record<string, string>;

export interface Measure {
  interval: string;
  held: Held;
  n: number;
  finished: number;
  open: number;
  ended: number;
  skipped: number;
  no_beginning: number;
  late: number;
  moved: number;
  p50: Quantile;
  p90: Quantile;
}

export interface Process {
  held: Held;
  hits: number;
  n: number;
  share: number | null;
  low: number;
  high: number;
  calls_known: number;
  closed_unsent: number;
  verdict: "met" | "missed" | "undecided";
}

interface Span {
  since: Instant;
  until: Instant;
  as_of: Instant;
}

export interface Times extends Span {
  axes: string[];
  incidents: number;
  per_day: { value: number | null; low: number | null; high: number | null };
  orders: number;
  tasks_left_out: number;
  process_limit_s: number;
  process_wanted: number;
  rows: Measure[];
  process: Process[];
}

export interface Share {
  value: number;
  low: number | null;
  high: number | null;
}

export interface Covered {
  once: Share;
  twice: Share;
}

export interface CoveragePart {
  daylight: string;
  looks: number;
  days: number;
  free_units: number;
  people: Covered | null;
}

export interface VillageCover {
  name: string;
  lon: number;
  lat: number;
  people: number;
  covered: Covered;
}

export interface Coverage extends Span {
  limit_min: number | null;
  looks_possible: number;
  looks_left_out: number;
  people: number;
  villages_total: number;
  parts: CoveragePart[];
  villages: VillageCover[];
}

export interface Standing {
  id: string;
  name: string;
  hours: number;
  accepted: number;
  arrived: number;
  feedback: number;
  cleared: number;
  night: number;
  km: number;
  points: number;
  per_100h: number | null;
  low: number | null;
  high: number | null;
  band: number | null;
  rank_low: number | null;
  rank_high: number | null;
}

export interface Points extends Span {
  of: "unit" | "officer";
  weights: Record<string, number>;
  ranked_hours_min: number;
  uncredited: number;
  rows: Standing[];
}
