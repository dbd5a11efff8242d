// How incidents look on any of the maps: marks drawn once, with their names. Units: unit_layer.ts.
import Fill from "ol/style/Fill";
import Icon from "ol/style/Icon";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { drawIncident, type IncidentLook, MARK_SCALE } from "./marks";
import { MAP_FONT, type Palette } from "./palette";

const STYLES_MAX = 4000;

/** Equal looks are drawn once. */
const icons = new Map<string, Icon>();

export function iconOf(key: string, draw: () => HTMLCanvasElement): Icon {
  let icon = icons.get(key);
  if (!icon) {
    if (icons.size >= STYLES_MAX) icons.clear();
    const img = draw();
    icon = new Icon({ img, scale: MARK_SCALE, declutterMode: "none" });
    icons.set(key, icon);
  }
  return icon;
}

const INCIDENT_Z = { emergency: 30, priority: 20, routine: 10 };

/** `insist`: its label stands whatever it hides. */
export function incidentStyle(
  palette: Palette,
  look: IncidentLook,
  label: string,
  insist = look.selected || !look.assigned,
): Style {
  const { priority, assigned, selected } = look;
  const key = `${palette.paper}|incident|${priority}|${assigned}|${selected}`;
  return new Style({
    image: iconOf(key, () => drawIncident(palette, look)),
    text: new Text({
      text: label,
      font: `600 11px ${MAP_FONT}`,
      offsetY: -21,
      fill: new Fill({ color: palette.ink }),
      stroke: new Stroke({ color: palette.halo, width: 3.5 }),
      declutterMode: insist ? "none" : "declutter",
    }),
    zIndex: INCIDENT_Z[priority] + (assigned ? 0 : 100) + (selected ? 1000 : 0),
  });
}
