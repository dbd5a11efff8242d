// Units that lie together, drawn as one. The ground is parted into squares that stay where they are while
// the map is moved, so that a cluster changes only when units do. Values in, values out.
import type { UnitStatus } from "../types";
import type { UnitMark } from "./unit_marks";

/** Side of a square on the screen, CSS pixels; between two steps of the zoom it is up to a fifth off. */
const CELL_PX = 76;
/** Worst last. */
export const TROUBLES = ["none", "battery_low", "stale", "battery_critical", "overdue"] as const;
export type Trouble = (typeof TROUBLES)[number];
/** In the order of the clock around a cluster; an old position counts as that alone. */
export const GROUPS = ["on_scene", "en_route", "assigned", "available", "off_duty", "stale"] as const;
export type Group = (typeof GROUPS)[number];

export interface Cluster {
  count: number;
  /** Units of each of `GROUPS`. */
  groups: number[];
  worst: Trouble;
  /** Where it is drawn, EPSG:3857: the middle of its units, kept off its neighbours. */
  x: number;
  y: number;
  /** Around its units, EPSG:3857: west, south, east, north. */
  extent: [number, number, number, number];
}

interface Cell {
  first: UnitMark;
  sumX: number;
  sumY: number;
  worst: number;
  cluster: Cluster;
}

/** Radius on the screen, CSS pixels: by how many digits there are to read. */
export const radiusOf = (count: number): number =>
  count < 10 ? 14 : count < 100 ? 17 : count < 1000 ? 20 : 23;

/**
 * Parts marks into those that stand alone in their square and clusters of the others.
 * `resolution`: metres of EPSG:3857 a CSS pixel.
 */
export function clustersOf(marks: readonly UnitMark[], resolution: number): [UnitMark[], Cluster[]] {
  const steady = 2 ** (Math.round(Math.log2(resolution) * 2) / 2);
  const side = CELL_PX * steady;
  const cells = new Map<number, Cell>();
  for (const mark of marks) {
    const key = Math.floor(mark.x / side) * 0x1000000 + Math.floor(mark.y / side);
    const cell = cells.get(key);
    if (cell) join(cell, mark);
    else cells.set(key, cellOf(mark));
  }
  const alone: UnitMark[] = [];
  const clusters: Cluster[] = [];
  for (const cell of cells.values()) {
    if (cell.cluster.count === 1) alone.push(cell.first);
    else clusters.push(placed(cell, side, resolution));
  }
  return [alone, clusters];
}

function cellOf(mark: UnitMark): Cell {
  const { x, y } = mark;
  const groups = GROUPS.map(() => 0);
  const cluster: Cluster = { count: 0, groups, worst: "none", x, y, extent: [x, y, x, y] };
  const cell = { first: mark, sumX: 0, sumY: 0, worst: 0, cluster };
  join(cell, mark);
  return cell;
}

function join(cell: Cell, mark: UnitMark): void {
  const { extent, groups } = cell.cluster;
  const { x, y } = mark;
  cell.cluster.count++;
  cell.sumX += x;
  cell.sumY += y;
  cell.worst = Math.max(cell.worst, TROUBLES.indexOf(troubleOf(mark)));
  const group = GROUPS.indexOf(mark.look.stale ? "stale" : (mark.look.status satisfies UnitStatus));
  groups[group] = (groups[group] ?? 0) + 1;
  if (x < extent[0]) extent[0] = x;
  if (y < extent[1]) extent[1] = y;
  if (x > extent[2]) extent[2] = x;
  if (y > extent[3]) extent[3] = y;
}

function troubleOf({ overdue, look }: UnitMark): Trouble {
  if (overdue) return "overdue";
  if (look.battery === "critical") return "battery_critical";
  if (look.stale && look.status !== "off_duty") return "stale";
  return look.battery === "low" ? "battery_low" : "none";
}

/** In the middle of its units, but never over the edge of its square: two clusters do not touch. */
function placed({ cluster, sumX, sumY, worst }: Cell, side: number, resolution: number): Cluster {
  const room = Math.max(0, side / 2 - (radiusOf(cluster.count) + 2) * resolution);
  const within = (mean: number) => {
    const middle = (Math.floor(mean / side) + 0.5) * side;
    return Math.min(Math.max(mean, middle - room), middle + room);
  };
  cluster.x = within(sumX / cluster.count);
  cluster.y = within(sumY / cluster.count);
  cluster.worst = TROUBLES[worst] ?? "none";
  return cluster;
}
