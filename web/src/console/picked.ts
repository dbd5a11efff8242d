// The place that was picked last: found by the search, or clicked on the ground.
import { computed } from "@preact/signals";
import { roadSpot, spot } from "./store";

/** `name` is empty where only the ground was clicked. */
export const picked = computed<{ lon: number; lat: number; name: string } | null>(() => {
  if (spot.value) return spot.value;
  if (!roadSpot.value) return null;
  const [lon, lat] = roadSpot.value.at;
  return { lon, lat, name: "" };
});
