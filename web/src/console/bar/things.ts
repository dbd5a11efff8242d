// Units, incidents and places as rows of the command bar, and what can be done with each.
import type { IconName } from "../../shared/icons";
import { means } from "../../shared/spelling";
import type { Incident, Place, Unit } from "../../shared/types";
import { focusNote, newIncidentAt, openIncident, openUnit, placeDraft } from "../commands";
import { chosen, recommend, recommendation } from "../detail_store";
import { camera } from "../map/camera";
import {
  closed,
  closing,
  draft,
  followedUnit,
  incidentTypes,
  narrow,
  noting,
  queue,
  selectIncident,
  spot,
  unitMeant,
  unitsByName,
  user,
  view,
} from "../store";
import { listWords, t as say, typeName } from "../words";
import type { Hit } from "./hit";
import { numbered, type Verb } from "./verbs";
import { t } from "./words";

const UNITS_MAX = 6;
const INCIDENTS_MAX = 6;

// -- units --

/** By call sign, and by name or badge of an officer. */
export function unitsMeant(words: string): Unit[] {
  const lower = words.trim().toLowerCase();
  const rank = ({ call_sign }: Unit) => {
    const name = call_sign.toLowerCase();
    return name === lower ? 0 : name.startsWith(lower) ? 1 : name.includes(lower) ? 2 : 3;
  };
  return unitsByName.value
    .filter((unit) => unitMeant(words, { ...unit, station: null }))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, UNITS_MAX);
}

/** Those of a station with such a name, whatever they are called. */
export const unitsNear = (words: string): Unit[] =>
  unitsByName.value
    .filter((unit) => means(words, unit.station ?? "") && !unitMeant(words, { ...unit, station: null }))
    .slice(0, UNITS_MAX);

export function unitHit(unit: Unit, verb?: Verb): Hit {
  const follows = verb === "follow";
  const follow = () => {
    openUnit(unit);
    followedUnit.value = unit.id;
  };
  return {
    key: `unit-${unit.id}`,
    icon: unit.kind,
    name: unit.call_sign,
    about: listWords(unit.officers.map(({ name }) => name)),
    kind: follows ? t("verb.follow") : say(`status.${unit.status}`),
    text: unit.call_sign,
    whyNot: follows && !unit.position ? t("why.no_position") : null,
    run: follows ? follow : () => openUnit(unit),
    ...(unit.position && !follows ? { also: { words: t("verb.follow"), run: follow } } : {}),
  };
}

// -- incidents --

export function incidentsMeant(words: string): Incident[] {
  const wanted = numbered(words);
  const known = [...queue.value, ...closed.value];
  const meant = wanted
    ? known.filter(({ number }) => String(number).startsWith(wanted.number))
    : known.filter(({ type, place, note }) => means(words, ...typeNames(type), place, note));
  const exact = ({ number }: Incident) => Number(String(number) !== wanted?.number);
  return meant.sort((a, b) => exact(a) - exact(b)).slice(0, INCIDENTS_MAX);
}

/** In both languages. */
function typeNames(code: string): string[] {
  const names = incidentTypes.value.find((type) => type.code === code)?.names;
  return names ? [names.en, names.zh] : [code];
}

export function incidentHit(incident: Incident, verb?: Verb): Hit {
  const act = verb && verb in BY_VERB ? BY_VERB[verb as keyof typeof BY_VERB] : null;
  const running = incident.status !== "closed";
  return {
    key: `incident-${incident.id}`,
    icon: "alert",
    name: `#${incident.number} ${typeName(incident.type)}`,
    about: incident.place,
    kind: act && verb ? t(`verb.${verb as keyof typeof BY_VERB}`) : say(`incident.${incident.status}`),
    text: String(incident.number),
    whyNot: act?.whyNot(incident) ?? null,
    run: () => (act ? act.run(incident) : openIncident(incident)),
    ...(running && !act
      ? { also: { words: t("verb.dispatch"), run: () => BY_VERB.dispatch.run(incident) } }
      : {}),
  };
}

const overAlready = ({ status }: Incident) => (status === "closed" ? t("why.incident_closed") : null);
const reveal = (incident: Incident) => {
  selectIncident(incident.id);
  camera.reveal(incident.lon, incident.lat);
};
const recommendFor = (incident: Incident) => {
  reveal(incident);
  void recommend(incident.id);
};

const BY_VERB = {
  dispatch: { run: recommendFor, whyNot: overAlready },
  recommend: { run: recommendFor, whyNot: overAlready },
  close: {
    run: (incident: Incident) => {
      reveal(incident);
      closing.value = true;
    },
    whyNot: (incident: Incident) =>
      overAlready(incident) ??
      (incident.orders.some(({ closed_at }) => closed_at === null) ? t("why.orders_open") : null),
  },
  remind: {
    run: (incident: Incident) => {
      reveal(incident);
      noting.value = "reminder";
    },
    whyNot: () => (user.value?.roles.includes("dispatcher") === false ? t("why.not_dispatcher") : null),
  },
};

/** "dispatch 12 K-07": the recommendation with this unit ticked. Nothing is sent that nobody has read. */
export function dispatchHit(incident: Incident, unit: Unit): Hit {
  const free = unit.status === "available";
  return {
    key: `dispatch-${incident.id}-${unit.id}`,
    icon: unit.kind,
    name: t("dispatch.unit", { unit: unit.call_sign, number: incident.number }),
    about: `${typeName(incident.type)} · ${incident.place}`,
    kind: t("verb.dispatch"),
    whyNot: overAlready(incident) ?? (free ? null : say(`status.${unit.status}`)),
    run: () => {
      reveal(incident);
      void recommend(incident.id).then(() => {
        if (recommendation.peek()?.candidates.some(({ unit_id }) => unit_id === unit.id))
          chosen.value = new Set([unit.id]);
      });
    },
  };
}

// -- places --

export function placeHit(place: Place, index: number, verb?: Verb): Hit {
  const start = () => {
    newIncidentAt(place, place.name);
    camera.goTo(place.lon, place.lat);
  };
  const opens = verb === "new";
  return {
    key: `place-${index}`,
    icon: "pin" satisfies IconName,
    name: place.name,
    kind: opens ? t("verb.new") : say(`place.${place.kind}`),
    text: place.name,
    run: opens ? start : () => goTo(place),
    ...(opens || draft.value ? {} : { also: { words: t("verb.new"), run: start } }),
  };
}

/** While an incident is being written, it is there; else the place is marked. */
function goTo({ lon, lat, name }: Place): void {
  if (draft.peek()) {
    placeDraft({ lon, lat }, name);
    focusNote();
  } else {
    spot.value = { lon, lat, name };
    if (narrow()) view.value = "map";
  }
  camera.goTo(lon, lat);
}
