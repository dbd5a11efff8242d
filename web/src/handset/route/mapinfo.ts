// What the map is, kept for the time without signal.
import * as api from "../../shared/api";
import type { MapInfo } from "../../shared/types";

const KEY = "ridgeline.map";
/** A dead zone must not hold up the map that is here. */
const ASK_MS = 3_000;

/** Of the map as it was said last; "" where it never was. */
export const keptMapId = (): string =>
  (JSON.parse(localStorage.getItem(KEY) ?? "{}") as { id?: string }).id ?? "";

/** As the server says, or as it said last. Raises `ApiError` where it never did. */
export async function mapInfo(): Promise<MapInfo> {
  const kept = localStorage.getItem(KEY);
  if (kept) {
    void refreshed().catch((error: unknown) => console.warn("the map as it was", error));
    return JSON.parse(kept) as MapInfo;
  }
  return refreshed();
}

export async function refreshed(): Promise<MapInfo> {
  const info = await api.call<MapInfo>("GET", "/api/map", undefined, true, ASK_MS);
  localStorage.setItem(KEY, JSON.stringify(info));
  return info;
}
