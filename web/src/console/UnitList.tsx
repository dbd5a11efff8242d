import { Battery } from "../shared/components/Battery";
import { Icon } from "../shared/components/Icon";
import { STATUS_COLOR, StateChip } from "../shared/components/StateChip";
import { Age } from "../shared/components/Time";
import type { Unit, UnitStatus } from "../shared/types";
import { openUnit } from "./commands";
import { contactWords, isAlarming } from "./contact";
import { STALE_S, selection, shownUnits, unitFilter, units } from "./store";
import { listWords, t } from "./words";

const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];

export function UnitList() {
  const all = [...units.value.values()];
  const { text, status: wanted } = unitFilter.value;
  return (
    <div class="queue">
      <div class="queue-head units-head">
        <input
          class="input"
          type="search"
          data-testid="units-search"
          aria-label={t("units.search")}
          placeholder={t("units.search")}
          value={text}
          onInput={(event) => {
            unitFilter.value = { ...unitFilter.value, text: event.currentTarget.value };
          }}
        />
        <div class="filters">
          <Filter status="all" count={all.length} current={wanted === "all"} />
          {STATUSES.map((status) => (
            <Filter
              key={status}
              status={status}
              count={all.filter((unit) => unit.status === status).length}
              current={wanted === status}
            />
          ))}
        </div>
      </div>
      <div class="scroll">
        {shownUnits.value.length === 0 && <p class="empty">{t("units.empty")}</p>}
        <ul aria-label={t("tab.units")}>
          {shownUnits.value.map((unit) => (
            <li key={unit.id} class="unit-item">
              <UnitRow unit={unit} selected={selection.value?.id === unit.id} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function Filter({ status, count, current }: { status: UnitStatus | "all"; count: number; current: boolean }) {
  return (
    <button
      type="button"
      class="filter"
      aria-pressed={current}
      onClick={() => {
        unitFilter.value = { ...unitFilter.value, status };
      }}
    >
      {status === "all" ? t("units.all") : t(`status.${status}`)} <b>{count}</b>
    </button>
  );
}

function UnitRow({ unit, selected }: { unit: Unit; selected: boolean }) {
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
          <StateChip status={unit.status} />
        </span>
        <span class="row-line row-soft">
          <span class="row-place">{listWords(unit.officers.map(({ name }) => name))}</span>
          {unit.position ? (
            <Age at={unit.position.observed_at} staleAfterS={STALE_S} bare />
          ) : (
            <span class="age">{t("units.no_position")}</span>
          )}
        </span>
        {unit.contact && (
          <span class="row-line contact" data-testid="unit-contact" data-alarm={isAlarming(unit.contact)}>
            {contactWords(unit.contact)}
          </span>
        )}
        <span class="row-line devices">
          {unit.devices.length === 0 && <span class="row-soft">{t("units.no_device")}</span>}
          {unit.devices.map((device) => (
            <span key={device.id} class="device-mini" data-online={device.online}>
              <i title={t(device.online ? "device.online" : "device.offline")} />
              <Battery pct={device.battery_pct} charging={device.charging} device={device.kind} />
            </span>
          ))}
        </span>
      </span>
    </button>
  );
}
