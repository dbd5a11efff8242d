// Keeping one unit in the middle of the map, until somebody moves the map himself.
import { effect, signal } from "@preact/signals";
import type OlMap from "ol/Map";
import { fromLonLat, toLonLat } from "ol/proj";
import { clock, film, moment } from "./player";

/** The id of the unit; null: none. */
export const followed = signal<string | null>(null);

/** The middle of the map, "lon,lat". */
export const middle = signal("");

export const follow = (unitId: string): void => {
  followed.value = followed.peek() === unitId ? null : unitId;
};

export function addFollowing(map: OlMap): () => void {
  const release = () => {
    followed.value = null;
  };
  const tell = () => {
    const at = map.getView().getCenter();
    middle.value = at
      ? toLonLat(at)
          .map((each) => each.toFixed(5))
          .join()
      : "";
  };
  map.on("pointerdrag", release);
  map.on("moveend", tell);
  const stop = effect(() => {
    const unitId = followed.value;
    if (unitId === null) return;
    const unit = film.value?.units(moment.value, clock.value).find(({ id }) => id === unitId);
    if (unit) map.getView().setCenter(fromLonLat([unit.lon, unit.lat]));
  });
  return () => {
    stop();
    map.un("pointerdrag", release);
    map.un("moveend", tell);
    release();
  };
}
