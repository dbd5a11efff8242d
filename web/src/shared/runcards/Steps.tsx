// The checklist of a card: each step in both languages, in order.
import { Button } from "../components/Button";
import { editCard, moved, type Step } from "./store";
import { t } from "./words";

const STEPS_MAX = 20;

export function Steps({ steps }: { steps: Step[] }) {
  return (
    <fieldset class="runcards-several">
      <legend>{t("field.steps")}</legend>
      <ol class="runcards-steps">
        {steps.map((step, at) => (
          <li key={at}>
            <span>{at + 1}</span>
            <Words step={step} at={at} name="zh" />
            <Words step={step} at={at} name="en" />
            <span class="runcards-order">
              <Button size="small" kind="quiet" disabled={at === 0} onClick={() => move(at, -1)}>
                {t("up")}
              </Button>
              <Button
                size="small"
                kind="quiet"
                disabled={at + 1 === steps.length}
                onClick={() => move(at, 1)}
              >
                {t("down")}
              </Button>
              <Button
                size="small"
                kind="quiet"
                icon="close"
                aria-label={t("step.remove", { step: at + 1 })}
                onClick={() => editCard((card) => card.steps.splice(at, 1))}
              />
            </span>
          </li>
        ))}
      </ol>
      <Button
        size="small"
        icon="plus"
        disabled={steps.length >= STEPS_MAX}
        data-testid="runcard-step-add"
        onClick={() => editCard((card) => card.steps.push({ en: "", zh: "" }))}
      >
        {t("step.add")}
      </Button>
    </fieldset>
  );
}

const move = (at: number, by: number): void =>
  editCard((card) => {
    moved(card.steps, at, by);
  });

function Words({ step, at, name }: { step: Step; at: number; name: "en" | "zh" }) {
  return (
    <input
      class="input"
      required
      maxLength={200}
      lang={name === "zh" ? "zh-CN" : "en"}
      aria-label={`${t("step", { step: at + 1 })} · ${t(`language.${name}`)}`}
      data-testid={`runcard-step-${name}`}
      value={step[name]}
      onInput={({ currentTarget }) =>
        editCard((card) => {
          const edited = card.steps[at];
          if (edited) edited[name] = currentTarget.value;
        })
      }
    />
  );
}
