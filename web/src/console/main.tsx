// The dispatcher's console: queue and units on the left, map in the middle, decision on the right.
//
// Marks for browser tests (data-testid):
//   new-incident, incident-type, incident-priority-<priority>, incident-where, incident-note,
//   incident-submit; incident-row, units-tab, incidents-tab, unit-row, units-search; map, search,
//   search-hit, new-here; detail, recommend, recommendation-row (data-unit), recommendation-chosen, dispatch,
//   excluded; order (data-unit, data-state), order-state, order-event (data-state, data-applied),
//   order-voice, voice-<state>, voice-note, order-cancel, ask-input, ask-confirm, incident-close;
//   sos-banner (data-open), sos-call (data-seen), sos-acknowledge, sos-place, sos-nearest, sos-where;
//   shift; feed-state (data-state), feed-banner, toast, theme, language, help; rec-roads; batteries-toggle; those of
//   the roads are at the head of roads/Panel.tsx, those of the batteries at that of batteries/Page.tsx;
//   checklist, checklist-step; runcards-toggle, and those at the head of runcards/Page.tsx; handover-toggle, and
//   those of the room in room/Handover.tsx, room/Remind.tsx and room/Receive.tsx.
import { useEffect } from "preact/hooks";
import * as api from "../shared/api";
import { toastError } from "../shared/components/Toast";
import { lazy } from "../shared/lazy";
import { mount } from "../shared/mount";
import "./console.css";
import { DetailPane, fetchDetails } from "./DetailPane";
import { startDetail } from "./detail_store";
import { startFeed } from "./feed";
import { listenToKeys } from "./keys";
import { MapView } from "./map/MapView";
import { NewIncident } from "./NewIncident";
import { Queue } from "./Queue";
import { announceExpiry } from "./road_news";
import { SosBanner } from "./SosBanner";
import { startSos, unacknowledged } from "./sos";
import {
  expired,
  helpOpen,
  incidentTypes,
  type List,
  list,
  mapInfo,
  noting,
  page,
  show,
  stance,
  stanceOpen,
  unassigned,
  user,
  view,
  workOpen,
} from "./store";
import { FeedBanner, TopBar } from "./TopBar";
import { UnitList } from "./UnitList";
import { t } from "./words";

const Worklist = lazy(() => import("./work").then((part) => part.Worklist));
const Help = lazy(() => import("./Help").then((part) => part.Help));
const RoadsPanel = lazy(() => import("./roads/Panel").then((part) => part.RoadsPanel));

const RunCardsPage = lazy(() => import("./runcards/Page").then((part) => part.RunCardsPage));
const BatteriesPage = lazy(() => import("./batteries/Page").then((part) => part.BatteriesPage));

const Room = lazy(() => import("./room").then((part) => part.Room));
const Stance = lazy(() => import("./stance").then((part) => part.Stance));

const RETRY_MS = 3_000;

function Console() {
  useEffect(() => listenToKeys(), []);
  useEffect(() => {
    const sos = unacknowledged.value.length ? "SOS! " : "";
    document.title = `${sos}${unassigned.value.length ? `(${unassigned.value.length}) ` : ""}${t("app.name")}`;
  });
  return (
    <div class="console" data-view={view.value}>
      <TopBar />
      <div class="alarms">
        <SosBanner />
        {(stance.value.mode === "war" || stanceOpen.value) && <Stance />}
      </div>
      <FeedBanner />
      <aside class="left">
        <nav class="tabs" aria-label={t("tab.incidents")}>
          <Tab name="incidents" />
          <Tab name="units" />
          <Tab name="roads" news={expired.value.size} />
          <Tab name="work" news={workOpen.value} />
        </nav>
        {list.value === "incidents" && (
          <>
            <NewIncident />
            <Queue />
          </>
        )}
        {list.value === "units" && <UnitList />}
        {list.value === "roads" && <RoadsPanel />}
        {list.value === "work" && <Worklist />}
      </aside>
      {mapInfo.value ? <MapView info={mapInfo.value} /> : <main class="map" />}
      <DetailPane />
      {page.value === "batteries" && <BatteriesPage />}
      {page.value === "runcards" && <RunCardsPage />}
      {(page.value === "handover" || noting.value) && <Room />}
      <nav class="bottom-tabs" aria-label={t("app.name")}>
        {(["incidents", "units", "roads", "work", "map", "detail"] as const).map((name) => (
          <button key={name} type="button" aria-current={view.value === name} onClick={() => show(name)}>
            {t(`tab.${name}`)}
            {name === "incidents" && unassigned.value.length > 0 && <b>{unassigned.value.length}</b>}
          </button>
        ))}
      </nav>
      {helpOpen.value && <Help />}
    </div>
  );
}

const CAPS: Record<List, string> = { incidents: "1", units: "2", roads: "3", work: "4" };

function Tab({ name, news = 0 }: { name: List; news?: number }) {
  return (
    <button
      type="button"
      class="tab"
      aria-current={list.value === name}
      data-testid={`${name}-tab`}
      onClick={() => show(name)}
    >
      {t(`tab.${name}`)}
      {news > 0 && <b class="news">{news}</b>}
      <span class="key-cap" aria-hidden="true">
        {CAPS[name]}
      </span>
    </button>
  );
}

/** What the page needs once. A server that is only starting is asked again. */
async function load(): Promise<void> {
  try {
    const [who, map, types] = await Promise.all([api.me(), api.mapInfo(), api.incidentTypes()]);
    user.value = who;
    mapInfo.value = map;
    incidentTypes.value = types;
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return;
    toastError(error);
    setTimeout(() => void load(), RETRY_MS);
  }
}

mount(Console);
void load();
startFeed();
startDetail();
announceExpiry();
startSos();
fetchDetails();
