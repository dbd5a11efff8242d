// One order and the step that comes next.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { PriorityTag } from "../shared/components/StateChip";
import { Time } from "../shared/components/Time";
import { language } from "../shared/i18n";
import { distanceText, etaText } from "../shared/time";
import { distanceM, octant } from "./bearing";
import { type Desk, incidentTypes, isExpired } from "./orders";
import { lastFix } from "./sensors";
import type { StoredOrder } from "./store";
import type { Step } from "./wire";
import { t } from "./words";

const REASONS = ["reason.road", "reason.vehicle", "reason.busy", "reason.crew"] as const;

/** The one step that usually follows. */
const NEXT: Partial<Record<Step, { step: Step; words: "step.accept" | "step.en_route" | "step.on_scene" }>> =
  {
    received: { step: "accepted", words: "step.accept" },
    shown: { step: "accepted", words: "step.accept" },
    accepted: { step: "en_route", words: "step.en_route" },
    en_route: { step: "on_scene", words: "step.on_scene" },
  };
const MAY_DECLINE: Step[] = ["received", "shown", "accepted", "en_route"];
const MAY_REPORT: Step[] = ["accepted", "en_route", "on_scene", "feedback"];
const MAY_FINISH: Step[] = ["on_scene", "feedback"];

export function typeName(code: string): string {
  const type = incidentTypes.value.find((known) => known.code === code);
  return type ? type.names[language.value] : code;
}

export function OrderCard({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const { incident, instruction, number, eta_s } = order.body;
  return (
    <article class="order" data-testid="order" data-step={order.step} data-priority={incident.priority}>
      <header>
        <PriorityTag priority={incident.priority} />
        <span>
          {t("order.no", { n: number })} · {t("order.incident", { n: incident.number })}
        </span>
        <span class="order-step" data-testid="order-step">
          {t(`order.${order.step}`)}
        </span>
      </header>
      <h2>{typeName(incident.type)}</h2>
      <p class="order-place">{incident.place}</p>
      {incident.note && <p class="order-note">{incident.note}</p>}
      {instruction && <p class="order-note">{instruction}</p>}
      <dl class="order-facts">
        {eta_s !== null && <dd>{t("order.eta", { eta: etaText(eta_s) })}</dd>}
        <Crow to={incident} />
        <dd>
          <a href={`geo:${incident.lat},${incident.lon}?q=${incident.lat},${incident.lon}`}>
            {t("order.navigate")}
          </a>
        </dd>
      </dl>
      {order.withdrawn || isExpired(order) ? (
        <Withdrawn order={order} desk={desk} />
      ) : (
        <Steps order={order} desk={desk} />
      )}
    </article>
  );
}

function Crow({ to }: { to: { lon: number; lat: number } }) {
  const here = lastFix.value;
  if (!here) return null;
  return (
    <dd>
      {t("order.straight", {
        distance: distanceText(distanceM(here, to)),
        direction: t.loose(`direction.${octant(here, to)}`, {}, ""),
      })}
    </dd>
  );
}

function Withdrawn({ order, desk }: { order: StoredOrder; desk: Desk }) {
  return (
    <div class="order-withdrawn" role="alert">
      <p>
        <strong>{order.withdrawn ? t("order.withdrawn") : t("order.expired")}</strong> {order.withdrawn?.text}
      </p>
      <Button size="large" kind="primary" data-testid="understood" onClick={() => void desk.dismiss(order)}>
        {t("order.understood")}
      </Button>
    </div>
  );
}

function Steps({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const asking = useSignal<"" | "declined" | "feedback" | "done">("");
  const next = NEXT[order.step];
  const answer = (step: Step, words: { reason?: string; note?: string }) => {
    asking.value = "";
    void desk.step(order, step, words);
  };
  return (
    <div class="order-steps">
      {next && (
        <Button
          kind="primary"
          size="large"
          data-testid={`step-${next.step}`}
          onClick={() => void desk.step(order, next.step)}
        >
          {t(next.words)}
        </Button>
      )}
      {MAY_FINISH.includes(order.step) && (
        <Button
          kind="primary"
          size="large"
          data-testid="step-done"
          onClick={() => {
            asking.value = "done";
          }}
        >
          {t("step.done")}
        </Button>
      )}
      {MAY_REPORT.includes(order.step) && (
        <Button
          size="large"
          data-testid="step-feedback"
          onClick={() => {
            asking.value = "feedback";
          }}
        >
          {t("step.feedback")}
        </Button>
      )}
      {MAY_DECLINE.includes(order.step) && (
        <Button
          kind="danger"
          size="large"
          data-testid="step-declined"
          onClick={() => {
            asking.value = "declined";
          }}
        >
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
      {(asking.value === "feedback" || asking.value === "done") && (
        <NoteDialog
          step={asking.value}
          onNote={(note) => answer(asking.value === "done" ? "done" : "feedback", { note })}
          onClose={() => {
            asking.value = "";
          }}
        />
      )}
    </div>
  );
}

function DeclineDialog({ onReason, onClose }: { onReason: (reason: string) => void; onClose: () => void }) {
  const other = useRef<HTMLInputElement>(null);
  return (
    <Dialog title={t("decline.title")} onClose={onClose}>
      <div class="order-reasons">
        {REASONS.map((reason) => (
          <Button key={reason} size="large" data-testid="reason" onClick={() => onReason(t(reason))}>
            {t(reason)}
          </Button>
        ))}
      </div>
      <form
        class="order-other"
        onSubmit={(event) => {
          event.preventDefault();
          onReason(other.current?.value.trim() ?? "");
        }}
      >
        <label class="field">
          <span>{t("decline.other")}</span>
          <input ref={other} class="input" required pattern=".*\S.*" maxLength={500} />
        </label>
        <Button type="submit" size="large" kind="danger">
          {t("decline.send")}
        </Button>
      </form>
      <Button kind="quiet" size="large" onClick={onClose}>
        {t("app.back")}
      </Button>
    </Dialog>
  );
}

interface NoteProperties {
  step: "feedback" | "done";
  onNote: (note: string) => void;
  onClose: () => void;
}

function NoteDialog({ step, onNote, onClose }: NoteProperties) {
  const note = useRef<HTMLTextAreaElement>(null);
  return (
    <Dialog title={t(`${step}.title`)} onClose={onClose}>
      <form
        class="order-other"
        onSubmit={(event) => {
          event.preventDefault();
          onNote(note.current?.value.trim() ?? "");
        }}
      >
        <label class="field">
          <span>{t(`${step}.label`)}</span>
          <textarea
            ref={note}
            class="input"
            rows={4}
            maxLength={1000}
            required={step === "feedback"}
            data-testid="note"
          />
        </label>
        <Button type="submit" size="large" kind="primary" data-testid="note-send">
          {t(`${step}.send`)}
        </Button>
        <Button kind="quiet" size="large" onClick={onClose}>
          {t("app.back")}
        </Button>
      </form>
    </Dialog>
  );
}

export function OrderRow({ order }: { order: StoredOrder }) {
  const { incident, number } = order.body;
  return (
    <li class="order-row" data-testid="order-over" data-step={order.step}>
      <span>{t("order.no", { n: number })}</span>
      <span>{typeName(incident.type)}</span>
      <span>{incident.place}</span>
      <span>
        {order.withdrawn ? t("order.withdrawn") : t(`order.${order.step}`)}{" "}
        <Time at={new Date(order.stepAt).toISOString()} seconds={false} />
      </span>
    </li>
  );
}
