// The control room asks for something that makes a battery last; the officer says whether he does it.
//
// Marks for browser tests: advice (data-why), advice-accepted, advice-declined, advice-answered (data-answer).
import { useSignal } from "@preact/signals";
import { Button } from "../shared/components/Button";
import { toastError } from "../shared/components/Toast";
import { language } from "../shared/i18n";
import type { StoredAdvice } from "./advices";
import { DeclineDialog } from "./DeclineDialog";
import type { Desk } from "./orders";
import { answerOf } from "./stored";
import { t } from "./words";

export function Advice({ advice, desk }: { advice: StoredAdvice; desk: Desk }) {
  const asking = useSignal(false);
  const { body } = advice;
  const text = body.text[language.value];
  const answer = answerOf(advice);
  if (answer)
    return (
      <p class="notice" role="status" data-testid="advice-answered" data-answer={answer}>
        {answer === "accepted" ? t("advice.accepted", { text }) : t("advice.declined")}
      </p>
    );
  return (
    <section class="order-asked order-advice" role="alert" data-testid="advice" data-why={body.why}>
      <h3>{t("advice.title", { device: body.device })}</h3>
      <p>{text}</p>
      <Button
        size="large"
        kind="primary"
        data-testid="advice-accepted"
        onClick={() => desk.answerAdvice(advice, "accepted").catch(toastError)}
      >
        {t("advice.accept")}
      </Button>
      <Button
        size="large"
        data-testid="advice-declined"
        onClick={() => {
          asking.value = true;
        }}
      >
        {t("advice.decline")}
      </Button>
      {asking.value && (
        <DeclineDialog
          onReason={(reason) => {
            asking.value = false;
            desk.answerAdvice(advice, "declined", reason).catch(toastError);
          }}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </section>
  );
}
