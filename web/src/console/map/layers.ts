// The console's own layers: routes, incidents, units (unit_layer.ts), the pin of a new incident. Each is
// kept in step with the store by one effect; icons are never decluttered, names are.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { switchedBy } from "../../shared/map/base";
import type { Cluster } from "../../shared/map/clusters";
import { drawPin } from "../../shared/map/marks";
import { palettes } from "../../shared/map/palette";
import { iconOf, incidentStyle } from "../../shared/map/styles";
import { theme } from "../../shared/theme";
import type { Incident } from "../../shared/types";
import { routes } from "../detail_store";
import { draft, incidents, selection, spot } from "../store";
import { typeName } from "../words";
import { unitLayer } from "./unit_layer";

const HIT_PX = 6;

/** Units stand over what is taken care of; an incident that nobody goes to is never covered. */
const Z = { routes: 10, assigned: 20, units: 30, unassigned: 35, pin: 40 };

type Thing = { kind: "unit"; id: string } | { kind: "incident"; id: string };
/** What a click may mean. */
export type Target = Thing | { kind: "cluster"; cluster: Cluster };

export interface ConsoleLayers {
  /** The topmost thing at a place of the view, CSS pixels. */
  at(pixel: number[]): Target | undefined;
  remove(): void;
}

export function addLayers(map: OlMap): ConsoleLayers {
  const units = unitLayer(map, Z.units);
  const stops = [
    routeLayer(map),
    incidentLayer(map, Z.assigned, (incident) => incident.status !== "open"),
    units.remove,
    incidentLayer(map, Z.unassigned, (incident) => incident.status === "open"),
    pinLayer(map),
  ];
  const incidentAt = (pixel: number[], zIndex: number) =>
    map.forEachFeatureAtPixel(pixel, (feature) => feature.get("ridgeline") as Thing | undefined, {
      hitTolerance: HIT_PX,
      layerFilter: (layer) => layer.getZIndex() === zIndex,
    });
  return {
    at: (pixel) =>
      incidentAt(pixel, Z.unassigned) ?? units.at(pixel, HIT_PX) ?? incidentAt(pixel, Z.assigned),
    remove: () => {
      for (const stop of stops) stop();
    },
  };
}

// -- incidents --

function incidentLayer(map: OlMap, zIndex: number, belongs: (incident: Incident) => boolean): () => void {
  const source = new VectorSource();
  map.addLayer(
    new VectorLayer({
      source,
      zIndex,
      declutter: true,
      updateWhileAnimating: true,
      updateWhileInteracting: true,
    }),
  );
  return effect(() => {
    const palette = palettes[theme.value];
    const picked = selection.value?.id;
    const features: Feature[] = [];
    for (const incident of incidents.value.values()) {
      if (!belongs(incident)) continue;
      const selected = incident.id === picked;
      if (incident.status === "closed" && !selected) continue;
      const feature = new Feature(new Point(fromLonLat([incident.lon, incident.lat])));
      feature.set("ridgeline", { kind: "incident", id: incident.id } satisfies Thing, true);
      const { priority, number, type, status } = incident;
      const look = { priority, assigned: status !== "open", selected };
      feature.setStyle(incidentStyle(palette, look, `#${number} ${typeName(type)}`));
      features.push(feature);
    }
    source.clear(true);
    source.addFeatures(features);
  });
}

// -- routes of the selected incident --

function routeLayer(map: OlMap): () => void {
  const source = new VectorSource();
  map.addLayer(new VectorLayer({ source, zIndex: Z.routes, properties: switchedBy("routes") }));
  return effect(() => {
    const palette = palettes[theme.value];
    source.clear(true);
    for (const { coordinates } of routes.value) {
      const feature = new Feature(new LineString(coordinates.map((lonlat) => fromLonLat(lonlat))));
      feature.setStyle([
        new Style({ stroke: new Stroke({ color: palette.halo, width: 8, lineCap: "round" }) }),
        new Style({ stroke: new Stroke({ color: palette.route, width: 4, lineCap: "round" }) }),
      ]);
      source.addFeature(feature);
    }
    source.changed();
  });
}

// -- the place of a new incident --

function pinLayer(map: OlMap): () => void {
  const source = new VectorSource();
  map.addLayer(new VectorLayer({ source, zIndex: Z.pin }));
  return effect(() => {
    const palette = palettes[theme.value];
    const at = draft.value ? draft.value.at : spot.value;
    source.clear(true);
    if (at) {
      const feature = new Feature(new Point(fromLonLat([at.lon, at.lat])));
      feature.setStyle(new Style({ image: iconOf(`${palette.paper}|pin`, () => drawPin(palette)) }));
      source.addFeature(feature);
    }
    source.changed();
  });
}
