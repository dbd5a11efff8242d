import { signal } from "@preact/signals";
import { errorWords, t } from "../words";
import { Button } from "./Button";

/** `notice`: somebody ought to know, and has not asked. */
type Kind = "good" | "bad" | "notice";

interface ToastItem {
  id: number;
  kind: Kind;
  text: string;
}

const SHOWN_MAX = 4;
const GOOD_MS = 4_000;
const BAD_MS = 12_000;

const toasts = signal<ToastItem[]>([]);
let lastId = 0;

export function toast(text: string, kind: Kind = "good"): void {
  const id = ++lastId;
  toasts.value = [...toasts.value.slice(-(SHOWN_MAX - 1)), { id, kind, text }];
  setTimeout(() => dismiss(id), kind === "good" ? GOOD_MS : BAD_MS);
}

/** Say a failure in words: in those of a part that has its own, where it names them. */
export function toastError(error: unknown, words?: Parameters<typeof errorWords>[1]): void {
  toast(errorWords(error, words), "bad");
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((item) => item.id !== id);
}

/** Place once per page. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, text }) => (
        <Toast key={id} kind={kind} text={text} onDismiss={() => dismiss(id)} />
      ))}
    </div>
  );
}

export function Toast({ kind, text, onDismiss }: { kind: Kind; text: string; onDismiss: () => void }) {
  return (
    <div class="toast" data-kind={kind} data-testid="toast">
      <span>{text}</span>
      <Button kind="quiet" size="small" icon="close" aria-label={t("app.close")} onClick={onDismiss} />
    </div>
  );
}
