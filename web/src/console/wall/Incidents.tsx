// Open incidents as cards, those that nobody goes to first. More than there is room for turn page by page.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { PriorityTag } from "../../shared/components/StateChip";
import { Age } from "../../shared/components/Time";
import { localTime, now } from "../../shared/time";
import type { Incident, Order } from "../../shared/types";
import { queue } from "../store";
import { typeName, t as words } from "../words";
import { t } from "./words";

const PAGE_MS = 12_000;
/** Height of a card with its gap, in the wall's own type size. */
const CARD_EM = 7.25;
/** Before that, the state of an order tells when the unit will be there. */
const ON_THE_WAY = new Set<Order["state"]>(["accepted", "en_route"]);

export function Incidents() {
  const list = useRef<HTMLUListElement>(null);
  const room = useSignal(1);
  useEffect(() => {
    if (!list.current) return;
    const measured = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const em = Number.parseFloat(getComputedStyle(entry.target).fontSize);
      room.value = Math.max(1, Math.floor(entry.contentRect.height / (CARD_EM * em)));
    });
    measured.observe(list.current);
    return () => measured.disconnect();
  }, []);

  const pages = Math.max(1, Math.ceil(queue.value.length / room.value));
  const page = Math.floor(now.value / PAGE_MS) % pages;
  const shown = queue.value.slice(page * room.value, (page + 1) * room.value);
  return (
    <section class="wall-incidents" aria-label={t("wall.incidents")}>
      <h2>
        {t("wall.incidents")} <b>{queue.value.length}</b>
        {pages > 1 && (
          <span data-testid="wall-page" data-page={page + 1}>
            {t("wall.page", { page: page + 1, pages })}
          </span>
        )}
      </h2>
      <ul ref={list}>
        {shown.map((incident) => (
          <Card key={incident.id} incident={incident} />
        ))}
        {shown.length === 0 && <li class="wall-quiet">{t("wall.quiet")}</li>}
      </ul>
    </section>
  );
}

function Card({ incident }: { incident: Incident }) {
  const open = incident.orders.filter(({ closed_at }) => closed_at === null);
  return (
    <li
      class="wall-card"
      data-testid="wall-incident"
      data-incident={incident.number}
      data-priority={incident.priority}
      data-status={incident.status}
    >
      <p class="wall-card-head">
        <span>#{incident.number}</span>
        <b>{typeName(incident.type)}</b>
        <Age at={incident.opened_at} bare />
      </p>
      <p class="wall-card-place">
        <span>{incident.place}</span>
        <PriorityTag priority={incident.priority} />
      </p>
      <p class="wall-card-units">
        {open.length === 0 && <strong>{t("wall.nobody")}</strong>}
        {open.map((order) => (
          <span key={order.id}>
            <b>{order.call_sign}</b> {words(`order.${order.state}`)}
            {arrival(order)}
          </span>
        ))}
      </p>
    </li>
  );
}

/** When the unit was promised to be there, for as long as it is not. */
function arrival({ state, issued_at, eta_s, at_place_at }: Order): string {
  if (!ON_THE_WAY.has(state) || eta_s === null || at_place_at !== null) return "";
  const due = Date.parse(issued_at) + eta_s * 1000;
  return ` · ${t(due < now.value ? "wall.overdue" : "wall.arrives", { time: localTime(due, false) })}`;
}
