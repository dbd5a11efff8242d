// Declare war, prolong it, end it: why, for how long, what it changes, and the password once more.
//
// Marks for browser tests: stance-declare, stance-end (what to do), stance-reason, stance-hours, stance-<effect>,
// stance-password, stance-submit, stance-error.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { requestId } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { nextTry } from "../../shared/retry";
import { localTime } from "../../shared/time";
import { errorWords } from "../../shared/words";
import { stance, stanceOpen } from "../store";
import * as api from "./api";
import { mayChange, mayOrder } from "./rights";
import { t } from "./words";

const HOURS = 8;
const HOURS_MIN = 0.5;
const EFFECTS = ["offers", "reoptimise", "authority", "off_duty_reports"] as const;
type Effect = (typeof EFFECTS)[number];
const REASONS = ["quake", "flood", "search", "event"] as const;

const close = () => {
  stanceOpen.value = false;
};

export function StanceDialog() {
  return (
    <Dialog title={t("stance.title")} onClose={close}>
      {mayOrder() ? (
        <Form />
      ) : (
        <>
          <p>{t("stance.not_yours")}</p>
          <div class="dialog-actions">
            <Button onClick={close}>{t("app.close")}</Button>
          </div>
        </>
      )}
    </Dialog>
  );
}

function Form() {
  const { mode, order, hours_max: max } = stance.value;
  const war = mode === "war" && order !== null;
  const ending = useSignal(false);
  const reason = useSignal("");
  const hours = useSignal(Math.min(HOURS, max));
  const password = useSignal("");
  const effects = useSignal<Record<Effect, boolean>>({
    offers: order?.offers ?? false,
    reoptimise: order?.reoptimise === "automatic",
    authority: order?.authority === "dispatcher",
    off_duty_reports: order?.off_duty_reports ?? false,
  });
  const wish = useSignal(requestId());
  const busy = useSignal(false);
  const complaint = useSignal("");

  async function send(): Promise<void> {
    busy.value = true;
    complaint.value = "";
    const { offers, reoptimise, authority, off_duty_reports } = effects.value;
    try {
      if (ending.value && order) {
        await api.end(order.number, reason.value.trim(), password.value);
        toast(t("stance.ended"));
      } else {
        const given = await api.declare(wish.value, reason.value.trim(), password.value, {
          hours: hours.value,
          offers,
          reoptimise: reoptimise ? "automatic" : "proposals",
          authority: authority ? "dispatcher" : "supervisor",
          off_duty_reports,
        });
        toast(t("stance.declared", { until: given.expires_at ? localTime(given.expires_at, false) : "" }));
      }
      close();
    } catch (error) {
      complaint.value = errorWords(error, t);
      wish.value = nextTry(wish.value, error);
    } finally {
      password.value = "";
      busy.value = false;
    }
  }

  return (
    <form
      class="ask-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {!war && <p class="row-soft">{t("stance.peace_now")}</p>}
      {war && (
        <fieldset class="stance-choice">
          <legend>{t("stance.do")}</legend>
          {(["declare", "end"] as const).map((what) => (
            <label key={what}>
              <input
                type="radio"
                name="stance-do"
                data-testid={`stance-${what}`}
                checked={ending.value === (what === "end")}
                onChange={() => {
                  ending.value = what === "end";
                }}
              />
              {t(what === "end" ? "stance.end" : "stance.prolong")}
            </label>
          ))}
        </fieldset>
      )}
      <Field words={t("stance.reason")}>
        <input
          class="input"
          data-testid="stance-reason"
          required
          maxLength={500}
          list="stance-reasons"
          value={reason.value}
          onInput={({ currentTarget }) => {
            reason.value = currentTarget.value;
          }}
        />
        <datalist id="stance-reasons">
          {(ending.value ? (["over"] as const) : REASONS).map((each) => (
            <option key={each} value={t(`stance.reason.${each}`)} />
          ))}
        </datalist>
      </Field>
      {!ending.value && (
        <>
          <Field words={t("stance.hours", { max })}>
            <input
              class="input"
              type="number"
              data-testid="stance-hours"
              min={HOURS_MIN}
              max={max}
              step={0.5}
              required
              value={hours.value}
              onInput={({ currentTarget }) => {
                hours.value = currentTarget.valueAsNumber;
              }}
            />
          </Field>
          <fieldset class="stance-choice" disabled={!mayChange()}>
            <legend>{t("stance.effects")}</legend>
            {EFFECTS.map((each) => (
              <label key={each}>
                <input
                  type="checkbox"
                  data-testid={`stance-${each}`}
                  checked={effects.value[each]}
                  onChange={({ currentTarget }) => {
                    effects.value = { ...effects.value, [each]: currentTarget.checked };
                  }}
                />
                {t(`stance.effect.${each}`)}
              </label>
            ))}
          </fieldset>
        </>
      )}
      <Field words={t("stance.password")}>
        <input
          class="input"
          type="password"
          autocomplete="current-password"
          data-testid="stance-password"
          required
          value={password.value}
          onInput={({ currentTarget }) => {
            password.value = currentTarget.value;
          }}
        />
      </Field>
      <div role="alert">
        {complaint.value && (
          <p class="notice" data-kind="bad" data-testid="stance-error">
            {complaint.value}
          </p>
        )}
      </div>
      <div class="dialog-actions">
        <Button kind="quiet" onClick={close}>
          {t("app.back")}
        </Button>
        <Button type="submit" kind="danger" busy={busy.value} data-testid="stance-submit">
          {t(ending.value ? "stance.end" : war ? "stance.prolong" : "stance.declare")}
        </Button>
      </div>
    </form>
  );
}

function Field({ words, children }: { words: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="field">
      <span>{words}</span>
      {children}
    </label>
  );
}
