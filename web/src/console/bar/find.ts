// What the command bar offers for what is typed, in the order in which it is likely meant.
import type { Incident, Place, Unit } from "../../shared/types";
import { draft, queue } from "../store";
import { allDeeds, deedsMeant, muteHits } from "./deeds";
import type { Hit, Section } from "./hit";
import { dispatchHit, incidentHit, incidentsMeant, placeHit, unitHit, unitsMeant, unitsNear } from "./things";
import { numbered, type Said, said } from "./verbs";
import { t } from "./words";

/** Of places in a list that has more. */
const PLACES_MAX = 8;

/** What is to be looked for among the places; empty: nothing. */
export function placeWords(text: string): string {
  const meant = said(text);
  if (!meant) return text.trim();
  return meant.verb === "go" || meant.verb === "new" ? meant.about : "";
}

/** What the server said of what is typed; null: it has not yet. */
type Answer = Place[] | null;

/** Without empty ones. */
export function sections(text: string, places: Answer): Section[] {
  const words = text.trim();
  if (!words) return allDeeds();
  const spoken = said(text);
  const found = spoken ? bySaid(spoken, places) : byWords(words, places);
  // "close" alone is also a command of its own; "close 7" is not.
  const deeds = { title: t("title.deeds"), hits: spoken?.about ? [] : deedsMeant(words) };
  return [...found, deeds].filter(({ hits }) => hits.length > 0);
}

/**
 * A number, a call sign or a person is meant at once. What is only near such a name (an incident there, the units of
 * that station) waits for the places, which come before it: no row may change under the finger on Enter.
 */
function byWords(words: string, places: Answer): Section[] {
  const there = placesOf(places);
  const incidents = incidentsOf(incidentsMeant(words));
  if (numbered(words)) return [incidents, unitsOf(unitsMeant(words)), there];
  const near = places === null ? [] : [incidents, unitsOf(unitsNear(words), t("title.units_near"))];
  // Who writes an incident looks for where it is.
  if (draft.value) return [there, ...(places === null ? [] : [unitsOf(unitsMeant(words))]), ...near];
  return [unitsOf(unitsMeant(words)), there, ...near];
}

function bySaid({ verb, about }: Said, places: Answer): Section[] {
  if (verb === "new") return [placesOf(places, verb)];
  if (verb === "follow")
    return [unitsOf([...unitsMeant(about), ...unitsNear(about)], t("title.units"), verb)];
  if (verb === "mute") return [{ title: t("title.deeds"), hits: muteHits(about) }];
  if (verb === "go") return about ? byWords(about, places) : [];
  const wanted = numbered(about);
  const incidents = about ? incidentsMeant(about) : queue.value.slice(0, PLACES_MAX);
  if (verb === "dispatch" && wanted?.unit) return [dispatches(incidents, wanted.unit)];
  return [incidentsOf(incidents, verb)];
}

function dispatches(incidents: Incident[], words: string): Section {
  const [incident] = incidents;
  const hits = incident ? unitsMeant(words).map((unit) => dispatchHit(incident, unit)) : [];
  return { title: t("title.units"), hits };
}

const unitsOf = (units: Unit[], title = t("title.units"), verb?: Said["verb"]): Section => ({
  title,
  hits: units.map((unit) => unitHit(unit, verb)),
});

const incidentsOf = (incidents: Incident[], verb?: Said["verb"]): Section => ({
  title: t("title.incidents"),
  hits: incidents.map((incident) => incidentHit(incident, verb)),
});

const placesOf = (places: Answer, verb?: Said["verb"]): Section => ({
  title: t("title.places"),
  hits: (places ?? []).slice(0, PLACES_MAX).map((place, index): Hit => placeHit(place, index, verb)),
});
