// Measures of a span of time: what is asked for above, the answer below, as a file or on paper.
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { localTime } from "../../shared/time";
import { Coverage } from "./Coverage";
import { Points } from "./Points";
import { type Answer, AXES, answer, ask, asked, busy, FIGURES, type Figures, jsonOf, sheetOf } from "./store";
import { Times } from "./Times";
import { t } from "./words";

export function Page() {
  useEffect(() => {
    if (!answer.peek()) void ask(asked.peek());
  }, []);
  const found = answer.value;
  return (
    <>
      <Wanted />
      <div class="measures" data-testid="measures" aria-busy={busy.value}>
        {found ? <Found found={found} /> : <p class="audit-note">{busy.value && t("app.loading")}</p>}
      </div>
    </>
  );
}

function Found({ found }: { found: Answer }) {
  const { since, until, as_of } = found.view;
  const when = { from: localTime(since, false), to: localTime(until, false), at: localTime(as_of, false) };
  return (
    <>
      <p class="measure-span" role="status">
        {t("span", when)}
      </p>
      {found.figures === "times" && <Times view={found.view} />}
      {found.figures === "coverage" && <Coverage view={found.view} />}
      {found.figures === "points" && <Points view={found.view} />}
    </>
  );
}

function Wanted() {
  const form = useRef<HTMLFormElement>(null);
  const wanted = asked.value;

  function read() {
    if (!form.current?.reportValidity()) return;
    const typed = new FormData(form.current);
    const text = (name: string) => String(typed.get(name) ?? "");
    void ask({
      figures: text("figures") as Figures,
      from: text("from"),
      to: text("to"),
      axes: wanted.figures === "times" ? typed.getAll("by").map(String) : wanted.axes,
      of: text("of") === "officer" ? "officer" : "unit",
    });
  }

  return (
    <search>
      <form
        ref={form}
        class="measure-form"
        onSubmit={(event) => {
          event.preventDefault();
          read();
        }}
      >
        <Choice legend={t("figures")}>
          {FIGURES.map((name) => (
            <label key={name}>
              <input
                type="radio"
                name="figures"
                value={name}
                checked={wanted.figures === name}
                data-testid={`figures-${name}`}
                onChange={read}
              />
              {t(`figures.${name}`)}
            </label>
          ))}
        </Choice>
        <label class="field">
          <span>{t("from")}</span>
          <input class="input" type="date" name="from" required defaultValue={wanted.from} max={wanted.to} />
        </label>
        <label class="field">
          <span>{t("to")}</span>
          <input class="input" type="date" name="to" required defaultValue={wanted.to} />
        </label>
        {wanted.figures === "times" && (
          <Choice legend={t("by")}>
            {AXES.map((axis) => (
              <label key={axis}>
                <input
                  type="checkbox"
                  name="by"
                  value={axis}
                  defaultChecked={wanted.axes.includes(axis)}
                  data-testid={`by-${axis}`}
                />
                {t(`axis.${axis}`)}
              </label>
            ))}
          </Choice>
        )}
        {wanted.figures === "points" && (
          <label class="field">
            <span>{t("of")}</span>
            <select class="input" name="of" data-testid="points-of" onChange={read}>
              <option value="unit" selected={wanted.of === "unit"}>
                {t("of.unit")}
              </option>
              <option value="officer" selected={wanted.of === "officer"}>
                {t("of.officer")}
              </option>
            </select>
          </label>
        )}
        <div class="audit-actions">
          <Button type="submit" kind="primary" icon="search" busy={busy.value} data-testid="measures-show">
            {t("show")}
          </Button>
          <a class="button" href={sheetOf(wanted)} download data-testid="measures-csv">
            {t("csv")}
          </a>
          <a
            class="button"
            href={jsonOf(wanted)}
            download={`${wanted.figures}-${wanted.from}-${wanted.to}.json`}
            data-testid="measures-json"
          >
            {t("json")}
          </a>
          <Button kind="quiet" onClick={() => print()} data-testid="measures-print">
            {t("print")}
          </Button>
        </div>
      </form>
    </search>
  );
}

function Choice({ legend, children }: { legend: string; children: preact.ComponentChildren }) {
  return (
    <fieldset class="measure-choice">
      <legend>{legend}</legend>
      {children}
    </fieldset>
  );
}
