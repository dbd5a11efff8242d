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
import {
  cover,
  coverage,
  isochrones,
  type Post,
  type Village,
  type VillageFeature,
  villageName,
} from "./reach_store";

const Z = { bands: 5, villages: 15, posts: 16 };

/** Near to far: even steps of lightness, strongest where near, so that any colour vision orders them. */
const BAND_HEX: Record<Theme, string[]> = {
  day: ["#00594c", "#2b83b8", "#8fb84a", "#f0c040"],
  night: ["#f4d35e", "#5dc36b", "#2b9aa8", "#4a63b0"],
};
const BANDS_OPACITY = 0.55;

export const bandHex = (nth: number, name: Theme): string => BAND_HEX[name][nth % 4] ?? "";

export function addReachLayers(map: OlMap): () => void {
  const bands = new VectorLayer({ source: new VectorSource(), zIndex: Z.bands, opacity: BANDS_OPACITY });
  const villages = new VectorLayer({ source: new VectorSource(), zIndex: Z.villages, declutter: true });
  const posts = new VectorLayer({ source: new VectorSource(), zIndex: Z.posts, declutter: true });
  map.addLayer(bands);
  map.addLayer(posts);
  map.addLayer(villages);
  const stops = [
    effect(() => {
      const found = isochrones.value?.features ?? [];
      // The widest first: nearer bands cover it, and the layer as a whole lets the roads through.
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
    effect(() => {
      const palette = palettes[theme.value];
      redraw(
        posts,
        (cover.value?.posts ?? []).map((post) => postFeature(post, palette)),
      );
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    map.removeLayer(bands);
    map.removeLayer(villages);
    map.removeLayer(posts);
  };
}

function redraw(layer: VectorLayer, features: Feature[]): void {
  const source = layer.getSource();
  source?.clear(true);
  source?.addFeatures(features);
  source?.changed();
}

/** A station: a full square; a standby point: one with paper inside; both with their names. */
function postFeature({ name, kind, lon, lat }: Post, palette: Palette): Feature {
  const feature = new Feature(new Point(fromLonLat([lon, lat])));
  const good = palette.status.available;
  const square = new RegularShape({
    points: 4,
    radius: 8,
    angle: Math.PI / 4,
    fill: new Fill({ color: kind === "station" ? good : palette.paper }),
    stroke: new Stroke({ color: kind === "station" ? palette.halo : good, width: 2.5 }),
  });
  feature.setStyle(new Style({ image: square, text: nameBelow(name, palette) }));
  return feature;
}

const nameBelow = (text: string, palette: Palette): Text =>
  new Text({
    text,
    font: `600 11px ${MAP_FONT}`,
    offsetY: 15,
    fill: new Fill({ color: palette.ink }),
    stroke: new Stroke({ color: palette.halo, width: 3 }),
  });

function bandStyle(nth: number, name: Theme): Style {
  return new Style({ fill: new Fill({ color: bandHex(nth, name) }), zIndex: -nth });
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
    text: nameBelow(villageName(village), palette),
    zIndex: 2,
  });
}
