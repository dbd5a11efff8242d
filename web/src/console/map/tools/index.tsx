// What the map can show and do beside units and incidents: layers with their switches, panels, the ruler, and what is
// known of a clicked road. Comes over the line once the map is there.
import { effect } from "@preact/signals";
import type Control from "ol/control/Control";
import ScaleLine from "ol/control/ScaleLine";
import type OlMap from "ol/Map";
import { useEffect } from "preact/hooks";
import { lazy } from "../../../shared/lazy";
import { addReachLayers } from "../../reach/reach_layers";
import { startReach } from "../../reach/reach_store";
import { draft, list, mapPanel, mapTool, measuring, roadSpot, roads } from "../../store";
import { addZoneLayer } from "../../zones/zone_layers";
import { startZones } from "../../zones/zone_store";
import { Chips } from "./Chips";
import { addEnduranceLayer, startEndurance } from "./endurance";
import { addLearnedLayer } from "./learned_layer";
import { startLearned } from "./learned_store";
import { Ruler } from "./Ruler";
import { followSwitches } from "./switches";
import { addTrailLayers } from "./trail_layer";
import { startTrail } from "./trail_store";

const LayersPanel = lazy(() => import("./LayersPanel").then((part) => part.LayersPanel));
const ReachPanel = lazy(() => import("../../reach/ReachPanel").then((part) => part.ReachPanel));
const ZonePanel = lazy(() => import("../../zones/ZonePanel").then((part) => part.ZonePanel));
const RoadCard = lazy(() => import("../../roads/RoadCard").then((part) => part.RoadCard));

export function MapTools({ map }: { map: OlMap }) {
  useEffect(() => start(map), [map]);
  const picking = draft.value !== null || mapTool.value !== null;
  return (
    <>
      <Chips />
      {!picking && roadSpot.value && <RoadCard spot={roadSpot.value} />}
      {mapPanel.value === "layers" && <LayersPanel />}
      {mapPanel.value === "reach" && <ReachPanel onClose={close} />}
      {mapPanel.value === "zones" && <ZonePanel onClose={close} />}
      {measuring.value && <Ruler map={map} />}
    </>
  );
}

function close(): void {
  mapPanel.value = null;
}

function start(map: OlMap): () => void {
  const stops = [
    addScale(map),
    followSwitches(map),
    addRoadsLater(map),
    addReachLayers(map),
    startReach(),
    addZoneLayer(map),
    startZones(),
    addTrailLayers(map),
    startTrail(),
    addLearnedLayer(map),
    startLearned(map),
    addEnduranceLayer(map),
    startEndurance(),
  ];
  return () => {
    for (const stop of stops.reverse()) stop();
  };
}

function addScale(map: OlMap): () => void {
  const scale: Control = new ScaleLine({ units: "metric", minWidth: 70 });
  scale.setMap(map);
  return () => scale.setMap(null);
}

/** Closed roads and weather on the map, once there is something to draw. */
function addRoadsLater(map: OlMap): () => void {
  let remove: (() => void) | null = null;
  let gone = false;
  const stop = effect(() => {
    const { states, conditions } = roads.value;
    if (states.length + conditions.length === 0 && list.value !== "roads") return;
    void import("../../roads/layer").then(({ addRoadLayers }) => {
      if (!gone && !remove) remove = addRoadLayers(map);
    });
  });
  return () => {
    gone = true;
    stop();
    remove?.();
  };
}
