import { Button } from "../shared/components/Button";
import { PriorityTag } from "../shared/components/StateChip";
import { Age, Time } from "../shared/components/Time";
import type { Incident } from "../shared/types";
import { openIncident, startDraft } from "./commands";
import { assigned, closed, draft, selection, unassigned } from "./store";
import { listWords, t, typeName } from "./words";

export function Queue() {
  const none = unassigned.value.length + assigned.value.length === 0;
  return (
    <div class="queue">
      {!draft.value && (
        <div class="queue-head">
          <Button kind="primary" icon="plus" cap="N" data-testid="new-incident" onClick={startDraft}>
            {t("queue.new")}
          </Button>
        </div>
      )}
      <div class="scroll">
        {none && <p class="empty">{t("queue.empty")}</p>}
        <Group title={t("queue.unassigned")} incidents={unassigned.value} />
        <Group title={t("queue.assigned")} incidents={assigned.value} />
        {closed.value.length > 0 && (
          <details class="closed">
            <summary>
              {t("queue.closed")} ({closed.value.length})
            </summary>
            <Rows incidents={closed.value} label={t("queue.closed")} />
          </details>
        )}
      </div>
    </div>
  );
}

function Group({ title, incidents }: { title: string; incidents: Incident[] }) {
  if (incidents.length === 0) return null;
  return (
    <section>
      <h2 class="group-title">
        {title} <span>{incidents.length}</span>
      </h2>
      <Rows incidents={incidents} label={title} />
    </section>
  );
}

function Rows({ incidents, label }: { incidents: Incident[]; label: string }) {
  return (
    <ul aria-label={label}>
      {incidents.map((incident) => (
        <li key={incident.id}>
          <IncidentRow incident={incident} selected={selection.value?.id === incident.id} />
        </li>
      ))}
    </ul>
  );
}

function IncidentRow({ incident, selected }: { incident: Incident; selected: boolean }) {
  const open = incident.orders.filter(({ closed_at }) => closed_at === null);
  return (
    <button
      type="button"
      class="row incident-row"
      data-row={incident.id}
      data-testid="incident-row"
      data-incident={incident.number}
      data-priority={incident.priority}
      data-status={incident.status}
      aria-current={selected}
      onClick={() => openIncident(incident)}
    >
      <span class="row-line">
        <span class="row-number">#{incident.number}</span>
        <b class="row-title">{typeName(incident.type)}</b>
        {incident.closed_at ? (
          <Time at={incident.closed_at} seconds={false} />
        ) : (
          <Age at={incident.opened_at} bare />
        )}
      </span>
      <span class="row-line row-soft">
        <span class="row-place">{incident.place}</span>
        <PriorityTag priority={incident.priority} />
      </span>
      {open.length > 0 && (
        <span class="row-line row-soft">
          {listWords(open.map(({ call_sign, state }) => `${call_sign} ${t(`order.${state}`)}`))}
        </span>
      )}
    </button>
  );
}
