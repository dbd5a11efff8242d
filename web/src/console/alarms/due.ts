// What alarms there are now, read off the picture. An alarm ends by itself when its cause does: the incident has a unit
// or somebody works on it, the item is claimed or settled, the link is back.
import { computed } from "@preact/signals";
import { now } from "../../shared/time";
import type { Incident, RoadState, WorkItem } from "../../shared/types";
import { openIncident } from "../commands";
import { feedState, heardAt } from "../feed";
import { incidents, roads, selectIncident, selectUnit, show, unassigned, user, work } from "../store";
import { typeName } from "../words";
import { about } from "../work/Worklist";
import { t as workWords } from "../work/words";
import { type ClassName, classOf, mustBeSeen, NAMES } from "./classes";
import { t } from "./words";

/** A lost feed rings after this: a server that restarts is back sooner. */
export const LINK_AFTER_MS = 8_000;

export interface Alarm {
  id: string;
  name: ClassName;
  /** Milliseconds since 1970, by the server's clock. */
  at: number;
  /** In the language that the page speaks now. */
  what: () => string;
  /** Whom or what it is about. */
  about: () => string;
  /** Sounds until somebody has seen it. */
  stays: boolean;
  open: () => void;
}

const me = (): string => `user:${user.value?.username}`;

function ofIncident(incident: Incident): Alarm {
  return {
    id: `incident:${incident.id}`,
    name: incident.priority,
    at: Date.parse(incident.opened_at),
    what: () => `#${incident.number} ${typeName(incident.type)}`,
    about: () => incident.place,
    stays: incident.priority === "emergency",
    open: () => openIncident(incident),
  };
}

function ofWork(item: WorkItem): Alarm {
  return {
    // Raised once more, it is new.
    id: `work:${item.id}:${item.times}`,
    name: classOf(item.kind, item.order_id),
    at: Date.parse(item.raised_at),
    what: () => workWords.loose(`work.kind.${item.kind}`, {}, item.kind),
    about: () => about(item),
    stays: mustBeSeen(item.kind, item.severity),
    open: () => {
      const incident = item.incident_id ? incidents.peek().get(item.incident_id) : undefined;
      show("work");
      if (incident) openIncident(incident);
      else if (item.incident_id) selectIncident(item.incident_id);
      else if (item.unit_id) selectUnit(item.unit_id);
    },
  };
}

function ofRoad(state: RoadState): Alarm {
  return {
    id: `road:${state.id}`,
    name: "road",
    at: Date.parse(state.set_at),
    what: () => t("road.closed"),
    about: () => state.place || state.reason,
    stays: false,
    open: () => show("roads"),
  };
}

const lost = computed<Alarm[]>(() => {
  const since = heardAt.value;
  if (feedState.value !== "lost" || since === null || now.value - since < LINK_AFTER_MS) return [];
  return [
    {
      id: `link:${since}`,
      name: "link",
      at: since,
      what: () => t("link.lost"),
      about: () => "",
      stays: true,
      open: () => undefined,
    },
  ];
});

/** Gravest first, then the longest waiting. */
export const due = computed<Alarm[]>(() => {
  const found = [
    ...unassigned.value
      .filter(({ opened_by, claimed_by }) => opened_by !== me() && claimed_by === null)
      .map(ofIncident),
    ...work.value.filter(({ claimed_by }) => claimed_by === null).map(ofWork),
    ...roads.value.states
      .filter(({ state, status, set_by }) => state === "closed" && status === "in_force" && set_by !== me())
      .map(ofRoad),
    ...lost.value,
  ];
  return found.sort((a, b) => NAMES.indexOf(a.name) - NAMES.indexOf(b.name) || a.at - b.at);
});
