// Tiles for the map of a way: from this handset first, whatever the network does; then from the server, if it
// answers in time; then one from higher up, enlarged. What hangs in a dead zone never holds up the map.
import { signal } from "@preact/signals";
import MVT from "ol/format/MVT";
import type RenderFeature from "ol/render/Feature";
import TileState from "ol/TileState";
import { createXYZ } from "ol/tilegrid";
import type VectorTile from "ol/VectorTile";
import { ApiError } from "../../shared/api";
import type { TileSupply } from "../../shared/map/base";
import { linkState } from "../link";
import { fetchBytes } from "./bytes";
import { above, type TileName, ZOOM_MAX } from "./corridor";
import { store } from "./keeper";

/** As in shared/map/base.ts. */
const GRID = createXYZ({ tileSize: 512 });
/** The server's answer is waited for no longer. */
const ANSWER_MS = 5_000;

/** How many came from where since the page was opened; `none`: nothing is drawn there. */
export const supplied = signal({ kept: 0, fetched: 0, enlarged: 0, none: 0 });

interface Found {
  /** The tile that it is of: the one asked for, or one that holds it. */
  name: TileName;
  bytes: ArrayBuffer;
}

export function supplyOf(mapId: string): TileSupply {
  const format = new MVT();
  return {
    zoomMax: ZOOM_MAX,
    load: (tile) => {
      const vectors = tile as VectorTile<RenderFeature>;
      vectors.setLoader((_extent, _resolution, projection) => {
        find(mapId, tile.tileCoord.join("/")).then(
          (found) => {
            if (!found) return vectors.setState(TileState.ERROR);
            // What of a larger one lies beyond the tile is cut off when it is drawn.
            const extent = GRID.getTileCoordExtent(found.name.split("/").map(Number));
            vectors.setFeatures(format.readFeatures(found.bytes, { extent, featureProjection: projection }));
          },
          (error: unknown) => {
            console.error(error);
            vectors.setState(TileState.ERROR);
          },
        );
      });
    },
  };
}

async function find(mapId: string, name: TileName): Promise<Found | null> {
  const tiles = await store;
  const mine = await tiles.tile(mapId, name);
  if (mine) return count("kept", name, mine);
  const fetched = linkState.peek() === "live" ? await fetchTile(name) : null;
  if (fetched) return count("fetched", name, fetched);
  for (let wider = above(name); wider; wider = above(wider)) {
    const bytes = await tiles.tile(mapId, wider);
    if (bytes) return count("enlarged", wider, bytes);
  }
  supplied.value = { ...supplied.peek(), none: supplied.peek().none + 1 };
  return null;
}

function count(from: "kept" | "fetched" | "enlarged", name: TileName, bytes: ArrayBuffer): Found {
  supplied.value = { ...supplied.peek(), [from]: supplied.peek()[from] + 1 };
  return { name, bytes };
}

/** Null where it does not come. */
async function fetchTile(name: TileName): Promise<ArrayBuffer | null> {
  try {
    return await fetchBytes(`/tiles/${name}.mvt`, ANSWER_MS);
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}
