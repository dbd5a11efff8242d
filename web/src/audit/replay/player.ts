// What the replay shows and how it runs: span, moment, speed, clock. The address holds span, moment and
// clock, so that it can be sent to somebody.
import { batch, signal } from "@preact/signals";
import * as api from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { addressOf, type Span } from "./address";
import { type Clock, Film, lastUpTo } from "./film";
import type { Playback, Track, TrackPage } from "./types";

export const SPEEDS = [1, 2, 5, 10, 30, 60] as const;
export const SPANS_MIN = [15, 30, 60, 120, 360] as const;
const TIMEOUT_MS = 60_000;
const MINUTE_MS = 60_000;
/** So many times finer than one answer has room for: as many pages, about. */
const FINER = 10;
const STEP_S_MAX = 600;
/** A page that nobody saw meanwhile goes on where it was. */
const FRAME_MS_MAX = 1_000;
/** Browsers refuse an address that changes with every move of a slider. */
const ADDRESS_MS = 200;

export const film = signal<Film | null>(null);
export const moment = signal(0);
export const speed = signal(10);
export const playing = signal(false);
export const clock = signal<Clock>("real");
export const loading = signal(false);
/** Positions are shown thinned out, and finer ones are on their way. */
export const refining = signal(false);

let asked = 0;

/** Fetch a span and stand at a moment of it, or at its beginning. */
export async function open(span: Span, at?: number): Promise<void> {
  const mine = ++asked;
  playing.value = false;
  loading.value = true;
  refining.value = false;
  try {
    const path = `/api/replay?${query(span)}`;
    const found = new Film(await api.call<Playback>("GET", path, undefined, false, TIMEOUT_MS));
    if (mine !== asked) return;
    batch(() => {
      film.value = found;
      moment.value = Math.min(Math.max(at ?? found.since, found.since), found.until);
    });
    toAddress();
    if (found.playback.thinned) void refine(span, found.playback, mine);
  } catch (error) {
    if (mine === asked) toastError(error);
  } finally {
    if (mine === asked) loading.value = false;
  }
}

/** Fetch what was left out, page by page, and show it once it is whole. */
async function refine(span: Span, thin: Playback, mine: number): Promise<void> {
  const step_s = Math.min(STEP_S_MAX, Math.max(1, Math.ceil(thin.step_s / FINER)));
  const units = new Map(thin.units.map((unit) => [unit.id, unit]));
  const tracks: Track[] = [];
  refining.value = true;
  try {
    for (let after: string | null = ""; after !== null; ) {
      const wanted = `${query(span)}&${new URLSearchParams({ step: String(step_s), after })}`;
      const path = `/api/replay/tracks?${wanted}`;
      const page: TrackPage = await api.call("GET", path, undefined, false, TIMEOUT_MS);
      if (mine !== asked) return;
      for (const unit of page.units) units.set(unit.id, unit);
      tracks.push(...page.tracks);
      after = page.next_after;
    }
    const known = [...units.values()].sort((one, other) => one.call_sign.localeCompare(other.call_sign));
    film.value = new Film({ ...thin, step_s, units: known, tracks });
  } catch (error) {
    if (mine === asked) toastError(error);
  } finally {
    if (mine === asked) refining.value = false;
  }
}

/** Of a request for a span. */
export function query({ from, minutes }: Span): string {
  const to = new Date(from + minutes * MINUTE_MS).toISOString();
  return new URLSearchParams({ from: new Date(from).toISOString(), to }).toString();
}

export const spanOf = ({ since, until }: Film): Span => ({
  from: since,
  minutes: Math.round((until - since) / MINUTE_MS),
});

export function seek(at: number): void {
  const shown = film.peek();
  if (!shown) return;
  moment.value = Math.min(Math.max(at, shown.since), shown.until);
  toAddress();
}

export function setClock(next: Clock): void {
  clock.value = next;
  toAddress();
}

/** To the next (1) or previous (-1) happening. */
export function step(direction: 1 | -1): void {
  const moments = film.peek()?.happenings(clock.peek()) ?? [];
  const now = moment.peek();
  const here = lastUpTo(moments, direction === 1 ? now : now - 1, ({ at }) => at);
  const next = moments[direction === 1 ? here + 1 : here];
  if (next) seek(next.at);
}

let frame = 0;
let last = 0;

export function play(): void {
  const shown = film.peek();
  if (!shown || playing.peek()) return;
  if (moment.peek() >= shown.until) moment.value = shown.since;
  playing.value = true;
  last = performance.now();
  frame = requestAnimationFrame(advance);
}

export function pause(): void {
  cancelAnimationFrame(frame);
  playing.value = false;
  toAddress();
}

export const toggle = (): void => (playing.peek() ? pause() : play());

function advance(now: number): void {
  const shown = film.peek();
  if (!shown || !playing.peek()) return;
  const next = moment.peek() + Math.min(now - last, FRAME_MS_MAX) * speed.peek();
  last = now;
  moment.value = Math.min(next, shown.until);
  if (next >= shown.until) pause();
  else frame = requestAnimationFrame(advance);
}

// -- the address --

let writing = 0;
/** What the bar holds as far as it was read or written here: what a person puts there is not written over. */
let known = "";

function toAddress(): void {
  clearTimeout(writing);
  writing = setTimeout(writeAddress, ADDRESS_MS);
}

function writeAddress(): void {
  const shown = film.peek();
  if (!shown || location.hash !== known) return;
  history.replaceState(null, "", addressOf(spanOf(shown), moment.peek(), clock.peek()));
  known = location.hash;
}

/** Open what the address says; without anything: the hour that is over. */
export async function openAddress(): Promise<Span> {
  clearTimeout(writing);
  known = location.hash;
  const parameters = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const minutes = Number(parameters.get("min")) || 60;
  const from = Date.parse(parameters.get("from") ?? "") || Date.now() - minutes * MINUTE_MS;
  const at = Date.parse(parameters.get("at") ?? "");
  clock.value = parameters.get("clock") === "room" ? "room" : "real";
  const span = { from, minutes };
  await open(span, Number.isNaN(at) ? undefined : at);
  return span;
}
