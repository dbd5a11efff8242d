// Units as they are kept: docs/http-api.md.
import { call } from "../../shared/api";
import type { DeviceKind, Instant, UnitKind } from "../../shared/types";

export const KINDS: UnitKind[] = ["patrol_car", "off_road", "motorcycle", "foot"];
export const PAGE_LENGTH = 50;

export interface Officer {
  badge: string;
  name: string;
  phone: string;
  /** Codes of the run cards. */
  skills: string[];
}

export interface KeptUnit {
  id: string;
  call_sign: string;
  kind: UnitKind;
  station: string | null;
  squad: string;
  plate: string;
  area: string;
  equipment: string[];
  /** Badge. */
  leader: string | null;
  officers: Officer[];
  devices: { id: string; kind: DeviceKind; model: string }[];
  retired_at: Instant | null;
  on_duty_since: Instant | null;
  order_number: number | null;
}

export interface UnitsPage {
  units: KeptUnit[];
  total: number;
  stations: string[];
}

/** What an administrator changes of a unit; `officers` are badges. */
export interface Facts {
  call_sign: string;
  kind: UnitKind;
  station: string | null;
  squad: string;
  plate: string;
  area: string;
  equipment: string[];
  officers: string[];
  leader: string | null;
}

export interface Wanted {
  q: string;
  station: string;
  state: "active" | "retired" | "all";
  offset: number;
}

const at = (id: string, deed = "") => `/api/roster/units/${encodeURIComponent(id)}${deed}`;

export const list = (wanted: Wanted) => {
  const query = new URLSearchParams({ limit: String(PAGE_LENGTH) });
  for (const [name, value] of Object.entries(wanted)) if (value) query.set(name, String(value));
  return call<UnitsPage>("GET", `/api/roster/units?${query}`);
};
export const one = (id: string) => call<KeptUnit>("GET", at(id));
export const change = (id: string, was: Facts, now: Facts) => call<KeptUnit>("POST", at(id), { was, now });
export const retire = (id: string, reason: string) => call<KeptUnit>("POST", at(id, "/retire"), { reason });
export const create = (unit: { call_sign: string; kind: UnitKind; station?: string }) =>
  call<{ id: string; call_sign: string }>("POST", "/api/units", unit);
export const createOfficer = (officer: { badge: string; name: string; phone: string; unit_id: string }) =>
  call<{ id: string; badge: string }>("POST", "/api/officers", officer);

export type OfficerFacts = Omit<Officer, "badge">;

export const changeOfficer = (badge: string, was: OfficerFacts, now: OfficerFacts) =>
  call<Officer>("POST", `/api/officers/${encodeURIComponent(badge)}`, { was, now });
