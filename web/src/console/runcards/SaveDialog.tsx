// What the draft changes against the version in force, before it is saved with a reason.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { language } from "../../shared/i18n";
import { before, busy, type Card, type Changes, draft, preview, save } from "./store";
import { t } from "./words";

export function SaveDialog({ onClose }: { onClose: () => void }) {
  const changes = useSignal<Changes | null>(null);
  const reason = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void preview().then((found) => {
      if (found) changes.value = found;
      else onClose();
    });
  }, []);
  if (!changes.value) return null;
  return (
    <Dialog title={t("save.title")} onClose={onClose}>
      <ul class="runcards-changes">
        {Object.entries(changes.value).map(([code, names]) => (
          <li key={code} data-testid="runcards-change" data-card={code}>
            <b>{nameOf(code)}</b>
            <ul>
              {names.map((name) => (
                <li key={name}>{difference(code, name)}</li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      <form
        class="ask-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save(reason.current?.value.trim() ?? "").then((saved) => {
            if (saved) onClose();
          });
        }}
      >
        <label class="field">
          <span>{t("reason")}</span>
          <input ref={reason} class="input" required maxLength={500} data-testid="runcards-reason" />
        </label>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("back")}
          </Button>
          <Button type="submit" kind="primary" busy={busy.value} data-testid="runcards-confirm">
            {t("save.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const after = (code: string): Card | undefined => draft.value?.cards.find((card) => card.code === code);

function nameOf(code: string): string {
  if (code === "skills" || code === "equipment") return t(`field.${code}`);
  return (after(code) ?? before(code))?.[language.value] ?? code;
}

function difference(code: string, name: string): string {
  const field = t.loose(`field.${name}`, {}, t.loose(`change.${name}`, {}, name));
  const [old, next] = [before(code), after(code)].map((card) => card?.[name as keyof Card]);
  if (old === undefined || next === undefined) return field;
  return `${field}: ${said(name, old)} → ${said(name, next)}`;
}

function said(name: string, value: unknown): string {
  if (name === "steps") return t("steps", { count: (value as unknown[]).length });
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.map((each) => word(name, String(each))).join(" · ") || "–";
  if (typeof value === "object" && value) {
    const timers = Object.entries(value).map(([timer, s]) => `${t.loose(`timer.${timer}`, {}, timer)} ${s}`);
    return timers.join(" · ") || "–";
  }
  return word(name, String(value));
}

function word(name: string, value: string): string {
  if (name === "skills" || name === "equipment")
    return draft.value?.[name].find(({ code }) => code === value)?.[language.value] ?? value;
  return t.loose(`${name === "vehicles" ? "vehicle" : name}.${value}`, {}, value);
}
