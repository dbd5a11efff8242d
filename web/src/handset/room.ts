// How much room this browser still has for what is kept here. What it estimates is no promise (Chromium names the
// same quota on a full disk), so it is tried: a few megabytes are written and taken away again.
import { signal } from "@preact/signals";
import type { Album } from "./photos";

/** Less than this, and a person should know: some twenty photos. */
const LOW_BYTES = 15_000_000;
const LOOK_MS = 60 * 60_000;

/** It is nearly full, or something did not fit. */
export const roomIsLow = signal(false);

export const isFull = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "QuotaExceededError";

/** Bytes that are kept here; null where the browser does not tell. */
export async function usedBytes(): Promise<number | null> {
  return (await navigator.storage?.estimate?.())?.usage ?? null;
}

/** Whether a few more photos would fit. */
export async function lookAtRoom(album: Album): Promise<void> {
  const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
  const told = usage === undefined || quota === undefined || quota - usage >= LOW_BYTES;
  roomIsLow.value = !told || !(await album.hasRoom());
}

/** Look now, and every hour. What is kept must not be cleared away when the disk is full elsewhere, either. */
export function watchRoom(album: Album): void {
  const look = () => void lookAtRoom(album).catch((error: unknown) => console.warn("room unknown", error));
  void navigator.storage?.persist?.().catch(() => false); // refused is no error
  look();
  setInterval(look, LOOK_MS);
}
