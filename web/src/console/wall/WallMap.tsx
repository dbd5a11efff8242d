// The wall's map: nobody touches it, so it looks by itself at what goes on, and at the county when all is quiet.
import { computed, effect } from "@preact/signals";
import { boundingExtent } from "ol/extent";
import { fromLonLat } from "ol/proj";
import { useEffect, useRef } from "preact/hooks";
import { laterStyles } from "../../shared/lazy";
import { createBaseMap } from "../../shared/map/base";
import { now } from "../../shared/time";
import type { MapInfo } from "../../shared/types";
import { addLayers } from "../map/layers";
import { addRoadLayers } from "../roads/layer";
import { queue, sosCalls, units } from "../store";
import { t } from "../words";

/** Units move: the view follows so often, and at once when something begins or ends. */
const LOOK_AGAIN_MS = 30_000;
const MOVE_MS = 900;
const NEAREST_ZOOM = 13.5;
const MARGIN_PX = 80;
const USUAL_PX = 16;

const goingOn = computed(() => {
  const sos = sosCalls.value.filter(({ acknowledged_at }) => acknowledged_at === null);
  const places = sos.length ? sos.filter(({ lon }) => lon !== null) : queue.value;
  return places.map(({ id }) => id).join();
});

export function WallMap({ info }: { info: MapInfo }) {
  const target = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!target.current) return;
    void laterStyles();
    const { map, fitAll, dispose } = createBaseMap(target.current, info, { scale: enlarge(target.current) });
    map.getInteractions().clear();
    const stops = [addLayers(map).remove, addRoadLayers(map)];
    const beat = computed(() => `${goingOn.value}|${Math.floor(now.value / LOOK_AGAIN_MS)}`);
    stops.push(
      effect(() => {
        beat.value;
        const places = placesNow();
        if (places.length === 0) {
          fitAll();
          return;
        }
        map.getView().fit(boundingExtent(places), {
          padding: [MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX],
          maxZoom: NEAREST_ZOOM,
          duration: MOVE_MS,
        });
      }),
    );
    return () => {
      for (const stop of stops) stop();
      dispose();
    };
  }, [info]);
  return (
    <main class="wall-map" aria-label={t("map.label")} data-testid="wall-map">
      <div ref={target} class="map-canvas" />
      <p class="map-attribution">{info.attribution}</p>
    </main>
  );
}

/** Signs and names grow with the screen as the words beside the map do; how much. */
function enlarge(canvas: HTMLElement): number {
  const scale = Math.max(
    1,
    Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL_PX,
  );
  canvas.style.setProperty("zoom", String(scale));
  return scale;
}

/** Where calls for help come from; else the incidents and who goes there. */
function placesNow(): number[][] {
  const calls = sosCalls.peek().filter(({ acknowledged_at }) => acknowledged_at === null);
  const called = calls.flatMap(({ lon, lat }) => (lon === null || lat === null ? [] : [[lon, lat]]));
  if (called.length) return called.map((at) => fromLonLat(at));
  return queue.peek().flatMap((incident) => {
    const going = incident.orders
      .filter(({ closed_at }) => closed_at === null)
      .flatMap(({ unit_id }) => units.peek().get(unit_id)?.position ?? []);
    return [incident, ...going].map(({ lon, lat }) => fromLonLat([lon, lat]));
  });
}
