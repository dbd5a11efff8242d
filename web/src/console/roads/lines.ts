// Where closed and slow roads lie: fetched anew whenever the feed names another version.
import { effect, signal } from "@preact/signals";
import type { LonLat } from "../../shared/types";
import { roads } from "../store";
import type { RoadLine } from "./api";
import * as api from "./api";

const RETRY_MS = 3_000;

export const lines = signal<RoadLine[]>([]);

export const linesOf = (id: string): LonLat[][] =>
  lines.peek().find(({ properties }) => properties.id === id)?.geometry.coordinates ?? [];

/** Keep them up to date until stopped. */
export function followLines(): () => void {
  let retry: ReturnType<typeof setTimeout> | undefined;
  let shown = -1;

  async function fetchLines(version: number): Promise<void> {
    clearTimeout(retry);
    try {
      const found = await api.lines();
      if (found.version < shown) return; // an answer that was overtaken
      shown = found.version;
      lines.value = found.features;
    } catch {
      // The list says what is closed; its lines follow as soon as the server answers.
      retry = setTimeout(() => void fetchLines(version), RETRY_MS);
    }
  }

  const stop = effect(() => {
    const { version } = roads.value;
    if (version > shown) void fetchLines(version);
  });
  return () => {
    stop();
    clearTimeout(retry);
  };
}
