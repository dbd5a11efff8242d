// Names on the console that may be typed in pinyin.
import { computed, effect } from "@preact/signals";
import { learn } from "../../shared/learn_spelling";
import { incidents, incidentTypes, unitFilter, units } from "../store";
import { deedNames } from "./deeds";

const ofUnits = (): string[] =>
  [...units.peek().values()].flatMap(({ call_sign, station, officers }) => [
    call_sign,
    station ?? "",
    ...officers.map(({ name }) => name),
  ]);

const ofIncidents = (): string[] => [
  ...incidentTypes.peek().map(({ names }) => names.zh),
  ...[...incidents.peek().values()].flatMap(({ place, note }) => [place, note]),
];

const filtering = computed(() => unitFilter.value.text !== "");

/** The list of units is searched, too. */
export function learnForLists(): void {
  effect(() => {
    if (filtering.value) learnNames();
  });
}

/** Those that are new; asked for whenever somebody begins to search. */
export function learnNames(): void {
  void learn([...deedNames(), ...ofUnits(), ...ofIncidents()]);
}
