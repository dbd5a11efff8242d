// Rows of units or officers, columns of days. A shift stands on the day on which it begins; one that began
// before the week stands on its first day, with an arrow.
import { Icon } from "../../shared/components/Icon";
import { roster } from "../store";
import type { Plan, Shift } from "./api";
import { columnText, dayAfter, dayText, timeText, WEEK_DAYS } from "./days";
import type { Wanted } from "./ShiftDialog";
import type { RowKind } from "./Shifts";
import { badgesOf, warningsOf } from "./store";
import { nameWords, t } from "./words";

interface Properties {
  plan: Plan;
  monday: Date;
  rows: RowKind;
  /** Empty: all. */
  station: string;
  onOpen: (wanted: Wanted) => void;
}

interface Row {
  key: string;
  words: string;
  soft: string;
  /** New shifts are of this unit; none in a row of an officer who is in no unit. */
  unitId: string | null;
  badge: string | null;
  shifts: Shift[];
}

export function Grid({ plan, monday, rows, station, onOpen }: Properties) {
  const days = Array.from({ length: WEEK_DAYS }, (_, n) => dayAfter(monday, n));
  const found = rows === "unit" ? unitRows(plan, station) : officerRows(plan, station);
  const today = dayText(new Date());
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section class="admin-wide" tabIndex={0} aria-label={t("shifts.title")}>
      <table class="shift-grid" data-testid="shifts" onKeyDown={step}>
        <thead>
          <tr>
            <th scope="col">{t(`shifts.rows.${rows}`)}</th>
            {days.map((day) => (
              <th key={dayText(day)} scope="col" data-today={dayText(day) === today}>
                {columnText(day)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.map((row) => (
            <tr key={row.key} data-testid="shift-row" data-row={row.words}>
              <th scope="row">
                {row.words}
                {row.soft && <span class="admin-soft">{row.soft}</span>}
              </th>
              {days.map((day, n) => (
                <Cell key={dayText(day)} row={row} day={day} first={n === 0} onOpen={onOpen} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface CellProperties {
  row: Row;
  day: Date;
  first: boolean;
  onOpen: (wanted: Wanted) => void;
}

function Cell({ row, day, first, onOpen }: CellProperties) {
  const next = dayAfter(day, 1);
  const here = row.shifts.filter(({ starts_at }) => {
    const at = new Date(starts_at);
    return at < next && (first || at >= day);
  });
  const { unitId } = row;
  return (
    <td>
      {here.map((shift) => (
        <Chip key={shift.id} shift={shift} before={new Date(shift.starts_at) < day} onOpen={onOpen} />
      ))}
      {unitId && (
        <button
          type="button"
          class="shift-add"
          data-testid="shift-add"
          data-day={dayText(day)}
          aria-label={t("shift.add", { who: row.words, day: columnText(day) })}
          onClick={() => onOpen({ unitId, day, crew: row.badge ? [row.badge] : [] })}
        >
          +
        </button>
      )}
    </td>
  );
}

interface ChipProperties {
  shift: Shift;
  before: boolean;
  onOpen: (wanted: Wanted) => void;
}

function Chip({ shift, before, onOpen }: ChipProperties) {
  const wrong = warningsOf(shift).length > 0;
  const span = `${timeText(new Date(shift.starts_at))}–${timeText(new Date(shift.ends_at))}`;
  const who = shift.crew.map(({ badge }) => badge).join(t("list.comma"));
  return (
    <button
      type="button"
      class="shift-chip"
      data-testid="shift"
      data-name={shift.name}
      data-wrong={wrong}
      title={[shift.call_sign, span, who].filter(Boolean).join(" · ")}
      onClick={() => onOpen({ shift })}
    >
      <b>
        {before && "← "}
        {nameWords(shift.name)}
        {wrong && <Icon name="alert" size={12} />}
        {wrong && <span class="visually-hidden">{t("shift.wrong")}</span>}
      </b>
      <span>{span}</span>
      {who && <span>{who}</span>}
    </button>
  );
}

function unitRows(plan: Plan, station: string): Row[] {
  return roster.value.units
    .filter((unit) => !station || unit.station === station)
    .map((unit) => ({
      key: unit.id,
      words: unit.call_sign,
      soft: unit.station ?? "",
      unitId: unit.id,
      badge: null,
      shifts: plan.shifts.filter(({ unit_id }) => unit_id === unit.id),
    }));
}

function officerRows(plan: Plan, station: string): Row[] {
  const units = new Map(roster.value.units.map((unit) => [unit.id, unit]));
  return roster.value.officers
    .map(({ badge, name, unit_id }) => {
      const unit = unit_id ? units.get(unit_id) : undefined;
      return { badge, name, unit };
    })
    .filter(({ unit }) => !station || unit?.station === station)
    .map(({ badge, name, unit }) => ({
      key: badge,
      words: `${name} ${badge}`,
      soft: unit?.call_sign ?? "",
      unitId: unit?.id ?? null,
      badge,
      shifts: plan.shifts.filter((shift) => badgesOf(shift).includes(badge)),
    }));
}

const STEPS: Record<string, [across: number, down: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** From a button of a cell to the first one of the cell beside it. */
function step(event: KeyboardEvent): void {
  const by = STEPS[event.key];
  const cell = (event.target as HTMLElement).closest<HTMLTableCellElement>("td");
  const row = cell?.closest("tr");
  if (!by || !cell || !row) return;
  const body = row.parentElement as HTMLTableSectionElement;
  const next = body.rows[row.sectionRowIndex + by[1]]?.cells[cell.cellIndex + by[0]];
  const button = next?.querySelector("button");
  if (!button) return;
  event.preventDefault();
  button.focus();
}
