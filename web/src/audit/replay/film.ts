// How things stood at a moment of a span, by either clock: as it was, or as the room saw it then. Values
// in, values out; knows no page and no map.
import type { Priority, UnitKind, UnitStatus } from "../../shared/types";
import type { Happening, PastIncident, PastOrder, PastRoad, Playback, Shift, Silence, Track } from "./types";

/** `real`: what happened; `room`: what had been heard of. */
export type Clock = "real" | "room";

export interface Fix {
  /** Milliseconds since 1970: observed, heard. */
  at: number;
  heard: number;
  lon: number;
  lat: number;
  speed: number | null;
  heading: number | null;
  /** Device and unbroken piece: within one, nothing lies between two fixes. */
  piece: string;
}

interface Piece {
  begins: number;
  ends: number;
  /** By the time they were observed. */
  fixes: Fix[];
}

export interface UnitScene {
  id: string;
  callSign: string;
  kind: UnitKind;
  status: UnitStatus;
  lon: number;
  lat: number;
  heading: number | null;
  moving: boolean;
  /** Since it was last known where it is; 0 between two fixes. */
  ageMs: number;
  stale: boolean;
  batteryPct: number | null;
  /** Silent in a dead zone. */
  silent: boolean;
}

export interface IncidentScene {
  id: string;
  number: number;
  type: string;
  priority: Priority;
  lon: number;
  lat: number;
  assigned: boolean;
}

const STATUS: Record<string, UnitStatus> = {
  issued: "assigned",
  delivered: "assigned",
  shown: "assigned",
  standby: "assigned",
  accepted: "assigned",
  en_route: "en_route",
  on_scene: "on_scene",
  feedback: "on_scene",
};
const RANK = Object.keys(STATUS);
const MOVING_MPS = 1;

const ms = (at: string | null): number => (at === null ? Number.POSITIVE_INFINITY : Date.parse(at));

/** From when to when, in milliseconds since 1970. */
type Lasting<T> = T & { begins: number; ends: number };

const lasting = <T>(value: T, begins: string, ends: string | null): Lasting<T> => ({
  ...value,
  begins: ms(begins),
  ends: ms(ends),
});
const lasts = (each: Lasting<unknown>, at: number): boolean => each.begins <= at && at < each.ends;

function groupedBy<T>(values: readonly T[], of: (value: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const value of values) {
    const group = found.get(of(value));
    if (group) group.push(value);
    else found.set(of(value), [value]);
  }
  return found;
}

interface Order {
  incidentId: string;
  unitId: string;
  steps: ({ state: string } & Record<Clock, number>)[];
}

export class Film {
  readonly since: number;
  readonly until: number;
  readonly staleMs: number;
  private readonly fixes = new Map<string, Fix[]>();
  /** The same, by device and unbroken piece. */
  private readonly pieces = new Map<string, Piece[]>();
  /** The same in the order they were heard of, each with the newest observed one heard by then. */
  private readonly known = new Map<string, { heard: number; newest: Fix }[]>();
  private readonly levels = new Map<string, { at: number; heard: number; pct: number }[]>();
  /** By unit; so the next two. */
  private readonly ordersOf: Map<string, Order[]>;
  private readonly shiftsOf: Map<string, Lasting<Shift>[]>;
  private readonly silencesOf: Record<Clock, Map<string, Lasting<Silence>[]>>;
  private readonly ordersFor: Map<string, Order[]>;
  private readonly allIncidents: Lasting<PastIncident>[];
  private readonly allRoads: Lasting<PastRoad>[];
  private readonly moments: Record<Clock, { at: number; happening: Happening }[]>;

  constructor(readonly playback: Playback) {
    this.since = ms(playback.since);
    this.until = ms(playback.until);
    this.staleMs = playback.stale_s * 1000;
    for (const track of playback.tracks) this.take(track);
    for (const [unitId, fixes] of this.fixes) {
      fixes.sort((one, other) => one.at - other.at);
      this.known.set(unitId, knownOf(fixes));
      this.pieces.set(unitId, piecesOf(fixes));
    }
    for (const levels of this.levels.values()) levels.sort((one, other) => one.at - other.at);
    const orders = playback.orders.map(orderOf);
    const shifts = playback.shifts.map((each) => lasting(each, each.on_at, each.off_at));
    const silences = (since: (each: Silence) => string) =>
      playback.silences.map((each) => lasting(each, since(each), each.ended_at));
    this.ordersOf = groupedBy(orders, ({ unitId }) => unitId);
    this.ordersFor = groupedBy(orders, ({ incidentId }) => incidentId);
    this.shiftsOf = groupedBy(shifts, (each) => each.unit_id);
    this.silencesOf = {
      real: groupedBy(
        silences((each) => each.silent_since),
        (each) => each.unit_id,
      ),
      room: groupedBy(
        silences((each) => each.foretold_at),
        (each) => each.unit_id,
      ),
    };
    this.allIncidents = playback.incidents.map((each) => lasting(each, each.opened_at, each.closed_at));
    this.allRoads = playback.roads.map((each) => lasting(each, each.begun_at, each.ended_at));
    this.moments = { real: this.ordered("at"), room: this.ordered("heard_at") };
  }

  private take(track: Track): void {
    const fixes = this.fixes.get(track.unit_id) ?? [];
    const levels = this.levels.get(track.unit_id) ?? [];
    track.at_s.forEach((seconds, place) => {
      const at = this.since + seconds * 1000;
      const heard = at + (track.lag_s[place] ?? 0) * 1000;
      fixes.push({
        at,
        heard,
        lon: track.lon[place] ?? 0,
        lat: track.lat[place] ?? 0,
        speed: track.speed_mps[place] ?? null,
        heading: track.heading_deg[place] ?? null,
        piece: `${track.device_id}|${track.run[place]}`,
      });
      const pct = track.battery_pct[place];
      if (pct != null && track.device_kind !== "vehicle") levels.push({ at, heard, pct });
    });
    this.fixes.set(track.unit_id, fixes);
    this.levels.set(track.unit_id, levels);
  }

  private ordered(by: "at" | "heard_at"): { at: number; happening: Happening }[] {
    return this.playback.happenings
      .map((happening) => ({ at: ms(happening[by]), happening }))
      .filter(({ at }) => at < this.until)
      .sort((one, other) => one.at - other.at);
  }

  /** What happened, by when it did or by when the room heard of it. */
  happenings(clock: Clock): readonly { at: number; happening: Happening }[] {
    return this.moments[clock];
  }

  /** Units that had been seen by then, by call sign. */
  units(at: number, clock: Clock): UnitScene[] {
    return this.playback.units.flatMap(({ id, call_sign, kind }) => {
      const place = clock === "real" ? this.placeAt(id, at) : this.placeKnown(id, at);
      if (!place) return [];
      const status = this.status(id, at, clock);
      const batteryPct = this.batteryAt(id, at, clock);
      const silent = this.isSilent(id, at, clock);
      return [{ id, callSign: call_sign, kind, status, batteryPct, silent, ...place }];
    });
  }

  incidents(at: number, clock: Clock): IncidentScene[] {
    return this.allIncidents
      .filter((each) => lasts(each, at))
      .map(({ id, number, type, priority, lon, lat }) => {
        const mine = this.ordersFor.get(id) ?? [];
        const assigned = mine.some((order) => stateOf(order, at, clock) !== null);
        return { id, number, type, priority, lon, lat, assigned };
      });
  }

  /** Closed and slow roads, and weather. */
  roads(at: number): PastRoad[] {
    return this.allRoads.filter((each) => lasts(each, at));
  }

  /** Where it was: between two fixes on the line between them, but never across a gap. */
  private placeAt(unitId: string, at: number) {
    const fixes = this.fixes.get(unitId) ?? [];
    const place = lastUpTo(fixes, at, (fix) => fix.at);
    const before = fixes[place];
    if (!before) return null;
    const after = fixes[place + 1];
    if (after && (after.at - before.at <= this.staleMs || after.piece === before.piece)) {
      return between(before, after, at);
    }
    // Where fixes are left out, another device of the unit may bridge what this one does not.
    const piece = this.pieces.get(unitId)?.find(({ begins, ends }) => begins <= at && at <= ends);
    const here = piece ? lastUpTo(piece.fixes, at, (fix) => fix.at) : -1;
    const [from, to] = [piece?.fixes[here], piece?.fixes[here + 1]];
    return from && to ? between(from, to, at) : this.standing(before, at);
  }

  /** The newest fix that the room had heard of. */
  private placeKnown(unitId: string, at: number) {
    const known = this.known.get(unitId) ?? [];
    const found = known[lastUpTo(known, at, ({ heard }) => heard)];
    return found ? this.standing(found.newest, at) : null;
  }

  private standing(fix: Fix, at: number) {
    const ageMs = Math.max(0, at - fix.at);
    return { lon: fix.lon, lat: fix.lat, ageMs, stale: ageMs > this.staleMs, ...driving(fix) };
  }

  private status(unitId: string, at: number, clock: Clock): UnitStatus {
    for (const order of this.ordersOf.get(unitId) ?? []) {
      const state = stateOf(order, at, clock);
      if (state) return STATUS[state] ?? "assigned";
    }
    const onDuty = this.shiftsOf.get(unitId)?.some((each) => lasts(each, at));
    return onDuty ? "available" : "off_duty";
  }

  private isSilent(unitId: string, at: number, clock: Clock): boolean {
    return this.silencesOf[clock].get(unitId)?.some((each) => lasts(each, at)) ?? false;
  }

  private batteryAt(unitId: string, at: number, clock: Clock): number | null {
    const levels = this.levels.get(unitId) ?? [];
    for (let place = lastUpTo(levels, at, (level) => level.at); place >= 0; place--) {
      const level = levels[place];
      if (level && (clock === "real" || level.heard <= at)) return level.pct;
    }
    return null;
  }
}

const orderOf = ({ incident_id, unit_id, steps }: PastOrder): Order => ({
  incidentId: incident_id,
  unitId: unit_id,
  steps: steps.map(({ state, at, heard_at }) => ({ state, real: ms(at), room: ms(heard_at) })),
});

/** The state of an order that ran then; null: it was not there yet, or over. Feedback on the way is a note. */
function stateOf(order: Order, at: number, clock: Clock): string | null {
  const arrived = order.steps.some((step) => step.state === "on_scene" && step[clock] <= at);
  let found: string | null = null;
  for (const step of order.steps) {
    if (step[clock] > at || (step.state === "feedback" && !arrived)) continue;
    if (!(step.state in STATUS)) return null;
    if (found === null || RANK.indexOf(step.state) >= RANK.indexOf(found)) found = step.state;
  }
  return found;
}

function between(before: Fix, after: Fix, at: number) {
  const share = after.at === before.at ? 0 : (at - before.at) / (after.at - before.at);
  const lon = before.lon + (after.lon - before.lon) * share;
  const lat = before.lat + (after.lat - before.lat) * share;
  return { lon, lat, ageMs: 0, stale: false, ...driving(before) };
}

function piecesOf(fixes: readonly Fix[]): Piece[] {
  const found = groupedBy(fixes, ({ piece }) => piece);
  return [...found.values()].map((piece) => ({
    begins: piece[0]?.at ?? 0,
    ends: piece.at(-1)?.at ?? 0,
    fixes: piece,
  }));
}

function driving({ speed, heading }: Fix) {
  return { heading, moving: heading !== null && (speed ?? 0) >= MOVING_MPS };
}

function knownOf(fixes: readonly Fix[]): { heard: number; newest: Fix }[] {
  let newest: Fix | null = null;
  return [...fixes]
    .sort((one, other) => one.heard - other.heard)
    .map((fix) => {
      if (!newest || fix.at >= newest.at) newest = fix;
      return { heard: fix.heard, newest };
    });
}

/** Place of the last of these, in order, that is not after `at`; -1: all are. */
export function lastUpTo<T>(values: readonly T[], at: number, of: (value: T) => number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = values[middle];
    if (value !== undefined && of(value) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
