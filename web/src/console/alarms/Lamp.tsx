// In the bar at the top: whether this page can be heard, and until when not.
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { withCap } from "../keys/table";
import { blocked, unblock } from "../sound";
import { soundOpen } from "../store";
import { leads } from "./lead";
import { change, hourText, mutedUntil, sosSilentUntil } from "./settings";
import { t } from "./words";

export function Lamp() {
  const muted = mutedUntil.value;
  const silent = sosSilentUntil.value;
  const state = blocked.value ? "blocked" : muted ? "muted" : leads.value ? "on" : "elsewhere";
  return (
    <>
      {blocked.value && (
        <button type="button" class="sound-mark" data-testid="sound-blocked" onClick={unblock}>
          <Icon name="mute" size={14} /> {t("lamp.blocked")}
        </button>
      )}
      {silent !== null && (
        <button
          type="button"
          class="sound-mark"
          data-grave="true"
          data-testid="sos-silent"
          title={t("lamp.sos_silent.undo")}
          onClick={() => change({ sosSilentUntil: 0 })}
        >
          <Icon name="mute" size={14} /> {t("lamp.sos_silent", { time: hourText(silent) })}
        </button>
      )}
      {muted !== null && (
        <button
          type="button"
          class="sound-mark"
          data-testid="sound-muted"
          title={t("lamp.unmute")}
          onClick={() => change({ mutedUntil: 0 })}
        >
          {t("lamp.muted", { time: hourText(muted) })}
        </button>
      )}
      <Button
        kind="quiet"
        size="small"
        icon={state === "on" || state === "elsewhere" ? "sound" : "mute"}
        data-testid="sound"
        data-state={state}
        aria-label={`${t("lamp")}: ${t(`lamp.${state}`)}`}
        title={withCap(`${t("lamp")}: ${t(`lamp.${state}`)}`, "sound")}
        onClick={() => {
          soundOpen.value = true;
        }}
      />
    </>
  );
}
