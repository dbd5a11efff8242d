// What the page knows: the search, and the entries found so far, newest first.
import { signal } from "@preact/signals";
import * as api from "../shared/api";
import { toastError } from "../shared/components/Toast";
import type { JournalEntry } from "../shared/types";
import { check, verdicts } from "./witness";

const PAGE_LEN = 100;

export interface Search {
  q: string;
  kind: string;
  actor: string;
  subject: string;
  unit: string;
  officer: string;
  incident: string;
  /** As typed into <input type="datetime-local">: local time, or empty. */
  since: string;
  until: string;
}

export const EMPTY: Search = {
  q: "",
  kind: "",
  actor: "",
  subject: "",
  unit: "",
  officer: "",
  incident: "",
  since: "",
  until: "",
};

export const isEmpty = (wanted: Search): boolean => Object.values(wanted).every((value) => !value);

export const search = signal<Search>(fromAddress());
export const entries = signal<JournalEntry[]>([]);
/** `before` of the following page; null at the end; undefined before the first answer. */
export const next = signal<number | null | undefined>(undefined);
/** Entries below are not yet found by words: an older log is given them after the start. */
export const wordsFrom = signal(1);
export const busy = signal(false);

/** The search lives in the address, so that it can be kept and sent to a colleague. */
function fromAddress(): Search {
  const parameters = new URLSearchParams(location.search);
  const found = { ...EMPTY };
  for (const name of Object.keys(EMPTY) as (keyof Search)[]) found[name] = parameters.get(name) ?? "";
  return found;
}

function toAddress(wanted: Search): void {
  const parameters = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  history.replaceState(null, "", (parameters.size ? `?${parameters}` : location.pathname) + location.hash);
}

const instant = (local: string): string => (local ? new Date(local).toISOString() : "");

export async function find(changes: Partial<Search> = {}): Promise<void> {
  search.value = { ...search.value, ...changes };
  toAddress(search.value);
  verdicts.value = new Map();
  await load(undefined, []);
}

export async function more(): Promise<void> {
  if (typeof next.value === "number" && !busy.value) await load(next.value, entries.value);
}

/** The search as the server takes it. */
export function asked(): api.JournalQuery {
  const { since, until, ...rest } = search.value;
  return { ...rest, since: instant(since), until: instant(until) };
}

let asks = 0;

/** What was asked for last is shown: answers may come in another order. */
async function load(before: number | undefined, shown: JournalEntry[]): Promise<void> {
  const mine = ++asks;
  const filter: api.JournalQuery = { ...asked(), limit: PAGE_LEN };
  if (before !== undefined) filter.before = before;
  busy.value = true;
  try {
    const page = await api.journal(filter);
    if (mine !== asks) return;
    entries.value = [...shown, ...page.entries];
    next.value = page.next;
    wordsFrom.value = page.words_from;
    void check(page.entries);
  } catch (error) {
    if (mine === asks) toastError(error);
  } finally {
    if (mine === asks) busy.value = false;
  }
}
