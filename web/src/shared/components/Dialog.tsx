import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../words";
import { Button } from "./Button";
import { useReturnFocus } from "./return_focus";

interface Properties {
  title: string;
  onClose: () => void;
  /** Esc calls this instead of closing: whoever holds something unsaved asks first. */
  onLeave?: () => void;
  children: ComponentChildren;
}

/** A modal on the browser's own <dialog>: Esc closes, focus stays inside and returns afterwards. It is open as soon as
 * it is there: the next key, however soon, is its own. */
export function Dialog({ title, onClose, onLeave, children }: Properties) {
  const element = useRef<HTMLDialogElement>(null);
  useReturnFocus();
  useLayoutEffect(() => {
    element.current?.showModal();
    // The first control may stand at the foot of a long one: it is read from its head.
    element.current?.scrollTo(0, 0);
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-label={title}
      onClose={onClose}
      onCancel={(event) => {
        event.stopPropagation();
        if (!onLeave) return;
        event.preventDefault();
        onLeave();
      }}
    >
      <div class="dialog-body">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface AskProperties {
  title: string;
  label: string;
  confirm: string;
  danger?: boolean;
  required?: boolean;
  suggestions?: string[];
  onAnswer: (text: string) => void;
  onClose: () => void;
}

/** One question with one line of text as the answer: a reason, an outcome. */
export function AskDialog({
  title,
  label,
  confirm,
  danger,
  required,
  suggestions = [],
  onAnswer,
  onClose,
}: AskProperties) {
  const input = useRef<HTMLInputElement>(null);
  const listId = "ask-suggestions";
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="ask-form"
        onSubmit={(event) => {
          event.preventDefault();
          onAnswer(input.current?.value.trim() ?? "");
        }}
      >
        <label class="field">
          <span>{label}</span>
          <input
            ref={input}
            class="input"
            data-testid="ask-input"
            maxLength={500}
            required={required ?? false}
            list={listId}
          />
          <datalist id={listId}>
            {suggestions.map((suggestion) => (
              <option key={suggestion} value={suggestion} />
            ))}
          </datalist>
        </label>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("app.back")}
          </Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} data-testid="ask-confirm">
            {confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
