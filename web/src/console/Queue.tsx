// Incidents on the left: those that nobody was sent to first. Rows age by priority and stage.
import { useSignal } from "@preact/signals";
import { Button } from "../shared/components/Button";
import { Icon } from "../shared/components/Icon";
import { PriorityTag } from "../shared/components/StateChip";
import { Age, Time } from "../shared/components/Time";
import { lazy } from "../shared/lazy";
import type { Incident } from "../shared/types";
import { standing } from "./ages";
import { isMine } from "./claims";
import { openIncident, startDraft } from "./commands";
import { emptyWords } from "./feed";
import { cap } from "./keys/table";
import { isFiltered, queueShown } from "./queue_rows";
import { assigned, closed, draft, selection, unassigned } from "./store";
import { actorWords, listWords, t, typeName } from "./words";

const Filters = lazy(() => import("./details").then((part) => part.QueueFilters));
/** Without these a short queue needs no filters. */
const FILTERS_FROM = 8;
/** Rows of a group at first; the most urgent are the first. */
const ROWS_FIRST = 60;

export function Queue() {
  const open = unassigned.value.length + assigned.value.length;
  const shown = queueShown.value;
  const [waiting, sent] = [shown.filter(isOpen), shown.filter((each) => !isOpen(each))];
  return (
    <div class="queue">
      {!draft.value && (
        <div class="queue-head">
          <Button kind="primary" icon="plus" cap={cap("new")} data-testid="new-incident" onClick={startDraft}>
            {t("queue.new")}
          </Button>
          {(open >= FILTERS_FROM || isFiltered.value) && <Filters />}
        </div>
      )}
      <div class="scroll">
        {open === 0 && <p class="empty">{emptyWords(t("queue.empty"))}</p>}
        {open > 0 && shown.length === 0 && <p class="empty">{t("queue.filtered", { count: open })}</p>}
        <Group title={t("queue.unassigned")} incidents={waiting} />
        <Group title={t("queue.assigned")} incidents={sent} />
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

const isOpen = ({ status }: Incident): boolean => status === "open";

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

/** As many as are looked at; all that the keyboard walks to. */
function Rows({ incidents, label }: { incidents: Incident[]; label: string }) {
  const most = useSignal(ROWS_FIRST);
  const at = incidents.findIndex(({ id }) => id === selection.value?.id);
  const shown = incidents.slice(0, Math.max(most.value, at + 1));
  return (
    <>
      <ul aria-label={label}>
        {shown.map((incident, index) => (
          <li key={incident.id} aria-setsize={incidents.length} aria-posinset={index + 1}>
            <IncidentRow incident={incident} selected={selection.value?.id === incident.id} />
          </li>
        ))}
      </ul>
      {shown.length < incidents.length && (
        <Button
          kind="quiet"
          data-testid="queue-more"
          onClick={() => {
            most.value = shown.length + ROWS_FIRST;
          }}
        >
          {t("queue.more", { count: incidents.length - shown.length })}
        </Button>
      )}
    </>
  );
}

function IncidentRow({ incident, selected }: { incident: Incident; selected: boolean }) {
  const open = incident.orders.filter(({ closed_at }) => closed_at === null);
  const { stage, level, share } = standing(incident);
  return (
    <button
      type="button"
      class="row incident-row"
      data-row={incident.id}
      data-testid="incident-row"
      data-incident={incident.number}
      data-priority={incident.priority}
      data-status={incident.status}
      data-age={level}
      data-stage={stage}
      aria-current={selected}
      onClick={() => openIncident(incident)}
    >
      <span class="row-line">
        <span class="row-number">#{incident.number}</span>
        <b class="row-title">{typeName(incident.type)}</b>
        {level !== "fresh" && <b class="row-age">{t(`age.${level}`)}</b>}
        {incident.closed_at ? (
          <Time at={incident.closed_at} seconds={false} />
        ) : (
          <Age at={incident.opened_at} bare />
        )}
      </span>
      <span class="row-line row-soft">
        <span class="row-place">{incident.place}</span>
        {incident.claimed_by && (
          <span class="row-claim" data-testid="row-claim">
            <Icon name="person" size={11} />
            {isMine(incident) ? t("claim.me") : actorWords(incident.claimed_by)}
          </span>
        )}
        <PriorityTag priority={incident.priority} />
      </span>
      {open.length > 0 && (
        <span class="row-line row-soft">
          {listWords(open.map(({ call_sign, state }) => `${call_sign} ${t(`order.${state}`)}`))}
        </span>
      )}
      {share > 0 && (
        <i class="row-bar" aria-hidden="true">
          <i style={{ width: `${Math.round(100 * share)}%` }} />
        </i>
      )}
    </button>
  );
}
