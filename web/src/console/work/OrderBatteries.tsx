// The cameras of an order: how long they last, what could be done, what was asked for and what it brought.
//
// Marks for browser tests: order-batteries, camera (data-device), mitigate (data-kind),
// mitigation (data-kind, data-state), mitigation-effect, mitigation-end, mitigation-yes, mitigation-no.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { Age } from "../../shared/components/Time";
import { toast, toastError } from "../../shared/components/Toast";
import { language } from "../../shared/i18n";
import type { Mitigation, OrderBatteries as Read } from "../../shared/types";
import { incidents } from "../store";
import * as api from "./api";
import { mitigationWords, signed, t } from "./words";

const AGAIN_MS = 15_000;
const ASKED_SHOWN = 4;

export function OrderBatteries({ orderId, incidentId }: { orderId: string; incidentId: string }) {
  const read = useSignal<Read | null>(null);
  const incident = incidents.value.get(incidentId);
  const look = () => {
    api.batteries(orderId).then(
      (found) => {
        read.value = found;
      },
      () => undefined, // an aid to the eye: the next look comes by itself
    );
  };
  useEffect(look, [orderId, incident]);
  useEffect(() => {
    const timer = setInterval(look, AGAIN_MS);
    return () => clearInterval(timer);
  }, [orderId]);
  if (!read.value || read.value.cameras.length + read.value.mitigations.length === 0) return null;
  const step = (done: Promise<unknown>, words: string) =>
    void done.then(() => toast(words), toastError).finally(look);
  return (
    <section class="order-batteries" data-testid="order-batteries">
      {read.value.cameras.map((camera) => (
        <Camera key={camera.device_id} camera={camera} orderId={orderId} onStep={step} />
      ))}
      <ul class="order-timers">
        {read.value.mitigations.slice(0, ASKED_SHOWN).map((asked) => (
          <Asked key={asked.id} asked={asked} onStep={step} />
        ))}
      </ul>
    </section>
  );
}

type OnStep = (done: Promise<unknown>, words: string) => void;

function Camera({
  camera,
  orderId,
  onStep,
}: {
  camera: Read["cameras"][number];
  orderId: string;
  onStep: OnStep;
}) {
  const { device_id: device, level_pct: level, p_last: p, likely_min: likely, job_min, proposals } = camera;
  const job = Math.round(job_min);
  const words = [
    level === null ? "" : t("battery.level", { pct: level }),
    t("battery.lasts", { pct: Math.round(100 * p) }),
    likely === null ? t("battery.to_end", { job }) : t("battery.likely", { min: Math.round(likely), job }),
  ];
  return (
    <div data-testid="camera" data-device={device}>
      <p>
        <b>{t("battery.title", { device })}</b>{" "}
        <span class="row-soft">{words.filter(Boolean).join(" · ")}</span>
      </p>
      {proposals.length > 0 && (
        <div class="order-actions battery-actions">
          {proposals.map(({ kind, effect, words: said, instruction }) => {
            const what = mitigationWords(kind, effect.values);
            return (
              <Button
                key={kind}
                size="small"
                data-testid="mitigate"
                data-kind={kind}
                title={`${instruction[language.value]} ${said[language.value]}`}
                onClick={() => onStep(api.mitigate(orderId, device, kind), t("battery.sent", { what }))}
              >
                {t("battery.send", { what, pct: Math.round(100 * effect.p_after) })}
              </Button>
            );
          })}
        </div>
      )}
    </div>
  );
}

function Asked({ asked, onStep }: { asked: Mitigation; onStep: OnStep }) {
  const refusing = useSignal(false);
  const what = mitigationWords(asked.kind, asked.expected.values);
  const open = asked.ended_at === null;
  const waiting = open && asked.answered_at === null;
  return (
    <li data-testid="mitigation" data-kind={asked.kind} data-state={asked.state} data-open={open}>
      {what} · {t(`battery.state.${asked.state}`)}
      {asked.reason && ` “${asked.reason}”`} · <Age at={asked.answered_at ?? asked.sent_at} />
      {!open && ` · ${t("battery.over")}`}
      <Effect asked={asked} />
      {open && (
        <span class="order-actions">
          {waiting && !asked.by_device && (
            <>
              <Button
                size="small"
                data-testid="mitigation-yes"
                onClick={() => onStep(api.answerMitigation(asked.id, true, ""), t("recall.noted"))}
              >
                {t("battery.voice_yes")}
              </Button>
              <Button
                size="small"
                data-testid="mitigation-no"
                onClick={() => {
                  refusing.value = true;
                }}
              >
                {t("battery.voice_no")}
              </Button>
            </>
          )}
          <Button
            size="small"
            kind="quiet"
            data-testid="mitigation-end"
            onClick={() => onStep(api.endMitigation(asked.id), t("battery.taken_back", { what }))}
          >
            {t("battery.take_back")}
          </Button>
        </span>
      )}
      {refusing.value && (
        <AskDialog
          title={what}
          label={t("recall.label")}
          confirm={t("battery.voice_no")}
          required
          onClose={() => {
            refusing.value = false;
          }}
          onAnswer={(reason) => {
            refusing.value = false;
            onStep(api.answerMitigation(asked.id, false, reason), t("recall.noted"));
          }}
        />
      )}
    </li>
  );
}

/** "expected −13 %/h, measured −9 %/h"; nothing where the drain is not what changes. */
function Effect({ asked }: { asked: Mitigation }) {
  const { drain_before_pct_per_h: before, drain_after_pct_per_h: after } = asked.expected;
  if (before === after) return null;
  const expected = signed(after - before);
  const done = asked.state === "applied" || asked.state === "accepted";
  const words = asked.measured
    ? t("battery.effect", { expected, measured: signed(asked.measured.change_pct_per_h) })
    : [t("battery.expected", { expected }), done && asked.ended_at === null ? t("battery.measuring") : ""]
        .filter(Boolean)
        .join(" · ");
  return (
    <span class="row-soft" data-testid="mitigation-effect">
      {` · ${words}`}
    </span>
  );
}
