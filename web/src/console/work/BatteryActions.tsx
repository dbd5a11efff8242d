// What one key does about a camera that will not last: ask for the best mitigation, or send the unit whose
// camera goes on recording.
//
// Marks for browser tests: work-mitigate (data-kind), work-handover.

import { signal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import type { WorkItem } from "../../shared/types";
import { cap } from "../keys/table";
import { putWork } from "../store";
import * as api from "./api";
import { mitigationWords, signed, t } from "./words";

interface Action {
  kind: string;
  p_after_pct: number;
  change_pct_per_h: number;
  values: Record<string, string | number>;
}

interface Handover {
  recommendation_id: string;
  unit_id: string;
  call_sign: string;
  eta_min: number;
  p_after_pct: number;
}

interface Short {
  call_sign: string;
  device: string;
  actions?: Action[];
  handover?: Handover | null;
}

/** Items seen to here: what else could be done is reckoned anew, with the order. */
const seenTo = signal<ReadonlySet<string>>(new Set());

export function BatteryActions({ item, mine }: { item: WorkItem; mine: boolean }) {
  const { device, call_sign: unit, actions = [], handover } = item.body as unknown as Short;
  const { order_id: orderId, incident_id: incidentId } = item;
  const now = `${item.id}/${item.times}`;
  const act = (step: Promise<unknown>, words: string) => {
    seenTo.value = new Set([...seenTo.value, now]);
    step.then(
      () => {
        toast(words);
        if (!mine) api.claim(item.id, false).then(putWork, toastError);
      },
      (error: unknown) => {
        seenTo.value = new Set([...seenTo.value].filter((each) => each !== now));
        toastError(error);
      },
    );
  };
  if (!orderId || seenTo.value.has(now)) return null;
  return (
    <div class="work-actions battery-actions">
      {actions.map(({ kind, p_after_pct: pct, values }, index) => (
        <Button
          key={kind}
          size="small"
          kind={index === 0 ? "primary" : "plain"}
          {...(index === 0 ? { cap: cap("act"), "data-act": true } : {})}
          data-testid="work-mitigate"
          data-kind={kind}
          onClick={() =>
            act(
              api.mitigate(orderId, device, kind),
              t("battery.sent", { what: mitigationWords(kind, values) }),
            )
          }
        >
          {t("battery.send", { what: mitigationWords(kind, values), pct })}
        </Button>
      ))}
      {handover && incidentId && (
        <Button
          size="small"
          data-testid="work-handover"
          onClick={() =>
            act(
              api.send(incidentId, handover.recommendation_id, handover.unit_id, {
                reason: t("battery.handover.reason", { unit }),
                instruction: t("battery.handover.instruction", { unit }),
              }),
              t("battery.handover.sent", { unit: handover.call_sign }),
            )
          }
        >
          {t("battery.handover", { unit: handover.call_sign, min: Math.round(handover.eta_min) })}
        </Button>
      )}
    </div>
  );
}

/** "lasts the job with 21 % · likely 38 of 46 min · level 20 %". */
export function batteryDetails(body: Record<string, unknown>): string[] {
  const { p_last_pct: pct, likely_min: likely, job_min: job, level_pct: level } = body;
  const { mitigation, expected_pct_per_h: expected, measured_pct_per_h: measured, answer } = body;
  return [
    typeof mitigation === "string" ? mitigationWords(mitigation, {}) : "",
    typeof answer === "string" ? t.loose(`battery.state.${answer}`, {}, answer) : "",
    typeof expected === "number" && typeof measured === "number"
      ? t("battery.effect", { expected: signed(expected), measured: signed(measured) })
      : "",
    typeof pct === "number" ? t("battery.lasts", { pct }) : "",
    typeof job === "number" && typeof pct === "number"
      ? typeof likely === "number"
        ? t("battery.likely", { min: likely, job })
        : t("battery.to_end", { job })
      : "",
    typeof level === "number" ? t("battery.level", { pct: level }) : "",
  ];
}
