import { useEffect, useRef } from "preact/hooks";
import { Button, KeyCap } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { drawIncident, drawUnit } from "../shared/map/marks";
import { palettes } from "../shared/map/palette";
import { theme } from "../shared/theme";
import type { UnitStatus } from "../shared/types";
import { helpOpen } from "./store";
import { t } from "./words";

const KEYS = [
  ["A", "help.a"],
  ["N", "help.n"],
  ["/", "help.slash"],
  ["J K", "help.jk"],
  ["⏎", "help.enter"],
  ["Ctrl ⏎", "help.ctrl_enter"],
  ["U", "help.u"],
  ["T", "help.t"],
  ["R", "help.r"],
  ["C", "help.c"],
  ["F", "help.f"],
  ["M", "help.m"],
  ["P", "help.p"],
  ["I", "help.i"],
  ["Z", "help.z"],
  ["B", "help.b"],
  ["W", "help.w"],
  ["E", "help.e"],
  ["H", "help.h"],
  ["L", "help.l"],
  ["O", "help.o"],
  ["0", "help.zero"],
  ["1 – 4", "help.tabs"],
  ["Esc", "help.esc"],
  ["?", "help.help"],
] as const;

const STATUSES: UnitStatus[] = ["available", "assigned", "en_route", "on_scene", "off_duty"];

export function Help() {
  const palette = palettes[theme.value];
  const close = () => {
    helpOpen.value = false;
  };
  const unit = {
    kind: "patrol_car",
    heading16: null,
    battery: "none",
    selected: false,
    stale: false,
  } as const;
  return (
    <Dialog title={t("help.title")} onClose={close}>
      <section>
        <h3 class="group-title">{t("help.keys")}</h3>
        <dl class="help-keys">
          {KEYS.map(([key, words]) => (
            <div key={key}>
              <dt>
                <KeyCap>{key}</KeyCap>
                <span class="visually-hidden">{key}</span>
              </dt>
              <dd>{t(words)}</dd>
            </div>
          ))}
        </dl>
        <p class="row-soft">{t("help.context")}</p>
      </section>
      <section>
        <h3 class="group-title">{t("help.signs")}</h3>
        <ul class="help-signs">
          {STATUSES.map((status) => (
            <li key={status}>
              <Mark
                canvas={drawUnit(palette, { ...unit, status, heading16: status === "en_route" ? 2 : null })}
              />
              {t(`status.${status}`)}
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
          {(["emergency", "priority", "routine"] as const).map((priority) => (
            <li key={priority}>
              <Mark canvas={drawIncident(palette, { priority, assigned: false, selected: false })} />
              {t(`priority.${priority}`)} · {t("help.incident_open")}
            </li>
          ))}
          <li>
            <Mark canvas={drawIncident(palette, { priority: "priority", assigned: true, selected: false })} />
            {t("help.incident_assigned")}
          </li>
        </ul>
      </section>
      <div class="dialog-actions">
        <Button onClick={close} cap="Esc">
          {t("app.close")}
        </Button>
      </div>
    </Dialog>
  );
}

function Mark({ canvas }: { canvas: HTMLCanvasElement }) {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => place.current?.replaceChildren(canvas), [canvas]);
  return <span class="help-mark" ref={place} aria-hidden="true" />;
}
