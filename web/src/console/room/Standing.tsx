// What stands open at the change of shift: the gravest first in every list.
import type { ComponentChildren } from "preact";
import { PriorityTag } from "../../shared/components/StateChip";
import { Age, Time } from "../../shared/components/Time";
import { conditionWords } from "../../shared/conditions";
import { localTime } from "../../shared/time";
import type { Incident, RoadCondition, RoadState, SosCall, UnitStatus, WorkItem } from "../../shared/types";
import { openIncident } from "../commands";
import { page } from "../store";
import { actorWords, listWords, typeName } from "../words";
import { about, details } from "../work/Worklist";
import { t as work } from "../work/words";
import type { Handover, Intake } from "./api";
import { ReminderList } from "./ReminderList";
import { drop } from "./store";
import { t } from "./words";

/** Of each list; the rest is counted, so that it stays a page or two. */
const SHOWN_MAX = 40;
const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];

export function Standing({ seen }: { seen: Handover }) {
  const { incidents, inbox, reminders, silent } = seen;
  return (
    <>
      {seen.sos.length > 0 && (
        <List name="sos" count={seen.sos.length} shown={seen.sos.length}>
          {seen.sos.slice(0, SHOWN_MAX).map((each) => (
            <CallLine key={each.id} call={each} />
          ))}
        </List>
      )}
      <List name="incidents" count={incidents.length} shown={incidents.length}>
        {incidents.slice(0, SHOWN_MAX).map((each) => (
          <IncidentLine key={each.id} incident={each} />
        ))}
      </List>
      <List name="work" count={seen.work_open} shown={seen.work.length}>
        {seen.work.slice(0, SHOWN_MAX).map((each) => (
          <WorkLine key={each.id} item={each} />
        ))}
      </List>
      <List name="inbox" count={seen.inbox_open} shown={inbox.length}>
        {inbox.slice(0, SHOWN_MAX).map((each) => (
          <IntakeLine key={each.id} intake={each} />
        ))}
      </List>
      <section>
        <h3 class="group-title">
          {t("reminders")} <span>{reminders.length}</span>
        </h3>
        <ReminderList found={reminders} onDrop={(id) => void drop(id)} />
      </section>
      <RoadLines seen={seen} />
      <section>
        <h3 class="group-title">{t("units")}</h3>
        <p>{STATUSES.map((status) => `${t(`status.${status}`)} ${seen.units[status] ?? 0}`).join(" · ")}</p>
        <p>
          {t("silent")}: {silent.length > 0 ? <b>{listWords(silent)}</b> : t("none")}
        </p>
      </section>
    </>
  );
}

function List({
  name,
  count,
  shown,
  children,
}: {
  name: "sos" | "incidents" | "work" | "inbox" | "roads";
  count: number;
  shown: number;
  children: ComponentChildren;
}) {
  const more = count - Math.min(shown, SHOWN_MAX);
  return (
    <section>
      <h3 class="group-title">
        {t(name)} <span>{count}</span>
      </h3>
      {count === 0 ? <p class="row-soft">{t("none")}</p> : <ul>{children}</ul>}
      {more > 0 && <p class="row-soft">{t("more", { count: more })}</p>}
    </section>
  );
}

function CallLine({ call }: { call: SosCall }) {
  const { call_sign: unit, device_id: device, officer_name: officer, badge, note, received_at: at } = call;
  return (
    <li data-testid="handover-sos">
      <b class="handover-alert">{unit ?? device}</b> {officer ?? badge} · <Time at={at} seconds={false} />
      {note && ` · “${note}”`}
      {call.withdrawn_at && ` · ${t("sos.withdrawn")}`}
    </li>
  );
}

function IncidentLine({ incident }: { incident: Incident }) {
  const { number, type, priority, place, note, status, orders, opened_at: at } = incident;
  const units = orders
    .filter(({ closed_at }) => closed_at === null)
    .map(({ call_sign, state }) => `${call_sign} ${t(`order.${state}`)}`);
  return (
    <li data-testid="handover-incident" data-number={number} data-status={status}>
      <PriorityTag priority={priority} />{" "}
      <button
        type="button"
        class="place-link"
        onClick={() => {
          page.value = null;
          openIncident(incident);
        }}
      >
        <b>
          #{number} {typeName(type)}
        </b>
      </button>{" "}
      {place} · <Age at={at} bare /> ·{" "}
      {status === "open" ? <b class="handover-alert">{t("unassigned")}</b> : listWords(units)}
      {note && <span class="row-soft"> {note}</span>}
    </li>
  );
}

function WorkLine({ item }: { item: WorkItem }) {
  return (
    <li data-testid="handover-work">
      <b class={item.severity === "alarm" ? "handover-alert" : ""}>
        {work.loose(`work.kind.${item.kind}`, {}, item.kind)}
      </b>{" "}
      {about(item)} · <Time at={item.raised_at} seconds={false} />
      {item.claimed_by && ` · ${work("work.claimed", { name: actorWords(item.claimed_by) })}`}{" "}
      {item.claimed_at && <Time at={item.claimed_at} seconds={false} />}
      <span class="row-soft"> {details(item)}</span>
    </li>
  );
}

function IntakeLine({ intake }: { intake: Intake }) {
  const { kind, source, text, place, urgency, until_at: until, received_at: at } = intake;
  return (
    <li data-testid="handover-intake">
      <PriorityTag priority={urgency} /> <b>{t(`kind.${kind}`)}</b> {source}: “{text}”{place && ` · ${place}`}{" "}
      · <Time at={at} seconds={false} />
      {until && ` · ${t("until", { time: localTime(until, false) })}`}
    </li>
  );
}

function RoadLines({ seen }: { seen: Handover }) {
  const { county, states, conditions } = seen.roads;
  const runs = ({ status }: RoadState | RoadCondition) => status !== "ended";
  const areas = conditions.filter((each) => runs(each) && each.corners !== null);
  const found = [...states.filter(runs), ...areas];
  return (
    <section>
      <h3 class="group-title">
        {t("roads")} <span>{found.length}</span>
      </h3>
      <p>{t("county", { condition: conditionWords(county) })}</p>
      <ul>
        {found.slice(0, SHOWN_MAX).map((each) => (
          <li key={each.id}>
            <b>{"state" in each ? t(`road.${each.state}`) : conditionWords(each.condition)}</b> {each.place}
            {each.reason && ` · ${each.reason}`}
            {each.expires_at && ` · ${t("until", { time: localTime(each.expires_at, false) })}`}
          </li>
        ))}
      </ul>
      {found.length > SHOWN_MAX && <p class="row-soft">{t("more", { count: found.length - SHOWN_MAX })}</p>}
    </section>
  );
}
