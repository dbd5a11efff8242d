// The timers that a card has of its own; where it has none, those of the county hold.
import { editCard } from "./store";
import { t } from "./words";

/** Fields of `Pace` in server/dispatch/timers.py. */
const NAMES = [
  "receipt_s",
  "repeat_s",
  "acceptance_s",
  "escalate_s",
  "supervisor_s",
  "departure_s",
  "arrival_margin_s",
  "arrival_unknown_s",
  "feedback_s",
  "feedback_again_s",
  "welfare_s",
  "welfare_answer_s",
  "recall_s",
] as const;

export function Timers({ timers }: { timers: Record<string, number> }) {
  return (
    <details class="runcards-several" open={Object.keys(timers).length > 0}>
      <summary>{t("field.timers")}</summary>
      <p class="row-soft">{t("timers.hint")}</p>
      <div class="runcards-pair">
        {NAMES.map((name) => (
          <label key={name} class="field">
            <span>{t(`timer.${name}`)}</span>
            <input
              class="input"
              type="number"
              min={0}
              max={86_400}
              placeholder={t("timers.none")}
              data-testid={`runcard-${name}`}
              value={timers[name] ?? ""}
              onInput={({ currentTarget }) =>
                editCard((card) => {
                  if (currentTarget.value === "") delete card.timers[name];
                  else card.timers[name] = Number(currentTarget.value);
                })
              }
            />
          </label>
        ))}
      </div>
    </details>
  );
}
