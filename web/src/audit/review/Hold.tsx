// Having the positions around an incident kept while somebody looks into it, and letting go of them.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { AskDialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import type { Hold } from "../../shared/types";
import { t } from "./words";

export function HoldButton({ id }: { id: string }) {
  /** Undefined before the first answer. */
  const held = useSignal<Hold | null | undefined>(undefined);
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };

  async function look() {
    const found = await api.holds();
    held.value = found.find(({ incident_id }) => incident_id === id) ?? null;
  }
  useEffect(() => {
    look().catch(toastError);
  }, [id]);

  async function answer(why: string) {
    try {
      await (held.peek()?.why ? api.releaseHold(id, why) : api.hold(id, why));
      close();
    } catch (error) {
      toastError(error, t);
    }
    await look().catch(toastError);
  }

  if (held.value === undefined) return null;
  const why = held.value?.why;
  const words = why ? "release" : "hold";
  return (
    <>
      <Button
        data-testid={`review-${words}`}
        title={why ? t("review.held", { why }) : undefined}
        onClick={() => {
          asking.value = true;
        }}
      >
        {t(`review.${words}`)}
      </Button>
      {asking.value && (
        <AskDialog
          title={t(`review.${words}.title`)}
          label={t("review.hold.why")}
          confirm={t(`review.${words}`)}
          required
          onAnswer={(text) => void answer(text)}
          onClose={close}
        />
      )}
    </>
  );
}
