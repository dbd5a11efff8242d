// The week that is looked at, and what is planned in it.
import { signal } from "@preact/signals";
import { toastError } from "../../shared/components/Toast";
import { serverNow } from "../../shared/time";
import type { PlanWarning, Shift } from "./api";
import * as api from "./api";
import { dayAfter, mondayOf, WEEK_DAYS } from "./days";

export const monday = signal(mondayOf(new Date(serverNow())));
/** Null before the first answer. */
export const plan = signal<api.Plan | null>(null);

export async function look(): Promise<void> {
  const since = monday.peek();
  try {
    const found = await api.plan(since, dayAfter(since, WEEK_DAYS));
    if (monday.peek() === since) plan.value = found;
  } catch (error) {
    toastError(error);
  }
}

export function goTo(week: Date): void {
  monday.value = mondayOf(week);
  void look();
}

/** Whose shift it is: those planned, or whoever is in the unit. */
export const badgesOf = ({ crew, standing }: Shift): string[] =>
  crew.length ? crew.map(({ badge }) => badge) : standing;

export const warningsOf = (shift: Shift): PlanWarning[] =>
  plan.value?.warnings.filter(({ shift_id, other_id }) => shift_id === shift.id || other_id === shift.id) ??
  [];
