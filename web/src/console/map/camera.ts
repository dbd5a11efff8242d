// Where the map looks. Other parts of the console ask for a place here and need not know the map.
import type OlMap from "ol/Map";
import { fromLonLat } from "ol/proj";

const MOVE_MS = 350;
const CLOSE_ZOOM = 13.5;
/** A place this near the edge of the screen counts as out of sight. */
const EDGE_SHARE = 0.12;

let map: OlMap | null = null;
let fitAll: () => void = () => undefined;

export const camera = {
  attach(attached: OlMap, fit: () => void): void {
    map = attached;
    fitAll = fit;
  },

  detach(): void {
    map = null;
  },

  all(): void {
    fitAll();
  },

  zoomBy(steps: number): void {
    const view = map?.getView();
    view?.animate({ zoom: (view.getZoom() ?? 10) + steps, duration: MOVE_MS / 2 });
  },

  /** Go there, near enough to see the road. */
  goTo(lon: number, lat: number): void {
    const view = map?.getView();
    if (!view) return;
    const zoom = Math.max(view.getZoom() ?? 0, CLOSE_ZOOM);
    view.animate({ center: fromLonLat([lon, lat]), zoom, duration: MOVE_MS });
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
    map.getView().animate({ center: fromLonLat([lon, lat]), duration: MOVE_MS });
  },

  centre(coordinate: number[]): void {
    map?.getView().animate({ center: coordinate, duration: MOVE_MS });
  },
};
