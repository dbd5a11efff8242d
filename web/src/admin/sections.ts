// What the page has to show, and which of it is shown; that lives in the address, behind the #.
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { lazy } from "../shared/lazy";
import { Devices } from "./devices/Devices";
import { Strangers } from "./devices/Strangers";
import { holdsSomething, leave, letGo } from "./parts/leaving";
import { strangers } from "./store";
import { Certificates } from "./tak/Certificates";
import type { t } from "./words";

type Title = Parameters<typeof t>[0];

interface Shown {
  title: Title;
  Page: ComponentType;
  /** How many things in it wait for somebody. */
  waiting?: ReadonlySignal<number>;
}

const People = lazy(() => import("./people/People").then(({ People }) => People));
const Roles = lazy(() => import("./people/Roles").then(({ Roles }) => Roles));
const Units = lazy(() => import("./units/Units").then(({ Units }) => Units));
const Exchange = lazy(() => import("./exchange/Exchange").then(({ Exchange }) => Exchange));
const Shifts = lazy(() => import("./shifts/Shifts").then(({ Shifts }) => Shifts));

const Ground = lazy(() => import("./ground/Ground").then(({ Ground }) => Ground));
const RunCards = lazy(() => import("./RunCards").then(({ RunCards }) => RunCards));
const Health = lazy(() => import("./health/Health").then(({ Health }) => Health));

export type Section =
  | "runcards"
  | "ground"
  | "health"
  | "people"
  | "roles"
  | "units"
  | "shifts"
  | "exchange"
  | "devices"
  | "unknown"
  | "tak";

export const SECTIONS: Record<Section, Shown> = {
  people: { title: "people.title", Page: People },
  roles: { title: "roles.title", Page: Roles },
  units: { title: "units.title", Page: Units },
  shifts: { title: "shifts.title", Page: Shifts },
  exchange: { title: "exchange.title", Page: Exchange },
  devices: { title: "devices.title", Page: Devices },
  unknown: {
    title: "unknown.title",
    Page: Strangers,
    waiting: computed(() => strangers.value?.filter(({ dismissed_at }) => !dismissed_at).length ?? 0),
  },
  tak: { title: "tak.title", Page: Certificates },
  runcards: { title: "runcards.title", Page: RunCards },
  ground: { title: "ground.title", Page: Ground },
  health: { title: "health.title", Page: Health },
};

export const GROUPS: { title: Title; sections: Section[] }[] = [
  { title: "group.people", sections: ["people", "roles", "units", "shifts", "exchange"] },
  { title: "group.devices", sections: ["devices", "unknown", "tak"] },
  { title: "group.rules", sections: ["runcards", "ground"] },
  { title: "group.server", sections: ["health"] },
];

const FIRST: Section = "devices";
const isSection = (name: string): name is Section => Object.hasOwn(SECTIONS, name);

interface Place {
  section: Section;
  /** Which one of it: the id of a person, say; empty: the list. */
  subject: string;
}

function fromAddress(): Place {
  const [name = "", subject = ""] = location.hash.slice(1).split("/");
  return isSection(name) ? { section: name, subject } : { section: FIRST, subject: "" };
}

export const place = signal<Place>(fromAddress());
export const section = computed(() => place.value.section);
export const subject = computed(() => place.value.subject);
let stood = location.hash;

/** Where somebody holds something unsaved, the address goes back until he has decided. */
addEventListener("hashchange", () => {
  const wanted = location.hash;
  if (wanted === stood) return;
  if (holdsSomething()) {
    history.replaceState(null, "", stood || location.pathname);
    leave(() => {
      letGo();
      location.assign(wanted || "#");
    }, true);
    return;
  }
  stood = wanted;
  place.value = fromAddress();
});
