// What is measured, on the map: both ends, the straight line dashed, the way by road.
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import type { Palette } from "../../../shared/map/palette";
import { distanceText } from "../../../shared/time";
import { liveLayer, project, words, Z } from "./drawing";
import { ends, pointer, straight, travel } from "./ruler_store";

export const addRulerLayer = (map: OlMap): (() => void) =>
  liveLayer(map, { zIndex: Z.ruler }, (palette) => {
    const [from, to = pointer.value] = ends.value;
    const way = travel.value?.coordinates ?? [];
    return [
      ...(way.length > 1 ? [line(way, wayStyles(palette))] : []),
      ...(from && to ? [line([from, to], straightStyles(palette))] : []),
      ...ends.value.map((at, nth) => end(at, "AB"[nth] ?? "", palette)),
    ];
  });

function line(coordinates: [number, number][], styles: Style[]): Feature {
  const feature = new Feature(new LineString(project(coordinates)));
  feature.setStyle(styles);
  return feature;
}

const wayStyles = (palette: Palette): Style[] => [
  new Style({ stroke: new Stroke({ color: palette.halo, width: 8 }) }),
  new Style({ stroke: new Stroke({ color: palette.accent, width: 4 }) }),
];

function straightStyles(palette: Palette): Style[] {
  const metres = straight.value?.metres ?? 0;
  return [
    new Style({ stroke: new Stroke({ color: palette.halo, width: 4 }) }),
    new Style({
      stroke: new Stroke({ color: palette.ink, width: 1.8, lineDash: [6, 5] }),
      text: words(palette, distanceText(metres), {
        placement: "line",
        overflow: true,
        textBaseline: "bottom",
      }),
    }),
  ];
}

function end(at: [number, number], name: string, palette: Palette): Feature {
  const feature = new Feature(new Point(fromLonLat(at)));
  feature.setStyle(
    new Style({
      image: new CircleStyle({
        radius: 9,
        fill: new Fill({ color: palette.paper }),
        stroke: new Stroke({ color: palette.accent, width: 2.5 }),
      }),
      text: words(palette, name, { offsetY: 1 }),
    }),
  );
  return feature;
}
