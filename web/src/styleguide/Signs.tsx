// What a dispatcher reads at a glance: states, priorities, kinds, headings, batteries.
import { useMemo } from "preact/hooks";
import { Battery } from "../shared/components/Battery";
import { Icon } from "../shared/components/Icon";
import { Mark } from "../shared/components/Mark";
import { PriorityTag, StateChip } from "../shared/components/StateChip";
import { ICONS, type IconName } from "../shared/icons";
import { drawIncident, drawUnit, type IncidentLook, type UnitLook } from "../shared/map/marks";
import { palettes } from "../shared/map/palette";
import { type ClusterLook, clusterPicture } from "../shared/map/unit_marks";
import type { Theme } from "../shared/theme";
import type { DeviceKind, Priority, UnitKind, UnitStatus } from "../shared/types";
import { Other, Part } from "./Part";
import { t } from "./words";

const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];
const PRIORITIES: Priority[] = ["emergency", "priority", "routine"];
const KINDS: UnitKind[] = ["patrol_car", "off_road", "motorcycle", "foot"];
const NAMES = Object.keys(ICONS) as IconName[];
const STILL: UnitLook = {
  kind: "patrol_car",
  status: "available",
  stale: false,
  heading16: null,
  battery: "none",
  selected: false,
};

function UnitMark({ theme, ...look }: { theme: Theme } & Partial<UnitLook>) {
  const key = JSON.stringify(look);
  const canvas = useMemo(() => drawUnit(palettes[theme], { ...STILL, ...look }), [theme, key]);
  return <Mark canvas={canvas} />;
}

/** Counts in the order of `GROUPS`. */
const CLUSTERS: ClusterLook[] = [
  { count: 7, groups: [0, 1, 1, 5, 0, 0], worst: "none" },
  { count: 24, groups: [4, 4, 4, 12, 0, 0], worst: "battery_low" },
  { count: 118, groups: [20, 18, 10, 40, 20, 10], worst: "stale" },
  { count: 86, groups: [30, 30, 6, 20, 0, 0], worst: "battery_critical" },
  { count: 1204, groups: [200, 200, 200, 404, 100, 100], worst: "overdue" },
];

function ClusterMark({ theme, count, groups, worst }: { theme: Theme } & ClusterLook) {
  const canvas = useMemo(
    () => clusterPicture(palettes[theme], { count, groups, worst }),
    [theme, count, groups, worst],
  );
  return <Mark canvas={canvas} />;
}

function IncidentMark({ theme, ...look }: { theme: Theme } & IncidentLook) {
  const { priority, assigned, selected } = look;
  const canvas = useMemo(
    () => drawIncident(palettes[theme], { priority, assigned, selected }),
    [theme, priority, assigned, selected],
  );
  return <Mark canvas={canvas} />;
}

export function States({ theme }: { theme: Theme }) {
  return (
    <Part title={t("states")} why={t("states.why")}>
      <ul class="guide-rows">
        {STATUSES.map((status) => (
          <li key={status}>
            <span data-testid="sign" data-set="unit" data-sign={status}>
              <UnitMark theme={theme} status={status} />
            </span>
            <span data-testid="sign" data-set="state" data-sign={status}>
              <StateChip status={status} />
            </span>
            <Other of={`status.${status}`} />
          </li>
        ))}
        <li>
          <span data-testid="sign" data-set="unit" data-sign="stale">
            <UnitMark theme={theme} stale />
          </span>
          <span class="guide-stale">{t("stale")}</span>
        </li>
        <li>
          <UnitMark theme={theme} status="en_route" heading16={2} selected />
          {t("selected")}
        </li>
        <li>
          <UnitMark theme={theme} battery="low" />
          <UnitMark theme={theme} battery="critical" />
          {t("mark.battery")}
        </li>
        <li>
          {CLUSTERS.map((cluster) => (
            <ClusterMark key={cluster.worst} theme={theme} {...cluster} />
          ))}
          {t("mark.cluster")}
        </li>
      </ul>
    </Part>
  );
}

export function Priorities({ theme }: { theme: Theme }) {
  return (
    <Part title={t("priorities")} why={t("priorities.why")}>
      <ul class="guide-rows">
        {PRIORITIES.map((priority) => (
          <li key={priority}>
            <span data-testid="sign" data-set="incident" data-sign={priority}>
              <IncidentMark theme={theme} priority={priority} assigned={false} selected={false} />
            </span>
            <span data-testid="sign" data-set="incident" data-sign={`${priority} assigned`}>
              <IncidentMark theme={theme} priority={priority} assigned selected={false} />
            </span>
            <span data-testid="sign" data-set="priority" data-sign={priority}>
              <PriorityTag priority={priority} />
            </span>
            <Other of={`priority.${priority}`} />
          </li>
        ))}
        <li>
          <IncidentMark theme={theme} priority="priority" assigned={false} selected />
          {t("selected")}
        </li>
      </ul>
    </Part>
  );
}

export function Headings({ theme }: { theme: Theme }) {
  return (
    <Part title={t("headings")} why={t("headings.why")}>
      <div class="guide-line">
        {[0, 2, 4, 6, 8, 10, 12, 14].map((heading16) => (
          <UnitMark key={heading16} theme={theme} status="en_route" heading16={heading16} />
        ))}
      </div>
      <div class="guide-line">
        {KINDS.map((kind) => (
          <span key={kind} class="guide-kind">
            <UnitMark theme={theme} kind={kind} />
            <Icon name={kind} size={18} />
            {t(`unit.${kind}`)} <Other of={`unit.${kind}`} />
          </span>
        ))}
      </div>
    </Part>
  );
}

export function Icons() {
  return (
    <Part title={t("icons")} why={t("icons.why")}>
      <ul class="guide-icons">
        {NAMES.map((name) => (
          <li key={name}>
            <Icon name={name} size={20} />
            <code>{name}</code>
          </li>
        ))}
      </ul>
    </Part>
  );
}

const LEVELS = [92, 30, 15, 4, null];
const DEVICES: DeviceKind[] = ["body_camera", "handset", "vehicle"];

export function Batteries() {
  return (
    <Part title={t("batteries")} why={t("batteries.why")}>
      <div class="guide-line">
        {LEVELS.map((pct) => (
          <Battery key={pct} pct={pct} />
        ))}
      </div>
      <div class="guide-line">
        {LEVELS.map((pct) => (
          <Battery key={pct} pct={pct} charging />
        ))}
      </div>
      <div class="guide-line">
        {DEVICES.map((device) => (
          <Battery key={device} pct={64} device={device} />
        ))}
      </div>
    </Part>
  );
}
