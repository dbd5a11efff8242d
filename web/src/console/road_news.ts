// Says when a closure or a condition ran out by itself: nobody at a desk did it, so nobody knows.
import { effect } from "@preact/signals";
import { toast } from "../shared/components/Toast";
import { conditionWords } from "../shared/conditions";
import type { RoadCondition, RoadState } from "../shared/types";
import { expired, roads } from "./store";
import { t } from "./words";

export function announceExpiry(): void {
  let told: ReadonlySet<string> = new Set();
  effect(() => {
    const { states, conditions } = roads.peek();
    for (const each of [...states, ...conditions]) {
      if (expired.value.has(each.id) && !told.has(each.id)) toast(expiryWords(each), "notice");
    }
    told = expired.value;
  });
}

function expiryWords(each: RoadState | RoadCondition): string {
  if ("state" in each) return t(`roads.expired.${each.state}`, { place: each.place });
  const condition = conditionWords(each.condition);
  return t("roads.expired.condition", { condition, place: each.place || t("roads.county") });
}
