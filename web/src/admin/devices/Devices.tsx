// Every device in service: what it is, whose it is, what it speaks, how charged, when last heard.
import { useSignal } from "@preact/signals";
import { Battery } from "../../shared/components/Battery";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { Age } from "../../shared/components/Time";
import { lazy } from "../../shared/lazy";
import { learn } from "../../shared/learn_spelling";
import { means } from "../../shared/spelling";
import { devices, isOld } from "../store";
import type { DeviceEntry, DeviceName } from "../types";
import { t } from "../words";
import { NameDialog } from "./NameDialog";
import { NATIVE, protocolWords } from "./protocols";
import { Register } from "./Register";

const DeviceDialog = lazy(() => import("./DeviceDialog").then(({ DeviceDialog }) => DeviceDialog));

const STALE_AFTER_S = 15 * 60;
const ROWS_MAX = 300;

/** One of a device's names, to be changed. */
interface Chosen {
  deviceId: string;
  name: DeviceName;
}

type Choose = (name: Chosen) => void;
type Open = (device: DeviceEntry) => void;

export function Devices() {
  const registering = useSignal(false);
  const chosen = useSignal<Chosen | null>(null);
  const opened = useSignal<DeviceEntry | null>(null);
  const withDisabled = useSignal(false);
  const wanted = useSignal("");
  const choose = (name: Chosen) => {
    chosen.value = name;
  };
  const known = devices.value;
  const all = known?.filter(({ disabled_at }) => withDisabled.value || disabled_at === null);
  const off = known?.filter(({ disabled_at }) => disabled_at !== null).length ?? 0;
  if (!all) return <p class="admin-note">{t("app.loading")}</p>;
  const found = all.filter((device) => fits(device, wanted.value));
  return (
    <>
      <header class="admin-head">
        <h2>{t("devices.title")}</h2>
        <Button
          kind="primary"
          icon="plus"
          data-testid="register"
          onClick={() => {
            registering.value = true;
          }}
        >
          {t("register.title")}
        </Button>
      </header>
      <search class="admin-tools">
        <label class="field">
          <span>{t("devices.filter")}</span>
          <input
            class="input"
            type="search"
            data-testid="device-filter"
            value={wanted.value}
            onInput={(event) => {
              if (!wanted.value) void learn(all.flatMap(namesOf));
              wanted.value = event.currentTarget.value;
            }}
          />
        </label>
        {off > 0 && (
          <label class="admin-check">
            <input
              type="checkbox"
              data-testid="devices-disabled"
              checked={withDisabled.value}
              onChange={(event) => {
                withDisabled.value = event.currentTarget.checked;
              }}
            />
            {t("devices.disabled", { n: off })}
          </label>
        )}
        <span role="status">{t("devices.count", { n: found.length, all: all.length })}</span>
      </search>
      {isOld.value && (
        <p class="notice" data-kind="bad">
          {t("admin.old")}
        </p>
      )}
      {found.length > 0 && (
        <Table
          found={found.slice(0, ROWS_MAX)}
          onChoose={choose}
          onOpen={(device) => {
            opened.value = device;
          }}
        />
      )}
      {found.length > ROWS_MAX && (
        <p class="admin-note" data-testid="devices-more">
          {t("devices.more", { n: ROWS_MAX })}
        </p>
      )}
      {registering.value && (
        <Register
          onClose={() => {
            registering.value = false;
          }}
        />
      )}
      {opened.value && (
        <DeviceDialog
          device={opened.value}
          onClose={() => {
            opened.value = null;
          }}
        />
      )}
      {chosen.value && (
        <NameDialog
          {...chosen.value}
          onClose={() => {
            chosen.value = null;
          }}
        />
      )}
    </>
  );
}

function namesOf(device: DeviceEntry): string[] {
  const names = device.names.flatMap((name) => [name.external_id, name.badge, protocolWords(name.protocol)]);
  const told = [device.id, device.model, device.call_sign, t(`device.${device.kind}`), ...names];
  return told.filter((each) => each !== null && each !== undefined);
}

const fits = (device: DeviceEntry, text: string): boolean => means(text, ...namesOf(device));

function Table({ found, onChoose, onOpen }: { found: DeviceEntry[]; onChoose: Choose; onOpen: Open }) {
  return (
    <table class="admin-table" data-testid="devices">
      <thead>
        <tr>
          <th scope="col">{t("devices.column.device")}</th>
          <th scope="col">{t("devices.column.kind")}</th>
          <th scope="col">{t("devices.column.unit")}</th>
          <th scope="col">{t("devices.column.path")}</th>
          <th scope="col">{t("devices.column.battery")}</th>
          <th scope="col">{t("devices.column.seen")}</th>
        </tr>
      </thead>
      <tbody>
        {found.map((device) => (
          <Row key={device.id} device={device} onChoose={onChoose} onOpen={onOpen} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ device, onChoose, onOpen }: { device: DeviceEntry; onChoose: Choose; onOpen: Open }) {
  return (
    <tr data-testid="device-row" data-device={device.id} data-off={device.disabled_at !== null}>
      <th scope="row">
        <button type="button" class="admin-link" data-testid="device-open" onClick={() => onOpen(device)}>
          {device.id}
        </button>
        {device.disabled_at && <span class="admin-state">{t("device.off")}</span>}
        {device.model && <span class="admin-soft">{device.model}</span>}
      </th>
      <td>
        <span class="admin-kind">
          <Icon name={device.kind} size={14} />
          {t(`device.${device.kind}`)}
        </span>
      </td>
      <td>{device.call_sign ?? <span class="admin-none">{t("devices.no_unit")}</span>}</td>
      <td>
        <Names device={device} onChoose={onChoose} />
      </td>
      <td>
        <Battery pct={device.battery_pct} charging={device.charging} />
      </td>
      <td>
        <Age at={device.last_seen_at} staleAfterS={STALE_AFTER_S} />
      </td>
    </tr>
  );
}

/** By what it may come in, and as whom. */
function Names({ device, onChoose }: { device: DeviceEntry; onChoose: Choose }) {
  if (!device.enrolled && device.names.length === 0) {
    return <span class="admin-none">{t("devices.no_path")}</span>;
  }
  return (
    <ul class="admin-names">
      {device.enrolled && <li>{protocolWords(NATIVE)}</li>}
      {device.names.map((name) => (
        <li key={`${name.protocol} ${name.external_id}`}>
          {protocolWords(name.protocol)}{" "}
          <button
            type="button"
            class="admin-link"
            data-testid="name"
            onClick={() => onChoose({ deviceId: device.id, name })}
          >
            {name.external_id}
          </button>
          {name.badge && <span class="admin-soft">{t("devices.carried", { badge: name.badge })}</span>}
          {name.strict && <span class="admin-soft">{t("devices.strict")}</span>}
          {name.datum !== "wgs84" && <span class="admin-soft">{t(`datum.${name.datum}`)}</span>}
        </li>
      ))}
    </ul>
  );
}
