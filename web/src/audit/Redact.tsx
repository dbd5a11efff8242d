// Taking fields out of an entry for good: which, why, and what that means, before it is done.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import * as api from "../shared/api";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { toast, toastError } from "../shared/components/Toast";
import type { JournalEntry } from "../shared/types";
import { find } from "./store";
import { t } from "./words";

/** What the log says of itself, and of what was taken out of it, stays. */
const NEVER = ["journal.redacted", "journal.key_changed", "journal.adopted"];
/** Of a value, in the dialog. */
const SHOWN_LEN = 80;

/** As an export names them, with what is there. */
function fieldsOf({ actor, subject, body, redacted }: JournalEntry): [string, unknown][] {
  const all: [string, unknown][] = [
    ["actor", actor],
    ["subject", subject],
  ];
  for (const [key, value] of Object.entries(body)) all.push([`body.${key}`, value]);
  return all.filter(([name]) => !redacted.includes(name));
}

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > SHOWN_LEN ? `${text.slice(0, SHOWN_LEN)}…` : text;
};

export function Redact({ entry }: { entry: JournalEntry }) {
  const open = useSignal(false);
  const fields = fieldsOf(entry);
  if (NEVER.includes(entry.kind) || fields.length === 0) return null;
  const close = () => {
    open.value = false;
  };
  return (
    <>
      <Button
        kind="quiet"
        size="small"
        data-testid="redact"
        onClick={() => {
          open.value = true;
        }}
      >
        {t("redact.open")}
      </Button>
      {open.value && <RedactDialog entry={entry} fields={fields} onClose={close} />}
    </>
  );
}

interface Properties {
  entry: JournalEntry;
  fields: [string, unknown][];
  onClose: () => void;
}

function RedactDialog({ entry, fields, onClose }: Properties) {
  const form = useRef<HTMLFormElement>(null);
  const chosen = useSignal(0);
  const busy = useSignal(false);

  async function submit(event: Event) {
    event.preventDefault();
    if (!form.current || busy.peek()) return;
    const typed = new FormData(form.current);
    busy.value = true;
    try {
      const reason = String(typed.get("reason") ?? "").trim();
      await api.redact(entry.seq, typed.getAll("field").map(String), reason);
      toast(t("redact.done", { seq: entry.seq }));
      onClose();
      await find();
    } catch (error) {
      toastError(error, t);
    } finally {
      busy.value = false;
    }
  }

  return (
    <Dialog title={t("redact.title", { seq: entry.seq })} onClose={onClose}>
      <form ref={form} class="ask-form" onSubmit={(event) => void submit(event)}>
        <p>{t("redact.means")}</p>
        <fieldset class="redact-fields">
          <legend>{t("redact.fields")}</legend>
          {fields.map(([name, value]) => (
            <label key={name}>
              <input
                type="checkbox"
                name="field"
                value={name}
                data-testid={`redact-${name}`}
                onChange={(event) => {
                  chosen.value += event.currentTarget.checked ? 1 : -1;
                }}
              />
              <code>{name}</code>
              <span>{shown(value)}</span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>{t("redact.reason")}</span>
          <input
            class="input"
            name="reason"
            data-testid="redact-reason"
            maxLength={500}
            pattern=".*\S.*"
            required
          />
        </label>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("app.back")}
          </Button>
          <Button
            type="submit"
            kind="danger"
            disabled={chosen.value === 0}
            busy={busy.value}
            data-testid="redact-confirm"
          >
            {t("redact.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
