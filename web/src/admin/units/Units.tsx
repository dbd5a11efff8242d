// Every unit: looked for, listed page by page, one of them opened; those retired are still here.
//
// Marks: units, unit-row[data-unit], units-search, units-state, units-new; new-unit, unit, new-officer and
// officer (forms), unit-back, unit-doing, crew, crew-officer, officer-open, officer-new, unit-devices, unit-retire.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { Pager } from "../parts/Pager";
import { subject } from "../sections";
import * as api from "./api";
import { NewUnit } from "./NewUnit";
import { UnitPage } from "./UnitPage";
import { t } from "./words";

const TYPING_MS = 250;
const STATES = ["active", "retired", "all"] as const;
const NOTHING: api.Wanted = { q: "", station: "", state: "active", offset: 0 };

export function Units() {
  return subject.value ? <UnitPage key={subject.value} id={subject.value} /> : <List />;
}

function List() {
  const wanted = useSignal(NOTHING);
  const found = useSignal<api.UnitsPage | null>(null);
  const adding = useSignal(false);
  const narrow = (patch: Partial<api.Wanted>) => {
    wanted.value = { ...wanted.value, offset: 0, ...patch };
  };
  const asked = wanted.value;
  useEffect(() => {
    const ask = () =>
      api.list(asked).then((page) => {
        if (wanted.peek() === asked) found.value = page;
      }, toastError);
    const timer = setTimeout(ask, asked.q && found.peek() ? TYPING_MS : 0);
    return () => clearTimeout(timer);
  }, [asked]);
  const page = found.value;
  return (
    <>
      <header class="admin-head">
        <h2>{t("units.title")}</h2>
        <Button
          kind="primary"
          icon="plus"
          data-testid="units-new"
          onClick={() => {
            adding.value = true;
          }}
        >
          {t("units.new")}
        </Button>
      </header>
      <search class="admin-tools">
        <label class="field">
          <span>{t("units.search")}</span>
          <input
            class="input"
            type="search"
            data-testid="units-search"
            value={asked.q}
            onInput={(event) => narrow({ q: event.currentTarget.value })}
          />
        </label>
        <label class="field admin-narrow">
          <span>{t("unit.station")}</span>
          <select
            class="input"
            value={asked.station}
            onChange={(event) => narrow({ station: event.currentTarget.value })}
          >
            <option value="">{t("units.any")}</option>
            {page?.stations.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="field admin-narrow">
          <span>{t("units.state")}</span>
          <select
            class="input"
            data-testid="units-state"
            value={asked.state}
            onChange={(event) => narrow({ state: event.currentTarget.value as api.Wanted["state"] })}
          >
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t(`units.state.${state}`)}
              </option>
            ))}
          </select>
        </label>
        {page && (
          <Pager
            mark="units"
            offset={asked.offset}
            length={page.units.length}
            total={page.total}
            pageLength={api.PAGE_LENGTH}
            onTurn={(offset) => narrow({ offset })}
          />
        )}
      </search>
      {page ? <Table units={page.units} /> : <p class="admin-note">{t("app.loading")}</p>}
      {adding.value && (
        <NewUnit
          stations={page?.stations ?? []}
          onClose={() => {
            adding.value = false;
          }}
        />
      )}
    </>
  );
}

function Table({ units }: { units: api.KeptUnit[] }) {
  if (units.length === 0) return null;
  return (
    <table class="admin-table" data-testid="units">
      <thead>
        <tr>
          <th scope="col">{t("unit.call_sign")}</th>
          <th scope="col">{t("unit.station")}</th>
          <th scope="col">{t("unit.officers")}</th>
          <th scope="col">{t("unit.devices")}</th>
          <th scope="col">{t("units.now")}</th>
        </tr>
      </thead>
      <tbody>
        {units.map((unit) => (
          <Row key={unit.id} unit={unit} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ unit }: { unit: api.KeptUnit }) {
  const { call_sign, kind, station, squad, area, officers, devices } = unit;
  return (
    <tr data-testid="unit-row" data-unit={call_sign} data-off={unit.retired_at !== null}>
      <th scope="row">
        <span class="admin-kind">
          <Icon name={kind} size={14} />
          <a class="admin-open" href={`#units/${unit.id}`}>
            {call_sign}
          </a>
        </span>
        <span class="admin-soft">{t(`unit.${kind}`)}</span>
      </th>
      <td data-label={t("unit.station")}>
        {station ?? "–"}
        <span class="admin-soft">{[squad, area].filter(Boolean).join(" · ")}</span>
      </td>
      <td data-label={t("unit.officers")}>
        {officers.map(({ badge, name }) => `${name} ${badge}`).join(t("list.comma")) || "–"}
      </td>
      <td data-label={t("unit.devices")}>{devices.map(({ id }) => id).join(t("list.comma")) || "–"}</td>
      <td data-label={t("units.now")}>
        <Doing unit={unit} />
      </td>
    </tr>
  );
}

export function Doing({ unit }: { unit: api.KeptUnit }) {
  const { retired_at, on_duty_since, order_number } = unit;
  if (retired_at) {
    return (
      <>
        {t("units.retired")} <Time at={retired_at} seconds={false} />
      </>
    );
  }
  if (order_number !== null) return <>{t("units.order", { number: order_number })}</>;
  if (!on_duty_since) return <span class="admin-none">{t("status.off_duty")}</span>;
  return (
    <>
      {t("units.on_duty")} <Time at={on_duty_since} seconds={false} />
    </>
  );
}
