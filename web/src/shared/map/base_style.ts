// How the ground of the base map is drawn: features of our own vector tiles (geo/basemap/tiles.py) to OpenLayers
// styles. Names: name_style.ts.
import type { FeatureLike } from "ol/Feature";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style, { type StyleFunction } from "ol/style/Style";
import { withAlpha } from "./marks";
import type { Palette } from "./palette";

const EQUATOR_M_PER_PX = 156_543.034;

/** Zoom in the usual 256-pixel counting. */
export const zoomOf = (resolution: number): number => Math.log2(EQUATOR_M_PER_PX / resolution);

type RoadLook = "trunk" | "primary" | "minor" | "track";

export interface RoadRank {
  look: RoadLook;
  rank: number;
  /** First zoom at which it is drawn. */
  from: number;
  /** Width in pixels at zoom 9, 12, 15, 18. */
  widths: [number, number, number, number];
}

export const ROADS: Record<string, RoadRank> = {
  motorway: { look: "trunk", rank: 9, from: 5, widths: [1.8, 3.6, 7, 20] },
  trunk: { look: "trunk", rank: 8, from: 5, widths: [1.7, 3.4, 6.5, 18] },
  primary: { look: "primary", rank: 7, from: 7, widths: [1.3, 2.9, 6, 17] },
  secondary: { look: "primary", rank: 6, from: 8, widths: [1, 2.4, 5.2, 15] },
  tertiary: { look: "minor", rank: 5, from: 9, widths: [0.7, 1.9, 4.6, 14] },
  unclassified: { look: "minor", rank: 4, from: 10, widths: [0.5, 1.3, 3.8, 12] },
  residential: { look: "minor", rank: 3, from: 11, widths: [0.4, 1, 3.6, 12] },
  living_street: { look: "minor", rank: 3, from: 12, widths: [0.4, 0.9, 3.2, 11] },
  service: { look: "minor", rank: 2, from: 13, widths: [0.3, 0.7, 2.2, 8] },
  track: { look: "track", rank: 1, from: 12, widths: [0.4, 0.8, 1.6, 5] },
};

export function groundStyle(palette: Palette): StyleFunction {
  const cache = new Map<string, Style[]>();
  const fills = Object.fromEntries(
    Object.entries(palette.landcover).map(([kind, color]) => [
      kind,
      new Style({ fill: new Fill({ color }), zIndex: 0 }),
    ]),
  );
  const water = new Style({ fill: new Fill({ color: palette.water }), zIndex: 1 });
  const boundary = new Style({
    stroke: new Stroke({ color: palette.boundary, width: 1.2, lineDash: [6, 4] }),
    zIndex: 2,
  });

  function road(feature: FeatureLike, zoom: number): Style[] {
    const kind = String(feature.get("class"));
    const rank = ROADS[kind] ?? ROADS.unclassified;
    if (!rank || zoom < rank.from) return [];
    const half = Math.round(zoom * 2) / 2;
    const bridge = Boolean(feature.get("bridge"));
    const tunnel = Boolean(feature.get("tunnel"));
    const unpaved = isUnpaved(feature.get("surface"));
    const key = `${kind}|${half}|${bridge}|${tunnel}|${unpaved}`;
    let lines = cache.get(key);
    if (!lines) {
      lines = roadLines(palette, rank, half, { bridge, tunnel, unpaved });
      cache.set(key, lines);
    }
    return lines;
  }

  function waterway(feature: FeatureLike, zoom: number): Style[] {
    const kind = String(feature.get("kind"));
    if (isArea(feature)) return [water];
    const river = kind === "river";
    if (!river && zoom < 12) return [];
    const half = Math.round(zoom * 2) / 2;
    const key = `water|${river}|${half}`;
    let lines = cache.get(key);
    if (!lines) {
      const width = (river ? 1.1 : 0.6) * 1.28 ** Math.max(0, half - 9);
      lines = [
        new Style({
          stroke: new Stroke({ color: palette.waterLine, width: Math.min(width, river ? 9 : 4) }),
          zIndex: 2,
        }),
      ];
      cache.set(key, lines);
    }
    return lines;
  }

  return (feature, resolution) => {
    const zoom = zoomOf(resolution);
    switch (feature.get("layer")) {
      case "landcover":
        return fills[String(feature.get("kind"))] ?? undefined;
      case "water":
        return waterway(feature, zoom);
      case "roads":
        return road(feature, zoom);
      case "boundary":
        return boundary;
      default:
        return undefined;
    }
  };
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export const isArea = (feature: FeatureLike): boolean =>
  String(feature.getGeometry()?.getType()).endsWith("Polygon");

const UNPAVED = new Set(["compacted", "gravel", "earth", "mud", "unpaved"]);
const isUnpaved = (surface: unknown): boolean => UNPAVED.has(String(surface));

function widthAt(widths: RoadRank["widths"], zoom: number): number {
  const position = Math.min(Math.max((zoom - 9) / 3, 0), 3);
  const left = Math.min(Math.floor(position), 2);
  const from = widths[left] ?? widths[0];
  const to = widths[left + 1] ?? from;
  return from * (to / from) ** (position - left);
}

function roadLines(
  palette: Palette,
  rank: RoadRank,
  zoom: number,
  { bridge, tunnel, unpaved }: { bridge: boolean; tunnel: boolean; unpaved: boolean },
): Style[] {
  const width = widthAt(rank.widths, zoom);
  const color = palette.road[rank.look];
  if (rank.look === "track") {
    return [new Style({ stroke: new Stroke({ color, width, lineDash: [4, 3] }), zIndex: 3 })];
  }
  const lines = [
    new Style({
      stroke: new Stroke({
        color: bridge ? palette.textSoft : palette.roadCasing,
        width: width + (zoom >= 13 ? 2 : 1.2),
        lineCap: bridge ? "butt" : "round",
        ...(tunnel ? { lineDash: [4, 4] } : {}),
      }),
      zIndex: 3 + rank.rank / 10,
    }),
    new Style({
      stroke: new Stroke({ color: tunnel ? withAlpha(color, 0.55) : color, width, lineCap: "round" }),
      zIndex: 4 + rank.rank / 10,
    }),
  ];
  if (unpaved && zoom >= 13) {
    lines.push(
      new Style({
        stroke: new Stroke({
          color: palette.road.track,
          width: width * 0.4,
          lineDash: [5, 6],
          lineCap: "butt",
        }),
        zIndex: 5,
      }),
    );
  }
  return lines;
}
