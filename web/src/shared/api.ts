// The HTTP API of docs/http-api.md as typed functions. Every failure is an ApiError with a code that
// the dictionaries can say in words (`error.<code>`).
import type {
  HandsetGrant,
  Hold,
  Incident,
  IncidentType,
  JournalPage,
  LogState,
  MapInfo,
  Order,
  Place,
  Priority,
  Recommendation,
  RouteCollection,
  SosCall,
  Unit,
  User,
} from "./types";

const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  readonly status: number;
  /** From the server, or `unreachable`, `timeout`, `bad_answer`. */
  readonly code: string;
  readonly detail: Record<string, unknown>;
  readonly retryAfterS: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    detail: Record<string, unknown> = {},
    retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }
}

type Method = "GET" | "POST";

/** One request. A 401 leads to the sign-in page, except where `quiet` says that the caller handles it. */
export async function call<T>(
  method: Method,
  path: string,
  body?: unknown,
  quiet = false,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, timedOut ? "timeout" : "unreachable", String(error));
  }
  if (response.status === 204) return undefined as T;
  if (response.ok) return (await parse(response)) as T;
  const error = await failure(response);
  if (error.status === 401 && !quiet) goToLogin();
  throw error;
}

async function parse(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ApiError(response.status, "bad_answer", `no JSON in the answer of ${response.url}`);
  }
}

/** What an answer that is no success says. */
export async function failure(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("retry-after"));
  const retryAfterS = retryAfter > 0 ? retryAfter : null;
  const body = (await response.json().catch(() => null)) as {
    error?: { code?: string; message?: string; detail?: Record<string, unknown> };
  } | null;
  const { code = `http_${response.status}`, message = response.statusText, detail } = body?.error ?? {};
  return new ApiError(response.status, code, message, detail ?? {}, retryAfterS);
}

export function goToLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

const query = (values: Record<string, string | number | undefined>): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
};

/** A fresh id for a request that must not happen twice. */
export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// -- session --

export const login = (username: string, password: string) =>
  call<User>("POST", "/api/login", { username, password }, true);
export const logout = () => call<void>("POST", "/api/logout", undefined, true);
export const me = (quiet = false, timeoutMs = TIMEOUT_MS) =>
  call<User>("GET", "/api/me", undefined, quiet, timeoutMs);
export const changePassword = (old: string, next: string) =>
  call<void>("POST", "/api/me/password", { old, new: next }, true);

// -- ground --

export const mapInfo = () => call<MapInfo>("GET", "/api/map");
export const incidentTypes = () => call<IncidentType[]>("GET", "/api/incident-types");
export const places = (text: string, limit = 8) =>
  call<Place[]>("GET", `/api/places${query({ q: text, limit })}`);

// -- units --

export const units = () => call<Unit[]>("GET", "/api/units");
export const setShift = (unitId: string, onDuty: boolean) =>
  call<Unit>("POST", `/api/units/${unitId}/shift`, { on_duty: onDuty });

// -- incidents --

export interface NewIncident {
  request_id: string;
  type: string;
  priority: Priority;
  note: string;
  lon: number;
  lat: number;
  place?: string;
}

export const openIncident = (incident: NewIncident) => call<Incident>("POST", "/api/incidents", incident);
export const incidents = (
  status: "open" | "closed" | "all",
  before?: number,
  limit?: number,
  text?: string,
) => call<Incident[]>("GET", `/api/incidents${query({ status, text, before, limit })}`);
export const incident = (id: string) => call<Incident>("GET", `/api/incidents/${id}`);
export const recommend = (incidentId: string) =>
  call<Recommendation>("POST", `/api/incidents/${incidentId}/recommendation`);
export const routes = (incidentId: string) =>
  call<RouteCollection>("GET", `/api/incidents/${incidentId}/routes`);
export const closeIncident = (id: string, outcome: string) =>
  call<Incident>("POST", `/api/incidents/${id}/close`, { outcome });

export interface Decision {
  request_id: string;
  recommendation_id: string;
  unit_ids: string[];
  instruction?: string;
  reason?: string;
}

export const dispatch = (incidentId: string, decision: Decision) =>
  call<Order[]>("POST", `/api/incidents/${incidentId}/dispatch`, decision);

// -- orders --

export const cancelOrder = (id: string, ver: number, reason: string) =>
  call<Order>("POST", `/api/orders/${id}/cancel`, { ver, reason });
export const reportOrder = (
  id: string,
  report: { ver: number; state: string; reason?: string; note?: string },
) => call<Order>("POST", `/api/orders/${id}/report`, report);

// -- calls for help --

export const acknowledgeSos = (id: string) => call<SosCall>("POST", `/api/sos/${id}/acknowledge`);
/** Units ranked for a call: one answer for all consoles. */
export const nearestSos = (id: string) => call<Recommendation>("POST", `/api/sos/${id}/nearest`);
export const placeSos = (id: string, lon: number, lat: number) =>
  call<SosCall>("POST", `/api/sos/${id}/place`, { lon, lat });

// -- journal --

export interface JournalQuery {
  q?: string;
  kind?: string;
  actor?: string;
  subject?: string;
  unit?: string;
  officer?: string;
  incident?: string;
  since?: string;
  until?: string;
  before?: number;
  limit?: number;
}

export const journal = (filter: JournalQuery) =>
  call<JournalPage>("GET", `/api/journal${query({ ...filter })}`);
/** Fields as an export names them; they are gone for good. */
export const redact = (seq: number, fields: string[], reason: string) =>
  call<{ seq: number; redacted: string[] }>("POST", `/api/journal/${seq}/redact`, { fields, reason });
export const logState = () => call<LogState>("GET", "/api/journal/checkpoint");

export const holds = () => call<Hold[]>("GET", "/api/holds");
export const hold = (incidentId: string, why: string) =>
  call<Hold>("POST", `/api/incidents/${incidentId}/hold`, { why });
export const releaseHold = (incidentId: string, why: string) =>
  call<void>("POST", `/api/incidents/${incidentId}/hold/end`, { why });

// -- handset --

export const becomeHandset = (installId: string) =>
  call<HandsetGrant>("POST", "/api/handset", { install_id: installId });
