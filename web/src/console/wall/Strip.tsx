// The foot of the wall: who is free, what runs low, which roads are not as usual, what is to be done.
import type { ComponentChildren } from "preact";
import { batteryLevel } from "../../shared/components/Battery";
import { StateChip } from "../../shared/components/StateChip";
import type { Unit, UnitStatus } from "../../shared/types";
import { isStale, unitsByName, work, workOpen } from "../store";
import { roadWords } from "../TopBar";
import { listWords } from "../words";
import { t } from "./words";

const COUNTED: UnitStatus[] = ["available", "assigned", "en_route", "on_scene"];
const NAMED_MAX = 12;

export function Strip() {
  const onDuty = unitsByName.value.filter(({ status }) => status !== "off_duty");
  const free = onDuty.filter(({ status }) => status === "available");
  const low = onDuty.flatMap(lowCamera);
  const silent = onDuty.filter(isStale);
  const alarms = work.value.filter(({ severity }) => severity === "alarm").length;
  return (
    <footer class="wall-strip">
      <Cell title={t("wall.units")} mark="wall-units">
        <span class="wall-counts">
          {COUNTED.map((status) => (
            <span key={status} data-testid={`wall-count-${status}`}>
              <b>{onDuty.filter((unit) => unit.status === status).length}</b>
              <StateChip status={status} />
            </span>
          ))}
        </span>
      </Cell>
      <Cell title={t("wall.free")} mark="wall-free" alarm={free.length === 0}>
        {named(free.map(({ call_sign }) => call_sign)) || t("wall.none_free")}
      </Cell>
      {silent.length > 0 && (
        <Cell title={t("wall.silent")} mark="wall-silent" alarm>
          {named(silent.map(({ call_sign }) => call_sign))}
        </Cell>
      )}
      {low.length > 0 && (
        <Cell title={t("wall.cameras")} mark="wall-cameras" alarm>
          {named(low)}
        </Cell>
      )}
      <Cell title={t("wall.roads")} mark="wall-roads">
        {roadWords() || t("wall.roads_fine")}
      </Cell>
      <Cell title={t("wall.work")} mark="wall-work" alarm={alarms > 0}>
        <b>{workOpen.value}</b>
        {alarms > 0 && ` · ${t("wall.work_alarms", { alarms })}`}
      </Cell>
    </footer>
  );
}

function Cell(properties: { title: string; mark: string; alarm?: boolean; children: ComponentChildren }) {
  const { title, mark, alarm = false, children } = properties;
  return (
    <section data-testid={mark} data-alarm={alarm}>
      <h2>{title}</h2>
      <div>{children}</div>
    </section>
  );
}

const lowCamera = ({ call_sign, devices }: Unit): string[] =>
  devices
    .filter(({ kind, charging }) => kind === "body_camera" && !charging)
    .filter(({ battery_pct }) => ["low", "critical"].includes(batteryLevel(battery_pct)))
    .map(({ battery_pct }) => `${call_sign} ${Math.round(battery_pct ?? 0)} %`);

function named(names: string[]): string {
  const shown = listWords(names.slice(0, NAMED_MAX));
  const more = names.length - NAMED_MAX;
  return more > 0 ? `${shown} ${t("wall.more", { count: more })}` : shown;
}
