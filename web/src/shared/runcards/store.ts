// The run cards: the set in force, a draft of the next version, and what it would change. Mirrors
// server/runcardviews.py; docs/run-cards.md has the fields.
import { batch, computed, signal } from "@preact/signals";
import { ApiError, call } from "../api";
import { toast, toastError } from "../components/Toast";
import type { Instant, Priority, UnitKind } from "../types";
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
  /** What was put in force, where the server cannot use it and goes by `version`. */
  unusable: number | null;
  activated_at: Instant | null;
  activated_by: string | null;
  reason: string | null;
  set: CardSet;
  versions: Version[];
}

export interface Problem {
  card: string;
  field: string;
  /** With its values in our own words, `problem.<code>`. */
  code: string;
  values: Record<string, string | number>;
  /** In English. */
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

/** What is in force by now, which somebody else may have saved. */
export async function discard(): Promise<void> {
  await working(async () => take(await call<RunCards>("GET", AT)));
}

/** The same, unless somebody changes something before the answer is here: that stays. */
export async function look(): Promise<void> {
  await working(async () => {
    const found = await call<RunCards>("GET", AT);
    if (!changed.peek()) take(found);
  });
}

function take(found: RunCards): void {
  batch(() => {
    inForce.value = found;
    draft.value = structuredClone(found.set);
    chosen.value = Math.min(chosen.peek(), found.set.cards.length - 1);
    problems.value = [];
  });
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

/** A card that names it can do without it. */
export function removeTerm(kind: TermKind, at: number): void {
  edit((set) => {
    const [gone] = set[kind].splice(at, 1);
    for (const card of set.cards) card[kind] = card[kind].filter((code) => code !== gone?.code);
  });
}

/** Cards that name it name it so, unless another has that code already. */
export function recodeTerm(kind: TermKind, at: number, code: string): void {
  edit((set) => {
    const term = set[kind][at];
    if (!term) return;
    const old = term.code;
    const isFree = set[kind].every((other) => other.code !== code);
    term.code = code;
    if (!isFree) return;
    for (const card of set.cards) card[kind] = card[kind].map((each) => (each === old ? code : each));
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
  return saved ?? false;
}

/** Null: the set that comes with Ridgeline. */
export async function activate(version: number | null, reason: string): Promise<void> {
  await working(async () => {
    const found = await call<RunCards>("POST", `${AT}/activate`, { version, reason });
    take(found);
    toast(version ? t("saved", { version }) : t("in_force.shipped"));
  });
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
