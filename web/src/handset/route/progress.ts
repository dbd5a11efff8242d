// Where somebody is along a way: fixes are laid on its line, and off it is off it. No screen, no clock.
import type { Way, WayStep } from "../way";

/** Metres of a degree of latitude. */
const DEGREE_M = 111_195;
/** A fix further from the line than this, and than its own accuracy says, is off the way. Starting value. */
const OFF_M = 45;
/** So many such fixes in a row: one alone is a reflection from a rock face. Starting value. */
const OFF_FIXES = 2;
/** Where the way passes a place twice: a nearer piece must be nearer by so much to count as a leap. */
const LEAP_M = 25;
/** What a fix may fall back along the way without being a leap. */
const BACK_M = 60;
/** Nearer to the end than this, one has arrived. Starting value. */
const ARRIVED_M = 35;

export interface Spot {
  lon: number;
  lat: number;
  /** Metres; the browser's own guess. */
  acc?: number | undefined;
}

/** A point of the way. */
export interface Place {
  at_m: number;
  lon: number;
  lat: number;
  /** How far the fix lies beside it. */
  off_m: number;
  /** Of the way there, clockwise from north. */
  bearing_deg: number;
}

export interface Progress {
  place: Place;
  off: boolean;
  arrived: boolean;
  /** The instruction to come; the last one once there is no other. */
  next: WayStep;
  toNextM: number;
  /** The stretch that is being driven. */
  on: WayStep;
  leftM: number;
  leftS: number;
}

/** Follows one way, fix by fix. */
export class Follower {
  readonly way: Way;
  readonly #flat: { x: number; y: number; at_m: number }[];
  readonly #squeeze: number;
  #beforeM = 0;
  #offFixes = 0;

  constructor(way: Way) {
    this.way = way;
    this.#squeeze = Math.cos(((way.line[0]?.[1] ?? 0) * Math.PI) / 180);
    this.#flat = way.line.map(([lon, lat, at_m]) => ({ ...this.#metres({ lon, lat }), at_m }));
  }

  take(fix: Spot): Progress {
    const place = this.#snap(fix);
    const off = place.off_m > Math.max(OFF_M, 1.5 * (fix.acc ?? 0));
    this.#offFixes = off ? this.#offFixes + 1 : 0;
    if (!off) this.#beforeM = place.at_m;
    return this.#told(place, this.#offFixes >= OFF_FIXES);
  }

  /** Of the thin line between two places of the way, both ends included: longitude and latitude. */
  between(fromM: number, toM: number): [number, number][] {
    const inner = this.way.line.filter(([, , at]) => at > fromM && at < toM);
    return [this.#at(fromM), ...inner.map(([lon, lat]): [number, number] => [lon, lat]), this.#at(toM)];
  }

  #told(place: Place, off: boolean): Progress {
    const { steps, distance_m } = this.way;
    const at_m = place.at_m;
    const last = steps.at(-1) as WayStep;
    const next = steps.find((step) => step.at_m > at_m + 1) ?? last;
    const on = steps.findLast((step) => step.at_m <= at_m + 1) ?? (steps[0] as WayStep);
    const leftM = Math.max(0, distance_m - at_m);
    return {
      place,
      off,
      arrived: leftM <= ARRIVED_M,
      next,
      toNextM: Math.max(0, next.at_m - at_m),
      on,
      leftM,
      leftS: secondsLeft(steps, at_m),
    };
  }

  /** The nearest point of the line; of several about as near, the one that goes on from before. */
  #snap(fix: Spot): Place {
    const spot = this.#metres(fix);
    let best = { cost: Number.POSITIVE_INFINITY, off_m: 0, at_m: 0, segment: 0, share: 0 };
    for (let i = 0; i + 1 < this.#flat.length; i++) {
      const [a, b] = [this.#flat[i], this.#flat[i + 1]];
      if (!a || !b) continue;
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const length2 = dx * dx + dy * dy;
      const along = length2 > 0 ? ((spot.x - a.x) * dx + (spot.y - a.y) * dy) / length2 : 0;
      const share = Math.min(1, Math.max(0, along));
      const off_m = Math.hypot(spot.x - a.x - share * dx, spot.y - a.y - share * dy);
      const at_m = a.at_m + share * (b.at_m - a.at_m);
      const leap = at_m < this.#beforeM - BACK_M || at_m > this.#beforeM + reach(off_m);
      const cost = off_m + (leap ? LEAP_M : 0);
      if (cost < best.cost) best = { cost, off_m, at_m, segment: i, share };
    }
    return this.#place(best);
  }

  #place({ at_m, off_m, segment }: { at_m: number; off_m: number; segment: number }): Place {
    const [lon, lat] = this.#at(at_m);
    const [a, b] = [this.#flat[segment], this.#flat[segment + 1]];
    const bearing = a && b ? (Math.atan2(b.x - a.x, b.y - a.y) * 180) / Math.PI : 0;
    return { at_m, off_m, lon, lat, bearing_deg: (bearing + 360) % 360 };
  }

  #at(at_m: number): [number, number] {
    const { line } = this.way;
    const after = line.findIndex(([, , at]) => at >= at_m);
    const end = line[after < 0 ? line.length - 1 : after] ?? [0, 0, 0];
    const start = line[after - 1] ?? end;
    const share = end[2] > start[2] ? Math.min(1, (at_m - start[2]) / (end[2] - start[2])) : 1;
    return [start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])];
  }

  #metres({ lon, lat }: { lon: number; lat: number }): { x: number; y: number } {
    return { x: lon * this.#squeeze * DEGREE_M, y: lat * DEGREE_M };
  }
}

/** How far along a unit may have come between two fixes without a leap: minutes without position, in a tunnel. */
const reach = (off_m: number): number => 2_000 + 10 * off_m;

function secondsLeft(steps: WayStep[], at_m: number): number {
  let seconds = 0;
  for (const step of steps) {
    if (step.maneuver === "walk" || step.distance_m <= 0) continue;
    const driven = Math.min(1, Math.max(0, (at_m - step.at_m) / step.distance_m));
    seconds += (1 - driven) * step.duration_s;
  }
  return seconds;
}
