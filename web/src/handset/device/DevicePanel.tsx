// What this handset does by itself and why: how often it says where it is, its battery, the map it keeps, and
// whether it is an app; with what a person may change of it.
//
// Marks for browser tests: device, device-position (data-every), wish-auto, wish-often, wish-rarely,
// battery-entry, battery-send, device-battery, device-map (data-ways), map-clear, install, install-how.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import { durationText, localTime } from "../../shared/time";
import { CRITICAL_PCT, LOW_PCT, type Wish } from "../economy";
import { install, installed, offer, platform } from "../install";
import { store } from "../route/keeper";
import { BYTES_MAX, total } from "../route/tilestore";
import { battery, batteryTold, enterBattery, plan, setWish, wish } from "../sensors";
import { aboutDevice } from "../view";
import { t } from "./words";

const WISHES: Wish[] = ["auto", "often", "rarely"];
const MEGABYTE = 1 << 20;

export function DevicePanel() {
  return (
    <Dialog
      title={t("device.title")}
      onClose={() => {
        aboutDevice.value = false;
      }}
    >
      <div class="device" data-testid="device">
        <Position />
        <BatterySection />
        <MapSection />
        <AppSection />
      </div>
      <Button
        size="large"
        kind="quiet"
        onClick={() => {
          aboutDevice.value = false;
        }}
      >
        {t("app.back")}
      </Button>
    </Dialog>
  );
}

function Position() {
  const { everyS, exact, wish: taken } = plan.value;
  return (
    <section>
      <h3>{t("device.position")}</h3>
      <p data-testid="device-position" data-every={everyS}>
        {t("device.how", {
          every: t("device.every", { every: durationText(1000 * everyS) }),
          how: t(exact ? "device.exact" : "device.coarse"),
        })}
      </p>
      <ul>
        {reasons().map((words) => (
          <li key={words}>{words}</li>
        ))}
      </ul>
      <fieldset class="device-wish">
        <legend>{t("device.wish")}</legend>
        {WISHES.map((each) => (
          <Button
            key={each}
            aria-pressed={taken === each}
            data-testid={`wish-${each}`}
            onClick={() => setWish(each)}
          >
            {t(`device.wish.${each}`)}
          </Button>
        ))}
      </fieldset>
    </section>
  );
}

function reasons(): string[] {
  const { duty, moving, band, linked, wish: taken } = plan.value;
  const words = [t(duty === "idle" && moving ? "device.why.patrol" : `device.why.${duty}`)];
  if (taken !== "auto") words.push(t(`device.why.${taken}`, { time: localTime(wish.value.until, false) }));
  else if (band !== "enough")
    words.push(t(`device.why.${band}`, { pct: band === "low" ? LOW_PCT : CRITICAL_PCT }));
  if (!linked) words.push(t("device.why.alone"));
  return words;
}

function BatterySection() {
  const entry = useRef<HTMLInputElement>(null);
  const level = battery.value;
  return (
    <section>
      <h3>{t("device.battery")}</h3>
      {level && (
        <p data-testid="device-battery">
          {level.enteredAt !== undefined
            ? t("device.battery.entered", { pct: level.pct, time: localTime(level.enteredAt, false) })
            : t(level.charging ? "device.battery.charging" : "device.battery.told", { pct: level.pct })}
        </p>
      )}
      {batteryTold.value === false && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (entry.current) enterBattery(entry.current.valueAsNumber);
          }}
        >
          <p>{t("device.battery.none")}</p>
          <label class="field">
            <span>{t("device.battery.label")}</span>
            <input
              ref={entry}
              class="input"
              type="number"
              inputMode="numeric"
              min={0}
              max={100}
              step={1}
              required
              data-testid="battery-entry"
            />
          </label>
          <Button type="submit" data-testid="battery-send">
            {t("device.battery.send")}
          </Button>
        </form>
      )}
    </section>
  );
}

function MapSection() {
  const kept = useSignal<{ ways: number; bytes: number } | null>(null);
  const look = async () => {
    const ways = await (await store).ways();
    kept.value = { ways: ways.length, bytes: total(ways) };
  };
  useEffect(() => void look().catch(toastError), []);
  const clear = async () => {
    await (await store).clear();
    await look();
  };
  const { ways = 0, bytes = 0 } = kept.value ?? {};
  const size = (bytes / MEGABYTE).toFixed(1);
  return (
    <section>
      <h3>{t("device.map")}</h3>
      <p data-testid="device-map" data-ways={ways}>
        {ways === 0 ? t("device.map.none") : t("device.map.kept", { ways, size, most: BYTES_MAX / MEGABYTE })}
      </p>
      {ways > 0 && (
        <Button data-testid="map-clear" onClick={() => void clear().catch(toastError)}>
          {t("device.map.clear")}
        </Button>
      )}
    </section>
  );
}

function AppSection() {
  if (installed.value)
    return (
      <section>
        <h3>{t("device.app")}</h3>
        <p>{t("device.app.installed")}</p>
      </section>
    );
  return (
    <section>
      <h3>{t("device.app")}</h3>
      {offer.value ? (
        <Button
          size="large"
          kind="primary"
          data-testid="install"
          onClick={() => void install().catch(toastError)}
        >
          {t("device.app.install")}
        </Button>
      ) : (
        <p data-testid="install-how">
          {t(isSecureContext ? `device.app.${platform()}` : "device.app.insecure")}
        </p>
      )}
    </section>
  );
}
