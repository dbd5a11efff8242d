// What the draft changes against the version in force, before it is saved with a reason.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { language } from "../i18n";
import { nameOf } from "./names";
import {
  before,
  busy,
  type Card,
  type CardSet,
  type Changes,
  draft,
  inForce,
  preview,
  type Step,
  save,
  type TermKind,
} from "./store";
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keys */}
      <ul class="runcards-changes" tabIndex={0} aria-label={t("save.changes")}>
        {Object.entries(changes.value).map(([code, names]) => (
          <li key={code} data-testid="runcards-change" data-card={code}>
            <b>{nameOf(code)}</b>
            <ul>
              {names
                .flatMap((name) => differences(code, name))
                .map((line) => (
                  <li key={line}>{line}</li>
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

/** What is another now, a line each. */
function differences(code: string, name: string): string[] {
  if (code === "skills" || code === "equipment") return termLines(code, name);
  const [old, next] = [before(code), after(code)];
  const field = t.loose(`field.${name}`, {}, t.loose(`change.${name}`, {}, name));
  if (old === undefined || next === undefined || !(name in next)) return [field];
  if (name === "steps") return stepLines(old.steps, next.steps);
  const [was, is] = [old, next].map((card) => said(name, card[name as keyof Card]));
  return [`${field}: ${was} → ${is}`];
}

/** A term as it was and as it is now; once, where it only stands elsewhere. */
function termLines(kind: TermKind, code: string): string[] {
  const [was, is] = [inForce.value?.set, draft.value].map((set) => {
    const term = set?.[kind].find((each) => each.code === code);
    return term && `${term.zh} / ${term.en} (${code})`;
  });
  if (was === is) return [`${is}: ${t("change.moved")}`];
  return [was && `− ${was}`, is && `+ ${is}`].filter((line): line is string => line !== undefined);
}

/** Steps that are gone and those that came; only their order, where neither is. */
function stepLines(old: Step[], next: Step[]): string[] {
  const [was, is] = [old, next].map((steps) => steps.map(({ zh, en }) => `${zh} / ${en}`)) as [
    string[],
    string[],
  ];
  const lines = [
    ...was.filter((each) => !is.includes(each)).map((each) => `− ${each}`),
    ...is.filter((each) => !was.includes(each)).map((each) => `+ ${each}`),
  ];
  return (lines.length ? lines : [t("change.moved")]).map((line) => `${t("field.steps")}: ${line}`);
}

function said(name: string, value: unknown): string {
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
    return termWords(name, value, draft.value) ?? termWords(name, value, inForce.value?.set) ?? value;
  return t.loose(`${name === "vehicles" ? "vehicle" : name}.${value}`, {}, value);
}

const termWords = (kind: TermKind, code: string, set: CardSet | null | undefined): string | undefined =>
  set?.[kind].find((term) => term.code === code)?.[language.value];
