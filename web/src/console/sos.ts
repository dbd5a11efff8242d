// Calls for help: sound until a dispatcher has acknowledged, nearest units at once, a place by hand. All other alarms
// come later (alarms/); these must not wait for anything.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../shared/api";
import { toastError } from "../shared/components/Toast";
import type { Recommendation, SosCall } from "../shared/types";
import { openIncident } from "./commands";
import { type Notes, openSound, ring } from "./sound";
import { incidents, mapTool, openForm, sosCalls } from "./store";
import { t } from "./words";

/** Between two sirens. */
const AGAIN_MS = 2_500;
/** A recommendation that could not be had is asked for again. */
const ASK_AGAIN_MS = 3_000;
const NEAREST_LEN = 3;
export const SIREN: Notes = [
  [880, 0, 0.35],
  [587, 0.35, 0.35],
  [880, 0.7, 0.35],
  [587, 1.05, 0.35],
];
/** alarms/ lowers it where another tab rings, or somebody wants it so. */
export const sirenLoudness = signal(0.5);
/** The first of the other alarms, to be acknowledged after all calls for help. */
export const nextAlarm = signal<(() => void) | null>(null);

export const unacknowledged = computed(() => sosCalls.value.filter((call) => !call.acknowledged_at));

/** By call. */
const nearest = signal<ReadonlyMap<string, Recommendation>>(new Map());

/** The best units that can go; null: still being computed. */
export function nearestUnits(call: SosCall): Recommendation["candidates"] | null {
  const found = nearest.value.get(call.id);
  return found ? found.candidates.slice(0, NEAREST_LEN) : null;
}

export function startSos(): void {
  openSound();
  let siren: ReturnType<typeof setInterval> | undefined;
  effect(() => {
    const sounding = unacknowledged.value.length > 0;
    if (sounding && siren === undefined) {
      wail();
      siren = setInterval(wail, AGAIN_MS);
    } else if (!sounding) {
      clearInterval(siren);
      siren = undefined;
    }
  });
  effect(() => {
    for (const { id, incident_id } of unacknowledged.value) if (incident_id) void askNearest(id);
  });
}

const wail = () => ring(SIREN, sirenLoudness.peek());

const asked = new Set<string>();

async function askNearest(callId: string): Promise<void> {
  if (asked.has(callId)) return;
  asked.add(callId);
  try {
    const found = await api.nearestSos(callId);
    nearest.value = new Map([...nearest.peek(), [callId, found]]);
  } catch (error) {
    console.warn("no recommendation for a call yet", error);
    setTimeout(() => {
      asked.delete(callId);
      if (unacknowledged.peek().some(({ id }) => id === callId)) void askNearest(callId);
    }, ASK_AGAIN_MS);
  }
}

/** Says that a person has seen it, and opens what is to be done. */
export async function acknowledge(call: SosCall): Promise<void> {
  try {
    putCall(await api.acknowledgeSos(call.id));
    openCall(call);
  } catch (error) {
    toastError(error);
  }
}

export function acknowledgeFirst(): void {
  const first = unacknowledged.peek()[0];
  if (first) void acknowledge(first);
  else nextAlarm.peek()?.();
}

export function openCall({ incident_id }: SosCall): void {
  const incident = incident_id ? incidents.peek().get(incident_id) : undefined;
  if (incident) openIncident(incident);
}

/** The next click on the map is where the call comes from. */
export function placeOnMap(call: SosCall): void {
  openForm.peek()?.close();
  const close = () => {
    mapTool.value = null;
    openForm.value = null;
  };
  openForm.value = { close };
  mapTool.value = {
    hint: t("sos.pick", { who: call.call_sign ?? call.device_id }),
    onClick: ([lon, lat]) => {
      close();
      api.placeSos(call.id, lon, lat).then(putCall, toastError);
    },
  };
}

/** The server's answer, before the feed brings the same. */
function putCall(changed: SosCall): void {
  const still = !changed.acknowledged_at || (!changed.incident_id && !changed.withdrawn_at);
  sosCalls.value = sosCalls
    .peek()
    .flatMap((call) => (call.id !== changed.id ? [call] : still ? [changed] : []));
}
