import { call } from "../../shared/api";
import type { Instant } from "../../shared/types";

export type Mark = "bad" | "look" | "good" | "off";

export interface Finding {
  name: string;
  mark: Mark;
  values: Record<string, string | number | boolean | null>;
}

export interface Health {
  at: Instant;
  worst: Mark;
  findings: Finding[];
}

export const health = () => call<Health>("GET", "/api/health");
