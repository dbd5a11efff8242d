// Where the selected unit was: driven pieces as lines, silence dashed, hollow what was heard of late; the time beside
// the line now and then. And how exact its present position is.
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import { circular } from "ol/geom/Polygon";
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { withAlpha } from "../../../shared/map/marks";
import type { Palette } from "../../../shared/map/palette";
import { ageMs, durationText, localTime } from "../../../shared/time";
import { STALE_S, selectedUnit } from "../../store";
import { liveLayer, project, words, Z } from "./drawing";
import { isOn } from "./switches";
import { type Fix, minutes, type Path, paths } from "./trail_store";
import { t } from "./words";

const TIMES_MAX = 6;
/** Of the circle of accuracy. */
const CORNERS = 64;

export function addTrailLayers(map: OlMap): () => void {
  const stops = [
    liveLayer(map, { zIndex: Z.accuracy }, circleFeatures),
    liveLayer(map, { zIndex: Z.said }, saidFeatures),
    liveLayer(map, { zIndex: Z.trail, declutter: true }, (palette) => [
      ...paths.value.flatMap((path) => pathFeatures(path, palette)),
      ...timeFeatures(paths.value[0], palette),
    ]),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

// -- the trail --

function pathFeatures({ pieces }: Path, palette: Palette): Feature[] {
  const gaps = pieces.slice(1).flatMap((piece, nth) => {
    const [from, to] = [pieces[nth]?.at(-1), piece[0]];
    return from && to ? [lineOf([from, to], [gapStyle(palette)])] : [];
  });
  return [
    ...gaps,
    ...pieces.flatMap((piece) => pieceFeatures(piece, palette)),
    ...toNow(pieces.at(-1), palette),
  ];
}

/** A piece, parted where what was heard at once and what was heard late meet. */
function pieceFeatures(piece: Fix[], palette: Palette): Feature[] {
  const parts: Fix[][] = [];
  for (const fix of piece) {
    const last = parts.at(-1);
    if (last && last.at(-1)?.late === fix.late) last.push(fix);
    else parts.push(last?.length ? [last.at(-1) as Fix, fix] : [fix]);
  }
  return parts.map((part) =>
    part.length > 1
      ? lineOf(part, part.at(-1)?.late ? lateStyles(palette) : drivenStyles(palette))
      : dotOf(part[0] as Fix, palette),
  );
}

/** From the last fix to where the unit is now: it may have been silent since. */
function toNow(last: Fix[] | undefined, palette: Palette): Feature[] {
  const [position, from] = [selectedUnit.value?.position, last?.at(-1)];
  if (!position || !from) return [];
  const nowMs = Date.parse(position.observed_at);
  if (nowMs <= from.atMs) return [];
  const to: Fix = { at: [position.lon, position.lat], atMs: nowMs, late: false };
  const silent = nowMs - from.atMs > STALE_S * 1000;
  return [lineOf([from, to], silent ? [gapStyle(palette)] : drivenStyles(palette))];
}

const lineOf = (fixes: Fix[], styles: Style[]): Feature => {
  const feature = new Feature(new LineString(project(fixes.map(({ at }) => at))));
  feature.setStyle(styles);
  return feature;
};

function dotOf({ at, late }: Fix, palette: Palette): Feature {
  const feature = new Feature(new Point(fromLonLat(at)));
  feature.setStyle(
    new Style({
      image: new CircleStyle({
        radius: 3,
        fill: new Fill({ color: late ? palette.paper : palette.trail }),
        stroke: new Stroke({ color: late ? palette.trail : palette.halo, width: 1.5 }),
        declutterMode: "none",
      }),
    }),
  );
  return feature;
}

export const drivenStyles = (palette: Palette): Style[] => [
  new Style({ stroke: new Stroke({ color: palette.halo, width: 5.5 }) }),
  new Style({ stroke: new Stroke({ color: palette.trail, width: 2.5 }) }),
];

const lateStyles = (palette: Palette): Style[] => [
  new Style({ stroke: new Stroke({ color: palette.trail, width: 5, lineCap: "butt" }) }),
  new Style({ stroke: new Stroke({ color: palette.paper, width: 2.2, lineCap: "butt" }) }),
];

const gapStyle = (palette: Palette): Style =>
  new Style({
    stroke: new Stroke({ color: palette.trail, width: 1.8, lineDash: [2, 6], lineCap: "round" }),
  });

/** At most so many times of day along the line, and the one at its beginning. */
function timeFeatures(path: Path | undefined, palette: Palette): Feature[] {
  const every = Math.ceil(minutes.value / TIMES_MAX) * 60_000;
  const found: Feature[] = [];
  let next = 0;
  for (const fix of path?.pieces.flat() ?? []) {
    if (fix.atMs < next) continue;
    next = (Math.floor(fix.atMs / every) + 1) * every;
    const feature = dotOf(fix, palette);
    const style = feature.getStyle() as Style;
    style.setText(words(palette, localTime(fix.atMs, false), { offsetX: 8, textAlign: "left" }));
    found.push(feature);
  }
  return found;
}

// -- how exact the position is --

const shownPosition = () => (isOn("accuracy") ? selectedUnit.value?.position : undefined);

function circleFeatures(palette: Palette): Feature[] {
  const position = shownPosition();
  if (!position || position.accuracy_m === null) return [];
  const around = circular([position.lon, position.lat], position.accuracy_m, CORNERS);
  const circle = new Feature(around.transform("EPSG:4326", "EPSG:3857"));
  circle.setStyle(
    new Style({
      fill: new Fill({ color: withAlpha(palette.accent, 0.14) }),
      stroke: new Stroke({ color: palette.accent, width: 1.5 }),
    }),
  );
  return [circle];
}

/** "± 7 m · 12 s ago" under the unit's name. */
function saidFeatures(palette: Palette): Feature[] {
  const position = shownPosition();
  if (!position) return [];
  const { lon, lat, accuracy_m, observed_at, received_at } = position;
  const late = Date.parse(received_at) - Date.parse(observed_at) > STALE_S * 1000;
  const text = [
    accuracy_m === null ? "" : t("accuracy.metres", { metres: Math.round(accuracy_m) }),
    t("accuracy.age", { age: durationText(ageMs(observed_at)) }),
    late ? t("accuracy.late") : "",
  ];
  const said = new Feature(new Point(fromLonLat([lon, lat])));
  said.setStyle(new Style({ text: words(palette, text.filter(Boolean).join(" · "), { offsetY: 34 }) }));
  return [said];
}
