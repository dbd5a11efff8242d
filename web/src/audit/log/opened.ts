// Which entry is open beside the list; its number stands in the address, so that it can be sent to a colleague.
import { computed } from "@preact/signals";
import * as api from "../../shared/api";
import type { JournalEntry } from "../../shared/types";
import { entries } from "../store";
import { shownId, view } from "../view";

/** Null: none is open. */
export const openSeq = computed<number | null>(() => {
  if (view.value !== "log" || !/^[0-9]{1,15}$/.test(shownId.value ?? "")) return null;
  return Number(shownId.value);
});

const LOG = "log";

export function open(seq: number | null): void {
  const hash = seq === null ? `#${LOG}` : `#${LOG}/${seq}`;
  history.replaceState(null, "", location.pathname + location.search + hash);
  shownId.value = seq === null ? null : String(seq);
}

/** From the list where it stands there, else from the server; null: there is none to show. */
export async function entryOf(seq: number): Promise<JournalEntry | null> {
  const shown = entries.peek().find((each) => each.seq === seq);
  if (shown) return shown;
  const { entries: found } = await api.journal({ before: seq + 1, limit: 1 });
  return found.find((each) => each.seq === seq) ?? null;
}

/** The entry `steps` rows further down the list; beside its ends the end itself. */
export function beside(seq: number | null, steps: number): number | null {
  const list = entries.peek();
  const at = list.findIndex((each) => each.seq === seq);
  const wanted = at < 0 ? (steps > 0 ? 0 : list.length - 1) : at + steps;
  return list[Math.min(Math.max(wanted, 0), list.length - 1)]?.seq ?? null;
}
