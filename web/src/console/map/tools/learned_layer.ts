// Driven roads by how much slower or quicker they are than modelled: colour and dashes both say it, the width how sure
// that is, a number beside the road how much. The two directions of a road lie side by side, each on its own right.
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import type OlMap from "ol/Map";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { zoomOf } from "../../../shared/map/base_style";
import type { Palette } from "../../../shared/map/palette";
import { type Theme, theme } from "../../../shared/theme";
import { liveLayer, project, words, Z } from "./drawing";
import { type LearnedLine, learned, type Slower } from "./learned_store";

/** From the slowest: from so many percent on, its colour and its dashes. */
export const STEPS = [
  { name: "much_slower", from: 25, dash: [3, 4], hex: { day: "#a63603", night: "#ff8f4d" } },
  { name: "slower", from: 8, dash: [9, 4], hex: { day: "#d95f0e", night: "#ffc299" } },
  { name: "as_modelled", from: -8, dash: undefined, hex: { day: "#5f6b73", night: "#93a1ab" } },
  { name: "quicker", from: -25, dash: undefined, hex: { day: "#2b7bba", night: "#8cc8f5" } },
  { name: "much_quicker", from: -100, dash: undefined, hex: { day: "#08306b", night: "#3f8fe0" } },
] as const satisfies readonly { name: string; from: number; dash: unknown; hex: Record<Theme, string> }[];

export type Step = (typeof STEPS)[number];

/** Nine times in ten within so many percent to either side: that is sure. */
export const SURE_PCT = 15;
const NUMBERS_ZOOM = 12.5;
const SIDE_PX = { far: 1.4, near: 2.6 };

export const stepOf = (pct: number): Step => STEPS.find(({ from }) => pct >= from) ?? STEPS[4];
export const isSure = ({ low_pct, high_pct }: Slower): boolean => (high_pct - low_pct) / 2 <= SURE_PCT;

export const addLearnedLayer = (map: OlMap): (() => void) =>
  liveLayer(map, { zIndex: Z.learned, declutter: true }, (palette) =>
    (learned.value?.lines ?? []).flatMap((line) => directions(line, palette, theme.value)),
  );

function directions(
  { coordinates, forward, backward }: LearnedLine,
  palette: Palette,
  name: Theme,
): Feature[] {
  const along = project(coordinates);
  return [
    ...(forward ? [oneWay(along, forward, palette, name)] : []),
    ...(backward ? [oneWay([...along].reverse(), backward, palette, name)] : []),
  ];
}

/** Rounded, with its sign. */
export const pctWords = (pct: number): string =>
  `${pct > 0 ? "+" : pct < 0 ? "−" : "±"}${Math.abs(Math.round(pct))} %`;

function oneWay(along: number[][], seen: Slower, palette: Palette, name: Theme): Feature {
  const feature = new Feature(new LineString(along));
  const step = stepOf(seen.slower_pct);
  const width = isSure(seen) ? 4 : 2;
  const near = lineStyles(step, width, SIDE_PX.near, palette, name);
  const far = lineStyles(step, width * 0.7, SIDE_PX.far, palette, name);
  const said = new Style({
    text: words(palette, pctWords(seen.slower_pct), { placement: "line", textBaseline: "top" }),
  });
  feature.setStyle((_, resolution) => {
    const zoom = zoomOf(resolution);
    if (zoom < NUMBERS_ZOOM) return far;
    return step.name === "as_modelled" ? near : [...near, said];
  });
  return feature;
}

export function lineStyles(
  step: Step,
  width: number,
  offset: number,
  palette: Palette,
  name: Theme,
): Style[] {
  return [
    new Style({ stroke: new Stroke({ color: palette.halo, width: width + 2.5, offset }) }),
    new Style({
      zIndex: 1, // over the halos of the roads that it meets
      stroke: new Stroke({
        color: step.hex[name],
        width,
        offset,
        lineCap: "butt",
        ...(step.dash ? { lineDash: [...step.dash] } : {}),
      }),
    }),
  ];
}
