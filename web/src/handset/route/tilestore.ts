// Map tiles kept for the time without signal, by the way that they were kept for. One database of its own:
// it may be emptied without harm, and orders and records never wait for it. Bounded in bytes and in ways;
// the oldest way makes room, never the one that is being fetched.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { TileName } from "./corridor";

export const BYTES_MAX = 24 << 20;
/** Of one way: a scene in the next county must not push out all others. */
export const WAY_BYTES_MAX = 8 << 20;
export const WAYS_MAX = 12;

/** What is kept for one way. */
export interface KeptWay {
  /** Of the order. */
  id: string;
  mapId: string;
  at: number;
  /** All that show it. */
  names: TileName[];
  /** Bytes of each that is here. */
  sizes: Record<TileName, number>;
}

interface Schema extends DBSchema {
  tiles: { key: string; value: ArrayBuffer };
  ways: { key: string; value: KeptWay };
}

export type Room = "kept" | "full";

const keyOf = (mapId: string, name: TileName): string => `${mapId}/${name}`;
const sum = (sizes: Record<string, number>): number => Object.values(sizes).reduce((a, b) => a + b, 0);

export class TileStore {
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  static async open(): Promise<TileStore> {
    return new TileStore(
      await openDB<Schema>("ridgeline-map", 1, {
        upgrade(database) {
          database.createObjectStore("tiles");
          database.createObjectStore("ways", { keyPath: "id" });
        },
      }),
    );
  }

  tile(mapId: string, name: TileName): Promise<ArrayBuffer | undefined> {
    return this.#db.get("tiles", keyOf(mapId, name));
  }

  ways(): Promise<KeptWay[]> {
    return this.#db.getAll("ways");
  }

  /** A way is to be kept, or has become another; what is here already, for whichever way, counts for it. */
  async begin(id: string, mapId: string, names: TileName[], at: number): Promise<KeptWay> {
    const tx = this.#db.transaction(["ways", "tiles"], "readwrite");
    const others = await tx.objectStore("ways").getAll();
    const known = Object.assign(
      {},
      ...others.filter((each) => each.mapId === mapId).map(({ sizes }) => sizes),
    );
    const here = names.filter((name) => name in known).map((name) => [name, known[name]] as const);
    const way: KeptWay = { id, mapId, at, names, sizes: Object.fromEntries(here) };
    const gone = others.find((each) => each.id === id);
    await tx.objectStore("ways").put(way);
    if (gone) await drop(tx, gone);
    await tx.done;
    return way;
  }

  /** Keep these for a way. `full`: there is no room although all older ways were let go. */
  async put(id: string, tiles: Map<TileName, ArrayBuffer>): Promise<Room> {
    const tx = this.#db.transaction(["ways", "tiles"], "readwrite");
    const all = await tx.objectStore("ways").getAll();
    const way = all.find((each) => each.id === id);
    const sizes = Object.fromEntries([...tiles].map(([name, bytes]) => [name, bytes.byteLength]));
    if (!way || sum({ ...way.sizes, ...sizes }) > WAY_BYTES_MAX) {
      await tx.done;
      return "full";
    }
    const next = { ...way, sizes: { ...way.sizes, ...sizes } };
    const kept = [...all.filter((each) => each.id !== id), next].sort((a, b) => b.at - a.at);
    while (kept.length > 1 && (kept.length > WAYS_MAX || total(kept) > BYTES_MAX)) {
      const oldest = kept.findLastIndex((each) => each.id !== id);
      const [out] = kept.splice(oldest, 1);
      if (!out) break;
      await tx.objectStore("ways").delete(out.id);
      await drop(tx, out);
    }
    await tx.objectStore("ways").put(next);
    for (const [name, bytes] of tiles) await tx.objectStore("tiles").put(bytes, keyOf(way.mapId, name));
    await tx.done;
    return "kept";
  }

  /** Tiles of other maps show roads that are not so any more. */
  async keepOnly(mapId: string): Promise<void> {
    const tx = this.#db.transaction(["ways", "tiles"], "readwrite");
    for (const way of await tx.objectStore("ways").getAll()) {
      if (way.mapId === mapId) continue;
      await tx.objectStore("ways").delete(way.id);
      await drop(tx, way);
    }
    await tx.done;
  }

  /** The whole of it goes; orders stay. */
  async clear(): Promise<void> {
    const tx = this.#db.transaction(["ways", "tiles"], "readwrite");
    await tx.objectStore("ways").clear();
    await tx.objectStore("tiles").clear();
    await tx.done;
  }
}

/** Bytes of all ways together; what several show counts once. */
export function total(ways: KeptWay[]): number {
  const sizes: Record<string, number> = {};
  for (const way of ways)
    for (const [name, bytes] of Object.entries(way.sizes)) sizes[keyOf(way.mapId, name)] = bytes;
  return sum(sizes);
}

type Write = ReturnType<typeof writing>;
const writing = (db: IDBPDatabase<Schema>) => db.transaction(["ways", "tiles"], "readwrite");

/** Those tiles of a way that no way shows any more. */
async function drop(tx: Write, gone: KeptWay): Promise<void> {
  const needed = new Set<string>();
  for (const { mapId, sizes } of await tx.objectStore("ways").getAll())
    for (const name of Object.keys(sizes)) needed.add(keyOf(mapId, name));
  for (const name of Object.keys(gone.sizes)) {
    const key = keyOf(gone.mapId, name);
    if (!needed.has(key)) await tx.objectStore("tiles").delete(key);
  }
}
