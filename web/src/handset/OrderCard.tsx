// One order and the step that comes next.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { PriorityTag } from "../shared/components/StateChip";
import { Time } from "../shared/components/Time";
import { toastError } from "../shared/components/Toast";
import { lazy } from "../shared/lazy";
import { distanceText, etaText, localTime, now } from "../shared/time";
import { Advice } from "./Advice";
import { advicesOf } from "./advices";
import { distanceM, octant } from "./bearing";
import { Checklist } from "./Checklist";
import { DeclineDialog } from "./DeclineDialog";
import { type Desk, drafts, endedBy } from "./orders";
import { lastFix } from "./sensors";
import { answerOf, isMissed, type StoredOrder } from "./stored";
import { WayList } from "./WayList";
import type { Step } from "./wire";
import { t, typeName } from "./words";

const Report = lazy(() => import("./more").then(({ Report }) => Report));

/** A second tap of the same press must not take the step that has just appeared under the finger. */
const SETTLE_MS = 600;

/** The one step that usually follows. */
const NEXT: Partial<Record<Step, { step: Step; words: "step.accept" | "step.en_route" | "step.on_scene" }>> =
  {
    received: { step: "accepted", words: "step.accept" },
    shown: { step: "accepted", words: "step.accept" },
    standby: { step: "accepted", words: "step.accept" },
    accepted: { step: "en_route", words: "step.en_route" },
    en_route: { step: "on_scene", words: "step.on_scene" },
  };
const ON_THE_WAY: Step[] = ["received", "shown", "standby", "accepted", "en_route"];
const MAY_DECLINE: Step[] = ["received", "shown", "standby", "accepted", "en_route"];
const MAY_WAIT: Step[] = ["received", "shown", "standby"];
/** Minutes that an officer may ask for. */
const WAITS_MIN = [2, 5, 10, 15] as const;
const MAY_REPORT: Step[] = ["accepted", "en_route", "on_scene"];

export function OrderCard({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const { incident, instruction, number, eta_s } = order.body;
  const { last, reports } = order;
  const ended = endedBy(order);
  return (
    <article class="order" data-testid="order" data-step={last.s} data-priority={incident.priority}>
      <header>
        <PriorityTag priority={incident.priority} />
        <span>
          {t("order.no", { n: number })} · {t("order.incident", { n: incident.number })}
        </span>
        <span class="order-step" data-testid="order-step">
          {t(`order.${last.s}`)}
        </span>
      </header>
      <h2>{typeName(incident.type)}</h2>
      <p class="order-place">{incident.place}</p>
      {incident.note && <p class="order-note">{incident.note}</p>}
      {instruction && <p class="order-note">{instruction}</p>}
      <ul class="order-facts">
        {eta_s !== null && <li>{t("order.eta", { eta: etaText(eta_s) })}</li>}
        <Crow to={incident} />
        <li>
          <a href={`geo:${incident.lat},${incident.lon}?q=${incident.lat},${incident.lon}`}>
            {t("order.navigate")}
          </a>
        </li>
        {reports > 0 && <li data-testid="reports">{t("order.reports", { n: reports })}</li>}
      </ul>
      {!ended && ON_THE_WAY.includes(last.s) && <WayList order={order} desk={desk} />}
      {!ended && <Checklist code={incident.type} />}
      {last.s === "standby" && order.standbyUntil && (
        <p class="notice" data-kind="warn" data-testid="standby-until">
          {t(order.standbyUntil > now.value ? "standby.until" : "standby.over", {
            time: localTime(order.standbyUntil, false),
          })}
        </p>
      )}
      {!ended && order.check && !answerOf(order.check) && <WelfareCheck order={order} desk={desk} />}
      {!ended &&
        advicesOf(order, now.value).map((advice) => <Advice key={advice.id} advice={advice} desk={desk} />)}
      {!ended && order.recall && <RecallAsked order={order} desk={desk} />}
      {ended ? (
        <Over why={ended} order={order} desk={desk} />
      ) : (
        (!order.recall || answerOf(order.recall) === "declined" || isMissed(order.recall, now.value)) && (
          <Steps key={last.s} order={order} desk={desk} />
        )
      )}
    </article>
  );
}

function Crow({ to }: { to: { lon: number; lat: number } }) {
  const here = lastFix.value;
  if (!here) return null;
  return (
    <li>
      {t("order.straight", {
        distance: distanceText(distanceM(here, to)),
        direction: t.loose(`direction.${octant(here, to)}`, {}, ""),
      })}
    </li>
  );
}

const endedWords = (why: string): string => t.loose(`ended.${why}`, {}, t("ended.closed"));

/** It ended without the officer's own word: he must have read why. */
function Over({ why, order, desk }: { why: string; order: StoredOrder; desk: Desk }) {
  return (
    <div class="order-ended" role="alert" data-testid="order-ended" data-why={why}>
      <p>
        <strong>{endedWords(why)}</strong> {order.ended?.text}
      </p>
      <Button
        size="large"
        kind="primary"
        data-testid="understood"
        onClick={() => desk.dismiss(order).catch(toastError)}
      >
        {t("order.understood")}
      </Button>
    </div>
  );
}

/** The control room wants the order back; it stands until a person has answered. */
function RecallAsked({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const asking = useSignal(false);
  const recall = order.recall;
  if (!recall) return null;
  const answer = answerOf(recall);
  if (answer) {
    return (
      <p class="notice" role="status" data-testid="recall-answered" data-answer={answer}>
        {t(answer === "accepted" ? "recall.let_go" : "recall.kept")}
      </p>
    );
  }
  if (isMissed(recall, now.value)) return <Missed kind="recall" at={recall.at} />;
  return (
    <section class="order-asked" role="alert" data-testid="recall" data-why={recall.why}>
      <h3>{t("recall.title")}</h3>
      <p>
        {t(`recall.${recall.why}`)} {recall.text}
      </p>
      <Button
        size="large"
        kind="primary"
        data-testid="recall-accepted"
        onClick={() => desk.answer(order, "recall", "accepted").catch(toastError)}
      >
        {t("recall.accept")}
      </Button>
      <Button
        size="large"
        data-testid="recall-declined"
        onClick={() => {
          asking.value = true;
        }}
      >
        {t("recall.decline")}
      </Button>
      {asking.value && (
        <DeclineDialog
          onReason={(reason) => {
            asking.value = false;
            desk.answer(order, "recall", "declined", reason).catch(toastError);
          }}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </section>
  );
}

/** It asked for an answer until a time that is over. */
function Missed({ kind, at }: { kind: "recall" | "check"; at: number }) {
  return (
    <p class="notice" data-kind="warn" role="status" data-testid={`${kind}-missed`}>
      {t(`${kind}.missed`, { time: localTime(at, false) })}
    </p>
  );
}

/** A lone officer is asked whether all is well. */
function WelfareCheck({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const answer = (said: "accepted" | "declined") => () =>
    void desk.answer(order, "check", said, said === "declined" ? t("check.no") : "").catch(toastError);
  if (order.check && isMissed(order.check, now.value)) return <Missed kind="check" at={order.check.at} />;
  return (
    <section class="order-asked" role="alert" data-testid="check">
      <h3>{t("check.title")}</h3>
      <Button size="large" kind="primary" data-testid="check-accepted" onClick={answer("accepted")}>
        {t("check.yes")}
      </Button>
      <Button size="large" kind="danger" data-testid="check-declined" onClick={answer("declined")}>
        {t("check.no")}
      </Button>
    </section>
  );
}

function Steps({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const asking = useSignal<"" | "declined" | "feedback" | "done" | "standby">("");
  const settled = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      settled.value = true;
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, []);
  const step = order.last.s;
  const next = NEXT[step];
  const begun = drafts.value.get(order.id);
  const large = { size: "large", disabled: !settled.value } as const;
  const ask = (what: "declined" | "feedback" | "done" | "standby") => () => {
    asking.value = what;
  };
  const answer = (taken: Step, words: { reason?: string; note?: string; until?: number } = {}) => {
    asking.value = "";
    settled.value = false;
    desk
      .step(order, taken, words)
      .catch(toastError)
      .finally(() => {
        settled.value = true;
      });
  };
  return (
    <div class="order-steps">
      {begun && (
        <p class="notice order-draft" role="status" data-testid="draft">
          {t("report.draft")}
          <Button
            data-testid="draft-continue"
            onClick={ask(begun === "done" && step === "on_scene" ? "done" : "feedback")}
          >
            {t("report.continue")}
          </Button>
        </p>
      )}
      {next && (
        <Button kind="primary" {...large} data-testid={`step-${next.step}`} onClick={() => answer(next.step)}>
          {t(next.words)}
        </Button>
      )}
      {step === "on_scene" && (
        <Button kind="primary" {...large} data-testid="step-done" onClick={ask("done")}>
          {t("step.done")}
        </Button>
      )}
      {MAY_REPORT.includes(step) && (
        <Button {...large} data-testid="step-feedback" onClick={ask("feedback")}>
          {t("step.feedback")}
        </Button>
      )}
      {MAY_WAIT.includes(step) && (
        <Button {...large} data-testid="step-standby" onClick={ask("standby")}>
          {t("step.standby")}
        </Button>
      )}
      {MAY_DECLINE.includes(step) && (
        <Button kind="danger" {...large} data-testid="step-declined" onClick={ask("declined")}>
          {t("step.decline")}
        </Button>
      )}
      {asking.value === "declined" && (
        <DeclineDialog
          onReason={(reason) => answer("declined", { reason })}
          onClose={() => {
            asking.value = "";
          }}
        />
      )}
      {asking.value === "standby" && (
        <Dialog
          title={t("standby.title")}
          onClose={() => {
            asking.value = "";
          }}
        >
          <div class="order-reasons">
            {WAITS_MIN.map((minutes) => (
              <Button
                key={minutes}
                size="large"
                data-testid={`standby-${minutes}`}
                onClick={() => answer("standby", { until: Date.now() + minutes * 60_000 })}
              >
                {t("standby.minutes", { n: minutes })}
              </Button>
            ))}
          </div>
        </Dialog>
      )}
      {(asking.value === "feedback" || asking.value === "done") && (
        <Report
          order={order}
          step={asking.value}
          desk={desk}
          onClose={() => {
            asking.value = "";
          }}
        />
      )}
    </div>
  );
}

export function OrderRow({ order }: { order: StoredOrder }) {
  const { incident, number } = order.body;
  const ended = endedBy(order);
  return (
    <li class="order-row" data-testid="order-over" data-step={order.last.s} data-why={ended}>
      <span>{t("order.no", { n: number })}</span>
      <span>{typeName(incident.type)}</span>
      <span>{incident.place}</span>
      <span>
        {ended ? t.loose(`ended.${ended}.short`, {}, t("ended.closed.short")) : t(`order.${order.last.s}`)}{" "}
        <Time at={new Date(order.ended?.at ?? order.last.at).toISOString()} seconds={false} />
      </span>
    </li>
  );
}
