// The names on the base map: places, roads with their numbers and kilometres, rivers. A layer of their own over
// everything that is filled in beneath (isochrones, weather, zones), so that one can always read where that is.
import type { FeatureLike } from "ol/Feature";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style, { type StyleFunction } from "ol/style/Style";
import Text from "ol/style/Text";
import { isArea, ROADS, type RoadRank, text, zoomOf } from "./base_style";
import { MAP_FONT, type Palette } from "./palette";

const LABEL_STYLES_MAX = 1500;

const PLACES: Record<string, { size: number; weight: number; from: number; rank: number }> = {
  city: { size: 17, weight: 650, from: 5, rank: 5 },
  town: { size: 14, weight: 650, from: 7, rank: 4 },
  station: { size: 11, weight: 650, from: 10, rank: 3 },
  village: { size: 12, weight: 500, from: 11, rank: 2 },
  hamlet: { size: 11, weight: 400, from: 13, rank: 1 },
};

export function nameStyle(palette: Palette, preferLatin: boolean): StyleFunction {
  const labels = new Map<string, Style>();

  function remembered(key: string, make: () => Style): Style {
    let style = labels.get(key);
    if (!style) {
      if (labels.size >= LABEL_STYLES_MAX) labels.clear();
      style = make();
      labels.set(key, style);
    }
    return style;
  }

  function roadName(feature: FeatureLike, zoom: number): Style | null {
    const rank: RoadRank | undefined = ROADS[String(feature.get("class"))] ?? ROADS.unclassified;
    if (!rank || zoom < rank.from) return null;
    const ref = text(feature.get("ref"));
    if (ref && rank.rank >= 5 && zoom >= (rank.rank >= 8 ? 9 : rank.rank >= 6 ? 10.5 : 12)) {
      return remembered(`ref|${ref}`, () => shield(palette, ref, 10 + rank.rank));
    }
    const name = text(feature.get("name"));
    if (!name || zoom < 14) return null;
    return remembered(`road|${name}`, () =>
      label(name, {
        size: 11,
        weight: 450,
        color: palette.textSoft,
        halo: palette.halo,
        zIndex: 10 + rank.rank,
        along: true,
      }),
    );
  }

  function place(feature: FeatureLike, zoom: number): Style[] {
    const kind = String(feature.get("kind"));
    const look = PLACES[kind] ?? PLACES.hamlet;
    if (!look || zoom < look.from) return [];
    const name = text(feature.get("name"));
    const latin = text(feature.get("latin"));
    const words = preferLatin && latin ? latin : name;
    if (!words) return [];
    const step = zoom >= 13 ? 2 : zoom >= 10.5 ? 1 : 0;
    return [
      remembered(`place|${kind}|${words}|${step}`, () =>
        label(words, {
          size: look.size + step,
          weight: look.weight,
          color: kind === "station" ? palette.accent : look.rank >= 4 ? palette.text : palette.textSoft,
          halo: palette.halo,
          zIndex: 30 + look.rank,
        }),
      ),
    ];
  }

  function river(feature: FeatureLike, zoom: number): Style | null {
    const name = text(feature.get("name"));
    if (feature.get("kind") !== "river" || !name || zoom < 11.5 || isArea(feature)) return null;
    return remembered(`river|${name}`, () =>
      label(name, {
        size: 11,
        weight: 450,
        color: palette.waterText,
        halo: palette.halo,
        zIndex: 8,
        along: true,
        italic: true,
      }),
    );
  }

  function kilometre(feature: FeatureLike, zoom: number): Style[] {
    if (zoom < 12.5) return [];
    const km = feature.get("km");
    if (km === undefined || (zoom < 14 && Number(km) % 5 !== 0)) return [];
    const words = `k${km}`;
    return [
      remembered(`km|${words}`, () =>
        label(words, { size: 10, weight: 500, color: palette.textSoft, halo: palette.halo, zIndex: 9 }),
      ),
    ];
  }

  return (feature, resolution) => {
    const zoom = zoomOf(resolution);
    switch (feature.get("layer")) {
      case "water":
        return river(feature, zoom) ?? undefined;
      case "roads":
        return roadName(feature, zoom) ?? undefined;
      case "places":
        return place(feature, zoom);
      case "road_km":
        return kilometre(feature, zoom);
      default:
        return undefined;
    }
  };
}

interface LabelLook {
  size: number;
  weight: number;
  color: string;
  halo: string;
  zIndex: number;
  along?: boolean;
  italic?: boolean;
}

function label(words: string, look: LabelLook): Style {
  return new Style({
    zIndex: look.zIndex,
    text: new Text({
      text: words,
      font: `${look.italic ? "italic " : ""}${look.weight} ${look.size}px ${MAP_FONT}`,
      fill: new Fill({ color: look.color }),
      stroke: new Stroke({ color: look.halo, width: 3 }),
      placement: look.along ? "line" : "point",
      ...(look.along ? { repeat: 420, maxAngle: Math.PI / 6 } : { overflow: true }),
      padding: [3, 4, 3, 4],
    }),
  });
}

function shield(palette: Palette, ref: string, zIndex: number): Style {
  return new Style({
    zIndex,
    text: new Text({
      text: ref,
      font: `600 10px ${MAP_FONT}`,
      fill: new Fill({ color: palette.shield.text }),
      backgroundFill: new Fill({ color: palette.shield.fill }),
      backgroundStroke: new Stroke({ color: palette.shield.line, width: 1 }),
      padding: [2, 3, 1, 4],
      overflow: true,
    }),
  });
}
