// Who works on an incident (docs/http-api.md) as typed functions.
import { call } from "../../shared/api";
import type { Incident } from "../../shared/types";

export { ApiError } from "../../shared/api";

/** `takeFrom`: who is seen to work on it; the server says so where it is somebody else by now. */
export const claim = (id: string, takeFrom = "", reason = "") =>
  call<Incident>("POST", `/api/incidents/${id}/claim`, { take_from: takeFrom, reason });
export const release = (id: string) => call<Incident>("POST", `/api/incidents/${id}/release`);
