// The map as it stands, as a picture: with the moment, by which clock it is shown, and whose ground it is.
import type OlMap from "ol/Map";
import { localTime, utcTime } from "../../shared/time";
import { clock, moment } from "./player";
import { t } from "./words";

const FOOT_PX = 26;
const PAD_PX = 10;

/** As PNG. Throws where the browser makes none. */
export async function pictureOf(map: OlMap, attribution: string): Promise<Blob> {
  map.renderSync();
  const [width = 0, height = 0] = map.getSize() ?? [];
  const ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = width * ratio;
  canvas.height = (height + FOOT_PX) * ratio;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser has no canvas");
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string) => styles.getPropertyValue(name).trim();
  pen.fillStyle = colour("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const layers = map.getTargetElement()?.querySelectorAll<HTMLCanvasElement>(".ol-layer canvas");
  for (const layer of layers ?? []) drawLayer(pen, layer, ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = colour("--ink");
  pen.font = `13px ${styles.fontFamily || "sans-serif"}`;
  pen.textBaseline = "middle";
  const at = moment.peek();
  const said = `${localTime(at)} · ${utcTime(at)} · ${t(`replay.clock.${clock.peek()}`)}`;
  pen.fillText(said, PAD_PX, height + FOOT_PX / 2);
  pen.textAlign = "right";
  pen.fillText(attribution, width - PAD_PX, height + FOOT_PX / 2);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture was made"))), "image/png");
  });
}

/** Layers lie over each other, each with a scale and an opacity of its own. */
function drawLayer(pen: CanvasRenderingContext2D, layer: HTMLCanvasElement, ratio: number): void {
  if (layer.width === 0) return;
  const scales = /^matrix\(([^)]*)\)$/.exec(layer.style.transform)?.[1]?.split(",").map(Number);
  const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = scales ?? [
    layer.clientWidth / layer.width || 1,
    0,
    0,
    layer.clientHeight / layer.height || 1,
  ];
  pen.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, e * ratio, f * ratio);
  pen.globalAlpha = Number(layer.parentElement?.style.opacity || layer.style.opacity || 1);
  pen.drawImage(layer, 0, 0);
  pen.globalAlpha = 1;
}
