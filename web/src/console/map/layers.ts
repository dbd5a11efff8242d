// The console's own layers: routes, incidents, units, the pin of a new incident. Each is kept in step
// with the store by one effect; icons are never decluttered, names are.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Icon from "ol/style/Icon";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { batteryLevel } from "../../shared/components/Battery";
import {
  type BatteryMark,
  drawIncident,
  drawPin,
  drawUnit,
  MARK_SCALE,
  type UnitLook,
} from "../../shared/map/marks";
import { MAP_FONT, type Palette, palettes } from "../../shared/map/palette";
import { theme } from "../../shared/theme";
import { durationText, now } from "../../shared/time";
import type { Incident, Unit } from "../../shared/types";
import { contactLabel } from "../contact";
import { routes } from "../detail_store";
import { draft, incidents, isStale, positionAgeS, selection, spot, units } from "../store";
import { typeName } from "../words";

const MOVING_MPS = 1;
const STYLES_MAX = 4000;

/** Units stand over what is taken care of; an incident that nobody goes to is never covered. */
const Z = { routes: 10, assigned: 20, units: 30, unassigned: 35, pin: 40 };
const SELECTABLE = [Z.assigned, Z.units, Z.unassigned];

/** For layers whose features can be clicked. */
export const isSelectable = (layer: { getZIndex(): number | undefined }): boolean =>
  SELECTABLE.includes(layer.getZIndex() ?? 0);

type Id = { kind: "unit" | "incident"; id: string };
export const idOf = (feature: { get(key: string): unknown }): Id | undefined =>
  feature.get("ridgeline") as Id | undefined;

export function addLayers(map: OlMap): () => void {
  const stops = [
    routeLayer(map),
    incidentLayer(map, Z.assigned, (incident) => incident.status !== "open"),
    unitLayer(map),
    incidentLayer(map, Z.unassigned, (incident) => incident.status === "open"),
    pinLayer(map),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

// -- units --

function unitLayer(map: OlMap): () => void {
  const source = new VectorSource();
  map.addLayer(
    new VectorLayer({
      source,
      zIndex: Z.units,
      declutter: true,
      updateWhileAnimating: true,
      updateWhileInteracting: true,
    }),
  );
  const features = new Map<string, Feature<Point>>();
  const shown = new Map<string, string>();

  return effect(() => {
    const palette = palettes[theme.value];
    const picked = selection.value?.id;
    const present = units.value;
    now.value; // ages and staleness move with the clock
    for (const unit of present.values()) {
      if (!unit.position) continue;
      const look = unitLook(unit, unit.id === picked);
      const label = unitLabel(unit, look.stale);
      const key = `${theme.value}|${lookKey(look)}|${label}`;
      const at = fromLonLat([unit.position.lon, unit.position.lat]);
      let feature = features.get(unit.id);
      if (!feature) {
        feature = new Feature(new Point(at));
        feature.setId(unit.id);
        feature.set("ridgeline", { kind: "unit", id: unit.id } satisfies Id, true);
        features.set(unit.id, feature);
        source.addFeature(feature);
      }
      const [x, y] = feature.getGeometry()?.getCoordinates() ?? [];
      if (x !== at[0] || y !== at[1]) feature.getGeometry()?.setCoordinates(at);
      if (shown.get(unit.id) !== key) {
        shown.set(unit.id, key);
        feature.setStyle(unitStyle(palette, look, label));
      }
    }
    for (const [id, feature] of features) {
      if (present.get(id)?.position) continue;
      source.removeFeature(feature);
      features.delete(id);
      shown.delete(id);
    }
  });
}

function unitLook(unit: Unit, selected: boolean): UnitLook {
  const { speed_mps, heading_deg } = unit.position ?? {};
  const moving = unit.status !== "off_duty" && heading_deg != null && (speed_mps ?? 0) >= MOVING_MPS;
  return {
    kind: unit.kind,
    status: unit.status,
    stale: isStale(unit),
    heading16: moving ? Math.round(heading_deg / 22.5) % 16 : null,
    battery: batteryMark(unit),
    selected,
  };
}

/** The worst of the unit's cameras and handsets; a vehicle's own battery does not count. */
function batteryMark(unit: Unit): BatteryMark {
  if (unit.status === "off_duty") return "none";
  const levels = unit.devices
    .filter(({ kind, charging }) => kind !== "vehicle" && !charging)
    .map(({ battery_pct }) => batteryLevel(battery_pct));
  if (levels.includes("critical")) return "critical";
  return levels.includes("low") ? "low" : "none";
}

function unitLabel(unit: Unit, stale: boolean): string {
  const silent = contactLabel(unit.contact);
  if (silent) return `${unit.call_sign} · ${silent}`;
  const age = positionAgeS(unit);
  if (!stale || age === null) return unit.call_sign;
  const seconds = age < 3600 ? Math.floor(age / 60) * 60 : age;
  return `${unit.call_sign} · ${durationText(seconds * 1000)}`;
}

const lookKey = (look: UnitLook): string =>
  `${look.kind}|${look.status}|${look.stale}|${look.heading16}|${look.battery}|${look.selected}`;

const icons = new Map<string, Icon>();

function iconOf(
  key: string,
  draw: () => HTMLCanvasElement,
  anchor = [0.5, 0.5],
  declutterMode: "none" | "obstacle" = "none",
): Icon {
  let icon = icons.get(key);
  if (!icon) {
    if (icons.size >= STYLES_MAX) icons.clear();
    const img = draw();
    icon = new Icon({ img, scale: MARK_SCALE, anchor, declutterMode });
    icons.set(key, icon);
  }
  return icon;
}

const DISC_PX = 22;

function emptyDisc(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = DISC_PX / MARK_SCALE;
  canvas.getContext("2d", { willReadFrequently: true });
  return canvas;
}

/** Keeps road shields and other names off the disc; marks themselves are never dropped. */
const keepClear = () =>
  new Style({
    image: iconOf("clear", emptyDisc, undefined, "obstacle"),
    zIndex: 0,
  });

function unitStyle(palette: Palette, look: UnitLook, label: string): Style[] {
  const mark = new Style({
    image: iconOf(`${palette.paper}|${lookKey(look)}`, () => drawUnit(palette, look)),
    text: new Text({
      text: label,
      font: `600 11px ${MAP_FONT}`,
      offsetY: 20,
      fill: new Fill({ color: look.stale ? palette.textSoft : palette.ink }),
      stroke: new Stroke({ color: palette.halo, width: 3.5 }),
      declutterMode: look.selected ? "none" : "declutter",
    }),
    zIndex: look.selected ? 1000 : look.stale ? 1 : look.status === "off_duty" ? 2 : 10,
  });
  return [keepClear(), mark];
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
      feature.set("ridgeline", { kind: "incident", id: incident.id } satisfies Id, true);
      feature.setStyle(incidentStyle(palette, incident, selected));
      features.push(feature);
    }
    source.clear(true);
    source.addFeatures(features);
  });
}

const INCIDENT_Z = { emergency: 30, priority: 20, routine: 10 };

function incidentStyle(palette: Palette, incident: Incident, selected: boolean): Style {
  const assigned = incident.status !== "open";
  const key = `${palette.paper}|incident|${incident.priority}|${assigned}|${selected}`;
  return new Style({
    image: iconOf(key, () => drawIncident(palette, { priority: incident.priority, assigned, selected })),
    text: new Text({
      text: `#${incident.number} ${typeName(incident.type)}`,
      font: `600 11px ${MAP_FONT}`,
      offsetY: -21,
      fill: new Fill({ color: palette.ink }),
      stroke: new Stroke({ color: palette.halo, width: 3.5 }),
      declutterMode: selected || !assigned ? "none" : "declutter",
    }),
    zIndex: INCIDENT_Z[incident.priority] + (assigned ? 0 : 100) + (selected ? 1000 : 0),
  });
}

// -- routes of the selected incident --

function routeLayer(map: OlMap): () => void {
  const source = new VectorSource();
  map.addLayer(new VectorLayer({ source, zIndex: Z.routes }));
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
      feature.setStyle(
        new Style({ image: iconOf(`${palette.paper}|pin`, () => drawPin(palette), [0.5, 0.5]) }),
      );
      source.addFeature(feature);
    }
    source.changed();
  });
}
