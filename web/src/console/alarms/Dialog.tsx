// How loud each class of alarms is, a tone to try, a pause; and what rang last.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { Icon } from "../../shared/components/Icon";
import { Time } from "../../shared/components/Time";
import { localTime } from "../../shared/time";
import { cap } from "../keys/table";
import { blocked, unblock } from "../sound";
import { soundOpen } from "../store";
import { CLASSES, type ClassName, NAMES } from "./classes";
import { recent, test } from "./engine";
import { leads } from "./lead";
import { seen } from "./seen";
import {
  change,
  hourText,
  MUTE_MIN,
  mute,
  mutedUntil,
  SOS_SHARE_MIN,
  SOS_SILENT_MS,
  settings,
  setVolume,
  sosSilentUntil,
} from "./settings";
import { t } from "./words";

const STEP = 5;

const close = () => {
  soundOpen.value = false;
};

export function SoundDialog() {
  return (
    <Dialog title={t("title")} onClose={close}>
      {blocked.value && (
        <Button kind="primary" data-testid="sound-unblock" onClick={unblock}>
          {t("lamp.blocked")}
        </Button>
      )}
      {!leads.value && <p class="notice">{t("elsewhere")}</p>}
      <Pause />
      <div class="sound-rows">
        <Volume
          label={t("master")}
          mark="master"
          value={settings.value.master}
          onChange={(value) => change({ master: value })}
        />
        {NAMES.map((name) => (
          <ClassRow key={name} name={name} />
        ))}
      </div>
      <SosSilence />
      <Recent />
      <div class="dialog-actions">
        <Button onClick={close} cap={cap("back")}>
          {t("app.close")}
        </Button>
      </div>
    </Dialog>
  );
}

function Pause() {
  const until = mutedUntil.value;
  return (
    <div class="sound-pause">
      {until === null ? (
        <>
          <span>{t("mute")}</span>
          {MUTE_MIN.map((minutes) => (
            <Button key={minutes} size="small" data-testid={`mute-${minutes}`} onClick={() => mute(minutes)}>
              {t("mute.for", { minutes })}
            </Button>
          ))}
        </>
      ) : (
        <>
          <b>{t("lamp.muted", { time: hourText(until) })}</b>
          <Button size="small" data-testid="unmute" onClick={() => change({ mutedUntil: 0 })}>
            {t("lamp.unmute")}
          </Button>
        </>
      )}
      {sosSilentUntil.value === null && <small>{t("mute.not_sos")}</small>}
    </div>
  );
}

function ClassRow({ name }: { name: ClassName }) {
  const least = name === "sos" ? SOS_SHARE_MIN : 0;
  return (
    <Volume
      label={t(`class.${name}`)}
      about={t(`about.${name}`)}
      mark={name}
      least={least}
      value={Math.max(least, settings.value.volumes[name])}
      onChange={(value) => setVolume(name, value)}
      onTest={() => test(name)}
    />
  );
}

interface VolumeProperties {
  label: string;
  about?: string;
  mark: ClassName | "master";
  least?: number;
  value: number;
  onChange: (value: number) => void;
  onTest?: () => void;
}

function Volume({ label, about, mark, least = 0, value, onChange, onTest }: VolumeProperties) {
  const percent = Math.round(100 * value);
  const words = percent === 0 ? t("off") : t("percent", { percent });
  return (
    <div class="sound-row" data-testid="sound-row" data-class={mark}>
      <span class="sound-name">
        {mark !== "master" && <Icon name={CLASSES[mark].icon} size={16} />}
        <b>{label}</b>
        {about && <small>{about}</small>}
      </span>
      <input
        type="range"
        min={100 * least}
        max={100}
        step={STEP}
        value={percent}
        aria-label={t("volume", { of: label })}
        aria-valuetext={words}
        data-testid={`volume-${mark}`}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value) / 100)}
      />
      <output>{words}</output>
      {onTest && (
        <Button
          size="small"
          data-testid={`test-${mark}`}
          aria-label={t("test.of", { of: label })}
          onClick={onTest}
        >
          {t("test")}
        </Button>
      )}
    </div>
  );
}

/** Silence where help is called for is confirmed once more, ends by itself, and shows at the top of the page. */
function SosSilence() {
  const asking = useSignal(false);
  const until = sosSilentUntil.value;
  const silence = () => {
    asking.value = false;
    change({ sosSilentUntil: Date.now() + SOS_SILENT_MS });
  };
  return (
    <div class="sound-sos" data-asking={asking.value}>
      {until !== null ? (
        <>
          <b>{t("lamp.sos_silent", { time: hourText(until) })}</b>
          <Button
            size="small"
            kind="primary"
            data-testid="sos-sound"
            onClick={() => change({ sosSilentUntil: 0 })}
          >
            {t("lamp.sos_silent.undo")}
          </Button>
        </>
      ) : asking.value ? (
        <>
          <span role="alert">{t("sos_silent.sure")}</span>
          <Button size="small" kind="danger" data-testid="sos-silence-confirm" onClick={silence}>
            {t("sos_silent.confirm")}
          </Button>
          <Button
            size="small"
            kind="quiet"
            onClick={() => {
              asking.value = false;
            }}
          >
            {t("app.back")}
          </Button>
        </>
      ) : (
        <Button
          size="small"
          kind="quiet"
          data-testid="sos-silence"
          onClick={() => {
            asking.value = true;
          }}
        >
          {t("sos_silent")}
        </Button>
      )}
    </div>
  );
}

function Recent() {
  if (recent.value.length === 0) return null;
  return (
    <section>
      <h3 class="group-title">{t("recent")}</h3>
      <ul class="sound-recent">
        {recent.value.map(({ id, name, at, what, about, heard }) => {
          const seenAt = seen.value.get(id);
          return (
            <li key={`${id}${at}`} data-testid="sound-recent">
              <Time at={new Date(at).toISOString()} /> <b>{t(`class.${name}`)}</b> {what()} {about()}
              <small>
                {!heard && ` · ${t("recent.unheard")}`}
                {seenAt && ` · ${t("recent.seen", { time: localTime(seenAt) })}`}
              </small>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
