// The roster in and out as a file: docs/http-api.md, docs/roster.md.
import { call } from "../../shared/api";

const IMPORT_TIMEOUT_MS = 120_000;

export const LISTS = ["stations", "units", "officers", "devices", "spares"] as const;
export type List = (typeof LISTS)[number];

export interface Change {
  what: "station" | "unit" | "officer" | "leader" | "device" | "login" | "spare";
  key: string;
  new: boolean;
  fields: Record<string, { from: unknown; to: unknown }>;
}

export interface Preview {
  /** The first of them. */
  changes: Change[];
  total: number;
  /** How many of them bring a token or a one-time password into being. */
  secrets: number;
  problems: { line: number | null; text: string }[];
  wrong: number;
  digest: string;
}

export interface Taken {
  made: number;
  secrets: { devices: { id: string; token: string }[]; users: unknown[] };
  /** Loaded again, it undoes the import. */
  way_back: unknown;
}

export const preview = (text: string) =>
  call<Preview>("POST", "/api/roster/preview", { text }, false, IMPORT_TIMEOUT_MS);
export const takeIn = (text: string, digest: string, reason: string) =>
  call<Taken>("POST", "/api/roster/import", { text, digest, reason }, false, IMPORT_TIMEOUT_MS);
export const exportPath = (list: List | "json") => `/api/roster/export?list=${list}`;
