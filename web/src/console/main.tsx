// The dispatcher's console: queue and units on the left, map in the middle, decision on the right.
//
// Marks for browser tests (data-testid):
//   new-incident, incident-type, incident-priority-<priority>, incident-where, incident-note,
//   incident-submit; incident-row, units-tab, incidents-tab, unit-row, units-search; map, search,
//   search-hit, new-here; detail, recommend, recommendation-row (data-unit), recommendation-chosen, dispatch,
//   excluded; order (data-unit, data-state), order-state, order-event (data-state, data-applied),
//   order-voice, voice-<state>, voice-note, order-cancel, ask-input, ask-confirm, incident-close;
//   sos-banner (data-open), sos-call (data-seen), sos-acknowledge, sos-place, sos-nearest, sos-where;
//   screens-toggle; shift; feed-state (data-state), feed-banner, toast, theme, language, help; rec-roads; batteries-toggle; those of
//   the roads are at the head of roads/Panel.tsx, those of the batteries at that of batteries/Page.tsx;
//   checklist, checklist-step; runcards-toggle, and those at the head of shared/runcards/Page.tsx; handover-toggle, and
//   those of the room in room/Handover.tsx, room/Remind.tsx and room/Receive.tsx.

import { effect } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import * as api from "../shared/api";
import { Badge } from "../shared/components/Badge";
import { toastError } from "../shared/components/Toast";
import { laterStyles, lazy } from "../shared/lazy";
import { mount } from "../shared/mount";
import { Bar } from "./bar/Bar";
import { cap } from "./keys/table";
import "./console.css";
import { DetailPane, fetchDetails, NewIncident, UnitList } from "./DetailPane";
import { startDetail } from "./detail_store";
import { startFeed } from "./feed";
import { listenToKeys } from "./keys";
import { MapView } from "./map/MapView";
import { Queue } from "./Queue";
import { announceExpiry } from "./road_news";
import { SosBanner } from "./SosBanner";
import { screen } from "./screen";
import { startSos } from "./sos";
import {
  barOpen,
  draft,
  expired,
  helpOpen,
  incidentTypes,
  type List,
  list,
  mapInfo,
  noting,
  page,
  runCards,
  screensOpen,
  show,
  stance,
  stanceOpen,
  unassigned,
  user,
  view,
  workOpen,
} from "./store";
import { FeedBanner, TopBar } from "./TopBar";
import { t } from "./words";

const Worklist = lazy(() => import("./work").then((part) => part.Worklist));
const Alarms = lazy(() => import("./alarms").then((part) => part.Alarms));
const Help = lazy(() => import("./keys/Help").then((part) => part.Help));
const RoadsPanel = lazy(() => import("./roads/Panel").then((part) => part.RoadsPanel));

const RunCards = lazy(() => import("./runcards").then((part) => part.RunCards));
const BatteriesPage = lazy(() => import("./batteries/Page").then((part) => part.BatteriesPage));

const Room = lazy(() => import("./room").then((part) => part.Room));
const Stance = lazy(() => import("./stance").then((part) => part.Stance));
const Screens = lazy(() => import("./screens").then((part) => part.Screens));
const Wall = lazy(() => import("./wall").then((part) => part.Wall));

const RETRY_MS = 3_000;

function Console() {
  useLayoutEffect(() => listenToKeys(), []);
  return (
    <div class="console" data-view={screen === "map" ? "map" : view.value} data-screen={screen}>
      <TopBar />
      <div class="alarms">
        <SosBanner />
        <Alarms />
        {(stance.value.mode === "war" || stanceOpen.value) && <Stance />}
      </div>
      <FeedBanner />
      {screen !== "map" && <Lists />}
      {screen !== "lists" && (mapInfo.value ? <MapView info={mapInfo.value} /> : <main class="map" />)}
      {screen !== "map" && <DetailPane />}
      {page.value === "batteries" && <BatteriesPage />}
      {page.value === "runcards" && <RunCards />}
      {(page.value === "handover" || noting.value) && <Room />}
      {screen !== "map" && <BottomTabs />}
      {helpOpen.value && <Help />}
      {barOpen.value && <Bar />}
      {screensOpen.value && <Screens />}
    </div>
  );
}

function Lists() {
  return (
    <aside class="left">
      <nav class="tabs" aria-label={t("tab.incidents")}>
        <Tab name="incidents" />
        <Tab name="units" />
        <Tab name="roads" news={expired.value.size} />
        <Tab name="work" news={workOpen.value} />
      </nav>
      {list.value === "incidents" && (
        <>
          {draft.value && <NewIncident />}
          <Queue />
        </>
      )}
      {list.value === "units" && <UnitList />}
      {list.value === "roads" && <RoadsPanel />}
      {list.value === "work" && <Worklist />}
    </aside>
  );
}

function BottomTabs() {
  return (
    <nav class="bottom-tabs" aria-label={t("app.name")}>
      {(["incidents", "units", "roads", "work", "map", "detail"] as const).map((name) => (
        <button key={name} type="button" aria-current={view.value === name} onClick={() => show(name)}>
          {t(`tab.${name}`)}
          {name === "incidents" && unassigned.value.length > 0 && (
            <Badge tone="alarm">{unassigned.value.length}</Badge>
          )}
        </button>
      ))}
    </nav>
  );
}

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
      {news > 0 && <Badge tone="notice">{news}</Badge>}
      <span class="key-cap" aria-hidden="true">
        {cap(name)}
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

/** Types of incidents are others under other run cards, whoever put them in force. */
function followRunCards(): void {
  let known: number | null = null;
  effect(() => {
    const version = runCards.value;
    if (known !== null && version !== known) void load();
    known = version;
  });
}

mount(screen === "wall" ? Wall : Console);
void load();
followRunCards();
startFeed();
if (screen !== "wall") {
  startDetail();
  announceExpiry();
  startSos();
  fetchDetails();
  // Have it before it is asked for: the link may be gone by then.
  addEventListener("load", () => void import("./bar/Hits").then((part) => part.learnForLists()));
}
if (screen !== "all") laterStyles().catch(toastError);
void import("./screens/share").then(({ shareAgain }) => shareAgain(), toastError);
