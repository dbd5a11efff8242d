// Which tiles show a way and the ground beside it: the whole of it from afar first, then near by from its
// start. Tiles are named z/x/y, as in their address. No network, no store.
import type { Way } from "../way";

/** Tiles of one way; a longer one keeps the ground from afar and near by as far as this goes. */
export const TILES_MAX = 320;
/** Nearer than this tiles are not kept: from here on they are only enlarged. */
export const ZOOM_MAX = 14;
export const ZOOM_MIN = 9;
/** Where battery or data are short. */
const ZOOM_MAX_SMALL = 13;

/** Metres of ground kept on either side, by zoom. */
const BESIDE_M: Record<number, number> = { 14: 500, 13: 1_000 };
const BESIDE_FAR_M = 2_500;
/** Around the scene one looks about. */
const SCENE_M = 1_500;
const EQUATOR_M = 40_075_017;
/** Of a tile's width, between two looks along the way. */
const STRIDE = 0.25;

export type TileName = string;

interface Point {
  lon: number;
  lat: number;
}

export function corridor(way: Way, scene: Point, small: boolean): TileName[] {
  const names = new Set<TileName>();
  const last = small ? ZOOM_MAX_SMALL : ZOOM_MAX;
  for (let z = ZOOM_MIN; z <= last; z++) {
    const besideM = (BESIDE_M[z] ?? BESIDE_FAR_M) / (small ? 2 : 1);
    addAround(names, z, scene, small ? besideM : Math.max(besideM, SCENE_M));
    for (const point of strides(way, z)) addAround(names, z, point, besideM);
  }
  return [...names].slice(0, TILES_MAX);
}

/** The tile that holds this one at a lower zoom. */
export function above(name: TileName): TileName | null {
  const [z = 0, x = 0, y = 0] = name.split("/").map(Number);
  return z <= ZOOM_MIN ? null : `${z - 1}/${x >> 1}/${y >> 1}`;
}

/** Points along the line, close enough that no tile between two of them is missed by much. */
function* strides(way: Way, z: number): Generator<Point> {
  const stride = STRIDE / 2 ** z;
  for (const [index, [lon, lat]] of way.line.entries()) {
    const [beforeLon, beforeLat] = way.line[index - 1] ?? [lon, lat];
    const [from, to] = [world(beforeLon, beforeLat), world(lon, lat)];
    const pieces = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / stride));
    for (let piece = 1; piece <= pieces; piece++) {
      const share = piece / pieces;
      yield { lon: beforeLon + share * (lon - beforeLon), lat: beforeLat + share * (lat - beforeLat) };
    }
  }
}

function addAround(names: Set<TileName>, z: number, { lon, lat }: Point, metres: number): void {
  const { x, y } = world(lon, lat);
  const half = metres / (EQUATOR_M * Math.cos((lat * Math.PI) / 180));
  const last = 2 ** z - 1;
  const column = (value: number) => Math.min(last, Math.max(0, Math.floor(value * 2 ** z)));
  for (let tx = column(x - half); tx <= column(x + half); tx++)
    for (let ty = column(y - half); ty <= column(y + half); ty++) names.add(`${z}/${tx}/${ty}`);
}

/** Web Mercator as shares of the world, from the north-west. */
function world(lon: number, lat: number): { x: number; y: number } {
  const sine = Math.sin((lat * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.atanh(sine) / (2 * Math.PI) };
}
