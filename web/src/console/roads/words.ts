import { translator } from "../../shared/i18n";
import { distanceText } from "../../shared/time";
import { commonEn, commonZh } from "../../shared/words";
import type { NearEdge } from "./api";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });

/** "X02 km 3.4, 310 m". */
export const roadWords = ({ ref, name, km, length_m }: NearEdge): string =>
  [
    ref && km !== null ? `${ref} km ${km.toFixed(1)}` : name || t("roads.nameless"),
    distanceText(length_m),
  ].join(", ");

/** The point of the compass that a road leads to. */
export function towards({ coordinates }: NearEdge, direction: "forward" | "backward"): string {
  const line = direction === "forward" ? coordinates : [...coordinates].reverse();
  const [[x0, y0] = [0, 0], [x1, y1] = [0, 0]] = [line[0], line.at(-1)];
  const east = (x1 - x0) * Math.cos((y0 * Math.PI) / 180);
  const eighth = Math.round((Math.atan2(east, y1 - y0) * 4) / Math.PI + 8) % 8;
  return t(`compass.${eighth}` as "compass.0");
}
