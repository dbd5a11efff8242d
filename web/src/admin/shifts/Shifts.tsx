// The plan of a week: a row for each unit or officer, a column for each day; what is wrong with it; who is on
// duty now. Arrow keys go from cell to cell.
//
// Marks: shifts, shift-row[data-row], shift[data-name], shift-add[data-day], week, week-before, week-after,
// rows-unit, rows-officer, on-duty, not-on-duty, shift-warnings; shift-form and copy (forms), template-<name>,
// shift-wrong, swap-with, swap, shift-drop, shifts-copy.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Topics } from "../../shared/components/Overlay";
import { serverNow } from "../../shared/time";
import { refreshRoster, roster } from "../store";
import { ZONE } from "./api";
import { CopyWeek } from "./CopyWeek";
import { dayAfter, dayText, WEEK_DAYS } from "./days";
import { Grid } from "./Grid";
import { Now } from "./Now";
import { ShiftDialog, type Wanted } from "./ShiftDialog";
import { goTo, look, monday, plan } from "./store";
import { Warnings } from "./Warnings";
import { t } from "./words";

const ROWS = ["unit", "officer"] as const;
export type RowKind = (typeof ROWS)[number];

export function Shifts() {
  const rows = useSignal<RowKind>("unit");
  const station = useSignal("");
  const wanted = useSignal<Wanted | null>(null);
  const copying = useSignal(false);
  useEffect(() => {
    void refreshRoster();
    void look();
  }, []);
  const open = (next: Wanted) => {
    wanted.value = next;
  };
  const first = monday.value;
  const stations = [...new Set(roster.value.units.map((unit) => unit.station ?? ""))].filter(Boolean).sort();
  return (
    <>
      <header class="admin-head">
        <h2>{t("shifts.title")}</h2>
        <span class="admin-deeds">
          <Button
            data-testid="shifts-copy"
            onClick={() => {
              copying.value = true;
            }}
          >
            {t("shifts.copy")}
          </Button>
        </span>
      </header>
      {plan.value && <Now plan={plan.value} />}
      <div class="admin-tools">
        <nav class="admin-week" aria-label={t("shifts.week")}>
          <Button
            size="small"
            aria-label={t("shifts.week.before")}
            data-testid="week-before"
            onClick={() => goTo(dayAfter(first, -WEEK_DAYS))}
          >
            ‹
          </Button>
          <b data-testid="week">
            {dayText(first)} – {dayText(dayAfter(first, WEEK_DAYS - 1))}
          </b>
          <Button
            size="small"
            aria-label={t("shifts.week.after")}
            data-testid="week-after"
            onClick={() => goTo(dayAfter(first, WEEK_DAYS))}
          >
            ›
          </Button>
          <Button size="small" kind="quiet" onClick={() => goTo(new Date(serverNow()))}>
            {t("shifts.week.this")}
          </Button>
        </nav>
        <Topics
          label={t("shifts.rows")}
          names={ROWS}
          now={rows.value}
          words={(kind) => t(`shifts.rows.${kind}`)}
          marks="rows"
          onTopic={(kind) => {
            rows.value = kind;
          }}
        />
        <label class="field admin-narrow">
          <span>{t("shifts.station")}</span>
          <select
            class="input"
            value={station.value}
            onChange={(event) => {
              station.value = event.currentTarget.value;
            }}
          >
            <option value="">{t("shifts.any")}</option>
            {stations.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span class="admin-soft">{t("shifts.zone", { zone: ZONE })}</span>
      </div>
      {plan.value ? (
        <>
          <Grid plan={plan.value} monday={first} rows={rows.value} station={station.value} onOpen={open} />
          <Warnings plan={plan.value} onOpen={(shift) => open({ shift })} />
        </>
      ) : (
        <p class="admin-note">{t("app.loading")}</p>
      )}
      {wanted.value && (
        <ShiftDialog
          wanted={wanted.value}
          onClose={() => {
            wanted.value = null;
          }}
        />
      )}
      {copying.value && (
        <CopyWeek
          onClose={() => {
            copying.value = false;
          }}
        />
      )}
    </>
  );
}
