// The map in the middle: base map, layers, and what a hand does on it.
import { effect, useSignal } from "@preact/signals";
import type Control from "ol/control/Control";
import ScaleLine from "ol/control/ScaleLine";
import type OlMap from "ol/Map";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { fromLonLat, toLonLat } from "ol/proj";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { lazy } from "../../shared/lazy";
import { createBaseMap } from "../../shared/map/base";
import type { MapInfo } from "../../shared/types";
import { newIncidentAt, placeDraft, startDraft } from "../commands";
import {
  draft,
  followedUnit,
  list,
  mapTool,
  reachOpen,
  roadSpot,
  roads,
  selectIncident,
  selectUnit,
  spot,
  units,
  zonesOpen,
} from "../store";
import { t } from "../words";
import { camera } from "./camera";
import { addLayers, idOf, isSelectable } from "./layers";
import { SearchBox } from "./SearchBox";

const RoadCard = lazy(() => import("../roads/RoadCard").then((part) => part.RoadCard));
const ReachPanel = lazy(() => import("../reach/ReachPanel").then((part) => part.ReachPanel));

const ZonePanel = lazy(() => import("../zones/ZonePanel").then((part) => part.ZonePanel));

const HIT_PX = 6;
const LONG_PRESS_MS = 550;
const LONG_PRESS_SLACK_PX = 8;

export function MapView({ info }: { info: MapInfo }) {
  const target = useRef<HTMLDivElement>(null);
  const ready = useSignal(false);
  const shown = useSignal<OlMap | null>(null);

  useEffect(() => {
    if (!target.current) return;
    const base = createBaseMap(target.current, info);
    const scale = new ScaleLine({ units: "metric", minWidth: 70 });
    (scale as Control).setMap(base.map);
    const stopLayers = addLayers(base.map);
    const stopRoads = addRoadsLater(base.map);
    const stopHands = listenToHands(base.map, target.current);
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
      stopRoads();
      stopLayers();
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
      data-testid="map"
    >
      <div ref={target} class="map-canvas" tabIndex={picking ? 0 : -1} data-testid="map-canvas" />
      <SearchBox />
      {hint && <p class="map-hint">{hint}</p>}
      {!picking && spot.value && (
        <div class="map-spot">
          <Button kind="primary" icon="plus" cap="N" data-testid="new-here" onClick={startDraft}>
            {t("new.here")}
          </Button>
        </div>
      )}
      <div class="map-buttons">
        <Button icon="plus" aria-label={t("map.in")} title={t("map.in")} onClick={() => camera.zoomBy(1)} />
        <Button aria-label={t("map.out")} title={t("map.out")} onClick={() => camera.zoomBy(-1)}>
          –
        </Button>
        <Button
          icon="target"
          aria-label={t("map.all")}
          title={`${t("map.all")} (0)`}
          onClick={() => camera.all()}
        />
        <Button
          icon="reach"
          aria-label={t("map.reach")}
          title={`${t("map.reach")} (I)`}
          aria-pressed={reachOpen.value}
          data-testid="reach-toggle"
          onClick={toggleReach}
        />
        <Button
          icon="silence"
          aria-label={t("map.zones")}
          title={`${t("map.zones")} (Z)`}
          aria-pressed={zonesOpen.value}
          data-testid="zones-toggle"
          onClick={toggleZones}
        />
      </div>
      {!picking && roadSpot.value && <RoadCard spot={roadSpot.value} />}
      {reachOpen.value && shown.value && <ReachPanel map={shown.value} onClose={toggleReach} />}
      {zonesOpen.value && shown.value && <ZonePanel map={shown.value} onClose={toggleZones} />}
      <p class="map-attribution">{info.attribution}</p>
    </main>
  );
}

/** Both panels have one place. */
function toggleReach(): void {
  reachOpen.value = !reachOpen.peek();
  zonesOpen.value = false;
}

function toggleZones(): void {
  zonesOpen.value = !zonesOpen.peek();
  reachOpen.value = false;
}

function listenToHands(map: OlMap, target: HTMLElement): () => void {
  const lonLatOf = (pixel: number[]) => {
    const [lon = 0, lat = 0] = toLonLat(map.getCoordinateFromPixel(pixel));
    return { lon, lat };
  };
  const metresPerPixel = (lat: number) =>
    (map.getView().getResolution() ?? 1) * Math.cos((lat * Math.PI) / 180);
  const pick = (at: { lon: number; lat: number }) => {
    const tool = mapTool.peek();
    if (tool) tool.onClick([at.lon, at.lat], metresPerPixel(at.lat));
    else placeDraft(at, "");
  };
  const lookAtRoad = ({ lon, lat }: { lon: number; lat: number }) => {
    spot.value = null;
    roadSpot.value = { at: [lon, lat], metresPerPixel: metresPerPixel(lat) };
  };
  const isPicking = () => mapTool.peek() !== null || draft.peek() !== null;
  const thingAt = (pixel: number[]) =>
    map.forEachFeatureAtPixel(pixel, (feature) => idOf(feature), {
      hitTolerance: HIT_PX,
      layerFilter: isSelectable,
    });

  const onClick = (event: MapBrowserEvent) => {
    if (isPicking()) {
      pick(lonLatOf(event.pixel));
      return;
    }
    const thing = thingAt(event.pixel);
    if (thing?.kind === "unit") selectUnit(thing.id);
    else if (thing?.kind === "incident") selectIncident(thing.id);
    else lookAtRoad(lonLatOf(event.pixel));
  };
  /** Enter takes what lies under the cross in the middle; the arrows move the map. */
  const onKey = (event: KeyboardEvent) => {
    const centre = map.getView().getCenter();
    if (event.key !== "Enter" || !isPicking() || !centre) return;
    const [lon = 0, lat = 0] = toLonLat(centre);
    pick({ lon, lat });
  };
  const onDoubleClick = () => !isPicking(); // false: no zoom
  const onContext = (event: MouseEvent) => {
    event.preventDefault();
    newIncidentAt(lonLatOf(map.getEventPixel(event)), "");
  };
  const onMove = (event: MapBrowserEvent) => {
    if (event.dragging) return;
    target.style.cursor = isPicking() ? "crosshair" : thingAt(event.pixel) ? "pointer" : "";
  };
  const letGo = () => {
    followedUnit.value = null;
  };
  const stopLongPress = listenToLongPress(target, (event) =>
    newIncidentAt(lonLatOf(map.getEventPixel(event)), ""),
  );

  map.on("click", onClick);
  map.on("dblclick", onDoubleClick);
  map.on("pointermove", onMove);
  map.on("pointerdrag", letGo);
  target.addEventListener("wheel", letGo, { passive: true });
  target.addEventListener("contextmenu", onContext);
  target.addEventListener("keydown", onKey);
  return () => {
    stopLongPress();
    target.removeEventListener("wheel", letGo);
    target.removeEventListener("contextmenu", onContext);
    target.removeEventListener("keydown", onKey);
  };
}

/** A finger that rests; the browser's own context menu event does not come on every device. */
function listenToLongPress(target: HTMLElement, onPress: (event: PointerEvent) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let start: PointerEvent | undefined;
  const cancel = () => clearTimeout(timer);
  const down = (event: PointerEvent) => {
    cancel();
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    start = event;
    timer = setTimeout(() => onPress(event), LONG_PRESS_MS);
  };
  const move = (event: PointerEvent) => {
    if (!start) return;
    if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > LONG_PRESS_SLACK_PX)
      cancel();
  };
  target.addEventListener("pointerdown", down);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", cancel);
  target.addEventListener("pointercancel", cancel);
  return () => {
    cancel();
    target.removeEventListener("pointerdown", down);
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", cancel);
    target.removeEventListener("pointercancel", cancel);
  };
}

/** Closed roads and weather on the map, once there is something to draw. */
function addRoadsLater(map: OlMap): () => void {
  let remove: (() => void) | null = null;
  let gone = false;
  const stop = effect(() => {
    const { states, conditions } = roads.value;
    if (states.length + conditions.length === 0 && list.value !== "roads") return;
    void import("../roads/layer").then(({ addRoadLayers }) => {
      if (!gone && !remove) remove = addRoadLayers(map);
    });
  });
  return () => {
    gone = true;
    stop();
    remove?.();
  };
}

function follow(): () => void {
  return effect(() => {
    const position = followedUnit.value ? units.value.get(followedUnit.value)?.position : undefined;
    if (position) camera.centre(fromLonLat([position.lon, position.lat]));
  });
}
