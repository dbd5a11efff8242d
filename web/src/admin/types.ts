// The shapes that the server sends to administrators: docs/http-api.md.
import type { DeviceKind, Instant, UnitKind } from "../shared/types";

export const DATUMS = ["wgs84", "gcj02", "bd09"] as const;
export type Datum = (typeof DATUMS)[number];
export const KINDS: DeviceKind[] = ["body_camera", "handset", "vehicle"];

/** What a device goes by in a protocol that is not ours. */
export interface DeviceName {
  protocol: string;
  external_id: string;
  strict: boolean;
  datum: Datum;
  badge: string | null;
}

export interface DeviceEntry {
  id: string;
  kind: DeviceKind;
  model: string;
  unit_id: string | null;
  call_sign: string | null;
  /** It has a token. */
  enrolled: boolean;
  last_seen_at: Instant | null;
  battery_pct: number | null;
  battery_at: Instant | null;
  charging: boolean;
  /** Since when it is out of service. */
  disabled_at: Instant | null;
  names: DeviceName[];
}

export interface UnitEntry {
  id: string;
  call_sign: string;
  kind: UnitKind;
  station: string | null;
}

export interface OfficerEntry {
  badge: string;
  name: string;
  unit_id: string | null;
}

export interface Roster {
  units: UnitEntry[];
  officers: OfficerEntry[];
}

/** One that knocks and is nobody's. */
export interface Stranger {
  protocol: string;
  external_id: string;
  first_seen_at: Instant;
  last_seen_at: Instant;
  count: number;
  address: string;
  /** Of itself: model, plate, … */
  said: Record<string, string>;
  dismissed_by: string | null;
  dismissed_at: Instant | null;
}

/** What a device needs to be let in, shown once. */
export interface Granted {
  device_id: string;
  /** Absent where it comes in under its name alone. */
  token?: string;
  /** Of the address that holds the token. */
  path?: string;
  /** The name that it goes by in a protocol that is not ours. */
  external_id?: string;
}
