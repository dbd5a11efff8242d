// What a hand does on the map: choosing what is there, picking places, and moving the map itself.
import type OlMap from "ol/Map";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { toLonLat } from "ol/proj";
import { openCluster } from "../../shared/map/unit_layer";
import { newIncidentAt, placeDraft } from "../commands";
import { draft, mapTool, roadSpot, selectIncident, selectUnit, spot } from "../store";
import { camera } from "./camera";
import type { ConsoleLayers } from "./layers";

const LONG_PRESS_MS = 550;
const LONG_PRESS_SLACK_PX = 8;
const DOUBLE_CLICK_SLACK_PX = 8;
const MOVING_KEYS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "+", "-"];

export function listenToHands(map: OlMap, target: HTMLElement, layers: ConsoleLayers): () => void {
  const lonLatOf = (pixel: number[]) => {
    const [lon = 0, lat = 0] = toLonLat(map.getCoordinateFromPixel(pixel));
    return { lon, lat };
  };
  const metresPerPixel = (lat: number) =>
    (map.getView().getResolution() ?? 1) * Math.cos((lat * Math.PI) / 180);
  const pick = (at: { lon: number; lat: number }) => {
    const tool = mapTool.peek();
    if (tool) tool.onClick([at.lon, at.lat], metresPerPixel(at.lat));
    else placeDraft(at, "");
  };
  const lookAtRoad = ({ lon, lat }: { lon: number; lat: number }) => {
    spot.value = null;
    roadSpot.value = { at: [lon, lat], metresPerPixel: metresPerPixel(lat) };
  };
  const isPicking = () => mapTool.peek() !== null || draft.peek() !== null;

  const letGo = () => camera.letGo();
  const onTouch = (event: TouchEvent) => {
    if (event.touches.length > 1) letGo();
  };
  const take = (pixel: number[]) => {
    if (isPicking()) {
      pick(lonLatOf(pixel));
      return;
    }
    const thing = layers.at(pixel);
    if (thing?.kind === "unit") selectUnit(thing.id);
    else if (thing?.kind === "incident") selectIncident(thing.id);
    else if (thing) {
      letGo();
      openCluster(map, thing.cluster);
    } else lookAtRoad(lonLatOf(pixel));
  };
  let [before, last] = [
    [0, 0],
    [0, 0],
  ];
  const onClick = ({ pixel }: MapBrowserEvent) => {
    [before, last] = [last, pixel];
    take(pixel);
  };
  /** Enter takes what lies under the cross in the middle; the arrows move the map, + and - bring it nearer. */
  const onKey = (event: KeyboardEvent) => {
    if (MOVING_KEYS.includes(event.key)) letGo();
    const [width, height] = map.getSize() ?? [];
    if (event.key === "Enter" && width && height) take([width / 2, height / 2]);
  };
  /** To OpenLayers two quick clicks are a double click wherever they are; false: no zoom. */
  const onDoubleClick = () => {
    const zooms = !isPicking() && apart(before, last) <= DOUBLE_CLICK_SLACK_PX;
    if (zooms) letGo();
    return zooms;
  };
  const onContext = (event: MouseEvent) => {
    event.preventDefault();
    newIncidentAt(lonLatOf(map.getEventPixel(event)), "");
  };
  const onMove = (event: MapBrowserEvent) => {
    if (event.dragging) return;
    target.style.cursor = isPicking() ? "crosshair" : layers.at(event.pixel) ? "pointer" : "";
  };
  const stopLongPress = listenToLongPress(target, (event) =>
    newIncidentAt(lonLatOf(map.getEventPixel(event)), ""),
  );

  map.on("click", onClick);
  map.on("dblclick", onDoubleClick);
  map.on("pointermove", onMove);
  map.on("pointerdrag", letGo);
  target.addEventListener("wheel", letGo, { passive: true });
  target.addEventListener("touchmove", onTouch, { passive: true });
  target.addEventListener("contextmenu", onContext);
  target.addEventListener("keydown", onKey);
  return () => {
    stopLongPress();
    target.removeEventListener("wheel", letGo);
    target.removeEventListener("touchmove", onTouch);
    target.removeEventListener("contextmenu", onContext);
    target.removeEventListener("keydown", onKey);
  };
}

const apart = ([x = 0, y = 0]: number[], [toX = 0, toY = 0]: number[]): number =>
  Math.hypot(toX - x, toY - y);

/** A finger that rests; the browser's own context menu event does not come on every device. */
function listenToLongPress(target: HTMLElement, onPress: (event: PointerEvent) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let start: PointerEvent | undefined;
  const cancel = () => clearTimeout(timer);
  const down = (event: PointerEvent) => {
    cancel();
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    start = event;
    timer = setTimeout(() => onPress(event), LONG_PRESS_MS);
  };
  const move = (event: PointerEvent) => {
    if (!start) return;
    if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > LONG_PRESS_SLACK_PX)
      cancel();
  };
  target.addEventListener("pointerdown", down);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", cancel);
  target.addEventListener("pointercancel", cancel);
  return () => {
    cancel();
    target.removeEventListener("pointerdown", down);
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", cancel);
    target.removeEventListener("pointercancel", cancel);
  };
}
