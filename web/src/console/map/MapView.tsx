// The map in the middle: base map, units and incidents, and where it looks. What else it can show and do comes with
// tools/, once the map is there.
import { effect, useSignal } from "@preact/signals";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import type { IconName } from "../../shared/icons";
import { lazy } from "../../shared/lazy";
import { createBaseMap } from "../../shared/map/base";
import type { MapInfo } from "../../shared/types";
import { BarButton } from "../bar/Bar";
import { startDraft } from "../commands";
import { perform } from "../keys";
import { cap, withCap } from "../keys/table";
import { draft, followedUnit, type MapPanel, mapPanel, mapTool, measuring, spot, units } from "../store";
import { t } from "../words";
import { camera } from "./camera";
import { listenToHands } from "./hands";
import { addLayers } from "./layers";
import { clusterCount } from "./unit_layer";

const MapTools = lazy(() => import("./tools").then((part) => part.MapTools));

export function MapView({ info }: { info: MapInfo }) {
  const target = useRef<HTMLDivElement>(null);
  const ready = useSignal(false);
  const shown = useSignal<OlMap | null>(null);

  useEffect(() => {
    if (!target.current) return;
    const base = createBaseMap(target.current, info);
    const layers = addLayers(base.map);
    const stopHands = listenToHands(base.map, target.current, layers);
    const stopFollowing = follow();
    camera.attach(base.map, base.fitAll);
    shown.value = base.map;
    base.map.once("postrender", () => {
      ready.value = true;
    });
    return () => {
      shown.value = null;
      camera.detach();
      stopFollowing();
      stopHands();
      layers.remove();
      base.dispose();
    };
  }, [info]);

  const picking = draft.value !== null || mapTool.value !== null;
  const hint = mapTool.value?.hint ?? (draft.value && !draft.value.at ? t("map.pick") : "");
  return (
    <main
      class="map"
      aria-label={t("map.label")}
      data-picking={picking}
      data-ready={ready.value}
      data-clusters={clusterCount.value}
      data-testid="map"
    >
      <div
        ref={target}
        class="map-canvas"
        role="application"
        aria-label={t("map.keys")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application has keys of its own
        tabIndex={0}
        data-testid="map-canvas"
      />
      <BarButton />
      {hint && <p class="map-hint">{hint}</p>}
      {!picking && spot.value && (
        <div class="map-spot">
          <Button kind="primary" icon="plus" cap={cap("new")} data-testid="new-here" onClick={startDraft}>
            {t("new.here")}
          </Button>
        </div>
      )}
      <div class="map-buttons">
        <Button icon="plus" aria-label={t("map.in")} title={t("map.in")} onClick={() => camera.zoomBy(1)} />
        <Button aria-label={t("map.out")} title={t("map.out")} onClick={() => camera.zoomBy(-1)}>
          –
        </Button>
        <Tool name="all" icon="target" />
        <Tool name="layers" icon="layers" isOn={mapPanel.value === "layers"} />
        <Tool name="measure" icon="ruler" isOn={measuring.value} />
        <Tool name="reach" icon="reach" isOn={mapPanel.value === "reach"} />
        <Tool name="zones" icon="silence" isOn={mapPanel.value === "zones"} />
      </div>
      {shown.value && <MapTools map={shown.value} />}
      <p class="map-attribution">{info.attribution}</p>
    </main>
  );
}

function Tool({ name, icon, isOn }: { name: "all" | MapPanel | "measure"; icon: IconName; isOn?: boolean }) {
  const words = t(`map.${name}`);
  return (
    <Button
      icon={icon}
      aria-label={words}
      title={withCap(words, name)}
      aria-pressed={isOn}
      data-testid={`${name}-toggle`}
      onClick={() => perform(name)}
    />
  );
}

function follow(): () => void {
  let at = "";
  return effect(() => {
    const position = followedUnit.value ? units.value.get(followedUnit.value)?.position : undefined;
    const there = position ? `${position.lon} ${position.lat}` : "";
    if (position && there !== at) camera.centre(fromLonLat([position.lon, position.lat]));
    at = there;
  });
}
