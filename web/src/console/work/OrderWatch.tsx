// What is waited for from a unit, and what the room asks of it: timers, recall, escalation; and the three
// ways to change one's mind about an order: recall it, give it to another unit, replace its words.
//
// Marks for browser tests: order-watch, order-recall (data-state), order-timer (data-kind), order-proposal,
// recall-order, give-order, give-unit, replace-order, replace-text, recall-voice-yes, recall-voice-no.
import { useSignal } from "@preact/signals";
import * as shared from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { AskDialog, Dialog } from "../../shared/components/Dialog";
import { Age } from "../../shared/components/Time";
import { toast, toastError } from "../../shared/components/Toast";
import { etaText, localTime, now } from "../../shared/time";
import type { Order, Recommendation } from "../../shared/types";
import { rereadDetail } from "../detail_store";
import { incidents } from "../store";
import { WelfareWatch } from "../units/Welfare";
import { actorWords } from "../words";
import * as api from "./api";
import { OrderBatteries } from "./OrderBatteries";
import { asked, t } from "./words";

const TIMERS_SHOWN = 3;
/** Shown apart. */
const OF_WELFARE = ["welfare", "welfare_answer"];

type Asking = "" | "recall" | "give" | "replace" | "refused";

export function OrderWatch({ order }: { order: Order }) {
  const asking = useSignal<Asking>("");
  const ask = (what: Asking) => () => {
    asking.value = what;
  };
  const done = (step: Promise<unknown>, words: string) => {
    asking.value = "";
    step.then(() => toast(words), toastError).finally(rereadDetail);
  };
  const close = ask("");
  return (
    <section class="order-watch" data-testid="order-watch">
      <RecallState order={order} onAnswer={done} onRefused={ask("refused")} />
      <WelfareWatch order={order} />
      <Waiting order={order} />
      <Escalated order={order} onSent={done} />
      <OrderBatteries orderId={order.id} incidentId={order.incident_id} />
      <div class="order-actions">
        {(!order.recall || order.recall.state === "declined") && (
          <>
            <Button size="small" data-testid="recall-order" onClick={ask("recall")}>
              {t("recall.ask")}
            </Button>
            <Button size="small" data-testid="give-order" onClick={ask("give")}>
              {t("give.ask")}
            </Button>
            <Button size="small" data-testid="replace-order" onClick={ask("replace")}>
              {t("replace.ask")}
            </Button>
          </>
        )}
      </div>
      {asking.value === "recall" && (
        <AskDialog
          title={`${t("recall.ask")} · ${order.call_sign}`}
          label={t("recall.label")}
          confirm={t("recall.ask")}
          required
          onClose={close}
          onAnswer={(reason) => done(api.recall(order, reason), t("recall.asked", { unit: order.call_sign }))}
        />
      )}
      {asking.value === "refused" && (
        <AskDialog
          title={t("recall.voice_no")}
          label={t("recall.label")}
          confirm={t("recall.voice_no")}
          required
          onClose={close}
          onAnswer={(reason) => done(api.answerRecall(order, false, reason), t("recall.noted"))}
        />
      )}
      {(asking.value === "give" || asking.value === "replace") && (
        <Instead order={order} same={asking.value === "replace"} onClose={close} onSent={done} />
      )}
    </section>
  );
}

function RecallState({
  order,
  onAnswer,
  onRefused,
}: {
  order: Order;
  onAnswer: (step: Promise<unknown>, words: string) => void;
  onRefused: () => void;
}) {
  const { recall } = order;
  if (!recall) return null;
  const successor = incidents.value
    .get(order.incident_id)
    ?.orders.find(({ id }) => id === order.successor_id);
  return (
    <div class="notice" data-kind="warn" data-testid="order-recall" data-state={recall.state}>
      <p>
        <b>{t(`recall.${recall.why}`)}</b> {t(`recall.state.${recall.state}`)} · <Age at={recall.at} /> ·{" "}
        {actorWords(recall.by)}
        {recall.reason && ` “${recall.reason}”`}
        {successor && ` · ${t("recall.successor", { number: successor.number, unit: successor.call_sign })}`}
      </p>
      {recall.state !== "declined" && (
        <div class="order-actions">
          <Button
            size="small"
            data-testid="recall-voice-yes"
            onClick={() => onAnswer(api.answerRecall(order, true, ""), t("recall.noted"))}
          >
            {t("recall.voice_yes")}
          </Button>
          <Button size="small" data-testid="recall-voice-no" onClick={onRefused}>
            {t("recall.voice_no")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** The next of what is waited for; what rang is in the worklist. */
function Waiting({ order }: { order: Order }) {
  const waiting = order.timers
    .filter(({ kind, fired_at }) => fired_at === null && !OF_WELFARE.includes(kind))
    .slice(0, TIMERS_SHOWN);
  const until = order.standby_until;
  if (waiting.length === 0 && !until) return null;
  return (
    <ul class="order-timers row-soft">
      {until && <li>{t("standby.until", { time: localTime(until, false) })}</li>}
      {waiting.map(({ kind, due_at, expected_back }) => (
        <li key={kind} data-testid="order-timer" data-kind={kind}>
          {t("timer.due", {
            what: t.loose(`timer.${kind}`, {}, kind),
            time: localTime(due_at),
            in: Date.parse(due_at) > now.value ? etaText((Date.parse(due_at) - now.value) / 1000) : "0",
          })}
          {expected_back && ` · ${t("timer.expected_back")}`}
        </li>
      ))}
    </ul>
  );
}

function Escalated({
  order,
  onSent,
}: {
  order: Order;
  onSent: (step: Promise<unknown>, words: string) => void;
}) {
  const { escalation } = order;
  if (!escalation) return null;
  const { proposal } = escalation;
  return (
    <div class="notice" data-kind="bad" data-testid="order-escalation">
      <p>
        {t(`escalation.${escalation.level}`)} · <Age at={escalation.opened_at} />
        {escalation.offered_order_ids.length > 0 && ` · ${t("escalation.offered")}`}
      </p>
      <p data-testid="order-leader" data-answer={escalation.leader_answer ?? ""}>
        {asked(escalation)}
        {escalation.leader_reason && ` “${escalation.leader_reason}”`}
      </p>
      {proposal && escalation.offered_order_ids.length === 0 && (
        <Button
          size="small"
          kind="primary"
          data-testid="order-proposal"
          onClick={() =>
            onSent(
              api.send(order.incident_id, proposal.recommendation_id, proposal.unit_id, {
                reason: t("escalation.reason", { unit: order.call_sign }),
                escalation: escalation.id,
              }),
              t("give.sent", { unit: proposal.call_sign }),
            )
          }
        >
          {t("escalation.send", {
            unit: proposal.call_sign,
            eta: proposal.eta_s === null ? "?" : etaText(proposal.eta_s),
          })}
        </Button>
      )}
    </div>
  );
}

/** A new order in the place of this one: for another unit, or for the same with other words. */
function Instead({
  order,
  same,
  onClose,
  onSent,
}: {
  order: Order;
  same: boolean;
  onClose: () => void;
  onSent: (step: Promise<unknown>, words: string) => void;
}) {
  const found = useSignal<Recommendation | null>(null);
  const unit = useSignal(same ? order.unit_id : "");
  const instruction = useSignal(same ? order.instruction : "");
  const reason = useSignal("");
  const asked = useSignal(false);
  if (!asked.value) {
    asked.value = true;
    shared.recommend(order.incident_id).then((all) => {
      found.value = all;
    }, toastError);
  }
  const send = (event: Event) => {
    event.preventDefault();
    if (!found.value || !unit.value) return;
    const words = { instruction: instruction.value.trim(), reason: reason.value.trim(), replaces: order };
    onSent(
      api.send(order.incident_id, found.value.id, unit.value, words),
      t(same ? "replace.sent" : "give.sent", { unit: order.call_sign }),
    );
  };
  return (
    <Dialog title={`${t(same ? "replace.ask" : "give.ask")} · ${order.call_sign}`} onClose={onClose}>
      <form class="ask-form" onSubmit={send}>
        {!same && (
          <label class="field">
            <span>{t("give.unit")}</span>
            <select
              class="input"
              required
              data-testid="give-unit"
              value={unit.value}
              onChange={(event) => {
                unit.value = event.currentTarget.value;
              }}
            >
              <option value="">{t(found.value ? "give.choose" : "give.computing")}</option>
              {found.value?.candidates.map(({ unit_id, call_sign, eta_s }) => (
                <option key={unit_id} value={unit_id}>
                  {call_sign} {eta_s === null ? "" : etaText(eta_s)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <span>{t("replace.instruction")}</span>
          <input
            class="input"
            data-testid="replace-text"
            maxLength={500}
            required={same}
            value={instruction.value}
            onInput={(event) => {
              instruction.value = event.currentTarget.value;
            }}
          />
        </label>
        <label class="field">
          <span>{t("recall.label")}</span>
          <input
            class="input"
            data-testid="ask-input"
            maxLength={500}
            required
            value={reason.value}
            onInput={(event) => {
              reason.value = event.currentTarget.value;
            }}
          />
        </label>
        <p class="row-soft">{t("give.until", { unit: order.call_sign })}</p>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("app.back")}
          </Button>
          <Button type="submit" kind="primary" busy={!found.value} data-testid="ask-confirm">
            {t("give.send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
