// How far from here to there: straight, by road, in how many minutes; and where that is.
//
// Marks for browser tests: ruler, ruler-straight, ruler-travel, ruler-vehicle, ruler-mode, coordinates,
// coordinates-copy.
import { effect } from "@preact/signals";
import type OlMap from "ol/Map";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { toLonLat } from "ol/proj";
import { useEffect } from "preact/hooks";
import { Button } from "../../../shared/components/Button";
import { conditionWords } from "../../../shared/conditions";
import { distanceText, etaText } from "../../../shared/time";
import type { LonLat } from "../../../shared/types";
import { mapTool, measuring } from "../../store";
import { Choice } from "./Choice";
import { Coordinates } from "./Coordinates";
import { addRulerLayer } from "./ruler_layer";
import {
  computing,
  ends,
  MODES,
  mode,
  place,
  pointer,
  refused,
  startRuler,
  straight,
  type Travel,
  travel,
  VEHICLES,
  vehicle,
} from "./ruler_store";
import { t } from "./words";

export function Ruler({ map }: { map: OlMap }) {
  useEffect(() => measure(map), [map]);
  return (
    <section
      class="map-card ruler"
      aria-label={t("ruler.title")}
      data-testid="ruler"
      aria-busy={computing.value}
    >
      <header>
        <b>{t("ruler.title")}</b>
        <Button kind="quiet" size="small" icon="close" aria-label={t("app.close")} onClick={close} />
      </header>
      {ends.value.map((at, nth) => (
        <Coordinates key={nth} at={at} name={"AB"[nth]} />
      ))}
      {straight.value && <Result />}
      {ends.value.length > 0 && (
        <div class="ruler-choices">
          <Choice mark="ruler-vehicle" label="vehicle" options={VEHICLES} chosen={vehicle} />
          <Choice mark="ruler-mode" label="mode" options={MODES} chosen={mode} />
        </div>
      )}
    </section>
  );
}

function close(): void {
  measuring.value = false;
}

function Result() {
  const line = straight.value;
  return (
    <dl class="ruler-result" aria-live="polite">
      <dt>{t("ruler.straight")}</dt>
      <dd data-testid="ruler-straight">
        {line && `${distanceText(line.metres)} · ${Math.round(line.bearingDeg) % 360}°`}
      </dd>
      {ends.value.length === 2 && (
        <>
          <dt>{t("ruler.road")}</dt>
          <dd data-testid="ruler-travel">
            {travel.value ? <Way found={travel.value} /> : refused.value || t("computing")}
          </dd>
        </>
      )}
    </dl>
  );
}

function Way({ found }: { found: Travel }) {
  const more = [
    found.start_m > NEAR_M ? t("ruler.start", { distance: distanceText(found.start_m) }) : "",
    found.walk_m > NEAR_M
      ? t("ruler.walk", { distance: distanceText(found.walk_m), time: etaText(found.walk_s) })
      : "",
    found.condition === "dry" ? "" : conditionWords(found.condition),
  ].filter(Boolean);
  return (
    <>
      <b>{etaText(found.duration_s)}</b> · {distanceText(found.road_m)}
      <small>{t("ruler.p90", { time: etaText(found.p90_s) })}</small>
      {more.map((each) => (
        <small key={each}>{each}</small>
      ))}
    </>
  );
}

/** Nearer than this, one is on the road. */
const NEAR_M = 50;

/** The map's clicks are ours until it ends; so is the cross in the middle when the keyboard is used. */
function measure(map: OlMap): () => void {
  const tool = {
    get hint() {
      return ends.value.length === 2 ? "" : t("ruler.hint"); // in the language of the moment
    },
    onClick: place,
  };
  if (mapTool.peek()) {
    close(); // something else is being picked
    return () => undefined;
  }
  mapTool.value = tool;
  const stopOwner = effect(() => {
    if (mapTool.value !== tool) close();
  });
  const point = (at: LonLat | null) => {
    if (ends.peek().length === 1) pointer.value = at;
  };
  const onMove = ({ coordinate }: MapBrowserEvent) => point(toLonLat(coordinate) as LonLat);
  const onCentre = () => {
    const centre = map.getView().getCenter();
    if (centre && document.activeElement === map.getTargetElement()) point(toLonLat(centre) as LonLat);
  };
  const stops = [stopOwner, startRuler(), addRulerLayer(map)];
  map.on("pointermove", onMove);
  map.getView().on("change:center", onCentre);
  map.getTargetElement()?.focus({ preventScroll: true });
  return () => {
    map.un("pointermove", onMove);
    map.getView().un("change:center", onCentre);
    for (const stop of stops) stop();
    if (mapTool.peek() === tool) mapTool.value = null;
  };
}
