// Many moving units on a map: one layer that draws them all, from marks instead of features.
//
// What OpenLayers does for each feature and frame (styles, executors, hit detection by pixels) is done here
// once for all when something changes (unit_scene.ts); a frame in which only the map moves copies a picture.
import Layer from "ol/layer/Layer";
import type OlMap from "ol/Map";
import type { FrameState } from "ol/Map";
import CanvasLayerRenderer from "ol/renderer/canvas/Layer";
import type Source from "ol/source/Source";
import type { Cluster } from "./clusters";
import type { Palette } from "./palette";
import type { UnitMark } from "./unit_marks";
import { type Hit, Scene } from "./unit_scene";

/** As OpenLayers calls the group of all layers made with `declutter: true`. */
const DECLUTTER_GROUP = "true";
const OPEN_MS = 350;
/** Around the units of a cluster that was opened, CSS pixels. */
const OPEN_PADDING_PX = 80;
const ZOOM_MAX = 17;

export class UnitLayer extends Layer<Source, Renderer> {
  private readonly marks = new Map<string, UnitMark>();
  private readonly scene = new Scene();
  private frame: FrameState | null = null;

  /** `onDrawn` hears what stands together after each drawing. */
  constructor(
    zIndex: number,
    private palette: Palette,
    private readonly onDrawn: (clusters: readonly Cluster[]) => void = () => undefined,
  ) {
    super({ zIndex });
  }

  /** Take over marks that came or changed, and drop those that went. */
  update(changed: Iterable<UnitMark>, gone: Iterable<string> = []): void {
    for (const mark of changed) this.marks.set(mark.id, mark);
    for (const id of gone) this.marks.delete(id);
    this.scene.outdate();
    this.changed();
  }

  ids(): Iterable<string> {
    return this.marks.keys();
  }

  paint(palette: Palette): void {
    this.palette = palette;
    this.scene.repaint();
    this.changed();
  }

  /** The unit or the cluster at a place of the view, CSS pixels. */
  at([x = 0, y = 0]: number[], tolerance: number): Hit | null {
    if (!this.frame) return null;
    const [left, top] = this.scene.cornerIn(this.frame);
    return this.scene.at(x + left, y + top, tolerance);
  }

  override createRenderer(): Renderer {
    return new Renderer(this);
  }

  override getDeclutter(): string {
    return DECLUTTER_GROUP;
  }

  /** Names of the map below give way. Needs a layer above that declutters, which makes the tree. */
  override renderDeclutter(frame: FrameState): void {
    const [left, top] = this.scene.cornerIn(frame).map((px) => px * frame.pixelRatio);
    const moved = this.scene.obstacles.map(({ minX, minY, maxX, maxY }) => ({
      minX: minX - (left ?? 0),
      minY: minY - (top ?? 0),
      maxX: maxX - (left ?? 0),
      maxY: maxY - (top ?? 0),
      value: undefined as never,
    }));
    frame.declutter?.[DECLUTTER_GROUP]?.load(moved);
  }

  prepare(frame: FrameState): void {
    this.frame = frame;
    if (this.scene.prepare(frame, this.marks.values(), this.palette)) this.onDrawn(this.scene.clusters);
  }

  drawOn(context: CanvasRenderingContext2D, frame: FrameState): void {
    const [left = 0, top = 0] = this.scene.cornerIn(frame).map((px) => Math.round(px * frame.pixelRatio));
    const { width, height } = context.canvas;
    context.drawImage(this.scene.canvas, left, top, width, height, 0, 0, width, height);
  }
}

class Renderer extends CanvasLayerRenderer<UnitLayer> {
  override prepareFrame(): boolean {
    return true;
  }

  override renderFrame(frame: FrameState, target: HTMLElement | null): HTMLElement {
    this.prepareContainer(frame, target as HTMLElement);
    this.getLayer().prepare(frame);
    return this.container as HTMLElement;
  }

  /** After the names of the map below, which are drawn late. */
  override renderDeferredInternal(frame: FrameState): void {
    this.getLayer().drawOn(this.context as CanvasRenderingContext2D, frame);
  }
}

/** Near enough that a cluster falls apart, or at least a step nearer. */
export function openCluster(map: OlMap, { extent }: Cluster): void {
  const view = map.getView();
  const [west, south, east, north] = extent;
  const [width = 0, height = 0] = (map.getSize() ?? []).map((px) => Math.max(px - 2 * OPEN_PADDING_PX, 100));
  const zoom = view.getZoom() ?? 0;
  const fitting = view.getZoomForResolution(Math.max((east - west) / width, (north - south) / height, 0.1));
  view.animate({
    center: [(west + east) / 2, (south + north) / 2],
    zoom: Math.min(Math.max(fitting ?? 0, zoom + 1), Math.max(ZOOM_MAX, zoom)),
    duration: OPEN_MS,
  });
}
