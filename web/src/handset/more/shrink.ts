// A photo as it is sent: upright, small enough for a thin link, and without a word about itself: drawn anew,
// it carries no metadata.

import type { StoredPhoto } from "../photos";
import { lastFix } from "../sensors";
import { taken } from "./exif";

/** Longer side in pixels and quality, from the best on; the first that is small enough is taken. */
const TRIES = [
  [1920, 0.82],
  [1600, 0.75],
  [1280, 0.7],
  [1024, 0.6],
] as const;
const BYTES_WANTED = 700 * 1024;
const EXIF_BYTES_MAX = 256 * 1024;
/** A picture that was taken just now was taken here. */
const FRESH_MS = 120_000;
const ID_BYTES = 12;

/** This browser cannot read it as a picture. */
export class Unreadable extends Error {}

/** Raises `Unreadable`. */
export async function shrink(file: File): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new Unreadable(file.name);
  });
  try {
    let image: Blob | null = null;
    for (const [side, quality] of TRIES) {
      image = await drawn(picture, side, quality);
      if (image && image.size <= BYTES_WANTED) break;
    }
    if (!image) throw new Unreadable(file.name);
    return image;
  } finally {
    picture.close();
  }
}

function drawn(picture: ImageBitmap, side: number, quality: number): Promise<Blob | null> {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  if (!context) return Promise.resolve(null);
  context.fillStyle = "#fff"; // a JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

/** With its hash, and when and where it was taken as far as anybody knows. Needs a secure context. */
export async function asPhoto(file: File, image: Blob, order: string, by: string): Promise<StoredPhoto> {
  const now = Date.now();
  const told = taken(await file.slice(0, EXIF_BYTES_MAX).arrayBuffer());
  const at = told.at ?? (file.lastModified > 0 ? Math.min(file.lastModified, now) : null);
  const own = told.lon !== null && told.lat !== null ? { lon: told.lon, lat: told.lat, acc: null } : null;
  return {
    id: hex(crypto.getRandomValues(new Uint8Array(ID_BYTES))),
    order,
    sha256: hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await image.arrayBuffer()))),
    size: image.size,
    by,
    keptAt: now,
    at,
    place: own ?? placeNow(at),
    state: "draft",
    sent: 0,
    why: "",
    notBefore: 0,
  };
}

function placeNow(at: number | null): StoredPhoto["place"] {
  const fix = lastFix.peek();
  if (!fix || at === null || Math.abs(fix.at - at) > FRESH_MS) return null;
  return { lon: fix.lon, lat: fix.lat, acc: fix.acc ?? null };
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
