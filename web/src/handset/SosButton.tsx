// The button that calls for help: held for a moment, so that no pocket presses it; and what became of it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { localTime } from "../shared/time";
import type { Desk } from "./orders";
import { call, type StoredCall } from "./sos";
import { t } from "./words";

const HOLD_MS = 1_500;
const FRAME_MS = 50;
const HOLD_KEYS = ["Enter", " "];

export function Sos({ desk }: { desk: Desk }) {
  const trouble = useSignal("");
  const raise = () => {
    trouble.value = "";
    desk.callForHelp().catch((error: unknown) => {
      trouble.value = t("sos.not_stored", { why: String(error) });
    });
  };
  return (
    <section class="sos" aria-label={t("sos.title")}>
      {trouble.value && (
        <p class="notice" data-kind="bad" role="alert">
          {trouble.value}
        </p>
      )}
      {call.value && <Fate call={call.value} desk={desk} />}
      <Hold onHeld={raise} />
    </section>
  );
}

/** Pressed with a finger or a key, and kept pressed. */
function Hold({ onHeld }: { onHeld: () => void }) {
  const progress = useSignal(0);
  const timer = useRef<ReturnType<typeof setInterval> | null>(null);
  const letGo = () => {
    if (timer.current !== null) clearInterval(timer.current);
    timer.current = null;
    progress.value = 0;
  };
  const press = () => {
    if (timer.current !== null) return;
    const began = performance.now();
    timer.current = setInterval(() => {
      progress.value = Math.min(1, (performance.now() - began) / HOLD_MS);
      if (progress.value < 1) return;
      letGo();
      onHeld();
    }, FRAME_MS);
  };
  useEffect(() => letGo, []);
  return (
    <button
      type="button"
      class="sos-hold"
      data-testid="sos"
      data-held={progress.value > 0}
      onPointerDown={press}
      onPointerUp={letGo}
      onPointerLeave={letGo}
      onPointerCancel={letGo}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (!HOLD_KEYS.includes(event.key)) return;
        event.preventDefault();
        if (!event.repeat) press();
      }}
      onKeyUp={letGo}
      onBlur={letGo}
    >
      <i style={{ width: `${100 * progress.value}%` }} aria-hidden="true" />
      <b>SOS</b> <span>{t(progress.value > 0 ? "sos.keep_holding" : "sos.hold")}</span>
    </button>
  );
}

type Stage = "waiting" | "sent" | "heard" | "withdrawn_waiting" | "withdrawn";

function stageOf({ s, sent, heardAt }: StoredCall): Stage {
  if (s === "withdrawn") return sent ? "withdrawn" : "withdrawn_waiting";
  if (heardAt !== null) return "heard";
  return sent ? "sent" : "waiting";
}

function Fate({ call: mine, desk }: { call: StoredCall; desk: Desk }) {
  const asking = useSignal(false);
  const stage = stageOf(mine);
  const over = mine.heardAt !== null || stage === "withdrawn";
  return (
    <div class="sos-fate" data-testid="sos-state" data-state={stage} role="alert">
      <p>
        <strong>{t(`sos.${stage}`)}</strong> {t("sos.times", { raised: localTime(mine.at) })}
        {mine.heardAt !== null && ` · ${t("sos.heard_at", { time: localTime(mine.heardAt) })}`}
      </p>
      <div class="sos-choices">
        {mine.s === "raised" && (
          <Button
            size="small"
            data-testid="sos-withdraw"
            onClick={() => {
              asking.value = true;
            }}
          >
            {t("sos.false_alarm")}
          </Button>
        )}
        {over && (
          <Button size="small" data-testid="sos-understood" onClick={() => desk.putCallAway()}>
            {t("order.understood")}
          </Button>
        )}
      </div>
      {asking.value && (
        <Dialog
          title={t("sos.false_alarm.title")}
          onClose={() => {
            asking.value = false;
          }}
        >
          <p>{t("sos.false_alarm.why")}</p>
          <Button
            size="large"
            kind="danger"
            data-testid="sos-withdraw-confirm"
            onClick={() => {
              asking.value = false;
              void desk.withdrawCall(mine);
            }}
          >
            {t("sos.false_alarm")}
          </Button>
          <Button
            size="large"
            kind="quiet"
            onClick={() => {
              asking.value = false;
            }}
          >
            {t("app.back")}
          </Button>
        </Dialog>
      )}
    </div>
  );
}
