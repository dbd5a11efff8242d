// The selected incident in full: orders with their events, the recommendation, the routes. Follows the
// feed: whenever the incident changes there, the detail is read again.
import { batch, computed, effect, signal } from "@preact/signals";
import * as api from "../shared/api";
import { toastError } from "../shared/components/Toast";
import type { Candidate, Incident, LonLat, Order, Recommendation } from "../shared/types";
import { deselect, incidents, putIncident, selectedIncident, selection, units } from "./store";

const SETTLE_MS = 150;
const ROUTES_EVERY_MS = 15_000;

/** With events; null until read. */
const detail = signal<Incident | null>(null);
export const recommendation = signal<Recommendation | null>(null);
export const computing = signal(false);
/** Units ticked for dispatch. */
export const chosen = signal<ReadonlySet<string>>(new Set());
/** Why another than the first is sent, as it is being written. */
export const override = signal("");
/** The first recommended, where it is free and others are ticked: the server wants to know why. */
export const passedOver = computed<Candidate | null>(() => {
  const first = recommendation.value?.candidates[0];
  if (!first || first.eta_s === null || chosen.value.size === 0 || chosen.value.has(first.unit_id))
    return null;
  return units.value.get(first.unit_id)?.status === "available" ? first : null;
});
/** When the recommendation came on the screen: a key must not dispatch what nobody has read. */
export const recommendedAtMs = signal(0);

export interface RouteLine {
  orderId: string;
  /** Of what is left, from the newest fix; asked anew every quarter of a minute. */
  durationS: number;
  distanceM: number;
  coordinates: LonLat[];
}
export const routes = signal<RouteLine[]>([]);

/** Orders of the selected incident: state from the feed, events from the detail. */
export const orders = computed<Order[]>(() => {
  const incident = selectedIncident.value;
  const read = detail.value?.id === incident?.id ? (detail.value?.orders ?? []) : [];
  const events = new Map(read.map((order) => [order.id, order]));
  const live = incident?.orders.length ? incident.orders : read;
  return live.map((order) => {
    const full = events.get(order.id);
    if (!full) return { ...order, events: order.events ?? [] };
    return full.ver >= order.ver ? full : { ...order, events: full.events };
  });
});

export const hasOpenOrders = computed(() => orders.value.some(({ closed_at }) => closed_at === null));

export function startDetail(): void {
  let id: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const incident = selectedIncident.value;
    clearTimeout(timer);
    if (incident?.id !== id) {
      id = incident?.id;
      forget();
    }
    if (incident) timer = setTimeout(() => void readDetail(incident.id), SETTLE_MS);
  });
  effect(() => {
    const picked = selection.value;
    if (picked?.kind === "incident" && !incidents.value.has(picked.id)) void fetchMissing(picked.id);
  });
  setInterval(() => {
    const incident = selectedIncident.peek();
    if (incident && hasOpenOrders.peek() && document.visibilityState === "visible")
      void readRoutes(incident.id);
  }, ROUTES_EVERY_MS);
}

/** The selected incident closed while the feed was away: a snapshot holds only those that run. */
async function fetchMissing(id: string): Promise<void> {
  try {
    putIncident(await api.incident(id));
  } catch (error) {
    toastError(error);
    if (selection.peek()?.id === id) deselect();
  }
}

function forget(): void {
  batch(() => {
    detail.value = null;
    recommendation.value = null;
    chosen.value = new Set();
    override.value = "";
    routes.value = [];
    computing.value = false;
  });
}

async function readDetail(id: string): Promise<void> {
  try {
    const read = await api.incident(id);
    if (selection.peek()?.id !== id) return;
    detail.value = read;
    if (hasOpenOrders.peek()) await readRoutes(id);
    else routes.value = [];
  } catch (error) {
    if (!(error instanceof api.ApiError && error.status === 0)) toastError(error);
  }
}

/** Routes are an aid to the eye: without them the map is still right, so a failure only clears them. */
async function readRoutes(id: string): Promise<void> {
  const read = await api.routes(id).catch(() => null);
  if (selection.peek()?.id !== id) return;
  routes.value = (read?.features ?? [])
    .filter(({ geometry }) => geometry.type === "LineString")
    .map(({ geometry, properties }) => ({
      orderId: String(properties.order_id),
      durationS: Number(properties.duration_s),
      distanceM: Number(properties.distance_m),
      coordinates: geometry.coordinates,
    }));
}

export async function recommend(incidentId: string): Promise<void> {
  if (computing.peek()) return;
  computing.value = true;
  try {
    const computed = await api.recommend(incidentId);
    if (selection.peek()?.id !== incidentId) return;
    const first = computed.candidates.find(({ eta_s }) => eta_s !== null);
    batch(() => {
      recommendation.value = computed;
      recommendedAtMs.value = performance.now();
      chosen.value = new Set(first ? [first.unit_id] : []);
      override.value = "";
    });
  } catch (error) {
    toastError(error);
  } finally {
    if (selection.peek()?.id === incidentId) computing.value = false;
  }
}

export function toggleChosen(unitId: string): void {
  const next = new Set(chosen.peek());
  if (!next.delete(unitId)) next.add(unitId);
  chosen.value = next;
}

export function dropRecommendation(): void {
  batch(() => {
    recommendation.value = null;
    chosen.value = new Set();
  });
}

export const rereadDetail = (): void => {
  const incident = selectedIncident.peek();
  if (incident) void readDetail(incident.id);
};
