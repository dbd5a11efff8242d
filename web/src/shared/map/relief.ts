// Hillshade tiles turned into shadow and light for the present theme: grey becomes black or white with
// an alpha, so that one set of tiles serves day and night.
import ImageTile from "ol/source/ImageTile";
import { theme } from "../theme";
import { palettes } from "./palette";

/** Finer tiles would only enlarge the elevation grid. */
const ZOOM_MAX = 13;
const TILE_PX = 256;
/** Grey of flat ground: the cosine of a 45° sun. */
const FLAT = 181;

export function reliefSource(zoomMin: number, zoomMax: number): ImageTile {
  return new ImageTile({
    minZoom: zoomMin,
    maxZoom: Math.min(zoomMax, ZOOM_MAX),
    tileSize: TILE_PX,
    transition: 0,
    wrapX: false,
    loader: async (z, x, y, { signal }) => {
      const response = await fetch(`/hillshade/${z}/${x}/${y}.webp`, { signal });
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = TILE_PX;
      if (response.status !== 200) return canvas;
      const image = await createImageBitmap(await response.blob());
      shade(canvas, image);
      image.close();
      return canvas;
    },
  });
}

function shade(canvas: HTMLCanvasElement, image: ImageBitmap): void {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  context.drawImage(image, 0, 0, TILE_PX, TILE_PX);
  const pixels = context.getImageData(0, 0, TILE_PX, TILE_PX);
  const { shadow, light, strength } = palettes[theme.value].relief;
  const data = pixels.data;
  for (let i = 0; i < data.length; i += 4) {
    const grey = data[i] ?? FLAT;
    const dark = grey < FLAT;
    const tone = dark ? shadow : light;
    const share = dark ? (FLAT - grey) / FLAT : (grey - FLAT) / (255 - FLAT);
    data[i] = tone[0];
    data[i + 1] = tone[1];
    data[i + 2] = tone[2];
    data[i + 3] = ((data[i + 3] ?? 255) * share * strength) | 0;
  }
  context.putImageData(pixels, 0, 0);
}
