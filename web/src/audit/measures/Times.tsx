// Response times, interval by interval, and the process time held against NFPA 1225.

import { language } from "../../shared/i18n";
import { heldText, percent, quantileText, timeText } from "./figures";
import { isWanted, Only } from "./Only";
import { Scale, SharePlot, TimesPlot } from "./Plot";
import type { Measure, Process, Times as View } from "./types";
import { t } from "./words";

export function Times({ view }: { view: View }) {
  const intervals = [...new Set(view.rows.map(({ interval }) => interval))];
  const rows = view.rows.filter(({ held }) => isWanted(held));
  const process = view.process.filter(({ held }) => isWanted(held));
  return (
    <>
      <p class="measure-about">
        {t("times.about", {
          incidents: view.incidents,
          per_day: perDayText(view),
          orders: view.orders,
          tasks: view.tasks_left_out,
        })}
      </p>
      {view.rows.length === 0 && <p class="audit-note">{t("nothing")}</p>}
      {view.rows.length > 0 && <Only view={view} />}
      {process.length > 0 && <ProcessTable view={{ ...view, process }} />}
      {intervals.map((interval) => (
        <Interval key={interval} interval={interval} rows={rows.filter((row) => row.interval === interval)} />
      ))}
      {view.rows.length > 0 && <p class="measure-note">{t("times.note")}</p>}
    </>
  );
}

function perDayText({ per_day: { value, low, high } }: View): string {
  if (value === null || low === null || high === null) return "–";
  return t("share", { value: value.toFixed(1), low: low.toFixed(1), high: high.toFixed(1) });
}

function Interval({ interval, rows }: { interval: string; rows: Measure[] }) {
  const ends = rows.flatMap(({ p50, p90 }) =>
    [p50, p90].flatMap(({ low_s, value_s, high_s }) => [low_s ?? 0, value_s ?? 0, high_s ?? 0]),
  );
  const about = t.loose(`interval.${interval}.is`, {}, "");
  const most_s = Math.max(1, ...ends) * 1.05;
  return (
    <section class="measure" data-testid="measure" data-interval={interval}>
      <h2>{t.loose(`interval.${interval}`, {}, interval)}</h2>
      {about && <p>{about}</p>}
      <table class="measure-table">
        <thead>
          <tr>
            <th scope="col">{t("column.held")}</th>
            <th scope="col">n</th>
            <th scope="col" class="measure-plot">
              {t("column.plot")}
            </th>
            <th scope="col">P50</th>
            <th scope="col">P90</th>
            <th scope="col">{t("column.rest")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={heldText(row.held)} data-testid="measure-row" data-all={!Object.keys(row.held).length}>
              <th scope="row">{heldText(row.held)}</th>
              <td data-label="n">{row.n}</td>
              <td class="measure-plot">
                <TimesPlot p50={row.p50} p90={row.p90} n={row.n} most_s={most_s} />
              </td>
              <td data-label="P50">{quantileText(row.p50)}</td>
              <td data-label="P90" data-testid="measure-p90">
                {quantileText(row.p90)}
              </td>
              <td>{restText(row)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td colSpan={2} />
            <td class="measure-plot">
              <Scale most_s={most_s} words={timeText} />
            </td>
            <td colSpan={3} />
          </tr>
        </tfoot>
      </table>
    </section>
  );
}

const REST = ["open", "ended", "skipped", "no_beginning", "late", "moved"] as const;

/** What is not over, not told, or told late; nothing where all is plain. */
const restText = (row: Measure): string =>
  REST.filter((name) => row[name] > 0)
    .map((name) => t(`rest.${name}`, { n: row[name] }))
    .join(language.value === "zh" ? "，" : ", ");

function ProcessTable({ view }: { view: View }) {
  const values = { seconds: view.process_limit_s, wanted: percent(view.process_wanted) };
  return (
    <section class="measure" data-testid="measure-process">
      <h2>{t("process.title")}</h2>
      <p>{t("process.is", values)}</p>
      <table class="measure-table">
        <thead>
          <tr>
            <th scope="col">{t("column.held")}</th>
            <th scope="col">n</th>
            <th scope="col" class="measure-plot">
              {t("column.share_plot")}
            </th>
            <th scope="col">{t("column.within", values)}</th>
            <th scope="col">{t("column.verdict", values)}</th>
            <th scope="col">{t("column.calls")}</th>
            <th scope="col">{t("column.unsent", values)}</th>
          </tr>
        </thead>
        <tbody>
          {view.process.map((row) => (
            <ProcessRow
              key={heldText(row.held)}
              row={row}
              wanted={view.process_wanted}
              limit_s={view.process_limit_s}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ProcessRow({ row, wanted, limit_s }: { row: Process; wanted: number; limit_s: number }) {
  const { share, low, high } = row;
  return (
    <tr data-all={!Object.keys(row.held).length}>
      <th scope="row">{heldText(row.held)}</th>
      <td data-label="n">{row.n}</td>
      <td class="measure-plot">
        {share !== null && <SharePlot shares={[{ value: share, low, high }]} wanted={wanted} />}
      </td>
      <td>
        {share === null
          ? t("not_estimable")
          : t("share", { value: percent(share), low: percent(low), high: percent(high) })}
      </td>
      <td class="measure-verdict" data-verdict={row.verdict}>
        {t(`verdict.${row.verdict}`)}
      </td>
      <td data-label={t("column.calls")}>{row.calls_known}</td>
      {row.closed_unsent ? (
        <td data-label={t("column.unsent", { seconds: limit_s })}>{row.closed_unsent}</td>
      ) : (
        <td />
      )}
    </tr>
  );
}
