// The orders of an incident: how far each has come, and every step with who, when and by which path.

import { useSignal } from "@preact/signals";
import { Button } from "../shared/components/Button";
import { AskDialog } from "../shared/components/Dialog";
import { Icon } from "../shared/components/Icon";
import { Age, Moment, Time } from "../shared/components/Time";
import { lazy } from "../shared/lazy";
import { clockText, distanceText, etaText, localTime, utcTime } from "../shared/time";
import type { Order, OrderEvent, OrderState } from "../shared/types";
import { cancelOrder } from "./commands";
import { t } from "./decision/words";
import { routes } from "./detail_store";
import { STALE_S, units } from "./store";
import { actorWords, deviceWords, listWords } from "./words";

const OrderWatch = lazy(() => import("./work").then((part) => part.OrderWatch));
const VoiceDialog = lazy(() => import("./work").then((part) => part.VoiceDialog));

/** What a dispatcher does, and does not pass on. */
const ROOMS_OWN = ["issued", "cancelled", "recall_requested", "welfare_asked"];

/** The way of an order that goes well; the position is its rank. */
export const WAY: OrderState[] = ["issued", "delivered", "shown", "accepted", "en_route", "on_scene", "done"];
const ENDS_BADLY: OrderState[] = [
  "unable",
  "cancelled",
  "recalled",
  "superseded",
  "handed_over",
  "expired",
  "undeliverable",
];

export function Orders({ orders }: { orders: Order[] }) {
  const openFirst = [...orders].sort(
    (a, b) => Number(a.closed_at !== null) - Number(b.closed_at !== null) || b.number - a.number,
  );
  return (
    <section class="orders">
      <div class="section-head">
        <h3>{t("orders.title")}</h3>
      </div>
      {openFirst.map((order) => (
        <OrderCard key={order.id} order={order} />
      ))}
    </section>
  );
}

export function rankOf(state: OrderState): number {
  const step = { feedback: "on_scene", standby: "shown" }[state as string] ?? state;
  return WAY.indexOf(step as OrderState);
}

function OrderCard({ order }: { order: Order }) {
  const asking = useSignal<"cancel" | "voice" | null>(null);
  const close = () => {
    asking.value = null;
  };
  const open = order.closed_at === null;
  const unit = units.value.get(order.unit_id);
  return (
    <article
      class="order"
      data-testid="order"
      data-unit={order.call_sign}
      data-state={order.state}
      data-open={open}
      data-bad={ENDS_BADLY.includes(order.state)}
    >
      <div class="order-head">
        {unit && <Icon name={unit.kind} size={16} />}
        <b>{order.call_sign}</b>
        <span class="row-number">{order.number}</span>
        <span class="order-state" data-testid="order-state" data-state={order.state}>
          {t(`order.${order.state}`)}
        </span>
        {open && <Age at={order.state_at} bare />}
        {open && order.at_place_at && rankOf(order.state) < WAY.indexOf("on_scene") && (
          <small data-testid="order-at-place">
            {t("order.at_place")} <Time at={order.at_place_at} seconds={false} />
          </small>
        )}
        {order.eta_s !== null && <small>{t("orders.eta", { eta: etaText(order.eta_s) })}</small>}
      </div>
      <Progress order={order} />
      {open && <Remaining order={order} />}
      {order.instruction && <p class="order-instruction">“{order.instruction}”</p>}
      {open ? (
        <Timeline order={order} />
      ) : (
        <details class="late">
          <summary>{t("orders.steps", { count: order.events.length })}</summary>
          <Timeline order={order} />
        </details>
      )}
      {open && <OrderWatch order={order} />}
      {open && (
        <div class="order-actions">
          <Button
            size="small"
            data-testid="order-voice"
            onClick={() => {
              asking.value = "voice";
            }}
          >
            {t("orders.voice")}
          </Button>
          <Button
            size="small"
            kind="danger"
            data-testid="order-cancel"
            onClick={() => {
              asking.value = "cancel";
            }}
          >
            {t("orders.cancel")}
          </Button>
        </div>
      )}
      {asking.value === "cancel" && (
        <AskDialog
          title={`${t("orders.cancel")} · ${order.call_sign}`}
          label={t("orders.cancel.label")}
          confirm={t("orders.cancel.confirm")}
          danger
          required
          onClose={close}
          onAnswer={(reason) => {
            close();
            void cancelOrder(order, reason);
          }}
        />
      )}
      {asking.value === "voice" && <VoiceDialog order={order} onClose={close} />}
    </article>
  );
}

/** What is left of its way, from where it was heard last; and whether that is later than promised. */
function Remaining({ order }: { order: Order }) {
  const way = routes.value.find(({ orderId }) => orderId === order.id);
  const fix = units.value.get(order.unit_id)?.position;
  if (!way || !fix || rankOf(order.state) >= WAY.indexOf("on_scene")) return null;
  const there = Date.parse(fix.observed_at) + way.durationS * 1000;
  return (
    <p class="order-left" data-testid="order-remaining">
      <b>{t("orders.left", { distance: distanceText(way.distanceM), time: etaText(way.durationS) })}</b>{" "}
      {t("orders.there")} <Moment at={new Date(there).toISOString()} words={localTime(there, false)} />
      <small class="row-soft">
        {" "}
        {t("orders.left.from")} <Age at={fix.observed_at} staleAfterS={STALE_S} />
      </small>
    </p>
  );
}

/** Seven segments, filled as far as the order has come. */
function Progress({ order }: { order: Order }) {
  const bad = ENDS_BADLY.includes(order.state);
  const reached = bad ? highestReached(order) : rankOf(order.state);
  return (
    <div class="progress" aria-hidden="true">
      {WAY.map((state, rank) => (
        <i key={state} data-reached={rank <= reached} title={t(`order.${state}`)} />
      ))}
    </div>
  );
}

const highestReached = (order: Order): number =>
  order.events.reduce(
    (best, { state, applied }) => (applied ? Math.max(best, WAY.indexOf(state as OrderState)) : best),
    0,
  );

function Timeline({ order }: { order: Order }) {
  const applied = order.events.filter((event) => event.applied);
  const late = order.events.filter((event) => !event.applied);
  const pending = order.closed_at === null ? WAY.slice(rankOf(order.state) + 1) : [];
  return (
    <>
      <ol class="timeline">
        {applied.map((event) => (
          <Step key={`${event.state}${event.server_at}`} event={event} order={order} />
        ))}
        {pending.length > 0 && (
          <li class="step" data-pending="true">
            <span class="step-what">{t("orders.next")}</span>
            <span class="row-soft">{listWords(pending.map((state) => t(`order.${state}`)))}</span>
          </li>
        )}
      </ol>
      {late.length > 0 && (
        <details class="late">
          <summary>
            {t("orders.late")} ({late.length})
          </summary>
          <ol class="timeline">
            {late.map((event) => (
              <Step key={`${event.state}${event.server_at}${event.device_id}`} event={event} order={order} />
            ))}
          </ol>
        </details>
      )}
    </>
  );
}

/** Who said it, with no more than is known. */
function speakerWords({ actor, claim }: OrderEvent): string {
  if (claim === "unnamed") {
    return t("orders.claim.unnamed");
  }
  const who = actor.startsWith("device:") ? "" : actorWords(actor);
  return who && claim ? t(`orders.claim.${claim}`, { who }) : who;
}

function Step({ event, order }: { event: OrderEvent; order: Order }) {
  const unit = units.value.get(order.unit_id);
  const path = event.device_id
    ? t("orders.via", { path: deviceWords(event.device_id, unit) })
    : event.actor.startsWith("user:") && !ROOMS_OWN.includes(event.state)
      ? t("orders.via.console")
      : "";
  const protocol = event.path && t.loose(`orders.path.${event.path}`, {}, event.path);
  const who = speakerWords(event);
  const sinceIssue = Date.parse(event.server_at) - Date.parse(order.issued_at);
  const deviceTime = event.device_at
    ? t("orders.device_time", { time: `${localTime(event.device_at)} · ${utcTime(event.device_at)}` })
    : "";
  const said = event.reason || event.note;
  return (
    <li
      class="step"
      data-testid="order-event"
      data-state={event.state}
      data-applied={event.applied}
      data-bad={ENDS_BADLY.includes(event.state as OrderState)}
    >
      <span class="step-what">
        {t.loose(`order.${event.state}`, {}, event.state)}
        <span class="step-when" title={deviceTime}>
          <Time at={event.server_at} />
          {event.clock_skewed && event.device_at && (
            <small class="step-skew" data-testid="step-skew">
              {t("orders.device_time", { time: localTime(event.device_at) })}
            </small>
          )}
          {sinceIssue >= 1000 && <small>{t("orders.after", { time: clockText(sinceIssue) })}</small>}
        </span>
      </span>
      {(who || path) && (
        <span class="row-soft" data-testid="step-by">
          {[who, path, protocol].filter(Boolean).join(" · ")}
        </span>
      )}
      {said && <q class="step-said">{said}</q>}
    </li>
  );
}
