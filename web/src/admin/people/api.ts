// People who may sign in, and what their roles let them do: docs/http-api.md.
import { call } from "../../shared/api";
import type { Face, Instant, Role } from "../../shared/types";

export interface Person {
  id: string;
  username: string;
  display_name: string;
  roles: Role[];
  officer_badge: string | null;
  officer_name: string | null;
  unit_id: string | null;
  call_sign: string | null;
  station: string | null;
  must_change_password: boolean;
  created_at: Instant;
  disabled_at: Instant | null;
  sessions: number;
  last_seen_at: Instant | null;
}

export interface Session {
  id: string;
  address: string;
  created_at: Instant;
  last_seen_at: Instant;
  expires_at: Instant;
  /** The one that looks. */
  own: boolean;
}

export interface OnePerson {
  person: Person;
  sessions: Session[];
}

export interface PeoplePage {
  people: Person[];
  total: number;
  stations: string[];
}

export interface Wanted {
  q: string;
  role: string;
  station: string;
  state: "active" | "disabled" | "all";
  offset: number;
}

/** What an administrator changes of a person. */
export interface Facts {
  display_name: string;
  roles: Role[];
  officer_badge: string | null;
}

export interface NewPerson extends Omit<Facts, "officer_badge"> {
  username: string;
  officer_badge?: string;
}

export interface RoleTable {
  roles: Role[];
  faces: Record<Role, Face[]>;
  /** Lines of what may be done: `what` has words, `may.<what>`. */
  may: { what: string; roles: Role[]; partly: Role[] }[];
}

export const PAGE_LENGTH = 50;

const at = (id: string, deed = "") => `/api/people/${encodeURIComponent(id)}${deed}`;

export const list = (wanted: Wanted) => {
  const query = new URLSearchParams({ limit: String(PAGE_LENGTH) });
  for (const [name, value] of Object.entries(wanted)) if (value) query.set(name, String(value));
  return call<PeoplePage>("GET", `/api/people?${query}`);
};
export const one = (id: string) => call<OnePerson>("GET", at(id));
export const change = (id: string, was: Facts, now: Facts, reason: string, password: string) =>
  call<OnePerson>("POST", at(id), { was, now, reason, password });
export const disable = (id: string, reason: string) =>
  call<OnePerson>("POST", at(id, "/disable"), { reason });
export const enable = (id: string, reason: string) => call<OnePerson>("POST", at(id, "/enable"), { reason });
export const resetPassword = (id: string, reason: string) =>
  call<{ username: string; one_time_password: string }>("POST", at(id, "/password"), { reason });
export const endSessions = (id: string, session: string | null) =>
  call<OnePerson>("POST", at(id, "/sessions/end"), { session });
export const create = (person: NewPerson) =>
  call<{ id: string; username: string; one_time_password: string }>("POST", "/api/users", person);
export const roleTable = () => call<RoleTable>("GET", "/api/roles");
