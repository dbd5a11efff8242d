import { call } from "../../shared/api";
import type { Instant, RoadCondition, RoadState } from "../../shared/types";

/** What drives taught: travel times, or where there is no signal. */
export type Subject = "learning" | "zones";

export interface Version {
  version: number;
  created_at: Instant;
  created_by: string;
  reason: string;
  drives: number;
}

export interface Learned {
  active: number | null;
  activated_at: Instant | null;
  activated_by: string | null;
  reason: string | null;
  /** Newest first. */
  versions: Version[];
}

const READ: Record<Subject, string> = { learning: "/api/learning", zones: "/api/dead-zones/versions" };
const DOOR: Record<Subject, string> = { learning: "/api/learning", zones: "/api/dead-zones" };

export const learned = (of: Subject) => call<Learned>("GET", READ[of]);
export const learn = (of: Subject, reason: string) => call<Version>("POST", `${DOOR[of]}/learn`, { reason });
/** `version` null: the map alone. */
export const activate = (of: Subject, version: number | null, reason: string) =>
  call<Learned>("POST", `${DOOR[of]}/activate`, { version, reason });

export const closures = () => call<RoadState[]>("GET", "/api/roads/state?status=running");
export const conditions = () => call<RoadCondition[]>("GET", "/api/conditions?status=running");
