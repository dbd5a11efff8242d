import { logout } from "../shared/api";
import { Button } from "../shared/components/Button";
import { Switches } from "../shared/components/Switches";
import { conditionWords } from "../shared/conditions";
import type { IconName } from "../shared/icons";
import { durationText, localTime, now, utcTime } from "../shared/time";
import { feedState, heardAt, openedBy, silentMs } from "./feed";
import {
  assigned,
  helpOpen,
  mapInfo,
  type Page,
  page,
  roads,
  show,
  stanceOpen,
  togglePage,
  unassigned,
  units,
  user,
} from "./store";
import { t } from "./words";

const PAGES: [Page, IconName, string][] = [
  ["batteries", "battery", "B"],
  ["runcards", "cards", "E"],
  ["handover", "handover", "H"],
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
          {map.synthetic && <i>{t("top.synthetic")}</i>}
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
        {PAGES.map(([name, icon, key]) => (
          <Button
            key={name}
            kind="quiet"
            size="small"
            icon={icon}
            data-testid={`${name}-toggle`}
            aria-label={t(`top.${name}`)}
            aria-pressed={page.value === name}
            title={`${t(`top.${name}`)} (${key})`}
            onClick={() => togglePage(name)}
          />
        ))}
        {user.value?.roles.includes("supervisor") && (
          <Button
            kind="quiet"
            size="small"
            icon="alert"
            data-testid="stance-toggle"
            aria-label={t("top.stance")}
            title={`${t("top.stance")} (W)`}
            onClick={() => {
              stanceOpen.value = true;
            }}
          />
        )}
        <Switches />
        <Button
          kind="quiet"
          size="small"
          icon="help"
          data-testid="help"
          aria-label={t("top.help")}
          title={`${t("top.help")} (?)`}
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
    <span class="count" data-alert={alert}>
      <b>{value}</b>
      {of !== undefined && <small>/{of}</small>} {words}
    </span>
  );
}

/** What is not as the map says: leads to the list. */
function RoadCount() {
  const { county, states, conditions } = roads.value;
  const running = states.filter(({ status }) => status === "in_force");
  const closed = running.filter(({ state }) => state === "closed").length;
  const areas = conditions.filter(({ status, corners }) => status === "in_force" && corners).length;
  const words = [
    county === "dry" ? "" : conditionWords(county),
    areas ? t("top.areas", { count: areas }) : "",
    closed ? t("top.closed", { count: closed }) : "",
    running.length > closed ? t("top.slow", { count: running.length - closed }) : "",
  ].filter(Boolean);
  if (words.length === 0) return null;
  return (
    <button type="button" class="road-count" data-testid="road-count" onClick={() => show("roads")}>
      {words.join(" · ")}
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
  const utc = utcTime(at);
  return (
    <time class="clock" dateTime={new Date(at).toISOString()} title={t("top.clock", { utc })}>
      {localTime(at)}
    </time>
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
