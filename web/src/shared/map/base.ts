// The map that all faces share: our own tiles, drawn on canvas 2D, in the theme and language of the
// page. A face adds its own layers on top.
import { effect } from "@preact/signals";
import MVT from "ol/format/MVT";
import { defaults as defaultInteractions } from "ol/interaction/defaults";
import TileLayer from "ol/layer/Tile";
import VectorTileLayer from "ol/layer/VectorTile";
import OlMap from "ol/Map";
import { fromLonLat, transformExtent } from "ol/proj";
import VectorTileSource from "ol/source/VectorTile";
import View from "ol/View";
import { language } from "../i18n";
import { theme } from "../theme";
import type { MapInfo } from "../types";
import { baseStyle } from "./base_style";
import { palettes } from "./palette";
import { reliefSource } from "./relief";

const VIEW_ZOOM_MAX = 18;
const TILE_PX = 512;

export interface BaseMap {
  map: OlMap;
  /** Show the whole county. */
  fitAll(): void;
  dispose(): void;
}

export function createBaseMap(target: HTMLElement, info: MapInfo): BaseMap {
  const extent = transformExtent(info.bounds, "EPSG:4326", "EPSG:3857");
  const relief = new TileLayer({ source: reliefSource(info.zoom.min, info.zoom.max), zIndex: 0 });
  const base = new VectorTileLayer({
    source: new VectorTileSource({
      format: new MVT(),
      url: "/tiles/{z}/{x}/{y}.mvt",
      minZoom: info.zoom.min,
      maxZoom: info.zoom.max,
      tileSize: TILE_PX,
      wrapX: false,
      transition: 0,
    }),
    declutter: true,
    zIndex: 1,
  });
  const map = new OlMap({
    target,
    controls: [],
    interactions: defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
    layers: [relief, base],
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
    base.setStyle(baseStyle(palette, language.value === "en"));
    relief.getSource()?.refresh();
  });
  return {
    map,
    fitAll,
    dispose: () => {
      stop();
      map.setTarget(undefined);
      map.dispose();
    },
  };
}

function paddedBy([west = 0, south = 0, east = 0, north = 0]: number[], share: number): number[] {
  const [dx, dy] = [(east - west) * share, (north - south) * share];
  return [west - dx, south - dy, east + dx, north + dy];
}
