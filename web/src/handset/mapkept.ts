// How much of the map around each way is here; `route/keeper.ts` fetches it, the page shows it.
import { signal } from "@preact/signals";

export interface MapKept {
  got: number;
  of: number;
  /** `waiting`: for signal. `full`: this handset has no more room for it. `refused`: nobody is signed in. */
  state: "fetching" | "waiting" | "full" | "refused" | "done";
  /** Battery or data are short: from afar only. */
  small: boolean;
}

/** By order. */
export const mapKept = signal<Record<string, MapKept>>({});
