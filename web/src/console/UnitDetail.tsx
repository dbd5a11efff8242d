import { useSignal } from "@preact/signals";
import { Battery } from "../shared/components/Battery";
import { Button } from "../shared/components/Button";
import { Icon } from "../shared/components/Icon";
import { StateChip } from "../shared/components/StateChip";
import { Age } from "../shared/components/Time";
import { lazy } from "../shared/lazy";
import type { Device, Unit } from "../shared/types";
import { openIncident, setShift } from "./commands";
import { contactWords, isAlarming } from "./contact";
import { EnduranceLine, useEndurance } from "./DeviceEndurance";
import { t } from "./decision/words";
import { cap } from "./keys/table";
import { camera } from "./map/camera";
import { Skills } from "./score/Skills";
import { deselect, followedUnit, incidents, STALE_S } from "./store";
import { orderOf, WelfareWatch } from "./units/Welfare";
import { t as unitWords } from "./units/words";
import { listWords, officerWords, positionWords, typeName } from "./words";

const OrderBatteries = lazy(() => import("./work").then((part) => part.OrderBatteries));

export function UnitDetail({ unit }: { unit: Unit }) {
  const busy = useSignal(false);
  useEndurance(unit.id);
  const { position } = unit;
  const incident = unit.incident_id ? incidents.value.get(unit.incident_id) : undefined;
  const order = orderOf(unit);
  const following = followedUnit.value === unit.id;
  const onDuty = unit.status !== "off_duty";
  return (
    <>
      <header class="detail-head">
        <div class="detail-title">
          <Icon name={unit.kind} size={20} />
          <h2>{unit.call_sign}</h2>
          <Button kind="quiet" size="small" icon="close" aria-label={t("app.close")} onClick={deselect} />
        </div>
        <div class="detail-tags">
          <StateChip status={unit.status} />
          <span class="row-soft">{t(`unit.${unit.kind}`)}</span>
        </div>
      </header>
      <div class="scroll detail-body">
        {incident && (
          <button type="button" class="row attention" onClick={() => openIncident(incident)}>
            <Icon name="alert" size={15} />
            <b>{t("unit.to_incident", { number: incident.number })}</b>
            <span>{typeName(incident.type)}</span>
          </button>
        )}
        {unit.contact && (
          <p class="contact" data-alarm={isAlarming(unit.contact)}>
            <Icon name="silence" size={15} /> {contactWords(unit.contact)}
          </p>
        )}
        {order && <WelfareWatch order={order} />}
        <dl class="facts">
          <dt>{t("unit.officers")}</dt>
          <dd>
            {unit.officers.length === 0 && "–"}
            {unit.officers.map((officer) => (
              <span key={officer.badge} class="row-line">
                {officerWords(officer)}
                <Phone number={officer.phone} />
                {officer.skills && officer.skills.length > 0 && <Skills codes={officer.skills} />}
              </span>
            ))}
          </dd>
          {unit.leader && (
            <>
              <dt>{t("unit.leader")}</dt>
              <dd data-testid="unit-leader">
                {officerWords(unit.leader)}
                {unit.leader.call_sign !== unit.call_sign && ` · ${unit.leader.call_sign ?? "–"}`}
                <Phone number={unit.leader.phone} />
              </dd>
            </>
          )}
          <dt>{t("unit.station")}</dt>
          <dd>{unit.station ?? "–"}</dd>
          <dt>{t("unit.last_position")}</dt>
          <dd>
            {position ? (
              <button
                type="button"
                class="place-link"
                title={t("detail.show")}
                onClick={() => camera.goTo(position.lon, position.lat)}
              >
                <span>
                  <Age at={position.observed_at} staleAfterS={STALE_S} />{" "}
                  <small>
                    {positionWords(position.lon, position.lat)}
                    {position.accuracy_m !== null &&
                      ` ${t("unit.accuracy", { metres: Math.round(position.accuracy_m) })}`}
                  </small>
                </span>
              </button>
            ) : (
              t("units.no_position")
            )}
            {position?.speed_mps != null && position.speed_mps >= 1 && (
              <span class="row-soft">{t("unit.speed", { speed: Math.round(position.speed_mps * 3.6) })}</span>
            )}
          </dd>
        </dl>
        <h3 class="group-title">{t("unit.devices")}</h3>
        {unit.devices.length === 0 && <p class="row-soft">{unitWords("units.no_device")}</p>}
        <ul class="device-list">
          {unit.devices.map((device) => (
            <DeviceRow key={device.id} device={device} />
          ))}
        </ul>
        {unit.order_id && unit.incident_id && (
          <OrderBatteries orderId={unit.order_id} incidentId={unit.incident_id} />
        )}
      </div>
      <footer class="detail-foot">
        <Button
          cap={cap("follow")}
          icon="target"
          kind={following ? "primary" : "plain"}
          aria-pressed={following}
          disabled={!position}
          onClick={() => {
            followedUnit.value = following ? null : unit.id;
          }}
        >
          {t(following ? "unit.following" : "unit.follow")}
        </Button>
        <Button
          kind={onDuty ? "danger" : "primary"}
          busy={busy.value}
          disabled={unit.order_id !== null}
          title={unit.order_id ? t("error.unit_busy") : ""}
          data-testid="shift"
          onClick={async () => {
            busy.value = true;
            await setShift(unit, !onDuty);
            busy.value = false;
          }}
        >
          {t(onDuty ? "unit.shift.off" : "unit.shift.on")}
        </Button>
      </footer>
    </>
  );
}

function Phone({ number }: { number: string }) {
  if (!number) return null;
  return (
    <>
      {" "}
      <a href={`tel:${number.replace(/[^+\d]/g, "")}`}>{number}</a>
    </>
  );
}

function DeviceRow({ device }: { device: Device }) {
  return (
    <li class="device-row" data-online={device.online}>
      <Icon name={device.kind} size={18} />
      <span class="unit-main">
        <span class="row-line">
          <b class="row-title">{t(`device.${device.kind}`)}</b>
          <Battery pct={device.battery_pct} charging={device.charging} />
        </span>
        <span class="row-line row-soft">
          <span class="row-place">
            {device.id}
            {device.model && ` · ${device.model}`}
            {device.mode && ` · ${t("unit.mode", { mode: modeWords(device.mode) })}`}
          </span>
        </span>
        <EnduranceLine deviceId={device.id} />
        <span class="row-line row-soft">
          <span class="device-mini" data-online={device.online}>
            <i />
            {t(device.online ? "device.online" : "device.offline")}
          </span>
          <span>
            {t("unit.last_seen")} <Age at={device.last_seen_at} />
          </span>
        </span>
      </span>
    </li>
  );
}

/** "record+screen" → "recording, screen on"; what is no mode of ours as it is. */
const modeWords = (mode: string): string =>
  listWords(mode.split("+").map((each) => t.loose(`unit.mode.${each}`, {}, each)));
