// Parts that both forms share.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { cap } from "../keys/table";
import { narrow, view } from "../store";
import { change, complaintOf, draft, dropCorner, dropDraft, submit, survey } from "./draft";
import { TimeFields } from "./Times";
import { t } from "./words";

export function Choice<Value extends string>({
  legend,
  name,
  values,
  chosen,
  words,
  onChoose,
}: {
  legend: string;
  name: string;
  values: readonly Value[];
  chosen: Value;
  words: (value: Value) => string;
  onChoose: (value: Value) => void;
}) {
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{legend}</legend>
      {values.map((value) => (
        <label key={value} data-priority="routine">
          <input
            type="radio"
            name={name}
            checked={chosen === value}
            data-testid={`${name}-${value}`}
            onChange={() => onChoose(value)}
          />
          <span>{words(value)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** What has been chosen on the map so far, in words. */
export function Chosen({ nothing }: { nothing: string }) {
  const found = survey.value;
  const corners = draft.value?.where === "polygon" ? draft.value.corners.length : 0;
  return (
    <>
      <output class="where" data-testid="roads-where" data-set={found !== null && typeof found !== "string"}>
        {typeof found === "string" ? (
          found
        ) : found ? (
          <>
            <b>{found.place} </b>
            <span>{t("roads.survey", { km: found.length_km.toFixed(1), count: found.edge_count })}</span>
          </>
        ) : corners ? (
          t("roads.polygon.corners", { count: corners })
        ) : (
          nothing
        )}
      </output>
      {corners > 0 && (
        <Button size="small" data-testid="roads-corner-undo" onClick={dropCorner}>
          {t("roads.polygon.undo")}
        </Button>
      )}
      {narrow() && (
        <Button
          size="small"
          icon="pin"
          onClick={() => {
            view.value = "map";
          }}
        >
          {t("roads.to_map")}
        </Button>
      )}
    </>
  );
}

export function Reason({ suggestions, required }: { suggestions: string[]; required: boolean }) {
  return (
    <label class="field">
      <span>{t(required ? "roads.reason" : "roads.reason.optional")}</span>
      <input
        class="input"
        data-testid="roads-reason"
        maxLength={500}
        list="roads-reasons"
        value={draft.value?.reason}
        onInput={({ currentTarget }) => change({ reason: currentTarget.value })}
      />
      <datalist id="roads-reasons">
        {suggestions.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </label>
  );
}

/** A form in the place of the list: Ctrl Enter sends, Esc goes back. */
export function Form({
  title,
  send,
  children,
}: {
  title: string;
  send: string;
  children: ComponentChildren;
}) {
  const busy = useSignal(false);
  const complaint = useSignal("");
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    form.current?.querySelector<HTMLElement>("input, select")?.focus();
  }, []);

  async function onSubmit(event: Event) {
    event.preventDefault();
    const current = draft.peek();
    if (!current || busy.value) return;
    complaint.value = complaintOf(current);
    if (complaint.value) return;
    busy.value = true;
    await submit();
    busy.value = false;
  }

  return (
    <form ref={form} class="new-incident roads-form" aria-label={title} onSubmit={onSubmit}>
      <h2>{title}</h2>
      {children}
      <TimeFields />
      <div role="alert">{complaint.value && <p class="notice">{complaint.value}</p>}</div>
      <div class="form-actions">
        <Button kind="quiet" cap={cap("back")} onClick={dropDraft}>
          {t("app.cancel")}
        </Button>
        <Button type="submit" kind="primary" cap={cap("submit")} busy={busy.value} data-testid="roads-submit">
          {send}
        </Button>
      </div>
    </form>
  );
}
