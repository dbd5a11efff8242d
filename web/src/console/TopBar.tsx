import { logout } from "../shared/api";
import { Badge } from "../shared/components/Badge";
import { Button } from "../shared/components/Button";
import { Faces } from "../shared/components/Faces";
import { Switches } from "../shared/components/Switches";
import { Moment } from "../shared/components/Time";
import { conditionWords } from "../shared/conditions";
import type { IconName } from "../shared/icons";
import { lazy } from "../shared/lazy";
import { durationText, localTime, now } from "../shared/time";
import { feedState, heardAt, openedBy, silentMs, told } from "./feed";
import { withCap } from "./keys/table";
import {
  assigned,
  helpOpen,
  mapInfo,
  type Page,
  page,
  roads,
  screensOpen,
  show,
  stanceOpen,
  togglePage,
  unassigned,
  units,
  user,
} from "./store";
import { t } from "./words";

const Lamp = lazy(() => import("./alarms").then((part) => part.Lamp));

const PAGES: [Page, IconName][] = [
  ["batteries", "battery"],
  ["runcards", "cards"],
  ["handover", "handover"],
];

export function TopBar() {
  const map = mapInfo.value;
  const onDuty = [...units.value.values()].filter(({ status }) => status !== "off_duty");
  const available = onDuty.filter(({ status }) => status === "available");
  return (
    <header class="top">
      <h1 class="brand">
        <svg width="22" height="22" viewBox="0 0 64 64" aria-hidden="true">
          <path d="M8 46 22 24l9 12 9-17 16 27" class="brand-ridge" />
          <circle cx="40" cy="15" r="5" class="brand-light" />
        </svg>
        {t("app.name")}
      </h1>
      {map && (
        <span class="top-map">
          {map.name}
          {map.synthetic && <Badge>{t("top.synthetic")}</Badge>}
        </span>
      )}
      <div class="top-counts">
        <Count
          value={unassigned.value.length}
          words={t("top.unassigned")}
          alert={unassigned.value.length > 0}
        />
        <Count value={assigned.value.length} words={t("top.assigned")} />
        <Count value={available.length} words={t("top.available")} of={onDuty.length} />
        <RoadCount />
      </div>
      <div class="top-right">
        <Feed />
        <Clock />
        {PAGES.map(([name, icon]) => (
          <Button
            key={name}
            kind="quiet"
            size="small"
            icon={icon}
            data-testid={`${name}-toggle`}
            aria-label={t(`top.${name}`)}
            aria-pressed={page.value === name}
            title={withCap(t(`top.${name}`), name)}
            onClick={() => togglePage(name)}
          />
        ))}
        <Button
          kind="quiet"
          size="small"
          icon="screens"
          data-testid="screens-toggle"
          aria-label={t("top.screens")}
          title={withCap(t("top.screens"), "screens")}
          onClick={() => {
            screensOpen.value = true;
          }}
        />
        {user.value?.roles.includes("supervisor") && (
          <Button
            kind="quiet"
            size="small"
            icon="alert"
            data-testid="stance-toggle"
            aria-label={t("top.stance")}
            title={withCap(t("top.stance"), "stance")}
            onClick={() => {
              stanceOpen.value = true;
            }}
          />
        )}
        <Lamp />
        <Faces user={user.value} here="console" />
        <Switches />
        <Button
          kind="quiet"
          size="small"
          icon="help"
          data-testid="help"
          aria-label={t("top.help")}
          title={withCap(t("top.help"), "help")}
          onClick={() => {
            helpOpen.value = true;
          }}
        />
        <Button
          kind="quiet"
          size="small"
          icon="sign_out"
          aria-label={t("app.sign_out")}
          title={`${t("app.sign_out")} · ${user.value?.display_name ?? ""}`}
          onClick={() => void logout().finally(() => location.assign("/login"))}
        />
      </div>
    </header>
  );
}

function Count({
  value,
  words,
  of,
  alert = false,
}: {
  value: number;
  words: string;
  of?: number;
  alert?: boolean;
}) {
  return (
    <span class="count">
      {alert ? <Badge tone="alarm">{value}</Badge> : <b>{told.value ? value : "–"}</b>}
      {of !== undefined && told.value && <small>/{of}</small>} {words}
    </span>
  );
}

/** What is not as the map says; "" where all is as usual. */
export function roadWords(): string {
  const { county, states, conditions } = roads.value;
  const running = states.filter(({ status }) => status === "in_force");
  const closed = running.filter(({ state }) => state === "closed").length;
  const areas = conditions.filter(({ status, corners }) => status === "in_force" && corners).length;
  return [
    county === "dry" ? "" : conditionWords(county),
    areas ? t("top.areas", { count: areas }) : "",
    closed ? t("top.closed", { count: closed }) : "",
    running.length > closed ? t("top.slow", { count: running.length - closed }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Leads to the list. */
function RoadCount() {
  const words = roadWords();
  if (!words) return null;
  return (
    <button type="button" class="road-count" data-testid="road-count" onClick={() => show("roads")}>
      {words}
    </button>
  );
}

function Feed() {
  return (
    <span
      class="feed"
      data-testid="feed-state"
      data-state={feedState.value}
      data-by={openedBy.value}
      role="status"
    >
      <i />
      {t(`feed.${feedState.value}`)}
    </span>
  );
}

function Clock() {
  const at = now.value;
  return (
    <span class="clock">
      <Moment at={new Date(at).toISOString()} words={localTime(at)} />
    </span>
  );
}

/** The map must not look alive when it is not. */
export function FeedBanner() {
  if (feedState.value === "live") return null;
  now.value; // the age in the banner counts up
  const since = heardAt.value;
  return (
    <p class="feed-banner" role="alert" data-testid="feed-banner" data-lost={since !== null}>
      {since === null
        ? t("feed.banner.never")
        : t("feed.banner", { time: localTime(since), age: durationText(silentMs()) })}
    </p>
  );
}
