// How this handset calls and looks. What the platform cannot do is said here, too.
//
// Marks for browser tests: settings-voice, -volume, -vibration, -notify, -awake, -awake-pct, -sunlight, -test.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { Switches } from "../../shared/components/Switches";
import { toast, toastError } from "../../shared/components/Toast";
import { tryOut } from "../announce";
import { type Settings, set, settings } from "../settings";
import { canSpeak } from "../voice";
import { t } from "./words";

const PERCENTS = [10, 20, 30, 50];

export function SettingsPanel({ onClose }: { onClose: () => void }) {
  const { voice, volume, notify, awake, awakePct } = settings.value;
  const said = useSignal<boolean | null>(null);
  return (
    <Dialog title={t("settings.title")} onClose={onClose}>
      <div class="settings">
        <section>
          <h3>{t("settings.call")}</h3>
          <Toggle name="voice" words={t("settings.voice")} why={canSpeak() ? "" : t("settings.no_voice")} />
          <label class="settings-row">
            <span>{t("settings.volume")}</span>
            <input
              type="range"
              min={0.1}
              max={1}
              step={0.1}
              value={volume}
              disabled={!voice}
              data-testid="settings-volume"
              onInput={({ currentTarget }) => set({ volume: Number(currentTarget.value) })}
            />
          </label>
          <Toggle
            name="vibration"
            words={t("settings.vibration")}
            why={"vibrate" in navigator ? "" : t("settings.no_vibration")}
          />
          <Button
            size="large"
            data-testid="settings-test"
            onClick={() => {
              said.value = tryOut();
            }}
          >
            {t("settings.test")}
          </Button>
          {said.value !== null && (
            <p class="settings-why" role="status">
              {t(said.value ? "settings.tested" : "settings.tested_silent")}
            </p>
          )}
          {"Notification" in window && (
            <Toggle
              name="notify"
              words={t("settings.notify")}
              why=""
              checked={notify && Notification.permission === "granted"}
              onChange={(on) => void allow(on).catch(toastError)}
            />
          )}
          <p class="settings-why">{t("settings.cannot")}</p>
        </section>
        <section>
          <h3>{t("settings.screen")}</h3>
          <Toggle
            name="awake"
            words={t("settings.awake")}
            why={"wakeLock" in navigator ? "" : t("settings.no_awake")}
          />
          <label class="settings-row">
            <span>{t("settings.awake_pct")}</span>
            <select
              class="input"
              disabled={!awake}
              value={awakePct}
              data-testid="settings-awake-pct"
              onChange={({ currentTarget }) => set({ awakePct: Number(currentTarget.value) })}
            >
              {PERCENTS.map((pct) => (
                <option key={pct} value={pct}>
                  {pct} %
                </option>
              ))}
            </select>
          </label>
          <Toggle name="sunlight" words={t("settings.sunlight")} why={t("settings.sunlight.why")} />
          <div class="settings-row">
            <span>{t("settings.look")}</span>
            <span>
              <Switches />
            </span>
          </div>
        </section>
        <Button size="large" kind="primary" onClick={onClose}>
          {t("app.back")}
        </Button>
      </div>
    </Dialog>
  );
}

async function allow(on: boolean): Promise<void> {
  const granted = on && (await Notification.requestPermission()) === "granted";
  set({ notify: granted });
  if (on && !granted) toast(t("settings.notify_denied"), "bad");
}

interface ToggleProperties {
  name: keyof Settings & ("voice" | "vibration" | "notify" | "awake" | "sunlight");
  words: string;
  why: string;
  checked?: boolean;
  onChange?: (on: boolean) => void;
}

function Toggle({ name, words, why, checked, onChange }: ToggleProperties) {
  return (
    <label class="settings-row">
      <span>
        {words}
        {why && <small class="settings-why">{why}</small>}
      </span>
      <input
        type="checkbox"
        checked={checked ?? settings.value[name]}
        data-testid={`settings-${name}`}
        onChange={({ currentTarget }) => (onChange ?? ((on) => set({ [name]: on })))(currentTarget.checked)}
      />
    </label>
  );
}
