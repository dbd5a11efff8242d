// Work points: bands, and in each the units or officers by name, each with the ranks it may have.
import { RankPlot } from "./Plot";
import type { Standing, Points as View } from "./types";
import { t } from "./words";

const WEIGHTS = ["accepted", "arrived", "feedback", "cleared", "night", "km", "hour"] as const;

/** From here on hours are told whole. */
const HOURS_WHOLE = 10;

export function Points({ view }: { view: View }) {
  const bands = [...new Set(view.rows.map(({ band }) => band))];
  const ranked = view.rows.filter(({ band }) => band !== null).length;
  return (
    <>
      <p class="measure-about">{t("points.meaning")}</p>
      <p class="measure-about">
        {t("points.rule", {
          rule: WEIGHTS.map((name) => t(`weight.${name}`, { n: view.weights[name] ?? 0 })).join(" · "),
        })}
      </p>
      {view.rows.length === 0 && <p class="audit-note">{t("nothing")}</p>}
      {bands.map((band) => (
        <Band
          key={band}
          title={
            band === null ? t("points.unranked", { n: view.ranked_hours_min }) : t("points.band", { band })
          }
          rows={view.rows.filter((row) => row.band === band)}
          of={ranked}
          who={t(`of.${view.of}`)}
        />
      ))}
      {view.uncredited > 0 && <p class="measure-note">{t("points.uncredited", { n: view.uncredited })}</p>}
    </>
  );
}

function Band({ title, rows, of, who }: { title: string; rows: Standing[]; of: number; who: string }) {
  const ranked = rows.some(({ band }) => band !== null);
  return (
    <section class="measure" data-testid="measure-band">
      <h2>{title}</h2>
      <table class="measure-table">
        <thead>
          <tr>
            <th scope="col">{who}</th>
            <th scope="col">{t("column.hours")}</th>
            {ranked && (
              <>
                <th scope="col" class="measure-plot">
                  {t("column.rank_plot", { of })}
                </th>
                <th scope="col">{t("column.rank")}</th>
                <th scope="col">{t("column.per_100h")}</th>
              </>
            )}
            <th scope="col">{t("column.points")}</th>
            <th scope="col">{t("column.work")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} data-testid="measure-standing">
              <th scope="row">{row.name}</th>
              <td data-label={t("column.hours")}>{row.hours.toFixed(row.hours < HOURS_WHOLE ? 1 : 0)}</td>
              {row.rank_low !== null && row.rank_high !== null && (
                <>
                  <td class="measure-plot">
                    <RankPlot low={row.rank_low} high={row.rank_high} of={of} />
                  </td>
                  <td data-label={t("column.rank")}>
                    {row.rank_low} … {row.rank_high}
                  </td>
                  <td data-label={t("column.per_100h")}>{rateText(row)}</td>
                </>
              )}
              <td data-label={t("column.points")}>{row.points.toFixed(0)}</td>
              <td>{workText(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const rateText = ({ per_100h, low, high }: Standing): string =>
  per_100h === null || low === null || high === null
    ? "–"
    : t("share", { value: per_100h.toFixed(0), low: low.toFixed(0), high: high.toFixed(0) });

const workText = (row: Standing): string =>
  t("work", {
    accepted: row.accepted,
    arrived: row.arrived,
    feedback: row.feedback,
    cleared: row.cleared,
    night: row.night,
    km: row.km.toFixed(0),
  });
