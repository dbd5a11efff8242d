// Esc: one step back at a time.
import { dropDraft } from "./commands";
import { deselect, draft, followedUnit, openForm, page, roadSpot, spot, unitFilter } from "./store";

export function deselectOrBack(): void {
  if (draft.peek()) dropDraft();
  else if (page.peek()) page.value = null;
  else if (openForm.peek()) openForm.peek()?.close();
  else if (spot.peek()) spot.value = null;
  else if (roadSpot.peek()) roadSpot.value = null;
  else if (followedUnit.peek()) followedUnit.value = null;
  else if (unitFilter.peek().text) unitFilter.value = { ...unitFilter.peek(), text: "" };
  else deselect();
}
