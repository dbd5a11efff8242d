// Where the selected unit was lately, asked again while it is shown. Mirrors server/mapviews.py.
import { computed, effect, signal } from "@preact/signals";
import { call } from "../../../shared/api";
import { toastError } from "../../../shared/components/Toast";
import type { DeviceKind, Instant, LonLat } from "../../../shared/types";
import { selectedUnit } from "../../store";
import { isOn } from "./switches";

const AGAIN_MS = 30_000;

export const MINUTES = [10, 30, 60] as const;
export const minutes = signal<number>(30);

interface Track {
  device_id: string;
  device_kind: DeviceKind;
  at_s: number[];
  lag_s: number[];
  run: number[];
  lon: number[];
  lat: number[];
}

interface Trail {
  unit_id: string;
  since: Instant;
  stale_s: number;
  tracks: Track[];
}

/** One position of a trail. */
export interface Fix {
  at: LonLat;
  /** Milliseconds since 1970. */
  atMs: number;
  /** So late that it was never shown as where the unit is. */
  late: boolean;
}

/** What one device said, in unbroken pieces: nobody knows where it was between two. */
export interface Path {
  deviceId: string;
  kind: DeviceKind;
  pieces: Fix[][];
  count: number;
}

export const trail = signal<Trail | null>(null);

/** The device that said most first. */
export const paths = computed<Path[]>(() => {
  const found = trail.value;
  if (!found || found.unit_id !== selectedUnit.value?.id) return [];
  return found.tracks
    .map((track) => pathOf(track, Date.parse(found.since), found.stale_s))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
});

function pathOf(track: Track, sinceMs: number, staleS: number): Path {
  const pieces = new Map<number, Fix[]>();
  for (const [nth, atS] of track.at_s.entries()) {
    if (atS < 0) continue;
    const run = track.run[nth] ?? 0;
    const piece = pieces.get(run) ?? [];
    pieces.set(run, piece);
    piece.push({
      at: [track.lon[nth] ?? 0, track.lat[nth] ?? 0],
      atMs: sinceMs + 1000 * atS,
      late: (track.lag_s[nth] ?? 0) > staleS,
    });
  }
  const found = [...pieces.values()];
  return {
    deviceId: track.device_id,
    kind: track.device_kind,
    pieces: found,
    count: found.reduce((sum, { length }) => sum + length, 0),
  };
}

const wanted = computed(() =>
  isOn("trail") && selectedUnit.value
    ? `/api/units/${encodeURIComponent(selectedUnit.value.id)}/trail?minutes=${minutes.value}`
    : null,
);

/** Ask whenever another trail is wanted, and now and then for what came since. */
export function startTrail(): () => void {
  let newest = 0;
  async function ask(path: string | null): Promise<void> {
    newest += 1;
    const mine = newest;
    if (path === null) {
      trail.value = null;
      return;
    }
    try {
      const found = await call<Trail>("GET", path);
      if (mine === newest) trail.value = found;
    } catch (error) {
      if (mine === newest) toastError(error);
    }
  }
  const stop = effect(() => void ask(wanted.value));
  const timer = setInterval(() => {
    if (wanted.peek() && document.visibilityState === "visible") void ask(wanted.peek());
  }, AGAIN_MS);
  return () => {
    stop();
    clearInterval(timer);
    newest += 1;
    trail.value = null;
  };
}
