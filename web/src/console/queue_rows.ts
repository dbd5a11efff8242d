// Which incidents the queue shows.
import { computed, signal } from "@preact/signals";
import type { Priority } from "../shared/types";
import { standing } from "./ages";
import { isMine } from "./claims";
import { queue } from "./store";

export const queueFilter = signal({ priority: "" as Priority | "", mine: false, late: false });

export const isFiltered = computed(() => Object.values(queueFilter.value).some(Boolean));

export const queueShown = computed(() => {
  const { priority, mine, late } = queueFilter.value;
  return queue.value.filter(
    (incident) =>
      (!priority || incident.priority === priority) &&
      (!mine || isMine(incident)) &&
      (!late || standing(incident).level === "late"),
  );
});
