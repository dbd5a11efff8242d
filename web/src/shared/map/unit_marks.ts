// A unit as the map draws it, and the cluster that stands for many: looks in, pictures out.
import { type Cluster, GROUPS, radiusOf, type Trouble } from "./clusters";
import { canvasOf, drawBatteryMark, drawUnit, MARK_SCALE, SHAPES, type Shape, type UnitLook } from "./marks";
import { MAP_FONT, type Palette } from "./palette";

export interface UnitMark {
  readonly id: string;
  /** EPSG:3857. */
  readonly x: number;
  readonly y: number;
  readonly look: UnitLook;
  readonly label: string;
  /** Never part of a cluster. */
  readonly apart: boolean;
  /** Not back from a dead zone when it should be. */
  readonly overdue: boolean;
}

const LABEL_FONT = `600 11px ${MAP_FONT}`;
const COUNT_PX = 12;
const HALO_PX = 3.5;
/** Parts that the ring of a cluster is told in. */
const RING_PARTS = 12;
const BADGE_PX = 10;
/** Of either kind of picture; beyond it, they are drawn anew. */
const PICTURES_MAX = 4_000;

/** Pictures of one theme and one density of pixels; equal ones are drawn once. */
export class Pictures {
  private readonly marks = new Map<string, HTMLCanvasElement>();
  private readonly labels = new Map<string, HTMLCanvasElement>();

  constructor(
    private readonly palette: Palette,
    /** Pixels of the screen to one of CSS. */
    readonly ratio: number,
  ) {}

  unit(look: UnitLook): HTMLCanvasElement {
    const { kind, status, stale, heading16, battery, selected } = look;
    const key = `${kind}|${status}|${stale}|${heading16}|${battery}|${selected}`;
    return kept(this.marks, key, () => drawUnit(this.palette, look, this.ratio));
  }

  /** Without its number, so that few pictures serve all clusters. */
  cluster({ count, groups, worst }: ClusterLook): HTMLCanvasElement {
    const parts = sharesOf(groups, count);
    const radius = radiusOf(count);
    const key = `${parts.join()}|${worst}|${radius}`;
    return kept(this.marks, key, () => drawCluster(this.palette, parts, worst, radius, this.ratio));
  }

  label(text: string, soft: boolean): HTMLCanvasElement {
    const key = `${soft}|${text}`;
    return kept(this.labels, key, () => this.drawLabel(text, soft));
  }

  /** The number within a cluster, its middle at a place in pixels of the screen. */
  count(c: CanvasRenderingContext2D, count: number, x: number, y: number): void {
    writeCount(c, this.palette, count, x, y, this.ratio);
  }

  private drawLabel(text: string, soft: boolean): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    const c = canvas.getContext("2d");
    if (!c) throw new Error("this browser has no canvas");
    c.font = LABEL_FONT;
    canvas.width = Math.ceil((c.measureText(text).width + 2 * HALO_PX) * this.ratio);
    canvas.height = Math.ceil(18 * this.ratio);
    c.scale(this.ratio, this.ratio);
    c.font = LABEL_FONT;
    c.textBaseline = "middle";
    c.lineJoin = "round";
    c.lineWidth = HALO_PX;
    c.strokeStyle = this.palette.halo;
    c.strokeText(text, HALO_PX, 9);
    c.fillStyle = soft ? this.palette.textSoft : this.palette.ink;
    c.fillText(text, HALO_PX, 9);
    return canvas;
  }
}

function kept(
  pictures: Map<string, HTMLCanvasElement>,
  key: string,
  draw: () => HTMLCanvasElement,
): HTMLCanvasElement {
  let picture = pictures.get(key);
  if (!picture) {
    if (pictures.size >= PICTURES_MAX) pictures.clear();
    picture = draw();
    pictures.set(key, picture);
  }
  return picture;
}

/** Twelfths of a ring: each by its share, whoever is there has at least one. */
export function sharesOf(groups: readonly number[], count: number): number[] {
  const wanted = groups.map((size) => (size / count) * RING_PARTS);
  const parts = wanted.map((share) => (share > 0 ? Math.max(1, Math.floor(share)) : 0));
  let left = RING_PARTS - parts.reduce((sum, part) => sum + part, 0);
  for (; left > 0; left--) change(1, (_part, lack) => lack);
  for (; left < 0; left++) change(-1, (part, lack) => (part > 1 ? -lack : Number.NEGATIVE_INFINITY));
  return parts;

  function change(by: 1 | -1, claim: (part: number, lack: number) => number): void {
    const claims = parts.map((part, at) => claim(part, (wanted[at] ?? 0) - part));
    const at = claims.indexOf(Math.max(...claims));
    parts[at] = (parts[at] ?? 0) + by;
  }
}

/** What its picture tells of a cluster. */
export type ClusterLook = Pick<Cluster, "count" | "worst"> & { groups: readonly number[] };

/** With its number, for a legend. */
export function clusterPicture(palette: Palette, { count, groups, worst }: ClusterLook): HTMLCanvasElement {
  const ratio = 1 / MARK_SCALE;
  const canvas = drawCluster(palette, sharesOf(groups, count), worst, radiusOf(count), ratio);
  const c = canvas.getContext("2d");
  c?.setTransform(1, 0, 0, 1, 0, 0);
  if (c) writeCount(c, palette, count, canvas.width / 2, canvas.height / 2, ratio);
  return canvas;
}

function writeCount(
  c: CanvasRenderingContext2D,
  palette: Palette,
  count: number,
  x: number,
  y: number,
  ratio: number,
): void {
  c.font = `700 ${COUNT_PX * ratio}px ${MAP_FONT}`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillStyle = palette.ink;
  c.fillText(String(count), x, y);
}

/** A ring of the states within, each as its own mark is drawn; the number comes later. */
function drawCluster(
  palette: Palette,
  parts: readonly number[],
  worst: Trouble,
  radius: number,
  ratio: number,
): HTMLCanvasElement {
  const [canvas, c] = canvasOf(2 * (radius + BADGE_PX), ratio);
  c.beginPath();
  c.arc(0, 0, radius + 1.5, 0, 2 * Math.PI);
  c.fillStyle = palette.paper;
  c.fill();
  const gap = parts.filter(Boolean).length > 1 ? 1.2 / radius : 0;
  let from = -Math.PI / 2;
  GROUPS.forEach((group, at) => {
    const to = from + ((parts[at] ?? 0) * 2 * Math.PI) / RING_PARTS;
    if (to > from) {
      c.strokeStyle = group === "stale" ? palette.stale : palette.status[group];
      drawPart(c, group === "stale" ? "dashes" : SHAPES[group], radius, from + gap, to - gap);
    }
    from = to;
  });
  drawBadge(c, palette, worst, radius);
  return canvas;
}

/** Width, distance from the rim, and dashes of a part's lines: what tells a state without its colour. */
const LINES: Record<Shape, [width: number, inset: number, dash: number[]][]> = {
  disc: [[4.5, 2.2, []]],
  square: [[4.5, 2.2, [4, 1.4]]],
  rings: [
    [1.6, 0.8, []],
    [1.6, 3.8, []],
  ],
  ring: [[2, 1, []]],
  bare: [[0.8, 0.6, []]],
  dashes: [[2, 1, [3, 2.2]]],
};

function drawPart(c: CanvasRenderingContext2D, shape: Shape, radius: number, from: number, to: number): void {
  for (const [width, inset, dash] of LINES[shape]) {
    c.beginPath();
    c.arc(0, 0, radius - inset, from, to);
    c.lineWidth = width;
    c.setLineDash(dash);
    c.stroke();
  }
  c.setLineDash([]);
}

/** The worst of what is within: a battery as units wear it, "?" for not heard, "!" for overdue. */
function drawBadge(c: CanvasRenderingContext2D, palette: Palette, worst: Trouble, radius: number): void {
  if (worst === "none") return;
  c.save();
  c.translate(radius * 0.72, worst.startsWith("battery") ? radius * 0.6 : -radius * 0.72);
  if (worst === "battery_critical" || worst === "battery_low") {
    c.translate(-7.5, -6);
    drawBatteryMark(c, palette, worst === "battery_critical" ? "critical" : "low");
  } else {
    c.beginPath();
    c.arc(0, 0, 6.5, 0, 2 * Math.PI);
    c.fillStyle = worst === "overdue" ? palette.priority.emergency : palette.stale;
    c.strokeStyle = palette.paper;
    c.lineWidth = 1.5;
    c.fill();
    c.stroke();
    c.fillStyle = worst === "overdue" ? palette.priorityInk.emergency : palette.paper;
    c.font = `800 10px ${MAP_FONT}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(worst === "overdue" ? "!" : "?", 0, 0.5);
  }
  c.restore();
}
