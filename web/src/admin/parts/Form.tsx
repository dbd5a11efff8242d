// A form over a draft: what is wrong stands at its field, what others did meanwhile above it, and what is not
// saved is not left by a slip. The fields are those of fields.tsx.
import type { ComponentChildren } from "preact";
import { Button } from "../../shared/components/Button";
import { toast } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import type { Draft, Meanwhile } from "./draft";
import { leave, useHold } from "./leaving";
import { t } from "./words";

interface Properties<T extends object> {
  draft: Draft<T>;
  mark: string;
  /** Sends it; throws what the server says. */
  save: () => Promise<void>;
  saveWords?: string;
  /** Names of fields for what others changed, and their values in words. */
  fieldWords: (name: string) => string;
  valueWords?: (name: string, value: unknown) => string;
  /** In a dialog: closes it. Without: changes are undone. */
  onClose?: () => void;
  /** A new thing may be saved as it stands. */
  fresh?: boolean;
  children: ComponentChildren;
}

export function Form<T extends object>(properties: Properties<T>) {
  const { draft, mark, save, saveWords, onClose, fresh = false, children } = properties;
  useHold(draft);
  const failure = draft.failure.value;

  async function submit(event: Event) {
    event.preventDefault();
    if ((await draft.attempt(save)) && !onClose) toast(t("form.saved"));
  }

  return (
    <form class="admin-form" data-testid={mark} onSubmit={submit} noValidate>
      {children}
      <div role="alert">
        {failure?.meanwhile && (
          <Conflict {...properties} meanwhile={failure.meanwhile} onTake={draft.rebase} />
        )}
        {failure && !failure.meanwhile && !failure.field && (
          <p class="notice" data-kind="bad" data-testid="form-error">
            {failure.words}
          </p>
        )}
      </div>
      <div class="dialog-actions">
        {onClose ? (
          <Button
            kind="quiet"
            data-testid={`${mark}-cancel`}
            onClick={() => leave(onClose, draft.dirty.value)}
          >
            {t("app.cancel")}
          </Button>
        ) : (
          <Button
            kind="quiet"
            data-testid={`${mark}-undo`}
            disabled={!draft.dirty.value}
            onClick={draft.undo}
          >
            {t("form.undo")}
          </Button>
        )}
        <Button
          type="submit"
          kind="primary"
          busy={draft.busy.value}
          disabled={!fresh && !draft.dirty.value}
          data-testid={`${mark}-save`}
        >
          {saveWords ?? t("form.save")}
        </Button>
      </div>
    </form>
  );
}

interface ConflictProperties {
  meanwhile: Meanwhile;
  fieldWords: (name: string) => string;
  valueWords?: (name: string, value: unknown) => string;
  onTake: (meanwhile: Meanwhile) => void;
}

function Conflict({ meanwhile, fieldWords, valueWords = plain, onTake }: ConflictProperties) {
  const { changed, by, at } = meanwhile;
  const who = by?.replace(/^user:/, "") ?? "";
  return (
    <div class="notice admin-conflict" data-testid="form-conflict">
      <p>{by && at ? t("form.conflict.by", { by: who, time: localTime(at) }) : t("form.conflict")}</p>
      <ul>
        {Object.entries(changed).map(([name, { from, to }]) => (
          <li key={name}>
            {t("form.conflict.field", {
              field: fieldWords(name),
              from: valueWords(name, from),
              to: valueWords(name, to),
            })}
          </li>
        ))}
      </ul>
      <Button size="small" data-testid="form-take" onClick={() => onTake(meanwhile)}>
        {t("form.conflict.take")}
      </Button>
    </div>
  );
}

function plain(_: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return t("form.none");
  return Array.isArray(value) ? value.join(", ") || t("form.none") : String(value);
}
