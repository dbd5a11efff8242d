// How long each unit's cameras and handsets last, as a mark at the unit: asked again while it is shown. Mirrors
// server/batteryviews.py.
import { computed, effect, signal } from "@preact/signals";
import Feature from "ol/Feature";
import Point from "ol/geom/Point";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { call } from "../../../shared/api";
import { toastError } from "../../../shared/components/Toast";
import type { Palette } from "../../../shared/map/palette";
import { CLUSTERS_ABOVE } from "../../../shared/map/unit_scene";
import { durationText } from "../../../shared/time";
import type { DeviceKind, Instant } from "../../../shared/types";
import { units } from "../../store";
import { liveLayer, words, Z } from "./drawing";
import { isOn } from "./switches";
import { t } from "./words";

const AGAIN_MS = 60_000;
const SOON_MIN = 60;
const LIKELY = 0.5;
/** On the map; of more units, those that last least. */
const MARKS_MAX = 400;
/** Metres to a pixel from which units may stand in clusters: a mark there would be nobody's. */
const CROWDED_MPP = 2.5;

interface Battery {
  device_id: string;
  unit_id: string;
  kind: DeviceKind;
  call_sign: string;
  charging: boolean;
  min_p10: number | null;
  min_p50: number | null;
  min_p90: number | null;
  until: Instant | null;
  p_until: number | null;
}

/** `short`: more likely empty than not before its unit's shift ends. */
export type Standing = "soon" | "short" | "lasts" | "charging" | "unknown";

/** Of a unit, the battery that is empty first. */
export interface Worst {
  unitId: string;
  callSign: string;
  kind: DeviceKind;
  standing: Standing;
  p10: number | null;
  p50: number | null;
  p90: number | null;
}

const batteries = signal<Battery[] | null>(null);
const RANK: Record<Standing, number> = { soon: 0, short: 1, lasts: 2, unknown: 3, charging: 4 };
const SIGN: Record<Standing, string> = { soon: "!!", short: "!", lasts: "", charging: "↯", unknown: "?" };

/** The one that lasts least first. */
export const worst = computed<Worst[]>(() => {
  const found = new Map<string, Worst>();
  for (const battery of batteries.value ?? []) {
    if (battery.kind === "vehicle") continue;
    const one = worstOf(battery);
    const known = found.get(one.unitId);
    if (!known || before(one, known) < 0) found.set(one.unitId, one);
  }
  return [...found.values()].sort(before);
});

const before = (a: Worst, b: Worst): number =>
  RANK[a.standing] - RANK[b.standing] || (a.p50 ?? Number.MAX_VALUE) - (b.p50 ?? Number.MAX_VALUE);

function worstOf({ unit_id, call_sign, kind, charging, min_p10, min_p50, min_p90, p_until }: Battery): Worst {
  const of = { unitId: unit_id, callSign: call_sign, kind, p10: min_p10, p50: min_p50, p90: min_p90 };
  if (charging) return { ...of, standing: "charging" };
  if (min_p50 === null)
    return { ...of, standing: p_until !== null && p_until > LIKELY ? "lasts" : "unknown" };
  if (min_p50 < SOON_MIN) return { ...of, standing: "soon" };
  return { ...of, standing: p_until !== null && p_until < LIKELY ? "short" : "lasts" };
}

/** "!! 40 min": the sign alone where nobody knows how long, or it is being charged. */
export function markWords({ standing, p50 }: Pick<Worst, "standing" | "p50">): string {
  const time = p50 === null || standing === "charging" ? "" : durationText(p50 * 60_000);
  return [SIGN[standing], time || (standing === "lasts" ? t("endurance.day") : "")].filter(Boolean).join(" ");
}

/** Keep them fresh while the layer is on; until stopped. */
export function startEndurance(): () => void {
  let newest = 0;
  async function ask(): Promise<void> {
    newest += 1;
    const mine = newest;
    try {
      const found = await call<Battery[]>("GET", "/api/batteries");
      if (mine === newest) batteries.value = found;
    } catch (error) {
      if (mine === newest) toastError(error);
    }
  }
  const stop = effect(() => {
    newest += 1;
    if (isOn("endurance")) void ask();
    else batteries.value = null;
  });
  const timer = setInterval(() => {
    if (isOn("endurance") && document.visibilityState === "visible") void ask();
  }, AGAIN_MS);
  return () => {
    stop();
    clearInterval(timer);
    newest += 1;
    batteries.value = null;
  };
}

export const addEnduranceLayer = (map: OlMap): (() => void) =>
  liveLayer(map, { zIndex: Z.endurance, declutter: true }, (palette) => {
    const isCrowded = units.value.size > CLUSTERS_ABOVE;
    return worst.value.slice(0, MARKS_MAX).flatMap((one) => {
      const { position, status } = units.value.get(one.unitId) ?? {};
      return position && status !== "off_duty" ? [mark(one, position, palette, isCrowded)] : [];
    });
  });

const colorOf = (standing: Standing, palette: Palette): string =>
  standing === "soon"
    ? palette.batteryCritical
    : standing === "short"
      ? palette.batteryLow
      : standing === "lasts"
        ? palette.status.available
        : palette.stale;

function mark(
  one: Worst,
  { lon, lat }: { lon: number; lat: number },
  palette: Palette,
  isCrowded: boolean,
): Feature {
  const feature = new Feature(new Point(fromLonLat([lon, lat])));
  const color = colorOf(one.standing, palette);
  const urgent = one.standing === "soon";
  const style = new Style({
    text: words(palette, markWords(one), {
      offsetY: -23,
      padding: [1, 3, 0, 4],
      fill: new Fill({ color: urgent ? palette.paper : palette.ink }),
      stroke: undefined,
      backgroundFill: new Fill({ color: urgent ? color : palette.paper }),
      backgroundStroke: new Stroke({ color, width: one.standing === "short" ? 2 : 1.2 }),
      declutterMode: urgent ? "none" : "declutter",
    }),
    zIndex: 10 - RANK[one.standing],
  });
  feature.setStyle((_, resolution) => (isCrowded && resolution > CROWDED_MPP ? undefined : style));
  return feature;
}
