import { Button } from "../shared/components/Button";
import { AskDialog } from "../shared/components/Dialog";
import { Icon } from "../shared/components/Icon";
import { PriorityTag } from "../shared/components/StateChip";
import { Age, Time } from "../shared/components/Time";
import { lazy } from "../shared/lazy";
import type { Incident } from "../shared/types";
import { standing } from "./ages";
import { Checklist } from "./Checklist";
import { Claim } from "./claim/Claim";
import { closeIncident } from "./commands";
import { t } from "./decision/words";
import { hasOpenOrders, orders } from "./detail_store";
import { cap } from "./keys/table";
import { camera } from "./map/camera";
import { Orders } from "./Orders";
import { Recommendations } from "./Recommendations";
import { closing, deselect, noting } from "./store";
import { actorWords, positionWords, typeName } from "./words";

const Photos = lazy(() => import("./photos/Photos").then(({ Photos }) => Photos));

export function IncidentDetail({ incident }: { incident: Incident }) {
  const isClosed = incident.status === "closed";
  return (
    <>
      <header class="detail-head" data-priority={incident.priority}>
        <div class="detail-title">
          <span class="row-number">#{incident.number}</span>
          <h2>{typeName(incident.type)}</h2>
          <Button kind="quiet" size="small" icon="close" aria-label={t("app.close")} onClick={deselect} />
        </div>
        <div class="detail-tags">
          <PriorityTag priority={incident.priority} />
          <span class="status-tag" data-status={incident.status} data-testid="incident-status">
            {t(`incident.${incident.status}`)}
          </span>
          <Standing incident={incident} />
          <span class="detail-age">
            {incident.closed_at ? <Time at={incident.closed_at} /> : <Age at={incident.opened_at} bare />}
          </span>
        </div>
        <button
          type="button"
          class="place-link"
          title={t("detail.show")}
          onClick={() => camera.goTo(incident.lon, incident.lat)}
        >
          <Icon name="pin" size={14} />
          <span>
            {incident.place} <small>{positionWords(incident.lon, incident.lat)}</small>
          </span>
        </button>
        {incident.note && <p class="detail-note">{incident.note}</p>}
        <p class="detail-by">
          {t("detail.opened")} <Time at={incident.opened_at} />{" "}
          {t("detail.by", { name: actorWords(incident.opened_by) })}
        </p>
        {isClosed && (
          <p class="detail-by">
            {t("detail.closed")} {incident.closed_at && <Time at={incident.closed_at} />}{" "}
            {t("detail.by", { name: actorWords(incident.closed_by ?? "") })} · {incident.outcome}
          </p>
        )}
        {!isClosed && <Claim incident={incident} />}
      </header>
      <div class="scroll detail-body">
        {/* Who is on the way comes before whom else to send. */}
        {hasOpenOrders.value && <Orders orders={orders.value} />}
        {!isClosed && <Recommendations incident={incident} />}
        {incident.photos > 0 && <Photos incident={incident} />}
        <Checklist incident={incident} />
        {!hasOpenOrders.value && orders.value.length > 0 && <Orders orders={orders.value} />}
      </div>
      {!isClosed && <CloseIncident incident={incident} />}
    </>
  );
}

/** As in its row: nearly over, or overdue. */
function Standing({ incident }: { incident: Incident }) {
  const { level } = standing(incident);
  return level === "fresh" ? null : (
    <b class="row-age" data-age={level}>
      {t(`age.${level}`)}
    </b>
  );
}

function CloseIncident({ incident }: { incident: Incident }) {
  const blocked = hasOpenOrders.value;
  return (
    <footer class="detail-foot">
      <Button
        cap={cap("close")}
        disabled={blocked}
        title={blocked ? t("detail.close.blocked") : ""}
        data-testid="incident-close"
        onClick={() => {
          closing.value = true;
        }}
      >
        {t("detail.close")}
      </Button>
      <Button
        cap={cap("remind")}
        data-testid="incident-remind"
        onClick={() => {
          noting.value = "reminder";
        }}
      >
        {t("detail.remind")}
      </Button>
      {closing.value && (
        <AskDialog
          title={`${t("detail.close")} #${incident.number}`}
          label={t("detail.close.label")}
          confirm={t("detail.close")}
          required
          suggestions={[
            t("outcome.resolved"),
            t("outcome.handed_over"),
            t("outcome.false_alarm"),
            t("outcome.nobody_found"),
          ]}
          onClose={() => {
            closing.value = false;
          }}
          onAnswer={(outcome) => {
            closing.value = false;
            void closeIncident(incident, outcome);
          }}
        />
      )}
    </footer>
  );
}
