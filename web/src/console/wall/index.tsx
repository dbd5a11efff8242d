// The wall display: what the whole room should see, large, and nothing to press. It never sounds: the consoles do.
//
// Marks for browser tests: wall (data-mode, data-feed), wall-incident (data-incident, data-status), wall-page,
// wall-sos, wall-war, wall-map, wall-count-<status>, wall-free, wall-cameras, wall-roads, wall-work, wall-full,
// wall-leave.
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { Switches } from "../../shared/components/Switches";
import { Age } from "../../shared/components/Time";
import { localTime, now, utcTime } from "../../shared/time";
import type { SosCall } from "../../shared/types";
import { feedState } from "../feed";
import { mapInfo, sosCalls, stance } from "../store";
import { FeedBanner } from "../TopBar";
import { t as words } from "../words";
import { Incidents } from "./Incidents";
import { Strip } from "./Strip";
import { WallMap } from "./WallMap";
import { t } from "./words";

export function Wall() {
  useEffect(() => {
    document.documentElement.dataset.screen = "wall";
    document.title = `${t("wall.title")} · ${words("app.name")}`;
    return stayAwake();
  }, []);
  return (
    <div class="wall" data-testid="wall" data-mode={stance.value.mode} data-feed={feedState.value}>
      <Head />
      <div class="wall-alarms">
        {sosCalls.value.map((call) => (
          <Sos key={call.id} call={call} />
        ))}
        <FeedBanner />
      </div>
      {mapInfo.value ? <WallMap info={mapInfo.value} /> : <main class="wall-map" />}
      <Incidents />
      <Strip />
    </div>
  );
}

function Head() {
  const { mode, order } = stance.value;
  const at = now.value;
  return (
    <header class="wall-head">
      <h1>{mapInfo.value?.name ?? words("app.name")}</h1>
      {mode === "war" && (
        <strong class="wall-war" data-testid="wall-war">
          <Icon name="alert" size={28} /> {t("wall.war")}
          {order?.expires_at && <span>{t("wall.until", { time: localTime(order.expires_at, false) })}</span>}
        </strong>
      )}
      <nav class="wall-tools" aria-label={t("wall.title")}>
        <Switches />
        <Button size="small" data-testid="wall-full" onClick={toggleFullScreen}>
          {t("wall.full_screen")}
        </Button>
        <a class="button" data-size="small" href="/console" aria-label={t("wall.leave.label")}>
          {t("wall.leave")}
        </a>
      </nav>
      <span class="feed" data-state={feedState.value} role="status">
        <i />
        {words(`feed.${feedState.value}`)}
      </span>
      <time class="wall-clock" dateTime={new Date(at).toISOString()} title={utcTime(at)}>
        {localTime(at)}
      </time>
    </header>
  );
}

function Sos({ call }: { call: SosCall }) {
  return (
    <p class="wall-sos" data-testid="wall-sos" data-seen={call.acknowledged_at !== null} role="alert">
      <Icon name="alert" size={40} />
      <strong>{t("wall.sos")}</strong>
      <b>{call.call_sign ?? call.device_id}</b>
      <span>{call.place ?? t("wall.sos_nowhere")}</span>
      <Age at={call.raised_at ?? call.received_at} bare />
      {call.acknowledged_at && <em>{t("wall.sos_seen")}</em>}
    </p>
  );
}

function toggleFullScreen(): void {
  const done = document.fullscreenElement
    ? document.exitFullscreen()
    : document.documentElement.requestFullscreen();
  done.catch((error: unknown) => console.warn("no full screen", error));
}

/** As far as the browser lets: it lets go whenever the page is hidden. */
function stayAwake(): () => void {
  let held: WakeLockSentinel | undefined;
  const hold = async () => {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    held = await navigator.wakeLock.request("screen");
  };
  const again = () => void hold().catch((error: unknown) => console.warn("the screen may sleep", error));
  again();
  document.addEventListener("visibilitychange", again);
  return () => {
    document.removeEventListener("visibilitychange", again);
    void held?.release();
  };
}
