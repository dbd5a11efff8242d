// Where the map looks. Other parts of the console ask for a place here and need not know the map.
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";
import { followedUnit } from "../store";

const MOVE_MS = 350;
const CLOSE_ZOOM = 13.5;
/** A place this near the edge of the screen counts as out of sight. */
const EDGE_SHARE = 0.12;

let map: OlMap | null = null;
let fitAll: () => void = () => undefined;
/** What was seen before the map went to somebody, and to whom it went last. */
let before: { center: number[]; zoom: number; id: string } | null = null;

export const camera = {
  attach(attached: OlMap, fit: () => void): void {
    map = attached;
    fitAll = fit;
  },

  detach(): void {
    map = null;
  },

  all(): void {
    camera.letGo();
    fitAll();
  },

  zoomBy(steps: number): void {
    const view = map?.getView();
    view?.animate({ zoom: (view.getZoom() ?? 10) + steps, duration: MOVE_MS / 2 });
  },

  /** Go there, near enough to see the road. With an `id`, `restore` leads back to what was seen before. */
  goTo(lon: number, lat: number, id?: string): void {
    const view = map?.getView();
    const [center, zoom] = [view?.getCenter(), view?.getZoom()];
    if (!view || !center || zoom === undefined) return;
    before = id === undefined ? null : { center, zoom, ...before, id };
    const near = Math.max(zoom, CLOSE_ZOOM);
    const target = beside(fromLonLat([lon, lat]), view.getResolutionForZoom(near));
    view.animate({ center: target, zoom: near, duration: MOVE_MS });
  },

  /** Back to what was seen before the map went to that one; false where it has been moved since. */
  restore(id: string): boolean {
    if (before?.id !== id) return false;
    const { center, zoom } = before;
    before = null;
    map?.getView().animate({ center, zoom, duration: MOVE_MS });
    return true;
  },

  /** A hand moves the map: nobody is followed any more, and there is no way back. */
  letGo(): void {
    before = null;
    followedUnit.value = null;
  },

  /** Move only when the place is out of sight. */
  reveal(lon: number, lat: number): void {
    const size = map?.getSize();
    const pixel = map?.getPixelFromCoordinate(fromLonLat([lon, lat]));
    if (!map || !size || !pixel) return;
    const [width = 0, height = 0] = size;
    const [x = 0, y = 0] = pixel;
    const inside = (value: number, length: number) =>
      value > length * EDGE_SHARE && value < length * (1 - EDGE_SHARE);
    if (inside(x, width) && inside(y, height)) return;
    camera.centre(fromLonLat([lon, lat]));
  },

  centre(coordinate: number[]): void {
    const view = map?.getView();
    view?.animate({ center: beside(coordinate, view.getResolution() ?? 0), duration: MOVE_MS });
  },
};

/** The middle of the map, so that the place is in the middle of what a panel on the right leaves free. */
function beside([x = 0, y = 0]: number[], resolution: number): number[] {
  const [target, panel] = [map?.getTargetElement(), document.querySelector(".map > .reach")];
  const covered = panel && target ? target.clientWidth - (panel as HTMLElement).offsetLeft : 0;
  return [covered * 2 < (target?.clientWidth ?? 0) ? x + (covered / 2) * resolution : x, y];
}
