// Nothing that was typed is lost by a slip: whoever leaves a form that is not saved is asked first.
import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { t } from "./words";

interface Held {
  dirty: ReadonlySignal<boolean>;
}

/** Drafts on the page. */
const holding = new Set<Held>();
const asked = signal<(() => void) | null>(null);

export function useHold(draft: Held): void {
  useEffect(() => {
    holding.add(draft);
    return () => void holding.delete(draft);
  }, [draft]);
}

/** Goes; or asks first, where something would be lost. */
export function leave(go: () => void, dirty: boolean): void {
  if (dirty) asked.value = go;
  else go();
}

export const holdsSomething = (): boolean => [...holding].some(({ dirty }) => dirty.peek());

/** Whoever leaves the section gives up all of it. */
export const letGo = (): void => holding.clear();

addEventListener("beforeunload", (event) => {
  if (holdsSomething()) event.preventDefault();
});

/** Place once on the page. */
export function LeaveDialog() {
  const go = asked.value;
  if (!go) return null;
  const close = () => {
    asked.value = null;
  };
  return (
    <Dialog title={t("leave.title")} onClose={close}>
      <p>{t("leave.about")}</p>
      <div class="dialog-actions">
        <Button kind="primary" data-testid="leave-stay" onClick={close}>
          {t("leave.stay")}
        </Button>
        <Button
          kind="danger"
          data-testid="leave-go"
          onClick={() => {
            close();
            go();
          }}
        >
          {t("leave.go")}
        </Button>
      </div>
    </Dialog>
  );
}
