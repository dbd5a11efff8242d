// What a dispatcher can do, by mouse or by key. Each command speaks to the server and says what came
// of it; the picture itself changes only through the feed and the server's answers.
import * as api from "../shared/api";
import { toast, toastError } from "../shared/components/Toast";
import type { Incident, Order, Unit } from "../shared/types";
import { mayPass } from "./claims";
import {
  chosen,
  dropRecommendation,
  override,
  passedOver,
  recommend,
  recommendation,
  recommendedAtMs,
  rereadDetail,
} from "./detail_store";
import { camera } from "./map/camera";
import { queueShown } from "./queue_rows";
import {
  type Draft,
  draft,
  incidents,
  incidentTypes,
  list,
  narrow,
  putIncident,
  putUnit,
  selectIncident,
  selection,
  selectUnit,
  show,
  spot,
  unitRows,
  units,
  view,
} from "./store";
import { listWords, t } from "./words";

/** A key must not dispatch a recommendation that nobody has had the time to read. */
const READ_MS = 600;

// -- new incident --

export function startDraft(): void {
  if (!draft.peek()) {
    // Run cards may have changed since the page was opened.
    api.incidentTypes().then((types) => {
      incidentTypes.value = types;
    }, toastError);
    const found = spot.peek();
    draft.value = {
      requestId: api.requestId(),
      type: "",
      priority: "routine",
      note: "",
      place: found?.name ?? "",
      intakeId: "",
      at: found && { lon: found.lon, lat: found.lat },
    };
    spot.value = null;
  }
  show("incidents");
}

/** An incident for what came in from outside: a person looks it over before it is opened. What somebody is
 * writing already stays. */
export function startDraftFor(found: Omit<Draft, "requestId">): void {
  const { type, note, intakeId } = draft.peek() ?? {};
  if (type || note || intakeId) {
    show("incidents");
    toast(t("new.other_first"));
    return;
  }
  draft.value = { requestId: api.requestId(), ...found };
  if (found.at) camera.reveal(found.at.lon, found.at.lat);
  show("incidents");
}

export function changeDraft(change: Partial<Draft>): void {
  const current = draft.peek();
  if (current) draft.value = { ...current, ...change };
}

export function chooseType(code: string): void {
  const type = incidentTypes.peek().find((each) => each.code === code);
  changeDraft({ type: code, ...(type ? { priority: type.priority } : {}) });
}

export function placeDraft(at: { lon: number; lat: number }, place: string): void {
  changeDraft({ at, place });
  if (narrow()) view.value = "incidents";
}

export function newIncidentAt(at: { lon: number; lat: number }, place: string): void {
  startDraft();
  placeDraft(at, place);
}

/** Where the keyboard goes on once the place is set. */
export const focusNote = (): void => document.getElementById("incident-note")?.focus();

export function dropDraft(): void {
  draft.value = null;
}

/** Open what the draft says; a second press sends the same request id and opens nothing twice. */
export async function submitDraft(): Promise<void> {
  const current = draft.peek();
  if (!current?.at) return;
  try {
    const opened = await api.openIncident({
      request_id: current.requestId,
      type: current.type,
      priority: current.priority,
      note: current.note.trim(),
      ...current.at,
      ...(current.place ? { place: current.place } : {}),
      ...(current.intakeId ? { intake_id: current.intakeId } : {}),
    });
    draft.value = null;
    putIncident(opened);
    selectIncident(opened.id);
    camera.reveal(opened.lon, opened.lat);
    toast(t("new.opened", { number: opened.number }));
    await recommend(opened.id);
  } catch (error) {
    toastError(error);
  }
}

// -- choosing --

/** Once: select it; again: go there; and again: back to what was seen before. */
export function openIncident(incident: Incident): void {
  const { id, lon, lat, status } = incident;
  const again = selection.peek()?.id === id;
  selectIncident(id);
  if (!again) camera.reveal(lon, lat);
  else if (!camera.restore(id)) camera.goTo(lon, lat, id);
  if (status === "open" && !(again && recommendation.peek())) void recommend(id);
}

/** Once: go there; again: back to what was seen before. */
export function openUnit(unit: Unit, zoom = true): void {
  const again = selection.peek()?.id === unit.id;
  selectUnit(unit.id);
  if (!unit.position || !zoom || (again && camera.restore(unit.id))) return;
  camera.goTo(unit.position.lon, unit.position.lat, unit.id);
}

/** Next or previous row of the list that is shown; only looks, computes nothing. */
export function step(by: 1 | -1): void {
  if (list.peek() === "work") {
    focusNextWork(by);
    return;
  }
  const rows: (Incident | Unit)[] =
    list.peek() === "units"
      ? unitRows.peek().flatMap((id) => units.peek().get(id) ?? [])
      : [...queueShown.peek()];
  if (rows.length === 0) return;
  const at = rows.findIndex(({ id }) => id === selection.peek()?.id);
  const next =
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (!next) return;
  if ("call_sign" in next) {
    selectUnit(next.id);
    if (next.position) camera.reveal(next.position.lon, next.position.lat);
  } else {
    selectIncident(next.id);
    camera.reveal(next.lon, next.lat);
  }
  showRow(next.id);
}

/** The focus goes with it where it was on a row, or nowhere: Tab goes on from there. */
function showRow(id: string): void {
  const row = document.querySelector<HTMLElement>(`[data-row="${id}"]`);
  row?.scrollIntoView({ block: "nearest" });
  const { activeElement } = document;
  if (activeElement === document.body || activeElement?.matches("[data-row]"))
    row?.focus({ preventScroll: true });
}

/** The rows of the worklist are buttons: they are walked by focus, and Tab leads to what can be done. */
function focusNextWork(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(".work-what")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

/**
 * The key M: do what the focused row of the worklist proposes. With none focused, go to the gravest that
 * proposes something: a row that comes to the top just then must not be acted on by who has not read it.
 */
export function actOnWork(what = "[data-act]"): void {
  const row = document.activeElement?.closest(".work-row");
  const button = (row ?? document).querySelector<HTMLButtonElement>(what);
  if (row) button?.click();
  else button?.focus();
}

// -- dispatching --

/** Enter: recommend; once a recommendation has been on the screen, dispatch what is ticked. */
export async function recommendOrDispatch(incident: Incident): Promise<void> {
  if (incident.status === "closed") return;
  if (!recommendation.peek()) return recommend(incident.id);
  if (performance.now() - recommendedAtMs.peek() < READ_MS) return;
  await dispatchChosen(incident);
}

let pending: { key: string; requestId: string } | null = null;
let dispatching = false;

export async function dispatchChosen(incident: Incident, instruction = ""): Promise<void> {
  const based = recommendation.peek();
  const unitIds = [...chosen.peek()];
  if (!based || unitIds.length === 0 || dispatching) return;
  const reason = passedOver.peek() ? override.peek().trim() : "";
  if (passedOver.peek() && !reason) {
    document.querySelector<HTMLElement>("[data-testid=dispatch-reason]")?.focus();
    return;
  }
  if (!mayPass(incidents.peek().get(incident.id) ?? incident)) return;
  // The same decision, sent again after a lost answer, keeps its request id.
  const key = `${based.id}|${unitIds.join()}`;
  if (pending?.key !== key) pending = { key, requestId: api.requestId() };
  dispatching = true;
  try {
    const orders = await api.dispatch(incident.id, {
      request_id: pending.requestId,
      recommendation_id: based.id,
      unit_ids: unitIds,
      ...(instruction ? { instruction } : {}),
      ...(reason ? { reason } : {}),
    });
    pending = null;
    dropRecommendation();
    rereadDetail();
    toast(t("rec.dispatched", { units: listWords(orders.map(({ call_sign }) => call_sign)) }));
  } catch (error) {
    toastError(error);
    if (error instanceof api.ApiError && error.status === 409) await recommend(incident.id);
  } finally {
    dispatching = false;
  }
}

const MACHINE_STEPS = new Set<unknown>(["delivered", "shown"]);

/**
 * Send a change with the version that was seen. When meanwhile only a machine took a step (the device
 * received or showed the order), the person's decision stands and goes out again with the new version.
 */
async function withVersion(order: Order, send: (ver: number) => Promise<Order>): Promise<Order> {
  try {
    return await send(order.ver);
  } catch (error) {
    if (!(error instanceof api.ApiError && error.code === "stale")) throw error;
    const { state, ver } = error.detail;
    if (!MACHINE_STEPS.has(state) || typeof ver !== "number") throw error;
    return send(ver);
  }
}

export async function cancelOrder(order: Order, reason: string): Promise<void> {
  try {
    await withVersion(order, (ver) => api.cancelOrder(order.id, ver, reason));
    toast(t("orders.cancelled", { number: order.number }));
  } catch (error) {
    toastError(error);
  }
  rereadDetail();
}

export async function reportByVoice(order: Order, state: string, words: string): Promise<void> {
  const said = state === "unable" ? { reason: words } : words ? { note: words } : {};
  try {
    const changed = await withVersion(order, (ver) => api.reportOrder(order.id, { ver, state, ...said }));
    toast(t("orders.reported", { number: order.number, state: t(`order.${changed.state}`) }));
  } catch (error) {
    toastError(error);
  }
  rereadDetail();
}

export async function closeIncident(incident: Incident, outcome: string): Promise<void> {
  try {
    putIncident(await api.closeIncident(incident.id, outcome));
    toast(t("detail.close.done", { number: incident.number }));
  } catch (error) {
    toastError(error);
  }
}

// -- units --

export async function setShift(unit: Unit, onDuty: boolean): Promise<void> {
  try {
    putUnit(await api.setShift(unit.id, onDuty));
    toast(t(onDuty ? "unit.shift.started" : "unit.shift.ended", { unit: unit.call_sign }));
  } catch (error) {
    toastError(error);
  }
}

export const callSign = (unitId: string): string => units.value.get(unitId)?.call_sign ?? unitId;
