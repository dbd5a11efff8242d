// The map of a way: the road ahead, what is minded on it, the scene, and oneself. North is up.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import type Geometry from "ol/geom/Geometry";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import { circular } from "ol/geom/Polygon";
import VectorLayer from "ol/layer/Vector";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Circle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Icon from "ol/style/Icon";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { createBaseMap } from "../../shared/map/base";
import { withAlpha } from "../../shared/map/marks";
import { type Palette, palettes } from "../../shared/map/palette";
import { incidentStyle } from "../../shared/map/styles";
import { theme } from "../../shared/theme";
import type { MapInfo, Priority } from "../../shared/types";
import type { Way } from "../way";
import type { Follower, Progress, Spot } from "./progress";
import { supplyOf } from "./supply";

/** View zooms while following: in town and on the open road. */
const NEAR_ZOOM = 16;
const FAR_ZOOM = 14.8;
const FAST_MPS = 12;
const MOVE_MS = 400;
const ZOOM_MIN = 10;
/** Of the overview: room for what lies over the map. */
const PADDING = [40, 40, 40, 40];
const Z = { closed: 7, zones: 6, way: 10, self: 2_000 };

export interface Scene {
  lon: number;
  lat: number;
  priority: Priority;
  label: string;
}

export interface Self extends Spot {
  /** Degrees clockwise from north; null: standing, or not known. */
  heading: number | null;
  speed_mps: number;
}

export interface RouteMap {
  draw(follower: Follower, progress: Progress | null, self: Self | null, scene: Scene): void;
  /** Stay with oneself; or show the whole way. */
  follow(on: boolean): void;
  /** Leave the map where a hand put it. */
  rest(): void;
  dispose(): void;
}

export function createRouteMap(
  target: HTMLElement,
  info: MapInfo,
  mapId: string,
  onGesture: () => void,
): RouteMap {
  const base = createBaseMap(target, info, { supply: supplyOf(mapId) });
  const { map } = base;
  const view = map.getView();
  view.setMinZoom(ZOOM_MIN);
  const source = new VectorSource();
  map.addLayer(
    new VectorLayer({ source, zIndex: 10, updateWhileAnimating: true, updateWhileInteracting: true }),
  );
  let drawn: [Follower, Progress | null, Self | null, Scene] | null = null;
  let following = true;
  let placed = false;

  const render = () => {
    const palette = palettes[theme.value];
    if (!drawn) return;
    source.clear(true);
    source.addFeatures([...wayFeatures(palette, drawn[0], drawn[1]), ...pointFeatures(palette, ...drawn)]);
    source.changed();
  };
  const centre = () => {
    const self = drawn?.[2];
    if (!following || !self) return;
    const zoom = self.speed_mps > FAST_MPS ? FAR_ZOOM : NEAR_ZOOM;
    const to = { center: fromLonLat([self.lon, self.lat]), zoom };
    if (placed) view.animate({ ...to, duration: MOVE_MS });
    else {
      view.setCenter(to.center);
      view.setZoom(zoom);
    }
    placed = true;
  };
  const overview = () => {
    if (!drawn) return;
    const line = new LineString(drawn[0].way.line.map(([lon, lat]) => fromLonLat([lon, lat])));
    view.fit(line, { padding: PADDING, maxZoom: NEAR_ZOOM, duration: placed ? MOVE_MS : 0 });
    placed = true;
  };
  const stop = effect(render);
  map.on("pointerdrag", onGesture);
  target.addEventListener("wheel", onGesture, { passive: true });
  map.once("rendercomplete", () => {
    target.dataset.ready = "true";
  });
  return {
    draw: (...what) => {
      const first = drawn === null;
      drawn = what;
      render();
      if (following && what[2]) centre();
      else if (first) overview();
    },
    follow: (on) => {
      following = on;
      if (on) centre();
      else overview();
    },
    rest: () => {
      following = false;
    },
    dispose: () => {
      stop();
      base.dispose();
    },
  };
}

function wayFeatures(palette: Palette, follower: Follower, progress: Progress | null): Feature[] {
  const { way } = follower;
  const here = progress?.off ? 0 : (progress?.place.at_m ?? 0);
  const ahead = follower.between(here, way.distance_m);
  const features = [
    line(ahead, [stroke(palette.paper, 11, Z.way), stroke(palette.route, 7, Z.way + 1)]),
    ...silences(way).map(({ at_m, length_m }) =>
      line(follower.between(at_m, at_m + length_m), [
        stroke(withAlpha(palette.silence, 0.38), 17, Z.zones),
        stroke(palette.silence, 3, Z.way + 2, [1, 8]),
      ]),
    ),
    ...way.closed.map((road) =>
      line(road, [
        stroke(palette.halo, 9, Z.closed),
        stroke(palette.priority.emergency, 5, Z.closed + 1, [10, 8], "butt"),
      ]),
    ),
  ];
  if (here > 0)
    features.push(line(follower.between(0, here), [stroke(withAlpha(palette.stale, 0.7), 5, Z.way - 1)]));
  return features;
}

function pointFeatures(
  palette: Palette,
  follower: Follower,
  progress: Progress | null,
  self: Self | null,
  { lon, lat, priority, label }: Scene,
): Feature[] {
  const scene = point(
    [lon, lat],
    incidentStyle(palette, { priority, assigned: true, selected: true }, label),
  );
  const end = follower.way.line.at(-1) ?? [lon, lat, 0];
  const walk = line(
    [
      [end[0], end[1]],
      [lon, lat],
    ],
    [stroke(palette.ink, 2.5, Z.way - 2, [2, 6])],
  );
  const features: Feature[] = [walk, scene];
  if (progress && !progress.off)
    features.push(point([progress.next.lon, progress.next.lat], turnDot(palette)));
  if (!self) return features;
  const at: [number, number] = [self.lon, self.lat];
  if (progress?.off)
    features.push(
      line([at, [progress.place.lon, progress.place.lat]], [stroke(palette.ink, 3, Z.self - 2, [3, 7])]),
    );
  if (self.acc) features.push(accuracy(palette, at, self.acc));
  features.push(point(at, selfStyle(palette, self.heading)));
  return features;
}

const silences = (way: Way) =>
  way.steps.flatMap(({ cautions }) => cautions).filter(({ hazard }) => hazard === "dead_zone");

const line = (lonlats: [number, number][], styles: Style[]): Feature =>
  styled(new LineString(lonlats.map((each) => fromLonLat(each))), styles);

const point = (lonlat: [number, number], style: Style | Style[]): Feature =>
  styled(new Point(fromLonLat(lonlat)), style);

function styled(geometry: Geometry, style: Style | Style[]): Feature {
  const feature = new Feature(geometry);
  feature.setStyle(style);
  return feature;
}

const stroke = (
  color: string,
  width: number,
  zIndex: number,
  lineDash?: number[],
  lineCap: CanvasLineCap = "round",
): Style =>
  new Style({ zIndex, stroke: new Stroke({ color, width, lineCap, ...(lineDash ? { lineDash } : {}) }) });

const turnDot = (palette: Palette): Style =>
  new Style({
    zIndex: Z.way + 5,
    image: new Circle({
      radius: 7,
      fill: new Fill({ color: palette.paper }),
      stroke: new Stroke({ color: palette.route, width: 4 }),
    }),
  });

function accuracy(palette: Palette, lonlat: [number, number], metres: number): Feature {
  const ring = circular(lonlat, metres, 48).transform("EPSG:4326", "EPSG:3857");
  return styled(
    ring,
    new Style({
      zIndex: Z.self - 1,
      fill: new Fill({ color: withAlpha(palette.accent, 0.12) }),
      stroke: new Stroke({ color: withAlpha(palette.accent, 0.5), width: 1.5 }),
    }),
  );
}

const SELF_PX = 44;

/** An arrow where one goes; a disc where that is not known. */
function selfStyle(palette: Palette, heading: number | null): Style {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SELF_PX * 2;
  const c = canvas.getContext("2d", { willReadFrequently: true });
  if (c) {
    c.scale(2, 2);
    c.translate(SELF_PX / 2, SELF_PX / 2);
    c.beginPath();
    if (heading === null) c.arc(0, 0, 10, 0, 2 * Math.PI);
    else {
      c.moveTo(0, -17);
      c.lineTo(12, 14);
      c.lineTo(0, 7);
      c.lineTo(-12, 14);
      c.closePath();
    }
    c.lineJoin = "round";
    c.strokeStyle = palette.paper;
    c.lineWidth = 6;
    c.stroke();
    c.fillStyle = palette.accent;
    c.fill();
  }
  return new Style({
    zIndex: Z.self,
    image: new Icon({ img: canvas, scale: 0.5, rotation: ((heading ?? 0) * Math.PI) / 180 }),
  });
}
