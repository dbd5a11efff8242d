import { Button, KeyCap } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { Mark } from "../../shared/components/Mark";
import { drawIncident, drawUnit } from "../../shared/map/marks";
import { palettes } from "../../shared/map/palette";
import { clusterPicture } from "../../shared/map/unit_marks";
import { theme } from "../../shared/theme";
import type { UnitStatus } from "../../shared/types";
import { helpOpen } from "../store";
import { t as say } from "../words";
import { cap, GROUPS, type Group, KEYS, type KeyName, printed } from "./table";
import { t } from "./words";

const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];

export function Help() {
  const close = () => {
    helpOpen.value = false;
  };
  return (
    <Dialog title={t("help.title")} onClose={close}>
      <section class="help-keys">
        {GROUPS.map((group) => (
          <KeysOf key={group} group={group} />
        ))}
        <p class="row-soft">{t("help.context")}</p>
      </section>
      <Signs />
      <div class="dialog-actions">
        <Button onClick={close} cap={cap("back")}>
          {t("app.close")}
        </Button>
      </div>
    </Dialog>
  );
}

function KeysOf({ group }: { group: Group }) {
  const names = (Object.keys(KEYS) as KeyName[]).filter((name) => KEYS[name][0] === group);
  return (
    <>
      <h3 class="group-title">{t(`group.${group}`)}</h3>
      <dl>
        {names.map((name) => (
          <div key={name} data-testid="help-key" data-key={name}>
            <dt>{capsOf(name)}</dt>
            <dd>{t(`key.${name}`)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const capsOf = (name: KeyName) =>
  KEYS[name].slice(1).map((key) => (
    <span key={key}>
      <KeyCap>{printed(key)}</KeyCap>
      <span class="visually-hidden">{printed(key)} </span>
    </span>
  ));

/** Counts in the order of `GROUPS`. */
const CLUSTER = { count: 24, groups: [4, 4, 4, 12, 0, 0], worst: "battery_critical" } as const;

function Signs() {
  const palette = palettes[theme.value];
  const unit = {
    kind: "patrol_car",
    heading16: null,
    battery: "none",
    selected: false,
    stale: false,
  } as const;
  return (
    <section>
      <h3 class="group-title">{t("help.signs")}</h3>
      <ul class="help-signs">
        {STATUSES.map((status) => (
          <li key={status}>
            <Mark
              canvas={drawUnit(palette, { ...unit, status, heading16: status === "en_route" ? 2 : null })}
            />
            {say(`status.${status}`)}
          </li>
        ))}
        <li>
          <Mark canvas={drawUnit(palette, { ...unit, status: "available", stale: true })} />
          {t("help.stale")}
        </li>
        <li>
          <Mark canvas={drawUnit(palette, { ...unit, status: "available", battery: "critical" })} />
          {t("help.battery")}
        </li>
        <li>
          <Mark canvas={clusterPicture(palette, CLUSTER)} />
          {t("help.cluster")}
        </li>
        {(["emergency", "priority", "routine"] as const).map((priority) => (
          <li key={priority}>
            <Mark canvas={drawIncident(palette, { priority, assigned: false, selected: false })} />
            {say(`priority.${priority}`)} · {t("help.incident_open")}
          </li>
        ))}
        <li>
          <Mark canvas={drawIncident(palette, { priority: "priority", assigned: true, selected: false })} />
          {t("help.incident_assigned")}
        </li>
      </ul>
    </section>
  );
}
