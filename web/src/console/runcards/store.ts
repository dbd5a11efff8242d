// The run cards: the set in force, a draft of the next version, and what it would change. Mirrors
// server/runcardviews.py; docs/run-cards.md has the fields.
import { batch, computed, signal } from "@preact/signals";
import { ApiError, call, incidentTypes as readTypes } from "../../shared/api";
import { toast, toastError } from "../../shared/components/Toast";
import type { Instant, Priority, UnitKind } from "../../shared/types";
import { incidentTypes } from "../store";
import { t } from "./words";

export type Topic = "cards" | "terms" | "versions";
export type TermKind = "skills" | "equipment";

export interface Term {
  code: string;
  en: string;
  zh: string;
}

export interface Step {
  en: string;
  zh: string;
}

export interface Card {
  code: string;
  en: string;
  zh: string;
  priority: Priority;
  units: number;
  vehicles: UnitKind[];
  skills: string[];
  equipment: string[];
  scene_min: number;
  recording: string;
  evidence: boolean;
  violence: boolean;
  first_arrival_min: number;
  timers: Record<string, number>;
  steps: Step[];
}

export interface CardSet {
  skills: Term[];
  equipment: Term[];
  cards: Card[];
}

export interface Version {
  version: number;
  created_at: Instant;
  created_by: string;
  reason: string;
  cards: number;
}

export interface RunCards {
  version: number;
  activated_at: Instant | null;
  activated_by: string | null;
  reason: string | null;
  set: CardSet;
  versions: Version[];
}

export interface Problem {
  card: string;
  field: string;
  says: string;
}

/** By card: the fields that differ, or `added`, `removed`, `moved`; terms under `skills`, `equipment`. */
export type Changes = Record<string, string[]>;

const AT = "/api/run-cards";

export const inForce = signal<RunCards | null>(null);
export const draft = signal<CardSet | null>(null);
export const topic = signal<Topic>("cards");
/** Place of the card in the form. */
export const chosen = signal(0);
export const busy = signal(false);
export const problems = signal<Problem[]>([]);

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
export const changed = computed(() => draft.value !== null && !same(draft.value, inForce.value?.set));

/** As it is in force; undefined for a new one. */
export const before = (code: string): Card | undefined =>
  inForce.value?.set.cards.find((card) => card.code === code);
export const isChanged = (card: Card): boolean => !same(card, before(card.code));

export async function read(): Promise<void> {
  await working(async () => take(await call<RunCards>("GET", AT)));
}

function take(found: RunCards): void {
  batch(() => {
    inForce.value = found;
    draft.value = structuredClone(found.set);
    chosen.value = Math.min(chosen.peek(), found.set.cards.length - 1);
    problems.value = [];
  });
}

export function discard(): void {
  const found = inForce.peek();
  if (found) take(found);
}

// -- editing --

export function edit(change: (set: CardSet) => void): void {
  const next = structuredClone(draft.peek());
  if (!next) return;
  change(next);
  draft.value = next;
}

export function editCard(change: (card: Card) => void): void {
  edit(({ cards }) => {
    const card = cards[chosen.peek()];
    if (card) change(card);
  });
}

export function addCard(): void {
  batch(() => {
    edit(({ cards }) => {
      cards.push({
        code: "",
        en: "",
        zh: "",
        priority: "priority",
        units: 1,
        vehicles: [],
        skills: [],
        equipment: [],
        scene_min: 45,
        recording: "record",
        evidence: false,
        violence: false,
        first_arrival_min: 30,
        timers: {},
        steps: [],
      });
    });
    chosen.value = (draft.peek()?.cards.length ?? 1) - 1;
  });
}

export function removeCard(): void {
  batch(() => {
    edit(({ cards }) => cards.splice(chosen.peek(), 1));
    chosen.value = Math.max(chosen.peek() - 1, 0);
  });
}

/** One place up or down, by -1 or 1; where that is. */
export function moved(list: unknown[], at: number, by: number): number {
  const to = at + by;
  if (to < 0 || to >= list.length) return at;
  [list[at], list[to]] = [list[to], list[at]];
  return to;
}

export function moveCard(by: number): void {
  let to = chosen.peek();
  edit(({ cards }) => {
    to = moved(cards, to, by);
  });
  chosen.value = to;
}

// -- the server --

/** What the draft would change; null where it is not good: then `problems` say why. */
export async function preview(): Promise<Changes | null> {
  return working(async () => {
    const found = await call<{ changes: Changes }>("POST", `${AT}/preview`, { set: draft.peek() });
    problems.value = [];
    return found.changes;
  });
}

export async function save(reason: string): Promise<boolean> {
  const based_on = inForce.peek()?.version ?? 0;
  const saved = await working(async () => {
    const found = await call<RunCards>("POST", AT, { set: draft.peek(), based_on, reason });
    take(found);
    toast(t("saved", { version: found.version }));
    return true;
  });
  if (saved) await refreshTypes();
  return saved ?? false;
}

/** Null: the set that comes with Ridgeline. */
export async function activate(version: number | null, reason: string): Promise<void> {
  await working(async () => {
    const found = await call<RunCards>("POST", `${AT}/activate`, { version, reason });
    take(found);
    toast(version ? t("saved", { version }) : t("in_force.shipped"));
  });
  await refreshTypes();
}

/** An older version as the draft, to be looked at or changed. */
export async function open(version: number): Promise<void> {
  await working(async () => {
    const found = await call<{ set: CardSet }>("GET", `${AT}/versions?version=${version}`);
    batch(() => {
      draft.value = found.set;
      chosen.value = 0;
      topic.value = "cards";
    });
  });
}

async function refreshTypes(): Promise<void> {
  try {
    incidentTypes.value = await readTypes();
  } catch (error) {
    toastError(error);
  }
}

async function working<T>(work: () => Promise<T>): Promise<T | null> {
  busy.value = true;
  try {
    return await work();
  } catch (error) {
    const told = error instanceof ApiError && error.code === "bad_run_cards";
    if (told) problems.value = (error.detail.problems as Problem[] | undefined) ?? [];
    else toastError(error, t);
    return null;
  } finally {
    busy.value = false;
  }
}
