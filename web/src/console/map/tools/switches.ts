// Which layers are on, remembered for each user of this browser.
import { effect, signal } from "@preact/signals";
import type { CollectionEvent } from "ol/Collection";
import type BaseLayer from "ol/layer/Base";
import type OlMap from "ol/Map";
import { user } from "../../store";

/** As the panel groups them. */
export const GROUPS = {
  selected: ["routes", "trail", "accuracy"],
  county: ["reach", "coverage", "zones", "roads", "learned", "endurance"],
  ground: ["relief", "names"],
} as const;
export type Layer = (typeof GROUPS)[keyof typeof GROUPS][number];

const ALL: readonly Layer[] = Object.values(GROUPS).flat();
const AT_FIRST: readonly Layer[] = ["routes", "accuracy", "roads", "relief", "names"];
const STORAGE_KEY = "ridgeline.layers.";

export const layersOn = signal<ReadonlySet<Layer>>(new Set(AT_FIRST));

export const isOn = (layer: Layer): boolean => layersOn.value.has(layer);

export function setLayer(layer: Layer, on: boolean): void {
  const next = new Set(layersOn.peek());
  if (on) next.add(layer);
  else next.delete(layer);
  layersOn.value = next;
  const who = user.peek();
  if (who) localStorage.setItem(STORAGE_KEY + who.username, JSON.stringify([...next]));
}

export const toggleLayer = (layer: Layer): void => setLayer(layer, !layersOn.peek().has(layer));

/** What this user had on the last time; what is not known any more is left out. */
function remembered(username: string): Layer[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY + username) ?? "null");
    return Array.isArray(kept) ? ALL.filter((layer) => kept.includes(layer)) : [...AT_FIRST];
  } catch {
    return [...AT_FIRST]; // not of our writing
  }
}

/** Keep every layer of the map that carries a switch as the switch says, now and when one is added. */
export function followSwitches(map: OlMap): () => void {
  const stopUser = effect(() => {
    if (user.value) layersOn.value = new Set(remembered(user.value.username));
  });
  const set = (layer: BaseLayer) => {
    const name = layer.get("switch") as Layer | undefined;
    if (name) layer.setVisible(layersOn.peek().has(name));
  };
  const onAdd = ({ element }: CollectionEvent<BaseLayer>) => set(element);
  map.getLayers().on("add", onAdd);
  const stop = effect(() => {
    layersOn.value;
    map.getLayers().forEach(set);
  });
  return () => {
    map.getLayers().un("add", onAdd);
    stop();
    stopUser();
  };
}
