// All units: found by words, status, station and kind, in the order that one asks for.
//
// Marks for browser tests: unit-row (data-unit, data-status), units-search, units-station, units-kind, units-sort,
// units-status-<status>, units-count, unit-job, unit-contact, unit-welfare (data-state).
import { useEffect } from "preact/hooks";
import { Battery } from "../../shared/components/Battery";
import { Icon } from "../../shared/components/Icon";
import { STATUS_COLOR, StateChip } from "../../shared/components/StateChip";
import { Age } from "../../shared/components/Time";
import { VirtualList } from "../../shared/components/VirtualList";
import { learn } from "../../shared/learn_spelling";
import type { Device, Incident, Unit, UnitStatus } from "../../shared/types";
import { openUnit } from "../commands";
import { contactWords, isAlarming } from "../contact";
import { emptyWords } from "../feed";
import { incidents, STALE_S, selection, unitFilter, unitsByName } from "../store";
import { listWords, typeName, t as words } from "../words";
import { found, keepRows, kinds, rows, SORTS, type Sort, seenAt, stations } from "./rows";
import { WelfareChip } from "./Welfare";
import { t } from "./words";

const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];
/** Three lines with their padding: `.unit-row` of styles/units.css. */
const ROW_REM = 4.5;

export function UnitList() {
  useEffect(keepRows, []);
  const shown = rows.value;
  return (
    <div class="queue">
      <Filters />
      <VirtualList
        items={shown}
        label={words("tab.units")}
        keyOf={({ id }) => id}
        selected={selection.value?.kind === "unit" ? selection.value.id : null}
        rowRem={ROW_REM}
        row={(unit) => <UnitRow unit={unit} selected={selection.value?.id === unit.id} />}
        empty={emptyWords(t("units.empty"))}
      />
    </div>
  );
}

/** What may be typed by pinyin. */
const namesOf = (all: Unit[]): string[] =>
  all.flatMap(({ station, officers }) => [station ?? "", ...officers.map(({ name }) => name)]);

function change(next: Partial<(typeof unitFilter)["value"]>): void {
  unitFilter.value = { ...unitFilter.peek(), ...next };
}

function Filters() {
  const { text, status, station, kind, sort } = unitFilter.value;
  const all = found.value;
  return (
    <div class="queue-head units-head">
      <input
        class="input"
        type="search"
        data-testid="units-search"
        aria-label={t("units.search")}
        placeholder={t("units.search")}
        value={text}
        onFocus={() => void learn(namesOf(unitsByName.value))}
        onInput={(event) => change({ text: event.currentTarget.value })}
      />
      <div class="units-picks">
        <Pick
          label={t("units.station")}
          any={t("units.station.any")}
          mark="units-station"
          value={station}
          options={stations.value.map(([name, count]) => [name, `${name} (${count})`])}
          onPick={(next) => change({ station: next })}
        />
        <Pick
          label={t("units.kind")}
          any={t("units.kind.any")}
          mark="units-kind"
          value={kind}
          options={kinds.value.map(([code, count]) => [
            code,
            `${t.loose(`unit.${code}`, {}, code)} (${count})`,
          ])}
          onPick={(next) => change({ kind: next })}
        />
        <Pick
          label={t("units.sort")}
          mark="units-sort"
          value={sort}
          options={SORTS.map((each) => [each, t(`units.sort.${each}`)])}
          onPick={(next) => change({ sort: next as Sort })}
        />
      </div>
      <fieldset class="filters" aria-label={t("units.status")}>
        <Status status="all" count={all.length} current={status === "all"} />
        {STATUSES.map((each) => (
          <Status
            key={each}
            status={each}
            count={all.filter((unit) => unit.status === each).length}
            current={status === each}
          />
        ))}
      </fieldset>
    </div>
  );
}

function Pick({
  label,
  any,
  mark,
  value,
  options,
  onPick,
}: {
  label: string;
  /** The choice of none, if there is one. */
  any?: string;
  mark: string;
  value: string;
  options: [string, string][];
  onPick: (value: string) => void;
}) {
  return (
    <select
      class="input"
      aria-label={label}
      data-testid={mark}
      data-set={any !== undefined && value !== ""}
      value={value}
      onChange={(event) => onPick(event.currentTarget.value)}
    >
      {any !== undefined && <option value="">{any}</option>}
      {options.map(([code, name]) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Status({ status, count, current }: { status: UnitStatus | "all"; count: number; current: boolean }) {
  return (
    <button
      type="button"
      class="filter"
      aria-pressed={current}
      data-testid={`units-status-${status}`}
      onClick={() => change({ status })}
    >
      {status === "all" ? t("units.all") : t(`status.${status}`)} <b>{count}</b>
    </button>
  );
}

function UnitRow({ unit, selected }: { unit: Unit; selected: boolean }) {
  const seen = seenAt(unit);
  const job = unit.incident_id ? incidents.value.get(unit.incident_id) : undefined;
  return (
    <button
      type="button"
      class="row unit-row"
      data-row={unit.id}
      data-testid="unit-row"
      data-unit={unit.call_sign}
      data-status={unit.status}
      aria-current={selected}
      onClick={() => openUnit(unit)}
    >
      <span class="unit-icon" style={{ color: STATUS_COLOR[unit.status] }} title={t(`unit.${unit.kind}`)}>
        <Icon name={unit.kind} size={20} />
      </span>
      <span class="unit-main">
        <span class="row-line">
          <b class="row-title">{unit.call_sign}</b>
          <WelfareChip unit={unit} />
          <StateChip status={unit.status} />
          <span class="unit-seen">
            <Age at={seen} staleAfterS={STALE_S} bare />
          </span>
        </span>
        <Doing unit={unit} job={job} />
        <span class="row-line devices">
          {unit.devices.length === 0 && <span class="row-soft">{t("units.no_device")}</span>}
          {unit.devices.map((device) => (
            <Carried key={device.id} device={device} />
          ))}
          {!unit.position && unit.devices.length > 0 && <span class="age">{t("units.no_position")}</span>}
        </span>
      </span>
    </button>
  );
}

/** What it is at: out of reach, on a job, or nothing; and who is in it. */
function Doing({ unit, job }: { unit: Unit; job: Incident | undefined }) {
  const crew = listWords(unit.officers.map(({ name }) => name));
  return (
    <span class="row-line row-soft">
      <span class="row-place">
        {unit.contact && (
          <span class="contact" data-testid="unit-contact" data-alarm={isAlarming(unit.contact)}>
            {contactWords(unit.contact)}{" "}
          </span>
        )}
        {job && (
          <b class="unit-job" data-testid="unit-job">
            #{job.number} {typeName(job.type)}{" "}
          </b>
        )}
        {job ? `${job.place} · ${crew}` : crew}
      </span>
      {unit.station && <span class="unit-station">{unit.station}</span>}
    </span>
  );
}

/** A camera's battery beside a handset's: told apart by sign and by word. */
function Carried({ device }: { device: Device }) {
  return (
    <span class="device-mini" data-online={device.online}>
      <i title={t(device.online ? "device.online" : "device.offline")} />
      {device.kind === "vehicle" ? (
        <Icon name="vehicle" size={13} />
      ) : (
        <>
          <Battery pct={device.battery_pct} charging={device.charging} device={device.kind} />
          <small aria-hidden="true">{t(`units.device.${device.kind}`)}</small>
        </>
      )}
    </span>
  );
}
