// What GET /api/replay answers: server/playbackviews.py.
import type { DeviceKind, Instant, JournalEntry, Priority, UnitKind } from "../../shared/types";

export interface PastUnit {
  id: string;
  call_sign: string;
  kind: UnitKind;
}

export interface Track {
  unit_id: string;
  device_id: string;
  device_kind: DeviceKind;
  at_s: number[];
  lag_s: number[];
  run: number[];
  lon: number[];
  lat: number[];
  speed_mps: (number | null)[];
  heading_deg: (number | null)[];
  battery_pct: (number | null)[];
}

export interface PastIncident {
  id: string;
  number: number;
  type: string;
  priority: Priority;
  place: string;
  lon: number;
  lat: number;
  opened_at: Instant;
  closed_at: Instant | null;
}

export interface PastStep {
  state: string;
  at: Instant;
  heard_at: Instant;
}

export interface PastOrder {
  id: string;
  number: number;
  incident_id: string;
  unit_id: string;
  steps: PastStep[];
}

export interface Shift {
  unit_id: string;
  on_at: Instant;
  off_at: Instant | null;
}

/** Of a unit in a dead zone. */
export interface Silence {
  unit_id: string;
  silent_since: Instant;
  /** When the room was told. */
  foretold_at: Instant;
  ended_at: Instant | null;
}

export interface PastRoad {
  kind: "closed" | "slow" | "condition";
  place: string;
  reason: string;
  condition: string;
  begun_at: Instant;
  ended_at: Instant | null;
  lines: [number, number][][] | null;
}

export interface Happening extends JournalEntry {
  heard_at: Instant;
}

export interface Playback {
  since: Instant;
  until: Instant;
  step_s: number;
  thinned: boolean;
  coarse: boolean;
  stale_s: number;
  units: PastUnit[];
  tracks: Track[];
  shifts: Shift[];
  silences: Silence[];
  incidents: PastIncident[];
  orders: PastOrder[];
  roads: PastRoad[];
  happenings: Happening[];
  happenings_left_out: boolean;
}

/** What GET /api/replay/tracks answers. */
export interface TrackPage {
  step_s: number;
  units: PastUnit[];
  tracks: Track[];
  next_after: string | null;
}
