// The plan of shifts: docs/http-api.md.
import { call } from "../../shared/api";
import type { Instant } from "../../shared/types";

export interface Crew {
  badge: string;
  name: string;
}

export interface Shift {
  id: string;
  unit_id: string;
  call_sign: string;
  station: string | null;
  starts_at: Instant;
  ends_at: Instant;
  name: string;
  /** Empty: whoever is in the unit then, `standing` now. */
  crew: Crew[];
  standing: string[];
}

export type WarningKind = "unit_twice" | "officer_twice" | "short_rest" | "too_long";

export interface PlanWarning {
  kind: WarningKind;
  shift_id: string;
  other_id: string | null;
  badge: string | null;
  hours: number;
}

export interface Running {
  unit_id: string;
  call_sign: string;
  station: string | null;
  on_at: Instant;
  crew: Crew[];
}

export interface Template {
  name: string;
  /** Local, `06:00`. */
  starts: string;
  minutes: number;
}

export interface Plan {
  shifts: Shift[];
  warnings: PlanWarning[];
  on_duty: Running[];
  templates: Template[];
}

export interface Facts {
  unit_id: string;
  starts_at: Instant;
  ends_at: Instant;
  name: string;
  crew: string[];
}

export const factsOf = ({ unit_id, starts_at, ends_at, name, crew }: Shift): Facts => ({
  unit_id,
  starts_at,
  ends_at,
  name,
  crew: crew.map(({ badge }) => badge),
});

export const plan = (since: Date, until: Date) =>
  call<Plan>(
    "GET",
    `/api/shifts?${new URLSearchParams({ from: since.toISOString(), to: until.toISOString() })}`,
  );
export const add = (shift: Facts) => call<Shift>("POST", "/api/shifts", shift);
export const change = (id: string, was: Facts, now: Facts) =>
  call<Shift>("POST", `/api/shifts/${id}`, { was, now });
export const drop = (id: string, was: Facts) => call<void>("POST", `/api/shifts/${id}/drop`, was);
export const swap = (id: string, other: string) => call<Shift[]>("POST", `/api/shifts/${id}/swap`, { other });
export const copy = (fromDay: string, toDay: string) =>
  call<{ made: number; left: number }>("POST", "/api/shifts/copy", {
    from_day: fromDay,
    to_day: toDay,
    zone: ZONE,
  });

/** The time zone that this page shows and plans in. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
