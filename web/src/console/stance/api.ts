// Peace and war (docs/http-api.md) as typed functions.
import { call } from "../../shared/api";
import type { StanceOrder } from "../../shared/types";

export interface NewWar {
  hours: number;
  offers: boolean;
  reoptimise: StanceOrder["reoptimise"];
  authority: StanceOrder["authority"];
  off_duty_reports: boolean;
}

/** The same wish, sent again after a lost answer, keeps its request id. */
export const declare = (requestId: string, reason: string, password: string, war: NewWar) =>
  call<StanceOrder>("POST", "/api/stance", { request_id: requestId, mode: "war", reason, password, ...war });

export const end = (number: number, reason: string, password: string) =>
  call<StanceOrder>("POST", `/api/stance/${number}/end`, { reason, password });
