// What the console knows: the live picture from the feed, what is selected, what is being written.
import { batch, computed, signal } from "@preact/signals";
import { means } from "../shared/spelling";
import { now } from "../shared/time";
import type {
  Delta,
  Incident,
  IncidentType,
  LonLat,
  MapInfo,
  Priority,
  Roads,
  Snapshot,
  SosCall,
  StanceNow,
  Unit,
  User,
  WorkItem,
} from "../shared/types";
import { flushUnits, noteUnits, replaceUnits, units } from "./unit_store";

export { putUnit, units, unitsByName } from "./unit_store";

/** A fix older than this is never shown as current. */
export const STALE_S = 120;
const CLOSED_SHOWN_MAX = 20;

export const user = signal<User | null>(null);
export const mapInfo = signal<MapInfo | null>(null);
export const incidentTypes = signal<IncidentType[]>([]);
/** Version of the run cards that types are of; null: not heard yet. */
export const runCards = signal<number | null>(null);

export const incidents = signal<ReadonlyMap<string, Incident>>(new Map());

/** Calls for help that somebody must still look at, the unacknowledged first. */
export const sosCalls = signal<SosCall[]>([]);

export const roads = signal<Roads>({ version: 0, county: "dry", states: [], conditions: [] });
/** Roads and conditions that ran out by themselves and that nobody has looked at yet. */
export const expired = signal<ReadonlySet<string>>(new Set());

export type Selection = { kind: "incident" | "unit"; id: string } | null;
export const selection = signal<Selection>(null);
export type List = "incidents" | "units" | "roads" | "work";
export type View = List | "map" | "detail";
/** The list on the left; on a small screen, the one part that is shown. */
export const view = signal<View>("incidents");
export const list = signal<List>("incidents");
export const helpOpen = signal(false);
/** The command bar. */
export const barOpen = signal(false);
/** The dialog of alarms and their volumes. */
export const soundOpen = signal(false);
/** Peace or war; the dialog of those who order it. */
export const stance = signal<StanceNow>({ mode: "peace", order: null, hours_max: 0 });
export const stanceOpen = signal(false);
/** The panels over the map have one place. */
export type MapPanel = "layers" | "reach" | "zones";
export const mapPanel = signal<MapPanel | null>(null);
export function toggleMapPanel(name: MapPanel): void {
  mapPanel.value = mapPanel.peek() === name ? null : name;
}
/** Distances and coordinates are being taken from the map. */
export const measuring = signal(false);
/** The dialog of windows for other monitors. */
export const screensOpen = signal(false);
export type Page = "batteries" | "runcards" | "handover";
/** The page over the map. */
export const page = signal<Page | null>(null);
export function togglePage(name: Page): void {
  page.value = page.peek() === name ? null : name;
}
/** A dialog that is written from anywhere: a reminder, or what comes in from outside. */
export const noting = signal<"reminder" | "intake" | null>(null);
/** The dialog that closes the selected incident. */
export const closing = signal(false);
export const followedUnit = signal<string | null>(null);

/** Who takes the clicks on the map while something is being drawn there. */
export interface MapTool {
  hint: string;
  onClick(at: LonLat, metresPerPixel: number): void;
}
export const mapTool = signal<MapTool | null>(null);
/** Closes a form of a part that was loaded later. */
export const openForm = signal<{ close(): void } | null>(null);

/** A click on the ground, where a road may be. */
export interface RoadSpot {
  at: LonLat;
  metresPerPixel: number;
}
export const roadSpot = signal<RoadSpot | null>(null);

export interface Draft {
  requestId: string;
  type: string;
  priority: Priority;
  note: string;
  /** Name of a search result; the server names the place otherwise. */
  place: string;
  at: { lon: number; lat: number } | null;
  /** What came in and it is opened for; empty: nothing. */
  intakeId: string;
}
export const draft = signal<Draft | null>(null);
/** The place found last: a new incident starts there. */
export const spot = signal<{ lon: number; lat: number; name: string } | null>(null);

export const selectedIncident = computed(() =>
  selection.value?.kind === "incident" ? incidents.value.get(selection.value.id) : undefined,
);
export const selectedUnit = computed(() =>
  selection.value?.kind === "unit" ? units.value.get(selection.value.id) : undefined,
);

// -- the feed --

export function takeSnapshot(snapshot: Snapshot): void {
  const next = new Map(snapshot.incidents.map((incident) => [incident.id, incident]));
  for (const incident of incidents.peek().values()) {
    if (incident.status === "closed") next.set(incident.id, incident);
  }
  batch(() => {
    replaceUnits(snapshot.units);
    incidents.value = next;
    sosCalls.value = snapshot.sos;
    workItems.value = new Map(snapshot.work.map((item) => [item.id, item]));
    workOpen.value = snapshot.work_open;
    stance.value = snapshot.stance;
    runCards.value = snapshot.run_cards;
    takeRoads(snapshot.roads);
  });
}

/** What moves is gathered for the next frame; what somebody decides on, with all that came before it, is not. */
export function takeDelta(delta: Delta): void {
  noteUnits(delta.units, delta.gone_units);
  const { incidents, roads, sos, work, work_open, stance: mode, run_cards } = delta;
  if (!incidents.length && !work.length && !(roads || sos || mode || run_cards || work_open !== null)) return;
  batch(() => {
    flushUnits();
    for (const incident of incidents) putIncident(incident);
    if (roads) takeRoads(roads);
    if (sos) sosCalls.value = sos;
    if (work.length) putWork(...work);
    workOpen.value = work_open ?? workOpen.peek();
    if (mode) stance.value = mode;
    runCards.value = run_cards ?? runCards.peek();
  });
}

/** Notes what ran out by itself since the last picture. */
function takeRoads(next: Roads): void {
  const { states, conditions } = roads.peek();
  const ran = new Set([...states, ...conditions].flatMap((each) => (each.ended_at ? [] : [each.id])));
  const over = [...next.states, ...next.conditions].filter(
    ({ id, ended_by }) => ended_by === "system" && ran.has(id),
  );
  roads.value = next;
  if (over.length) expired.value = new Set([...expired.peek(), ...over.map(({ id }) => id)]);
}

export function putIncident(incident: Incident): void {
  const next = new Map(incidents.peek());
  next.set(incident.id, incident);
  const closed = [...next.values()].filter(({ status }) => status === "closed");
  closed.sort((a, b) => (a.closed_at ?? "").localeCompare(b.closed_at ?? ""));
  for (const { id } of closed.slice(0, -CLOSED_SHOWN_MAX)) {
    if (id !== selection.peek()?.id) next.delete(id);
  }
  incidents.value = next;
}

// -- the worklist --

const GRAVITY = { alarm: 0, warning: 1, notice: 2 } as const;
const workItems = signal<ReadonlyMap<string, WorkItem>>(new Map());
/** How many are open in all; more than these may be. */
export const workOpen = signal(0);
/** Gravest first, then the longest waiting. */
export const work = computed(() =>
  [...workItems.value.values()].sort(
    (a, b) => GRAVITY[a.severity] - GRAVITY[b.severity] || a.number - b.number,
  ),
);

/** Takes over one item; a settled one leaves the list. */
export function putWork(...items: WorkItem[]): void {
  const next = new Map(workItems.peek());
  for (const item of items) {
    if (item.settled_at) next.delete(item.id);
    else next.set(item.id, item);
  }
  workItems.value = next;
}

// -- lists --

const URGENCY: Record<Priority, number> = { emergency: 0, priority: 1, routine: 2 };

const byUrgency = (a: Incident, b: Incident): number =>
  URGENCY[a.priority] - URGENCY[b.priority] || a.opened_at.localeCompare(b.opened_at);

const withStatus = (status: Incident["status"]) =>
  [...incidents.value.values()].filter((incident) => incident.status === status);

export const unassigned = computed(() => withStatus("open").sort(byUrgency));
export const assigned = computed(() => withStatus("assigned").sort(byUrgency));
export const closed = computed(() =>
  withStatus("closed").sort((a, b) => (b.closed_at ?? "").localeCompare(a.closed_at ?? "")),
);
export const queue = computed(() => [...unassigned.value, ...assigned.value]);

/** Of the list of units; empty: any. */
export const unitFilter = signal({
  text: "",
  status: "all" as Unit["status"] | "all",
  station: "",
  kind: "",
  sort: "name" as "name" | "battery" | "seen" | "status",
});
/** Ids in the order of the list, once it has been shown. */
export const unitRows = signal<readonly string[]>([]);

/** By call sign, station, name or badge of an officer; Chinese names also by pinyin. */
export const unitMeant = (words: string, { call_sign, station, officers }: Unit): boolean =>
  means(
    words,
    call_sign,
    station ?? "",
    ...officers.flatMap(({ name, badge }) => [name, badge, `${name} ${badge}`]),
  );

export const positionAgeS = (unit: Unit): number | null =>
  unit.position ? Math.max(0, (now.value - Date.parse(unit.position.observed_at)) / 1000) : null;

export const isStale = (unit: Unit): boolean => (positionAgeS(unit) ?? Number.POSITIVE_INFINITY) > STALE_S;

// -- selecting --

export function selectIncident(id: string): void {
  batch(() => {
    selection.value = { kind: "incident", id };
    spot.value = roadSpot.value = null;
    followedUnit.value = null;
    if (narrow()) view.value = "detail";
  });
}

export function selectUnit(id: string): void {
  batch(() => {
    selection.value = { kind: "unit", id };
    spot.value = roadSpot.value = null;
    if (followedUnit.peek() !== id) followedUnit.value = null;
    if (narrow()) view.value = "detail";
  });
}

export function deselect(): void {
  batch(() => {
    selection.value = null;
    followedUnit.value = null;
    if (view.peek() === "detail") view.value = list.peek();
  });
}

export function show(next: View): void {
  batch(() => {
    view.value = next;
    if (next !== "map" && next !== "detail") list.value = next;
  });
}

const NARROW_PX = 900;
export const narrow = (): boolean => innerWidth < NARROW_PX;
