// Closed roads red and dashed, slow ones amber, areas of weather hatched; and what is being chosen.
// What is only scheduled is drawn thin. Every sign has its shape besides its colour.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import MultiLineString from "ol/geom/MultiLineString";
import Point from "ol/geom/Point";
import Polygon from "ol/geom/Polygon";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Circle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { conditionWords } from "../../shared/conditions";
import { switchedBy } from "../../shared/map/base";
import { withAlpha } from "../../shared/map/marks";
import { MAP_FONT, type Palette, palettes } from "../../shared/map/palette";
import { theme } from "../../shared/theme";
import type { LonLat, RoadCondition, RoadState } from "../../shared/types";
import { roads } from "../store";
import type { RoadLine } from "./api";
import { sketch } from "./draft";
import { followLines, lines } from "./lines";

/** Areas and lines under the names of the map (8), what is written of them over these and the routes (10); all under
 * units and incidents. */
const Z = { weather: 4, roads: 7, marks: 11, sketch: 12 };
const HATCH_PX = 10;

export function addRoadLayers(map: OlMap): () => void {
  const stops = [
    followLines(),
    layer(map, Z.weather, () => roads.value.conditions.flatMap((each) => areaFeature(each)), "roads"),
    layer(map, Z.roads, () => lines.value.flatMap((line) => roadFeatures(line)), "roads"),
    layer(map, Z.marks, (palette) => markFeatures(palette), "roads"),
    layer(map, Z.sketch, sketchFeatures),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** A layer whose features follow the signals that `draw` reads. */
function layer(
  map: OlMap,
  zIndex: number,
  draw: (palette: Palette) => Feature[],
  switchName?: string,
): () => void {
  const source = new VectorSource();
  const properties = switchName ? switchedBy(switchName) : {};
  const added = new VectorLayer({ source, zIndex, properties, updateWhileAnimating: true });
  map.addLayer(added);
  const stop = effect(() => {
    const features = draw(palettes[theme.value]);
    source.clear(true);
    source.addFeatures(features);
    source.changed();
  });
  return () => {
    stop();
    map.removeLayer(added);
  };
}

// -- weather --

function areaFeature(each: RoadCondition): Feature[] {
  if (!each.corners || each.status === "ended") return [];
  const palette = palettes[theme.value];
  const feature = new Feature(polygon(each.corners));
  const scheduled = each.status === "scheduled";
  feature.setStyle(
    new Style({
      fill: new Fill({ color: scheduled ? "transparent" : hatch(palette.priority.routine) }),
      stroke: new Stroke({
        color: palette.priority.routine,
        width: 1.5,
        lineDash: scheduled ? [2, 5] : [8, 4],
      }),
    }),
  );
  return [feature];
}

function hatch(color: string): CanvasPattern | string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = HATCH_PX;
  const c = canvas.getContext("2d");
  if (!c) return "transparent";
  c.strokeStyle = withAlpha(color, 0.5);
  c.lineWidth = 1.4;
  c.beginPath();
  for (const x of [-HATCH_PX, 0, HATCH_PX]) {
    c.moveTo(x - 1, HATCH_PX + 1);
    c.lineTo(x + HATCH_PX + 1, -1);
  }
  c.stroke();
  return c.createPattern(canvas, "repeat") ?? "transparent";
}

// -- roads --

function roadFeatures({ properties, geometry }: RoadLine): Feature[] {
  const state = runningState(properties.id);
  if (!state) return [];
  const palette = palettes[theme.value];
  const found: Feature[] = [];
  if (geometry.coordinates.length > 0) {
    const feature = new Feature(new MultiLineString(geometry.coordinates.map((line) => project(line))));
    feature.setStyle(roadStyle(palette, state));
    found.push(feature);
  }
  if (properties.corners) found.push(ringFeature(palette, state, properties.corners));
  return found;
}

const colorOf = (palette: Palette, { state }: RoadState): string =>
  state === "closed" ? palette.priority.emergency : palette.priority.priority;

function roadStyle(palette: Palette, state: RoadState): Style[] {
  const color = colorOf(palette, state);
  const width = state.status === "scheduled" ? 2.5 : 5;
  const dash = state.status === "scheduled" ? [2, 6] : state.state === "closed" ? [10, 8] : null;
  return [
    new Style({ stroke: new Stroke({ color: palette.halo, width: width + 4 }) }),
    new Style({
      stroke: new Stroke({ color, width, lineCap: "butt", ...(dash ? { lineDash: dash } : {}) }),
    }),
  ];
}

/** The number of each closed and slow road, the weather of each area. */
function markFeatures(palette: Palette): Feature[] {
  const marks = lines.value.flatMap(({ properties, geometry }) => {
    const state = runningState(properties.id);
    return state && geometry.coordinates.length > 0
      ? [markFeature(palette, state, geometry.coordinates)]
      : [];
  });
  const areas = roads.value.conditions.flatMap(({ corners, status, condition }) => {
    if (!corners || status === "ended") return [];
    const feature = new Feature(polygon(corners).getInteriorPoint());
    feature.setStyle(new Style({ text: label(palette, conditionWords(condition), palette.ink) }));
    return [feature];
  });
  return [...areas, ...marks];
}

function runningState(id: string): RoadState | undefined {
  const state = roads.value.states.find((each) => each.id === id);
  return state?.status === "ended" ? undefined : state;
}

/** "✕ #12" or "≈ #12" on the middle of the longest line: the number of the list. */
function markFeature(palette: Palette, state: RoadState, coordinates: LonLat[][]): Feature {
  const longest = coordinates.reduce((a, b) => (b.length > a.length ? b : a));
  const feature = new Feature(new Point(fromLonLat(longest[longest.length >> 1] ?? [0, 0])));
  const words = `${state.state === "closed" ? "✕" : "≈"} #${state.number}`;
  feature.setStyle(
    new Style({
      text: new Text({
        text: words,
        font: `700 11px ${MAP_FONT}`,
        padding: [2, 4, 1, 4],
        fill: new Fill({ color: colorOf(palette, state) }),
        backgroundFill: new Fill({ color: palette.paper }),
        backgroundStroke: new Stroke({ color: colorOf(palette, state), width: 1.5 }),
      }),
    }),
  );
  return feature;
}

function ringFeature(palette: Palette, state: RoadState, corners: LonLat[]): Feature {
  const feature = new Feature(polygon(corners));
  const color = colorOf(palette, state);
  feature.setStyle(
    new Style({
      fill: new Fill({ color: withAlpha(color, 0.08) }),
      stroke: new Stroke({ color, width: 1.5, lineDash: [4, 4] }),
    }),
  );
  return feature;
}

// -- being chosen --

function sketchFeatures(palette: Palette): Feature[] {
  const { lines: chosen, corners } = sketch.value;
  const stroke = new Stroke({ color: palette.accent, width: 5 });
  const found: Feature[] = chosen.map((line) => {
    const feature = new Feature(new LineString(project(line)));
    feature.setStyle([
      new Style({ stroke: new Stroke({ color: palette.halo, width: 9 }) }),
      new Style({ stroke }),
    ]);
    return feature;
  });
  if (corners.length > 1) {
    const ring = new Feature(corners.length > 2 ? polygon(corners) : new LineString(project(corners)));
    ring.setStyle(
      new Style({
        fill: new Fill({ color: withAlpha(palette.accent, 0.15) }),
        stroke: new Stroke({ color: palette.accent, width: 2 }),
      }),
    );
    found.push(ring);
  }
  for (const corner of corners) {
    const dot = new Feature(new Point(fromLonLat(corner)));
    dot.setStyle(
      new Style({
        image: new Circle({
          radius: 5,
          fill: new Fill({ color: palette.paper }),
          stroke: new Stroke({ color: palette.accent, width: 2 }),
        }),
      }),
    );
    found.push(dot);
  }
  return found;
}

function label(palette: Palette, text: string, color: string): Text {
  return new Text({
    text,
    font: `600 12px ${MAP_FONT}`,
    overflow: true,
    fill: new Fill({ color }),
    stroke: new Stroke({ color: palette.halo, width: 3.5 }),
  });
}

const project = (line: LonLat[]): number[][] => line.map((at) => fromLonLat(at));

const polygon = (corners: LonLat[]): Polygon => {
  const ring = project(corners);
  const [first] = ring;
  return new Polygon([first ? [...ring, first] : ring]);
};
