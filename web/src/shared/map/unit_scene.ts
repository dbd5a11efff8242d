// The picture of all units around what the map shows, drawn when something changed and moved along with
// the map until then. Marks keep their size and are always drawn; labels only where there is room.
import type { FrameState } from "ol/Map";
import { type Cluster, clustersOf, radiusOf } from "./clusters";
import { type Box, Room } from "./labels";
import type { Palette } from "./palette";
import { Pictures, type UnitMark } from "./unit_marks";

/** Above so many in or near the view, those who stand together become one mark. */
export const CLUSTERS_ABOVE = 1_000;
/** Down to so many they stay one: the map does not flicker on the edge. */
const CLUSTERS_DOWN_TO = 900;
/** From this near, everybody stands for himself: units at one place part no further. */
const ALONE_BELOW_MPP = 2.5;
/** Around the view, CSS pixels: so far the map moves before units are drawn again. */
const MARGIN_PX = 160;
const DISC_PX = 11.5;
const LABEL_BELOW_PX = 20;

export type Hit = { unit: string } | { cluster: Cluster };

interface Shown {
  /** CSS pixels from the scene's corner. */
  x: number;
  y: number;
  radius: number;
  hit: Hit;
  label: Box | null;
}

interface Place {
  x: number;
  y: number;
  resolution: number;
  width: number;
  height: number;
  ratio: number;
}

export class Scene {
  readonly canvas = document.createElement("canvas");
  /** Pixels of the screen from the scene's corner. */
  readonly obstacles: Box[] = [];
  clusters: readonly Cluster[] = [];
  private readonly c: CanvasRenderingContext2D;
  private shown: Shown[] = [];
  private place: Place | null = null;
  private pictures: Pictures | null = null;
  private clustered = false;
  private isOld = true;

  constructor() {
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.c = context;
  }

  /** Other marks, or the same ones otherwise. */
  outdate(): void {
    this.isOld = true;
  }

  repaint(): void {
    this.pictures = null;
    this.isOld = true;
  }

  /** Draws what is out of date; true where it did. */
  prepare(frame: FrameState, marks: Iterable<UnitMark>, palette: Palette): boolean {
    const place = placeOf(frame);
    if (!this.isOld && this.place && reaches(this.place, place)) return false;
    if (this.pictures?.ratio !== place.ratio) this.pictures = new Pictures(palette, place.ratio);
    this.place = place;
    this.isOld = false;
    this.clear(place);
    this.draw(place, marks, this.pictures);
    return true;
  }

  /** Where the view's corner lies in the scene, CSS pixels. */
  cornerIn(frame: FrameState): [number, number] {
    if (!this.place) return [0, 0];
    const { x, y, resolution } = this.place;
    const [centreX = 0, centreY = 0] = frame.viewState.center;
    return [MARGIN_PX + (centreX - x) / resolution, MARGIN_PX + (y - centreY) / resolution];
  }

  /** The topmost that lies there, else the nearest within the tolerance, else by its label. CSS pixels of the scene. */
  at(x: number, y: number, tolerance: number): Hit | null {
    let found: Shown | null = null;
    let nearest = tolerance;
    for (const each of this.shown) {
      const beside = Math.max(0, Math.hypot(each.x - x, each.y - y) - each.radius);
      if (beside > nearest) continue;
      nearest = beside;
      found = each;
    }
    return (found ?? this.labelled(x, y))?.hit ?? null;
  }

  private labelled(x: number, y: number): Shown | undefined {
    return this.shown.find(
      ({ label }) => label && x >= label.minX && x <= label.maxX && y >= label.minY && y <= label.maxY,
    );
  }

  private clear({ width, height, ratio }: Place): void {
    const [across, down] = [width + 2 * MARGIN_PX, height + 2 * MARGIN_PX].map((px) => Math.ceil(px * ratio));
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across ?? 0;
      this.canvas.height = down ?? 0;
    } else this.c.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  private draw(place: Place, marks: Iterable<UnitMark>, pictures: Pictures): void {
    const near = nearTo(place, marks);
    const most = this.clustered ? CLUSTERS_DOWN_TO : CLUSTERS_ABOVE;
    this.clustered = near.length > most && place.resolution > ALONE_BELOW_MPP;
    const parted = this.clustered ? part(near, place.resolution) : { alone: near, clusters: [] };
    this.clusters = parted.clusters;
    this.shown = [];
    this.obstacles.length = 0;
    for (const cluster of parted.clusters) this.drawCluster(place, cluster, pictures);
    const alone = parted.alone.sort((one, other) => rankOf(one) - rankOf(other));
    for (const mark of alone) this.drawMark(place, mark, pictures);
    this.drawLabels(place, alone, pictures);
  }

  private drawMark(place: Place, { id, x, y, look }: UnitMark, pictures: Pictures): void {
    this.show(place, x, y, DISC_PX, { unit: id }, pictures.unit(look));
  }

  private drawCluster(place: Place, cluster: Cluster, pictures: Pictures): void {
    const radius = radiusOf(cluster.count);
    const { x, y } = this.show(place, cluster.x, cluster.y, radius, { cluster }, pictures.cluster(cluster));
    pictures.count(this.c, cluster.count, x * place.ratio, (y + 0.5) * place.ratio);
  }

  private show(
    place: Place,
    x: number,
    y: number,
    radius: number,
    hit: Hit,
    picture: HTMLCanvasElement,
  ): Shown {
    const shown = {
      x: MARGIN_PX + place.width / 2 + (x - place.x) / place.resolution,
      y: MARGIN_PX + place.height / 2 + (place.y - y) / place.resolution,
      radius,
      hit,
      label: null,
    };
    this.shown.push(shown);
    const { ratio } = place;
    const left = Math.round(shown.x * ratio - picture.width / 2);
    this.c.drawImage(picture, left, Math.round(shown.y * ratio - picture.height / 2));
    this.obstacles.push(around(shown, ratio));
    return shown;
  }

  /** The selected first, then the others from the topmost mark down. */
  private drawLabels({ ratio }: Place, alone: readonly UnitMark[], pictures: Pictures): void {
    const room = new Room();
    for (const box of this.obstacles) room.take(box);
    const first = this.shown.length - alone.length;
    for (let at = alone.length - 1; at >= 0; at--) {
      const mark = alone[at];
      const shown = this.shown[first + at];
      if (!mark || !shown) continue;
      const picture = pictures.label(mark.label, mark.look.stale);
      const left = Math.round(shown.x * ratio - picture.width / 2);
      const top = Math.round((shown.y + LABEL_BELOW_PX) * ratio - picture.height / 2);
      const pad = 3 * ratio;
      const box = {
        minX: left + pad,
        minY: top + pad,
        maxX: left + picture.width - pad,
        maxY: top + picture.height - pad,
      };
      if (!mark.look.selected && !room.isFree(box)) continue;
      room.take(box);
      this.obstacles.push(box);
      this.c.drawImage(picture, left, top);
      const { minX, minY, maxX, maxY } = box;
      shown.label = { minX: minX / ratio, minY: minY / ratio, maxX: maxX / ratio, maxY: maxY / ratio };
    }
  }
}

function part(near: readonly UnitMark[], resolution: number): { alone: UnitMark[]; clusters: Cluster[] } {
  const [alone, clusters] = clustersOf(
    near.filter(({ apart }) => !apart),
    resolution,
  );
  return { alone: [...alone, ...near.filter(({ apart }) => apart)], clusters };
}

/** Later ones are drawn over earlier ones. */
function rankOf({ look, apart }: UnitMark): number {
  if (look.selected) return 4;
  if (apart) return 3;
  if (look.stale) return 0;
  return look.status === "off_duty" ? 1 : 2;
}

const around = ({ x, y, radius }: Shown, ratio: number): Box => ({
  minX: (x - radius) * ratio,
  minY: (y - radius) * ratio,
  maxX: (x + radius) * ratio,
  maxY: (y + radius) * ratio,
});

function placeOf({ viewState, size, pixelRatio }: FrameState): Place {
  const [x = 0, y = 0] = viewState.center;
  const [width = 0, height = 0] = size;
  return { x, y, resolution: viewState.resolution, width, height, ratio: pixelRatio };
}

/** Whether what was drawn for a place holds all of another view. */
const reaches = (drawn: Place, seen: Place): boolean =>
  drawn.resolution === seen.resolution &&
  drawn.width === seen.width &&
  drawn.height === seen.height &&
  drawn.ratio === seen.ratio &&
  Math.abs(seen.x - drawn.x) <= MARGIN_PX * drawn.resolution &&
  Math.abs(seen.y - drawn.y) <= MARGIN_PX * drawn.resolution;

function nearTo(place: Place, marks: Iterable<UnitMark>): UnitMark[] {
  const across = (place.width / 2 + MARGIN_PX) * place.resolution;
  const down = (place.height / 2 + MARGIN_PX) * place.resolution;
  const found: UnitMark[] = [];
  for (const mark of marks) {
    if (Math.abs(mark.x - place.x) <= across && Math.abs(mark.y - place.y) <= down) found.push(mark);
  }
  return found;
}
