// Isochrones under the roads' names, villages by how well they are covered: colour and shape both say it.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import MultiPolygon from "ol/geom/MultiPolygon";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { MAP_FONT, type Palette, palettes } from "../../shared/map/palette";
import { type Theme, theme } from "../../shared/theme";
import { coverage, isochrones, type Village, type VillageFeature } from "./reach_store";

const Z = { bands: 5, villages: 15 };

/** Near to far. Okabe and Ito's hues, told apart with any colour vision; far bands are dashed as well. */
const BAND_HEX: Record<Theme, string[]> = {
  day: ["#00795a", "#2b83b8", "#b07d00", "#c2410c"],
  night: ["#2bb587", "#7cc4ee", "#e9a820", "#ff6a33"],
};
const BAND_DASH = [[], [10, 4], [6, 5], [2, 5]];
const FILL_ALPHA = "26";

export const bandHex = (nth: number, name: Theme): string => BAND_HEX[name][nth % 4] ?? "";
export const bandDash = (nth: number): number[] => BAND_DASH[nth % 4] ?? [];

export function addReachLayers(map: OlMap): () => void {
  const bands = new VectorLayer({ source: new VectorSource(), zIndex: Z.bands });
  const villages = new VectorLayer({ source: new VectorSource(), zIndex: Z.villages, declutter: true });
  map.addLayer(bands);
  map.addLayer(villages);
  const stops = [
    effect(() => {
      const found = isochrones.value?.features ?? [];
      // The widest first: nearer bands lie over it.
      const drawn = found.map((band, nth) => {
        const polygons = band.geometry.coordinates.map((rings) =>
          rings.map((ring) => ring.map((lonlat) => fromLonLat(lonlat))),
        );
        const feature = new Feature(new MultiPolygon(polygons));
        feature.setStyle(bandStyle(nth, theme.value));
        return feature;
      });
      redraw(bands, drawn.reverse());
    }),
    effect(() => {
      const palette = palettes[theme.value];
      redraw(
        villages,
        (coverage.value?.features ?? []).map((village) => villageFeature(village, palette)),
      );
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    map.removeLayer(bands);
    map.removeLayer(villages);
  };
}

function redraw(layer: VectorLayer, features: Feature[]): void {
  const source = layer.getSource();
  source?.clear(true);
  source?.addFeatures(features);
  source?.changed();
}

function bandStyle(nth: number, name: Theme): Style {
  const color = bandHex(nth, name);
  return new Style({
    fill: new Fill({ color: `${color}${FILL_ALPHA}` }),
    stroke: new Stroke({ color, width: 2, lineDash: bandDash(nth) }),
    zIndex: -nth,
  });
}

function villageFeature({ properties, geometry }: VillageFeature, palette: Palette): Feature {
  const feature = new Feature(new Point(fromLonLat(geometry.coordinates)));
  feature.setStyle(villageStyle(properties, palette));
  return feature;
}

/** Twice: a full disc; once: a ring; not: a triangle with its name. */
function villageStyle(village: Village, palette: Palette): Style {
  const radius = 4 + Math.min(5, Math.sqrt(village.population ?? 0) / 12);
  const good = palette.status.available;
  const halo = new Stroke({ color: palette.halo, width: 1.5 });
  if (village.units_in_time === 2)
    return new Style({ image: new CircleStyle({ radius, fill: new Fill({ color: good }), stroke: halo }) });
  if (village.units_in_time === 1)
    return new Style({
      image: new CircleStyle({
        radius,
        fill: new Fill({ color: palette.paper }),
        stroke: new Stroke({ color: good, width: 2.5 }),
      }),
      zIndex: 1,
    });
  return new Style({
    image: new RegularShape({
      points: 3,
      radius: radius + 3,
      fill: new Fill({ color: palette.priority.emergency }),
      stroke: halo,
    }),
    text: new Text({
      text: village.name,
      font: `600 11px ${MAP_FONT}`,
      offsetY: 15,
      fill: new Fill({ color: palette.ink }),
      stroke: new Stroke({ color: palette.halo, width: 3 }),
    }),
    zIndex: 2,
  });
}
