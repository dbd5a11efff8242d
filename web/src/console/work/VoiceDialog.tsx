// What a unit says by radio or telephone, entered for it.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import type { Order, OrderState } from "../../shared/types";
import { reportByVoice } from "../commands";
import { rankOf, WAY } from "../Orders";
import { t } from "./words";

const VOICE_STATES: OrderState[] = ["accepted", "en_route", "on_scene", "feedback", "done", "unable"];

/** What an officer may say next, after server/dispatch/orders.py. */
function speakable(state: OrderState): OrderState[] {
  const rank = rankOf(state);
  return VOICE_STATES.filter((next) => {
    if (next === "unable") return rank < WAY.indexOf("on_scene");
    if (next === "feedback") return rank >= WAY.indexOf("accepted");
    return WAY.indexOf(next) > rank;
  });
}

export function VoiceDialog({ order, onClose }: { order: Order; onClose: () => void }) {
  const words = useSignal("");
  const complaint = useSignal("");
  function report(state: OrderState) {
    if (state === "unable" && !words.value.trim()) {
      complaint.value = t("voice.reason");
      return;
    }
    onClose();
    void reportByVoice(order, state, words.value.trim());
  }
  return (
    <Dialog title={t("voice.title", { unit: order.call_sign })} onClose={onClose}>
      <label class="field">
        <span>{t("voice.note")}</span>
        <input
          class="input"
          data-testid="voice-note"
          maxLength={500}
          value={words.value}
          onInput={(event) => {
            words.value = event.currentTarget.value;
          }}
        />
      </label>
      <div role="alert">{complaint.value && <p class="notice">{complaint.value}</p>}</div>
      <div class="voice-states">
        {speakable(order.state).map((state) => (
          <Button
            key={state}
            kind={state === "unable" ? "danger" : "plain"}
            data-testid={`voice-${state}`}
            onClick={() => report(state)}
          >
            {t(`order.${state}`)}
          </Button>
        ))}
      </div>
      <div class="dialog-actions">
        <Button kind="quiet" onClick={onClose}>
          {t("app.back")}
        </Button>
      </div>
    </Dialog>
  );
}
