// The map that all faces share: our own tiles, drawn on canvas 2D, in the theme and language of the
// page. A face adds its own layers on top.
import { effect } from "@preact/signals";
import MVT from "ol/format/MVT";
import DoubleClickZoom from "ol/interaction/DoubleClickZoom";
import DragPan from "ol/interaction/DragPan";
import DragZoom from "ol/interaction/DragZoom";
import KeyboardPan from "ol/interaction/KeyboardPan";
import KeyboardZoom from "ol/interaction/KeyboardZoom";
import MouseWheelZoom from "ol/interaction/MouseWheelZoom";
import PinchZoom from "ol/interaction/PinchZoom";
import Kinetic from "ol/Kinetic";
import TileLayer from "ol/layer/Tile";
import VectorTileLayer from "ol/layer/VectorTile";
import OlMap from "ol/Map";
import { fromLonLat, transformExtent } from "ol/proj";
import VectorTileSource from "ol/source/VectorTile";
import type { LoadFunction } from "ol/Tile";
import View from "ol/View";
import { language } from "../i18n";
import { theme } from "../theme";
import type { MapInfo } from "../types";
import { groundStyle } from "./base_style";
import { nameStyle } from "./name_style";
import { palettes } from "./palette";
import { reliefSource } from "./relief";

const VIEW_ZOOM_MAX = 18;
const TILE_PX = 512;

/** Names stand over what is filled in, and under what is to be seen to: lines, units, incidents. */
export const NAMES_Z = 8;

/** Marks a layer as one that people may switch off, under this name. */
export const switchedBy = (name: string): Record<string, string> => ({ switch: name });

export interface BaseMap {
  map: OlMap;
  /** Show the whole county. */
  fitAll(): void;
  dispose(): void;
}

/** Where the tiles of a map come from, if not from the server at once. */
export interface TileSupply {
  /** Nearer than this they are only enlarged. */
  zoomMax: number;
  load: LoadFunction;
}

interface Options {
  /** With a supply of its own, a map has no relief: fewer bytes, and a calmer ground in sunlight. */
  supply?: TileSupply;
  /** How much larger than usual the page shows the map (CSS zoom), so that it stays sharp. */
  scale?: number;
}

export function createBaseMap(target: HTMLElement, info: MapInfo, options: Options = {}): BaseMap {
  const { supply, scale = 1 } = options;
  const extent = transformExtent(info.bounds, "EPSG:4326", "EPSG:3857");
  const relief = new TileLayer({
    source: reliefSource(info.zoom.min, info.zoom.max),
    zIndex: 0,
    properties: switchedBy("relief"),
  });
  const source = new VectorTileSource({
    format: new MVT(),
    url: "/tiles/{z}/{x}/{y}.mvt",
    minZoom: info.zoom.min,
    maxZoom: Math.min(info.zoom.max, supply?.zoomMax ?? info.zoom.max),
    tileSize: TILE_PX,
    wrapX: false,
    transition: 0,
    ...(supply ? { tileLoadFunction: supply.load } : {}),
  });
  const ground = new VectorTileLayer({ source, zIndex: 1 });
  const names = new VectorTileLayer({
    source,
    declutter: true,
    renderMode: "vector",
    zIndex: NAMES_Z,
    properties: switchedBy("names"),
  });
  const map = new OlMap({
    target,
    pixelRatio: devicePixelRatio * scale,
    controls: [],
    interactions: interactions(),
    layers: supply ? [ground, names] : [relief, ground, names],
    view: new View({
      center: fromLonLat(info.center),
      zoom: 10,
      minZoom: Math.max(info.zoom.min - 1, 6),
      maxZoom: VIEW_ZOOM_MAX,
      extent: paddedBy(extent, 0.35),
      enableRotation: false,
      smoothExtentConstraint: false,
    }),
  });
  const fitAll = () => map.getView().fit(extent, { padding: [24, 24, 24, 24] });
  fitAll();

  const stop = effect(() => {
    const palette = palettes[theme.value];
    target.style.background = palette.land;
    ground.setStyle(groundStyle(palette));
    relief.getSource()?.refresh();
  });
  const stopNames = effect(() => {
    names.setStyle(nameStyle(palettes[theme.value], language.value === "en"));
  });
  return {
    map,
    fitAll,
    dispose: () => {
      stop();
      stopNames();
      map.setTarget(undefined);
      map.dispose();
    },
  };
}

/** Those of OpenLayers, as it sets them, but none that turns the map. */
const interactions = () => [
  new DoubleClickZoom(),
  new DragPan({ kinetic: new Kinetic(-0.005, 0.05, 100) }),
  new PinchZoom(),
  new KeyboardPan(),
  new KeyboardZoom(),
  new MouseWheelZoom(),
  new DragZoom(),
];

function paddedBy([west = 0, south = 0, east = 0, north = 0]: number[], share: number): number[] {
  const [dx, dy] = [(east - west) * share, (north - south) * share];
  return [west - dx, south - dy, east + dx, north + dy];
}
