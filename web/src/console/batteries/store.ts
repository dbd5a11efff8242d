// The batteries of a shift as the server foretells them, its spares, and the charging log of one device.
// Asked again now and then while they are shown. Mirrors server/shiftviews.py, batteryviews.py,
// spareviews.py and chargeviews.py.
import { batch, computed, signal } from "@preact/signals";
import { call } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { serverNow } from "../../shared/time";
import type { DeviceKind, Instant } from "../../shared/types";

const AGAIN_MS = 60_000;

export type Remedy = "charge" | "swap" | "power_bank" | "spare_camera" | "trade";
export type SpareKind = "pack" | "power_bank" | "camera";
export type Topic = "running" | "coming" | "spares";

export interface Advice {
  remedy: Remedy;
  by_at: Instant;
  p_lasts: number;
  charge_min: number | null;
  spare_id: string | null;
  label: string | null;
  station: string | null;
  trade_with: string | null;
  trade_call_sign: string | null;
}

export interface ShiftCamera {
  device_id: string;
  model: string;
  unit_id: string;
  call_sign: string;
  station: string | null;
  level_pct: number | null;
  level_at: Instant | null;
  charging: boolean;
  begins_at: Instant;
  ends_at: Instant;
  job_ends_at: Instant | null;
  jobs: number;
  record_min: number;
  stream_min: number;
  standby_min: number;
  p_lasts: number | null;
  lasts: boolean;
  /** Neither: nobody has watched how it drains, or told its level. */
  fails: boolean;
  empty_p10_at: Instant | null;
  empty_p50_at: Instant | null;
  empty_p90_at: Instant | null;
  advice: Advice[];
}

export interface ShiftPlan {
  now: Instant;
  begins_at: Instant | null;
  lasts_min: number;
  cameras: ShiftCamera[];
  left_out: number;
  past: { days: number; on_duty_h: number; jobs: number };
}

interface Battery {
  device_id: string;
  kind: DeviceKind;
  call_sign: string;
  level_pct: number | null;
  level_at: Instant | null;
  charging: boolean;
  min_p10: number | null;
  min_p50: number | null;
  min_p90: number | null;
  until: Instant | null;
  p_until: number | null;
}

export interface Spare {
  id: string;
  label: string;
  kind: SpareKind;
  fits: string[];
  station: string | null;
  unit_id: string | null;
  call_sign: string | null;
  charged: boolean;
  taken_by: string | null;
  taken_name: string | null;
  taken_at: Instant | null;
}

export interface Charge {
  kind: "charge" | "swap" | "unseen";
  before_at: Instant | null;
  before_pct: number | null;
  began_at: Instant;
  began_pct: number | null;
  until_at: Instant | null;
  until_pct: number | null;
  ended_at: Instant | null;
  ended_pct: number | null;
  station: string | null;
  place: string;
  capacity_pct: number | null;
}

export interface ChargingLog {
  device_id: string;
  charges: Charge[];
  next: Instant | null;
  capacity_pct: number | null;
  trend: number | null;
}

/** One battery on the page: when it is empty, and against what. Milliseconds since 1970. */
export interface Line {
  id: string;
  kind: DeviceKind;
  unit: string;
  level: number | null;
  levelAt: Instant | null;
  charging: boolean;
  from: number;
  ends: number;
  jobEnds: number | null;
  lasts: boolean;
  fails: boolean;
  p: number | null;
  /** One in ten, half, nine in ten are empty by then; null: not within a day, or nobody knows. */
  empty: [number | null, number | null, number | null];
  /** Of a camera: what is planned and what to do. */
  camera: ShiftCamera | null;
}

export const topic = signal<Topic>("running");
export const plan = signal<ShiftPlan | null>(null);
const batteries = signal<Battery[]>([]);
export const spares = signal<Spare[] | null>(null);
export const log = signal<ChargingLog | null>(null);
/** The device whose detail is open. */
export const opened = signal<string | null>(null);
export const busy = signal(false);
/** When the shift to come begins. */
export const begins = signal(nextHour());

function nextHour(): number {
  return Math.ceil(serverNow() / 3_600_000) * 3_600_000;
}

const ms = (at: Instant | null): number | null => (at === null ? null : Date.parse(at));

/** Cameras and, of the shift that runs, handsets; who dies first at the head. */
export const lines = computed<Line[]>(() => {
  const shown = plan.value;
  if (!shown) return [];
  const cameras = shown.cameras.map(ofCamera);
  const others = shown.begins_at === null ? batteries.value.flatMap((each) => ofOther(each, shown)) : [];
  const rank = ({ p }: Line) => p ?? 2;
  const likely = ({ empty }: Line) => empty[1] ?? Number.MAX_SAFE_INTEGER;
  return [...cameras, ...others].sort((a, b) => rank(a) - rank(b) || likely(a) - likely(b));
});

export const failing = computed(() => lines.value.filter(({ fails }) => fails));

function ofCamera(camera: ShiftCamera): Line {
  return {
    id: camera.device_id,
    kind: "body_camera",
    unit: camera.call_sign,
    level: camera.level_pct,
    levelAt: camera.level_at,
    charging: camera.charging,
    from: Date.parse(camera.begins_at),
    ends: Date.parse(camera.ends_at),
    jobEnds: ms(camera.job_ends_at),
    lasts: camera.lasts,
    fails: camera.fails,
    p: camera.p_lasts,
    empty: [ms(camera.empty_p10_at), ms(camera.empty_p50_at), ms(camera.empty_p90_at)],
    camera,
  };
}

/** Of other devices nothing is planned: each goes on as it does now. */
function ofOther(battery: Battery, { now, lasts_min }: ShiftPlan): Line[] {
  const { kind, until, p_until: p } = battery;
  if (kind === "body_camera" || until === null) return [];
  const from = Date.parse(now);
  const at = (minutes: number | null) => (minutes === null ? null : from + minutes * 60_000);
  return [
    {
      id: battery.device_id,
      kind,
      unit: battery.call_sign,
      level: battery.level_pct,
      levelAt: battery.level_at,
      charging: battery.charging,
      from,
      ends: Math.max(Date.parse(until), from),
      jobEnds: null,
      lasts: p !== null && p >= lasts_min,
      fails: p !== null && p < lasts_min,
      p,
      empty: [at(battery.min_p10), at(battery.min_p50), at(battery.min_p90)],
      camera: null,
    },
  ];
}

// -- asking -------------------------------------------------------------------------------

/** Ask now and every minute, until stopped. */
export function startBatteries(): () => void {
  begins.value = nextHour();
  void ask();
  const timer = setInterval(() => void ask(), AGAIN_MS);
  return () => {
    clearInterval(timer);
    turn += 1;
    batch(() => {
      topic.value = "running";
      plan.value = spares.value = log.value = opened.value = null;
    });
  };
}

export function choose(next: Topic): void {
  if (topic.peek() === next) return;
  batch(() => {
    topic.value = next;
    plan.value = opened.value = log.value = null;
  });
  void ask();
}

/** Counts what was asked: an answer that something newer has overtaken is not shown. */
let turn = 0;

export async function ask(): Promise<void> {
  const [asked, mine] = [topic.peek(), ++turn];
  busy.value = true;
  try {
    const put = asked === "spares" ? await askSpares() : await askPlan(asked);
    if (mine === turn) put();
  } catch (error) {
    toastError(error);
  } finally {
    if (mine === turn) busy.value = false;
  }
}

async function askPlan(asked: Topic): Promise<() => void> {
  const coming = asked === "coming" ? `?begins=${new Date(begins.peek()).toISOString()}` : "";
  const [found, all] = await Promise.all([
    call<ShiftPlan>("GET", `/api/shift-plan${coming}`),
    coming ? [] : call<Battery[]>("GET", "/api/batteries"),
  ]);
  return () =>
    batch(() => {
      plan.value = found;
      batteries.value = all;
    });
}

async function askSpares(): Promise<() => void> {
  const found = await call<Spare[]>("GET", "/api/spares");
  return () => {
    spares.value = found;
  };
}

/** Open a device, or close it. */
export async function open(deviceId: string): Promise<void> {
  const next = opened.peek() === deviceId ? null : deviceId;
  batch(() => {
    opened.value = next;
    log.value = null;
  });
  if (next === null) return;
  try {
    const found = await call<ChargingLog>("GET", `/api/devices/${encodeURIComponent(next)}/charges?limit=30`);
    if (opened.peek() === next) log.value = found;
  } catch (error) {
    toastError(error);
  }
}

export interface Place {
  station?: string;
  unit?: string;
}

export const take = (spare: Spare, badge: string) => change(`/api/spares/${spare.id}/take`, { badge });

export const put = (spare: Spare, place: Place, charged: boolean) =>
  change(`/api/spares/${spare.id}/put`, { ...place, charged });

async function change(path: string, body: object): Promise<void> {
  busy.value = true;
  try {
    const changed = await call<Spare>("POST", path, body);
    turn += 1;
    spares.value = spares.peek()?.map((each) => (each.id === changed.id ? changed : each)) ?? null;
  } catch (error) {
    toastError(error);
    await ask();
  } finally {
    busy.value = false;
  }
}
