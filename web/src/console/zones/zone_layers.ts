// Roads without radio: a broad band under the road with dots along it, so that colour is not alone.
// The chosen zone has a cross where signal returns.
import { effect } from "@preact/signals";
import Feature from "ol/Feature";
import MultiLineString from "ol/geom/MultiLineString";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { language } from "../../shared/i18n";
import { withAlpha } from "../../shared/map/marks";
import { MAP_FONT, type Palette, palettes } from "../../shared/map/palette";
import { type Theme, theme } from "../../shared/theme";
import { draft, mapPanel, mapTool } from "../store";
import { chosen, type Standing, type Zone, zones } from "./zone_store";

/** Under closed roads (7), routes and units. */
const Z_ZONES = 6;
const BAND_PX = 13;
const HIT_PX = 4;

export const zoneHex = (name: Theme): string => palettes[name].silence;

export function addZoneLayer(map: OlMap): () => void {
  const source = new VectorSource();
  const layer = new VectorLayer({ source, zIndex: Z_ZONES, updateWhileAnimating: true, declutter: true });
  map.addLayer(layer);
  const stop = effect(() => {
    const palette = palettes[theme.value];
    const features = (zones.value?.features ?? []).flatMap((zone) => drawn(zone, palette, theme.value));
    source.clear(true);
    source.addFeatures(features);
    source.changed();
  });
  const onClick = (event: MapBrowserEvent) => {
    if (mapTool.peek() || draft.peek()) return;
    const hit = map.forEachFeatureAtPixel(
      event.pixel,
      (feature) => feature.get("zone") as number | undefined,
      {
        hitTolerance: HIT_PX,
        layerFilter: (each) => each === layer,
      },
    );
    if (hit === undefined) return;
    chosen.value = hit;
    mapPanel.value = "zones";
  };
  map.on("click", onClick);
  return () => {
    map.un("click", onClick);
    stop();
    map.removeLayer(layer);
  };
}

function drawn(zone: Zone, palette: Palette, name: Theme): Feature[] {
  const { standing, doors, passages, silences } = zone.properties;
  const isChosen = chosen.value === zone.id;
  const lines = zone.geometry.coordinates.map((line) => line.map((lonlat) => fromLonLat(lonlat)));
  const road = new Feature(new MultiLineString(lines));
  road.set("zone", zone.id, true);
  road.setStyle(bandStyles(standing, isChosen, palette, zoneHex(name), `${silences}/${passages}`));
  if (!isChosen) return [road];
  const crosses = doors.map(({ lon, lat, place }) => {
    const door = new Feature(new Point(fromLonLat([lon, lat])));
    door.setStyle(doorStyle(place[language.value], palette));
    return door;
  });
  return [road, ...crosses];
}

function bandStyles(
  standing: Standing,
  isChosen: boolean,
  palette: Palette,
  hex: string,
  count: string,
): Style[] {
  const faint = standing === "dismissed";
  const width = isChosen ? BAND_PX + 5 : BAND_PX;
  const styles = [
    new Style({ stroke: new Stroke({ color: withAlpha(hex, faint ? 0.12 : 0.38), width, lineCap: "butt" }) }),
    new Style({
      stroke: new Stroke({
        color: hex,
        width: faint ? 1 : 3,
        lineDash: standing === "confirmed" ? undefined : [1, faint ? 12 : 7],
        lineCap: "round",
      }),
    }),
  ];
  if (faint) return styles;
  const text = new Text({
    text: count,
    font: `600 11px ${MAP_FONT}`,
    placement: "line",
    textBaseline: "bottom",
    fill: new Fill({ color: palette.ink }),
    stroke: new Stroke({ color: palette.halo, width: 3 }),
  });
  return [...styles, new Style({ text })];
}

function doorStyle(place: string, palette: Palette): Style {
  return new Style({
    image: new RegularShape({
      points: 4,
      radius: 8,
      radius2: 0,
      stroke: new Stroke({ color: palette.ink, width: 2 }),
    }),
    text: new Text({
      text: place,
      font: `600 11px ${MAP_FONT}`,
      offsetY: 15,
      fill: new Fill({ color: palette.ink }),
      stroke: new Stroke({ color: palette.halo, width: 3 }),
    }),
  });
}
