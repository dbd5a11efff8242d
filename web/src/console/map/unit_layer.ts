// Units on the console's map, kept in step with the store: a unit is looked at again when the feed says
// something of it, when its age is told otherwise, or when it is chosen; never all because of one.
import { computed, effect, signal } from "@preact/signals";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import { batteryLevel } from "../../shared/components/Battery";
import { language } from "../../shared/i18n";
import type { BatteryMark, UnitLook } from "../../shared/map/marks";
import { palettes } from "../../shared/map/palette";
import { Turns } from "../../shared/map/turns";
import { UnitLayer } from "../../shared/map/unit_layer";
import type { UnitMark } from "../../shared/map/unit_marks";
import { theme } from "../../shared/theme";
import { durationText, now } from "../../shared/time";
import type { Unit } from "../../shared/types";
import { contactLabel } from "../contact";
import { chosen } from "../detail_store";
import { STALE_S, selectedIncident, selection, sosCalls, units } from "../store";
import { watchUnits } from "../unit_store";
import type { Target } from "./layers";

const MOVING_MPS = 1;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** More than a clock that runs could have moved: another clock holds. */
const CLOCK_JUMP_MS = 5_000;

/** How many clusters the map shows. */
export const clusterCount = signal(0);

/** Never part of a cluster: the selected, those who call for help, and those sent or about to be. */
const apart = computed(() => {
  const found = new Set(chosen.value);
  if (selection.value?.kind === "unit") found.add(selection.value.id);
  for (const { unit_id } of sosCalls.value) if (unit_id) found.add(unit_id);
  for (const order of selectedIncident.value?.orders ?? []) {
    if (order.closed_at === null) found.add(order.unit_id);
  }
  return found;
});

export function unitLayer(map: OlMap, zIndex: number) {
  const layer = new UnitLayer(zIndex, palettes[theme.peek()], (clusters) => {
    clusterCount.value = clusters.length;
  });
  const turns = new Turns();
  map.addLayer(layer);

  function look(ids: Iterable<string>): void {
    const changed: UnitMark[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const unit = units.peek().get(id);
      if (!unit?.position) {
        gone.push(id);
        continue;
      }
      changed.push(markOf(unit, unit.position));
      turns.wait(id, nextLook(Date.parse(unit.position.observed_at)));
    }
    if (changed.length + gone.length) layer.update(changed, gone);
  }

  let before: ReadonlySet<string> = new Set();
  let clock = now.peek();
  const stops = [
    effect(() => layer.paint(palettes[theme.value])),
    watchUnits(look),
    effect(() => {
      language.value;
      look(units.peek().keys());
    }),
    effect(() => {
      const next = apart.value;
      look(new Set([...before, ...next]));
      before = next;
    }),
    effect(() => {
      const jumped = Math.abs(now.value - clock) > CLOCK_JUMP_MS;
      clock = now.value;
      const due = turns.take(clock);
      look(jumped ? units.peek().keys() : due);
    }),
  ];
  return {
    at(pixel: number[], tolerance: number): Target | undefined {
      const hit = layer.at(pixel, tolerance);
      if (!hit) return undefined;
      return "unit" in hit ? { kind: "unit", id: hit.unit } : { kind: "cluster", cluster: hit.cluster };
    },
    remove(): void {
      for (const stop of stops) stop();
    },
  };
}

const ageMs = (observedAt: number): number => Math.max(0, now.peek() - observedAt);

/** When time alone makes it look otherwise: it goes stale, then its age in minutes, or hours and minutes. */
function nextLook(observedAt: number): number {
  const age = ageMs(observedAt);
  if (age <= STALE_S * 1000) return observedAt + STALE_S * 1000 + 1;
  const step = age < 24 * HOUR_MS ? MINUTE_MS : HOUR_MS;
  return observedAt + (Math.floor(age / step) + 1) * step;
}

function markOf(unit: Unit, { lon, lat, observed_at }: NonNullable<Unit["position"]>): UnitMark {
  const [x = 0, y = 0] = fromLonLat([lon, lat]);
  const age = ageMs(Date.parse(observed_at));
  const stale = age > STALE_S * 1000;
  return {
    id: unit.id,
    x,
    y,
    look: lookOf(unit, stale, selection.peek()?.id === unit.id),
    label: labelOf(unit, stale ? age : null),
    apart: apart.peek().has(unit.id),
    overdue: unit.contact?.state === "overdue",
  };
}

function lookOf(unit: Unit, stale: boolean, selected: boolean): UnitLook {
  const { speed_mps, heading_deg } = unit.position ?? {};
  const moving = unit.status !== "off_duty" && heading_deg != null && (speed_mps ?? 0) >= MOVING_MPS;
  const heading16 = moving ? Math.round(heading_deg / 22.5) % 16 : null;
  const { kind, status } = unit;
  return { kind, status, stale, heading16, battery: batteryMark(unit), selected };
}

/** The worst of the unit's cameras and handsets; a vehicle's own battery does not count. */
function batteryMark(unit: Unit): BatteryMark {
  if (unit.status === "off_duty") return "none";
  let worst: BatteryMark = "none";
  for (const { kind, charging, battery_pct } of unit.devices) {
    if (kind === "vehicle" || charging) continue;
    const level = batteryLevel(battery_pct);
    if (level === "critical") return "critical";
    if (level === "low") worst = "low";
  }
  return worst;
}

function labelOf(unit: Unit, staleMs: number | null): string {
  const silent = contactLabel(unit.contact);
  if (silent) return `${unit.call_sign} · ${silent}`;
  if (staleMs === null) return unit.call_sign;
  return `${unit.call_sign} · ${durationText(Math.floor(staleMs / MINUTE_MS) * MINUTE_MS)}`;
}
