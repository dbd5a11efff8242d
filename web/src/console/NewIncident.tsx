import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../shared/components/Button";
import { language } from "../shared/i18n";
import type { Priority } from "../shared/types";
import { openBar } from "./bar/Bar";
import { changeDraft, chooseType, dropDraft, submitDraft } from "./commands";
import { t } from "./decision/words";
import { cap } from "./keys/table";
import { draft, incidentTypes, narrow, view } from "./store";
import { positionWords } from "./words";

const PRIORITIES: Priority[] = ["emergency", "priority", "routine"];
const NOTE_MAX = 2000;

export function NewIncident() {
  const busy = useSignal(false);
  const complaint = useSignal("");
  const first = useRef<HTMLSelectElement>(null);
  const present = draft.value !== null;
  useLayoutEffect(() => {
    if (present) first.current?.focus();
  }, [present]);

  const current = draft.value;
  if (!current) return null;

  async function submit(event?: Event) {
    event?.preventDefault();
    if (!current || busy.value) return;
    complaint.value = !current.type ? t("new.type.missing") : !current.at ? t("new.where.missing") : "";
    if (complaint.value) return;
    busy.value = true;
    await submitDraft();
    busy.value = false;
  }

  return (
    <form class="new-incident" onSubmit={submit}>
      <h2>{t("new.title")}</h2>
      <label class="field">
        <span>{t("new.type")}</span>
        <select
          ref={first}
          class="input"
          data-testid="incident-type"
          value={current.type}
          onChange={(event) => chooseType(event.currentTarget.value)}
        >
          <option value="" disabled>
            {t("new.type.choose")}
          </option>
          {incidentTypes.value
            .filter(({ retired }) => !retired)
            .map(({ code, names }) => (
              <option key={code} value={code}>
                {names[language.value]}
              </option>
            ))}
        </select>
      </label>
      <fieldset class="segments">
        <legend class="visually-hidden">{t("new.priority")}</legend>
        {PRIORITIES.map((priority) => (
          <label key={priority} data-priority={priority}>
            <input
              type="radio"
              name="priority"
              checked={current.priority === priority}
              data-testid={`incident-priority-${priority}`}
              onChange={() => changeDraft({ priority })}
            />
            <span>{t(`priority.${priority}`)}</span>
          </label>
        ))}
      </fieldset>
      <div class="field">
        <span>{t("new.where")}</span>
        <output class="where" data-testid="incident-where" data-set={current.at !== null}>
          {current.at ? (
            <>
              {current.place && <b>{current.place} </b>}
              <span>{positionWords(current.at.lon, current.at.lat)}</span>
            </>
          ) : (
            t("new.where.hint")
          )}
        </output>
        <Button
          size="small"
          icon={narrow() ? "pin" : "search"}
          cap={cap("bar")}
          data-testid="incident-find"
          onClick={() => {
            if (narrow()) view.value = "map";
            else openBar();
          }}
        >
          {t(narrow() ? "map.pick" : "new.where.find")}
        </Button>
      </div>
      <label class="field">
        <span>{t("new.note")}</span>
        <textarea
          class="input"
          id="incident-note"
          rows={3}
          maxLength={NOTE_MAX}
          placeholder={t("new.note.hint")}
          data-testid="incident-note"
          value={current.note}
          onInput={(event) => changeDraft({ note: event.currentTarget.value })}
        />
      </label>
      <div role="alert">{complaint.value && <p class="notice">{complaint.value}</p>}</div>
      <div class="form-actions">
        <Button kind="quiet" cap={cap("back")} onClick={dropDraft}>
          {t("app.cancel")}
        </Button>
        <Button
          type="submit"
          kind="primary"
          cap={cap("submit")}
          busy={busy.value}
          data-testid="incident-submit"
        >
          {t("new.submit")}
        </Button>
      </div>
    </form>
  );
}
