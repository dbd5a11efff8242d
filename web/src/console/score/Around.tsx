// What is to be known of a recommendation as a whole: what it hangs on, whom to ask where nobody is
// free, what no unit can do; and the question why somebody else than the first is sent.
import { Button } from "../../shared/components/Button";
import type { Incident, Recommendation } from "../../shared/types";
import { setShift } from "../commands";
import { override, passedOver, recommend } from "../detail_store";
import { units } from "../store";
import { listWords } from "../words";
import { minutes, reasonWords, t } from "./words";

export function RunnerUp({ found }: { found: Recommendation }) {
  const second = found.runner_up;
  if (!second) return null;
  return (
    <p class="rec-flip" data-testid="runner-up">
      {t("runner_up", { unit: second.call_sign, min: minutes(second.margin_s) })} {reasonWords(second.flip)}
    </p>
  );
}

export function Remarks({ found }: { found: Recommendation }) {
  return (
    <>
      {found.remarks.map((remark) => (
        <p key={remark.code} class="notice" data-testid="remark">
          {reasonWords(remark)}
        </p>
      ))}
    </>
  );
}

/** Who cannot be sent as it is, and is worth asking. */
export function Proposed({ found, incident }: { found: Recommendation; incident: Incident }) {
  const proposed = found.excluded.find(({ unit_id }) => unit_id === found.proposed_id);
  if (!proposed) return null;
  const unit = units.value.get(proposed.unit_id);
  // The first reason says why it cannot be sent, the last why it is proposed.
  const why = [...proposed.reasons.slice(0, 1), ...proposed.reasons.slice(-1)];
  return (
    <div class="notice rec-proposed" data-testid="proposed">
      <span>
        <b>{proposed.call_sign}</b> {listWords(why.map(reasonWords))}
        {proposed.score && ` (${t("score.eta", { min: minutes(proposed.score.eta_s) })})`}
      </span>
      {unit?.status === "off_duty" && (
        <Button
          size="small"
          data-testid="call-in"
          onClick={() => void setShift(unit, true).then(() => recommend(incident.id))}
        >
          {t("proposed.start")}
        </Button>
      )}
    </div>
  );
}

const QUICK = ["override.place", "override.sooner", "override.fitter", "override.kept"] as const;

/** Why not the first: one press, or in own words. */
export function Override({ onEnter }: { onEnter: () => void }) {
  const first = passedOver.value;
  if (!first) return null;
  return (
    <fieldset class="rec-override">
      <legend>{t("override.title", { unit: first.call_sign })}</legend>
      <span class="rec-quick">
        {QUICK.map((key) => (
          <Button
            key={key}
            kind="quiet"
            size="small"
            data-testid={key}
            aria-pressed={override.value === t(key)}
            onClick={() => {
              override.value = t(key);
            }}
          >
            {t(key)}
          </Button>
        ))}
      </span>
      <input
        class="input"
        data-testid="dispatch-reason"
        aria-label={t("override.title", { unit: first.call_sign })}
        maxLength={500}
        value={override.value}
        onInput={(event) => {
          override.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.isComposing) onEnter();
        }}
      />
    </fieldset>
  );
}
