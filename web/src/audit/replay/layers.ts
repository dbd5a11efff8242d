// The replay on the map: units and incidents as the console draws them, and closed roads.
import { computed, effect } from "@preact/signals";
import Feature from "ol/Feature";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { batteryLevel } from "../../shared/components/Battery";
import type { UnitLook } from "../../shared/map/marks";
import { palettes } from "../../shared/map/palette";
import { incidentStyle } from "../../shared/map/styles";
import { openCluster, UnitLayer } from "../../shared/map/unit_layer";
import type { UnitMark } from "../../shared/map/unit_marks";
import { theme } from "../../shared/theme";
import { durationText } from "../../shared/time";
import { typeName } from "../sentence";
import type { UnitScene } from "./film";
import { clock, film, moment, playing, speed } from "./player";

const HIT_PX = 6;
const Z = { roads: 10, assigned: 20, units: 30, unassigned: 35 };

export function addLayers(map: OlMap): () => void {
  const stops = [roadLayer(map), incidentLayer(map), unitLayer(map)];
  return () => {
    for (const stop of stops) stop();
  };
}

function layerOn(map: OlMap, zIndex: number): VectorSource {
  const source = new VectorSource();
  map.addLayer(
    new VectorLayer({
      source,
      zIndex,
      declutter: true,
      updateWhileAnimating: true,
      updateWhileInteracting: true,
    }),
  );
  return source;
}

/** Of so many units, marks move this often; of fewer, with every frame. */
const CROWD = 1_000;
const CROWD_MS = 200;

const drawnAt = computed(() => {
  const crowded = (film.value?.playback.units.length ?? 0) > CROWD && playing.value;
  const stride = CROWD_MS * speed.value;
  return crowded ? Math.floor(moment.value / stride) * stride : moment.value;
});

function unitLayer(map: OlMap): () => void {
  const layer = new UnitLayer(Z.units, palettes[theme.peek()]);
  map.addLayer(layer);
  const onClick = ({ pixel }: MapBrowserEvent) => {
    const hit = layer.at(pixel, HIT_PX);
    if (hit && "cluster" in hit) openCluster(map, hit.cluster);
  };
  map.on("click", onClick);
  const stops = [
    effect(() => layer.paint(palettes[theme.value])),
    effect(() => {
      const present = film.value?.units(drawnAt.value, clock.value) ?? [];
      const ids = new Set(present.map(({ id }) => id));
      layer.update(
        present.map(markOf),
        [...layer.ids()].filter((id) => !ids.has(id)),
      );
    }),
  ];
  return () => {
    map.un("click", onClick);
    for (const stop of stops) stop();
  };
}

function markOf(unit: UnitScene): UnitMark {
  const [x = 0, y = 0] = fromLonLat([unit.lon, unit.lat]);
  return { id: unit.id, x, y, look: lookOf(unit), label: labelOf(unit), apart: false, overdue: false };
}

function lookOf({ kind, status, stale, moving, heading, batteryPct }: UnitScene): UnitLook {
  const level = status === "off_duty" ? null : batteryLevel(batteryPct);
  return {
    kind,
    status,
    stale,
    heading16: moving && status !== "off_duty" ? Math.round((heading ?? 0) / 22.5) % 16 : null,
    battery: level === "critical" || level === "low" ? level : "none",
    selected: false,
  };
}

function labelOf({ callSign, stale, ageMs }: UnitScene): string {
  if (!stale) return callSign;
  const minutes = Math.floor(ageMs / 60_000);
  return `${callSign} · ${durationText(minutes * 60_000)}`;
}

function incidentLayer(map: OlMap): () => void {
  const sources = { assigned: layerOn(map, Z.assigned), unassigned: layerOn(map, Z.unassigned) };
  let drawn = "";
  return effect(() => {
    const palette = palettes[theme.value];
    const present = film.value?.incidents(moment.value, clock.value) ?? [];
    const names = present.map(({ type }) => typeName(type));
    const key = JSON.stringify([theme.value, names, present]);
    if (key === drawn) return;
    drawn = key;
    for (const [name, source] of Object.entries(sources)) {
      source.clear(true);
      source.addFeatures(
        present.flatMap((incident, place) => {
          if (incident.assigned !== (name === "assigned")) return [];
          const feature = new Feature(new Point(fromLonLat([incident.lon, incident.lat])));
          const look = { priority: incident.priority, assigned: incident.assigned, selected: false };
          feature.setStyle(incidentStyle(palette, look, `#${incident.number} ${names[place]}`, false));
          return [feature];
        }),
      );
    }
  });
}

function roadLayer(map: OlMap): () => void {
  const source = layerOn(map, Z.roads);
  let drawn = "";
  return effect(() => {
    const palette = palettes[theme.value];
    const held = film.value?.roads(moment.value) ?? [];
    const key = JSON.stringify([theme.value, held]);
    if (key === drawn) return;
    drawn = key;
    source.clear(true);
    for (const { kind, lines } of held) {
      const color = kind === "closed" ? palette.priority.emergency : palette.priority.priority;
      const lineDash = kind === "closed" ? [2, 8] : [10, 6];
      for (const line of lines ?? []) {
        const feature = new Feature(new LineString(line.map((lonlat) => fromLonLat(lonlat))));
        feature.setStyle(new Style({ stroke: new Stroke({ color, width: 4, lineDash }) }));
        source.addFeature(feature);
      }
    }
  });
}
