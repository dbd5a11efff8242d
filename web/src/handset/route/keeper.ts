// Fetches the map around the ways of open orders, a pack at a time, while there is signal: the nearest need
// first, what is here already never again, and on from where it was interrupted.
import { effect, untracked } from "@preact/signals";
import { linkState } from "../link";
import { type MapKept, mapKept } from "../mapkept";
import { endedBy, isOver, orders } from "../orders";
import { battery } from "../sensors";
import { learnFrom, session } from "../session";
import type { StoredOrder } from "../stored";
import type { Way } from "../way";
import { fetchBytes } from "./bytes";
import { corridor, type TileName } from "./corridor";
import { keptMapId, refreshed } from "./mapinfo";
import { type KeptWay, TileStore } from "./tilestore";

/** Tiles of one answer: some seconds of a poor link, so that little is lost with it. */
const PACK_LEN = 16;
const PACK_TIMEOUT_MS = 60_000;
/** After one that did not come. */
const AGAIN_MS = 15_000;
/** Below this the battery is for the way, not for its map. Starting value. */
const SMALL_BELOW_PCT = 15;

export const store: Promise<TileStore> = TileStore.open();

interface NetworkInformation {
  saveData?: boolean;
  effectiveType?: string;
}

/** Whether battery or data are short. */
function small(): boolean {
  const network = (navigator as { connection?: NetworkInformation }).connection;
  const dear = network?.saveData === true || network?.effectiveType?.endsWith("2g") === true;
  const { pct, charging } = battery.value ?? { pct: 100, charging: true };
  return dear || (!charging && pct < SMALL_BELOW_PCT);
}

let running = false;
/** Something changed while it ran. */
let stale = false;
let again = 0;

effect(() => {
  const open = orders.value;
  if (linkState.value === "live") void untracked(run);
  else untracked(() => waiting());
  if (Object.keys(mapKept.peek()).length === 0 && open.length > 0) void untracked(recall);
});

/** Of open orders, whose way is known. */
const wanted = (): StoredOrder[] =>
  orders.peek().filter((order) => order.way?.line && !isOver(order) && !endedBy(order));

async function run(): Promise<void> {
  stale = true;
  if (running || linkState.peek() !== "live") return;
  running = true;
  clearTimeout(again);
  try {
    while (stale) {
      stale = false;
      for (const order of wanted()) await keep(order, order.way as Way);
    }
  } catch (error) {
    console.warn("the map for the way waits", error);
    learnFrom(error);
    const refused = session.peek() === "expired";
    waiting(refused ? "refused" : "waiting");
    if (!refused) again = window.setTimeout(() => void run(), AGAIN_MS);
  } finally {
    running = false;
  }
}

/** What was here before this page was opened. */
async function recall(): Promise<void> {
  const kept = await (await store).ways();
  const found = wanted().flatMap(({ id }): [string, MapKept][] => {
    const way = kept.find((each) => each.id === id);
    if (!way || mapKept.peek()[id]) return [];
    const [got, of] = [Object.keys(way.sizes).length, way.names.length];
    return [[id, { got, of, state: got < of ? "waiting" : "done", small: false }]];
  });
  mapKept.value = { ...Object.fromEntries(found), ...mapKept.peek() };
}

/** Raises `ApiError` where a pack does not come. */
async function keep(order: StoredOrder, way: Way): Promise<void> {
  if (keptMapId() !== way.map_id) await refreshed();
  const tiles = await store;
  const few = small();
  const names = corridor(way, order.body.incident, few);
  let kept = await known(tiles, order.id, way.map_id, names);
  const tell = (state: MapKept["state"]) => {
    const got = Object.keys(kept.sizes).length;
    mapKept.value = { ...mapKept.value, [order.id]: { got, of: names.length, state, small: few } };
  };
  for (;;) {
    const missing = names.filter((name) => !(name in kept.sizes));
    tell(missing.length > 0 ? "fetching" : "done");
    if (missing.length === 0) return;
    const pack = await fetchPack(missing.slice(0, PACK_LEN));
    if ((await tiles.put(order.id, pack)) === "full") return tell("full");
    const sizes = Object.fromEntries([...pack].map(([name, bytes]) => [name, bytes.byteLength]));
    kept = { ...kept, sizes: { ...kept.sizes, ...sizes } };
  }
}

async function known(tiles: TileStore, id: string, mapId: string, names: TileName[]): Promise<KeptWay> {
  await tiles.keepOnly(mapId);
  const kept = (await tiles.ways()).find((each) => each.id === id);
  const same = kept?.names.length === names.length && names.every((name) => kept.names.includes(name));
  return kept && same ? kept : tiles.begin(id, mapId, names, Date.now());
}

/** Raises `ApiError`. */
async function fetchPack(names: TileName[]): Promise<Map<TileName, ArrayBuffer>> {
  const bytes = await fetchBytes(`/tiles/pack?of=${names.join(",")}`, PACK_TIMEOUT_MS);
  const view = new DataView(bytes);
  const pack = new Map<TileName, ArrayBuffer>();
  let at = 0;
  for (const name of names) {
    const length = view.getUint32(at);
    pack.set(name, bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return pack;
}

/** What is not wholly here waits for signal, or for somebody who signs in. */
function waiting(state: "waiting" | "refused" = "waiting"): void {
  const held = Object.entries(mapKept.peek()).map(([id, kept]): [string, MapKept] => [
    id,
    kept.state === "fetching" ? { ...kept, state } : kept,
  ]);
  mapKept.value = Object.fromEntries(held);
}
