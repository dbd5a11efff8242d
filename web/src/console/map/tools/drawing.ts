// Layers that follow the signals they are drawn from, and the few styles that they share.
import { effect } from "@preact/signals";
import type Feature from "ol/Feature";
import VectorLayer, { type Options } from "ol/layer/Vector";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Text, { type Options as TextOptions } from "ol/style/Text";
import { MAP_FONT, type Palette, palettes } from "../../../shared/map/palette";
import { theme } from "../../../shared/theme";
import type { LonLat } from "../../../shared/types";

/** Under and over `NAMES_Z` (8), the routes (10) and the units (30). */
export const Z = { learned: 6, accuracy: 9, trail: 12, endurance: 29, said: 32, ruler: 45 };

/** Drawn anew whenever a signal that `draw` reads changes; until stopped. */
export function liveLayer(map: OlMap, options: Options, draw: (palette: Palette) => Feature[]): () => void {
  const source = new VectorSource();
  const layer = new VectorLayer({ ...options, source, updateWhileAnimating: true });
  map.addLayer(layer);
  const stop = effect(() => {
    const features = draw(palettes[theme.value]);
    source.clear(true);
    source.addFeatures(features);
    source.changed();
  });
  return () => {
    stop();
    map.removeLayer(layer);
  };
}

export const project = (line: LonLat[]): number[][] => line.map((at) => fromLonLat(at));

/** Words beside a mark, with a halo. */
export const words = (palette: Palette, text: string, options: TextOptions = {}): Text =>
  new Text({
    text,
    font: `600 11px ${MAP_FONT}`,
    fill: new Fill({ color: palette.ink }),
    stroke: new Stroke({ color: palette.halo, width: 3.5 }),
    ...options,
  });
