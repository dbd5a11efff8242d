// Esc: one step back at a time.
import { dropDraft } from "./commands";
import {
  batteriesOpen,
  deselect,
  draft,
  followedUnit,
  openForm,
  roadSpot,
  runCardsOpen,
  spot,
  unitFilter,
} from "./store";

export function deselectOrBack(): void {
  if (draft.peek()) dropDraft();
  else if (batteriesOpen.peek()) batteriesOpen.value = false;
  else if (runCardsOpen.peek()) runCardsOpen.value = false;
  else if (openForm.peek()) openForm.peek()?.close();
  else if (spot.peek()) spot.value = null;
  else if (roadSpot.peek()) roadSpot.value = null;
  else if (followedUnit.peek()) followedUnit.value = null;
  else if (unitFilter.peek().text) unitFilter.value = { ...unitFilter.peek(), text: "" };
  else deselect();
}
