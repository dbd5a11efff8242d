// Which incidents the queue shows; comes once there are many.
//
// Marks for browser tests: queue-priority, queue-mine, queue-late.
import { standing } from "../ages";
import { isMine } from "../claims";
import { queueFilter } from "../queue_rows";
import { queue } from "../store";
import { t } from "./words";

const PRIORITIES = ["emergency", "priority", "routine"] as const;

export function QueueFilters() {
  const { priority, mine, late } = queueFilter.value;
  const all = queue.value;
  const change = (next: Partial<(typeof queueFilter)["value"]>) => {
    queueFilter.value = { ...queueFilter.peek(), ...next };
  };
  return (
    <fieldset class="filters" aria-label={t("filter.title")}>
      {PRIORITIES.map((each) => (
        <button
          key={each}
          type="button"
          class="filter"
          data-testid={`queue-${each}`}
          aria-pressed={priority === each}
          onClick={() => change({ priority: priority === each ? "" : each })}
        >
          {t(`priority.${each}`)} <b>{all.filter((incident) => incident.priority === each).length}</b>
        </button>
      ))}
      <button
        type="button"
        class="filter"
        data-testid="queue-mine"
        aria-pressed={mine}
        onClick={() => change({ mine: !mine })}
      >
        {t("filter.mine")} <b>{all.filter(isMine).length}</b>
      </button>
      <button
        type="button"
        class="filter"
        data-testid="queue-late"
        aria-pressed={late}
        onClick={() => change({ late: !late })}
      >
        {t("filter.late")} <b>{all.filter((incident) => standing(incident).level === "late").length}</b>
      </button>
    </fieldset>
  );
}
