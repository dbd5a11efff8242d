// Which share of people, and of each village's time, somebody free was likely to reach in time.
import { shareText } from "./figures";
import { SharePlot } from "./Plot";
import type { Covered, Coverage as View } from "./types";
import { t } from "./words";

export function Coverage({ view }: { view: View }) {
  const [whole] = view.parts;
  const values = {
    looks: whole?.looks ?? 0,
    possible: view.looks_possible,
    left_out: view.looks_left_out,
    minutes: view.limit_min ?? 0,
  };
  return (
    <>
      <p class="measure-about">{t("coverage.about", values)}</p>
      {!whole && <p class="audit-note">{t("coverage.nothing")}</p>}
      {whole && (
        <>
          <section class="measure" data-testid="measure-people">
            <h2>{t("coverage.people")}</h2>
            <p>{t("coverage.is", values)}</p>
            <Shares
              first={t("column.daylight")}
              second={t("column.looks")}
              rows={view.parts.flatMap(({ daylight, looks, people }) =>
                people
                  ? [{ name: t.loose(`daylight.${daylight}`, {}, daylight), n: looks, covered: people }]
                  : [],
              )}
            />
          </section>
          <section class="measure" data-testid="measure-villages">
            <h2>{t("coverage.villages", { n: view.villages.length, total: view.villages_total })}</h2>
            <Shares
              first={t("column.village")}
              second={t("column.people")}
              rows={view.villages.map(({ name, people, covered }) => ({ name, n: people, covered }))}
            />
          </section>
          <p class="measure-note">{t("coverage.note")}</p>
        </>
      )}
    </>
  );
}

interface Line {
  name: string;
  n: number;
  covered: Covered;
}

function Shares({ first, second, rows }: { first: string; second: string; rows: Line[] }) {
  return (
    <table class="measure-table">
      <thead>
        <tr>
          <th scope="col">{first}</th>
          <th scope="col">{second}</th>
          <th scope="col" class="measure-plot">
            {t("column.cover_plot")}
          </th>
          <th scope="col">{t("column.once")}</th>
          <th scope="col">{t("column.twice")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, n, covered }, place) => (
          <tr key={`${name}-${place}`}>
            <th scope="row">{name}</th>
            <td data-label={second}>{n}</td>
            <td class="measure-plot">
              <SharePlot shares={[covered.once, covered.twice]} />
            </td>
            <td data-label={t("column.once")}>{shareText(covered.once)}</td>
            <td data-label={t("column.twice")}>{shareText(covered.twice)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
