// Esc: one step back at a time, the topmost first.
import { dropDraft } from "./commands";
import {
  deselect,
  draft,
  followedUnit,
  mapPanel,
  measuring,
  openForm,
  page,
  roadSpot,
  spot,
  unitFilter,
} from "./store";

export function deselectOrBack(): void {
  if (page.peek()) page.value = null;
  else if (openForm.peek()) openForm.peek()?.close();
  else if (draft.peek()) dropDraft();
  else if (measuring.peek()) measuring.value = false;
  else if (spot.peek()) spot.value = null;
  else if (roadSpot.peek()) roadSpot.value = null;
  else if (followedUnit.peek()) followedUnit.value = null;
  else if (mapPanel.peek()) mapPanel.value = null;
  else if (unitFilter.peek().text) unitFilter.value = { ...unitFilter.peek(), text: "" };
  else deselect();
}
