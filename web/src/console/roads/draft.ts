// What is being written: a closure or a condition, with the roads it is about. Clicks on the map come
// here through the tool; what the roads are is asked of the server as they are chosen.
import { computed, effect, signal } from "@preact/signals";
import { requestId } from "../../shared/api";
import { toast, toastError } from "../../shared/components/Toast";
import type { LonLat } from "../../shared/types";
import { errorWords } from "../../shared/words";
import { type MapTool, mapInfo, mapTool, openForm } from "../store";
import type { Direction, Extent, NearEdge, Survey } from "./api";
import * as api from "./api";
import { NOW_UNTIL_ENDED, spanOf, type Times } from "./until";
import { t } from "./words";

const CLICK_PX = 14;
const SETTLE_MS = 250;

export type Where = "edges" | "road" | "polygon";

interface Common {
  requestId: string;
  reason: string;
  times: Times;
  /** Of the polygon. */
  corners: LonLat[];
}

export interface RoadDraft extends Common {
  kind: "road";
  state: "closed" | "slow";
  factor: number;
  where: Where;
  picks: NearEdge[];
  ref: string;
  fromKm: string;
  toKm: string;
  direction: Direction;
}

export interface ConditionDraft extends Common {
  kind: "condition";
  weather: string;
  night: boolean;
  /** Metres; "": none. */
  fog: string;
  ice: string;
  where: "county" | "polygon";
}

export const draft = signal<RoadDraft | ConditionDraft | null>(null);
/** What the chosen roads are; a text says why they are none. */
export const survey = signal<Survey | string | null>(null);

const common = (): Common => ({ requestId: requestId(), reason: "", times: NOW_UNTIL_ENDED, corners: [] });

export function startRoad(): void {
  draft.value = {
    ...common(),
    kind: "road",
    state: "closed",
    factor: 2,
    where: "edges",
    picks: [],
    ref: "",
    fromKm: "",
    toKm: "",
    direction: "both",
  };
}

export function startCondition(): void {
  draft.value = {
    ...common(),
    kind: "condition",
    weather: "dry",
    night: false,
    fog: "",
    ice: "",
    where: "county",
  };
}

export function dropDraft(): void {
  draft.value = null;
}

/** Change what is being written. */
export function change(part: Partial<RoadDraft> | Partial<ConditionDraft>): void {
  const current = draft.peek();
  if (current) draft.value = { ...current, ...part } as RoadDraft | ConditionDraft;
}

// -- roads --

export const extent = computed<Extent | null>(() => {
  const current = draft.value;
  if (!current) return null;
  if (current.where === "polygon")
    return current.corners.length > 2 ? { kind: "polygon", corners: current.corners } : null;
  if (current.kind === "condition") return null;
  const { direction } = current;
  if (current.where === "edges")
    return current.picks.length
      ? { kind: "edges", edges: current.picks.map(({ edge }) => ({ edge, direction })) }
      : null;
  const [from_km, to_km] = [number(current.fromKm), number(current.toKm)];
  if (!current.ref.trim() || from_km === null || to_km === null) return null;
  return { kind: "road", ref: current.ref.trim(), from_km, to_km, direction };
});

function number(text: string): number | null {
  const value = Number(text.replace(",", "."));
  return text.trim() && Number.isFinite(value) ? value : null;
}

const extentKey = computed(() => JSON.stringify(extent.value));

/** Lines and corners on the map while they are chosen. */
export const sketch = computed(() => {
  const current = draft.value;
  const found = survey.value;
  const lines =
    found && typeof found !== "string"
      ? found.lines
      : current?.kind === "road" && current.where === "edges"
        ? current.picks.map(({ coordinates }) => coordinates)
        : [];
  return { lines, corners: current?.where === "polygon" ? current.corners : [] };
});

export function dropCorner(): void {
  change({ corners: draft.peek()?.corners.slice(0, -1) ?? [] });
}

async function pickRoad(at: LonLat, metresPerPixel: number): Promise<void> {
  try {
    const [nearest] = await api.near(at, CLICK_PX * metresPerPixel);
    const current = draft.peek();
    if (current?.kind !== "road") return;
    if (!nearest) {
      toast(t("roads.pick.none"), "bad");
      return;
    }
    const others = current.picks.filter(({ edge }) => edge !== nearest.edge);
    change({ picks: others.length < current.picks.length ? others : [...others, nearest] });
  } catch (error) {
    toastError(error, t);
  }
}

function addCorner(at: LonLat): void {
  const corners = draft.peek()?.corners ?? [];
  const last = corners.at(-1);
  if (last?.[0] !== at[0] || last?.[1] !== at[1]) change({ corners: [...corners, at] });
}

function toolOf(current: RoadDraft | ConditionDraft | null): MapTool | null {
  if (current?.where === "edges")
    return { hint: t("roads.pick.hint"), onClick: (at, pixel) => void pickRoad(at, pixel) };
  if (current?.where === "polygon") return { hint: t("roads.polygon.hint"), onClick: addCorner };
  return null;
}

// -- in step with the rest of the console --

/** While the panel is shown. */
export function startDraft(): () => void {
  const stops = [
    effect(() => {
      mapTool.value = toolOf(draft.value);
      openForm.value = draft.value ? { close: dropDraft } : null;
    }),
    effect(() => {
      const key = extentKey.value;
      survey.value = null;
      if (key === "null") return;
      const timer = setTimeout(() => void ask(key), SETTLE_MS);
      return () => clearTimeout(timer);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    draft.value = null;
    mapTool.value = openForm.value = null;
  };
}

async function ask(key: string): Promise<void> {
  const found = await api.preview(JSON.parse(key) as Extent).catch((error: unknown) => errorWords(error, t));
  if (extentKey.peek() === key) survey.value = found;
}

// -- sending --

/** What is missing before it can be sent; "": nothing. */
export function complaintOf(current: RoadDraft | ConditionDraft): string {
  const { times } = current;
  if (times.until === "at" && !times.expiresAt) return t("roads.until.missing");
  if (current.where !== "county" && !extent.peek()) return t(`roads.missing.${current.where}`);
  if (current.kind === "road") return current.reason.trim() ? "" : t("roads.reason.missing");
  return conditionOf(current) === "dry" ? t("conditions.missing") : "";
}

export function conditionOf({ weather, night, fog, ice }: ConditionDraft): string {
  const said = [
    weather === "dry" ? "" : weather,
    night ? "night" : "",
    number(fog) === null ? "" : `fog=${number(fog)}`,
    number(ice) === null ? "" : `ice>${number(ice)}`,
  ];
  return said.filter(Boolean).join(",") || "dry";
}

/** Set what the draft says; a second press sends the same request id and sets nothing twice. */
export async function submit(): Promise<void> {
  const current = draft.peek();
  if (!current) return;
  const what = { request_id: current.requestId, reason: current.reason.trim(), ...spanOf(current.times) };
  try {
    if (current.kind === "road") await submitRoad(current, what);
    else {
      const corners = current.where === "polygon" ? current.corners : null;
      await api.setCondition({ ...what, condition: conditionOf(current), corners });
      toast(t("conditions.set"));
    }
    if (draft.peek()?.requestId === current.requestId) draft.value = null;
  } catch (error) {
    toastError(error, t);
  }
}

async function submitRoad(
  current: RoadDraft,
  what: { request_id: string; reason: string; starts_at: string | null; expires_at: string | null },
): Promise<void> {
  const chosen = extent.peek();
  if (!chosen) return;
  const { place } = await api.setRoad({
    ...what,
    state: current.state,
    factor: current.state === "slow" ? current.factor : null,
    extent: chosen,
    map_id: mapInfo.peek()?.id ?? "",
  });
  toast(t(`roads.set.${current.state}`, { place }));
}
