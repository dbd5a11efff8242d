// Whether the people at a scene are all right: when they are asked next, that they were asked, that nobody answers.
// The server asks a lone officer by itself; a dispatcher may ask anybody, at any time.
//
// Marks for browser tests: welfare (data-state), welfare-ask, welfare-well, welfare-unwell.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { toast, toastError } from "../../shared/components/Toast";
import { clockText, durationText, now } from "../../shared/time";
import type { Order, Unit } from "../../shared/types";
import { rereadDetail } from "../detail_store";
import { cap } from "../keys/table";
import { incidents, user } from "../store";
import * as api from "../work/api";
import { t } from "./words";

export type WelfareState = "next" | "now" | "asked" | "silent" | "unwatched";

const AT_SCENE = ["on_scene", "feedback"];

export interface Welfare {
  state: WelfareState;
  /** Until it is due, milliseconds. */
  leftMs: number;
}

/** null: nobody of it is at the scene. */
export function welfareOf(order: Order): Welfare | null {
  if (order.closed_at !== null || !AT_SCENE.includes(order.state)) return null;
  const timer = (kind: string) => order.timers.find((each) => each.kind === kind);
  const answer = timer("welfare_answer");
  const next = timer("welfare");
  const leftMs = (at: string) => Math.max(0, Date.parse(at) - now.value);
  if (answer) return { state: answer.fired_at ? "silent" : "asked", leftMs: leftMs(answer.due_at) };
  if (!next) return { state: "unwatched", leftMs: 0 };
  return { state: leftMs(next.due_at) > 0 ? "next" : "now", leftMs: leftMs(next.due_at) };
}

export const orderOf = (unit: Unit): Order | undefined =>
  incidents.value.get(unit.incident_id ?? "")?.orders.find(({ id }) => id === unit.order_id);

/** In a row: only what somebody should see. */
export function WelfareChip({ unit }: { unit: Unit }) {
  const order = orderOf(unit);
  const found = order && welfareOf(order);
  if (!found || found.state === "unwatched" || found.state === "now") return null;
  return (
    <span class="welfare-chip" data-testid="unit-welfare" data-state={found.state}>
      {t(`welfare.chip.${found.state}`, { time: clockText(found.leftMs) })}
    </span>
  );
}

/** Of an order whose unit is at the scene. */
export function WelfareWatch({ order }: { order: Order }) {
  const busy = useSignal(false);
  const telling = useSignal(false);
  const found = welfareOf(order);
  if (!found) return null;
  const done = async (step: Promise<unknown>, words: string) => {
    busy.value = true;
    await step.then(() => toast(words), toastError);
    busy.value = false;
    rereadDetail();
  };
  const mayAct = user.value?.roles.includes("dispatcher") ?? false;
  return (
    <section
      class="welfare"
      aria-label={`${t("welfare.title")} ${order.call_sign}`}
      data-testid="welfare"
      data-state={found.state}
    >
      <p role={found.state === "silent" ? "alert" : undefined}>
        <b>{t("welfare.title")}</b> {words(order, found)}
      </p>
      {mayAct && (
        <div class="order-actions">
          <Button
            size="small"
            cap={cap("welfare")}
            kind={found.state === "silent" ? "primary" : "plain"}
            busy={busy.value}
            data-testid="welfare-ask"
            onClick={() => void done(api.askWelfare(order), t("welfare.sent", { unit: order.call_sign }))}
          >
            {t(found.state === "asked" || found.state === "silent" ? "welfare.ask.again" : "welfare.ask")}
          </Button>
          <Button
            size="small"
            data-testid="welfare-well"
            onClick={() => void done(api.welfare(order, true, ""), t("welfare.noted"))}
          >
            {t("welfare.well")}
          </Button>
          <Button
            size="small"
            data-testid="welfare-unwell"
            onClick={() => {
              telling.value = true;
            }}
          >
            {t("welfare.unwell")}
          </Button>
        </div>
      )}
      {telling.value && (
        <AskDialog
          title={`${t("welfare.unwell")} · ${order.call_sign}`}
          label={t("welfare.unwell.label")}
          confirm={t("welfare.unwell")}
          danger
          required
          onClose={() => {
            telling.value = false;
          }}
          onAnswer={(note) => {
            telling.value = false;
            void done(api.welfare(order, false, note), t("welfare.noted"));
          }}
        />
      )}
    </section>
  );
}

function words(order: Order, { state, leftMs }: Welfare): string {
  if (state === "next") return t("welfare.next", { time: clockText(leftMs) });
  if (state === "now") return t("welfare.now");
  const due = order.timers.find(({ kind }) => kind === "welfare_answer")?.due_at;
  const age = durationText(now.value - Date.parse((state === "silent" && due) || order.state_at));
  return t(`welfare.${state}`, { age, time: clockText(leftMs) });
}
