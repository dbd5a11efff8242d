// Searches that somebody keeps by a name, in this browser, each person's own.
import { computed, signal } from "@preact/signals";
import { EMPTY, type Search } from "../store";
import { user } from "../who";

export interface SavedSearch {
  name: string;
  search: Partial<Search>;
}

export const SAVED_MAX = 20;
export const NAME_LEN_MAX = 60;
const PREFIX = "ridgeline.searches.";

const changed = signal(0);

const storageKey = (): string | null => (user.value ? PREFIX + user.value.username : null);

export const saved = computed<SavedSearch[]>(() => {
  changed.value;
  const key = storageKey();
  if (!key) return [];
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter(isSaved) : [];
  } catch (error) {
    console.warn("kept searches cannot be read", error);
    return [];
  }
});

const isSaved = (each: Partial<SavedSearch> | null): each is SavedSearch =>
  typeof each?.name === "string" && typeof each.search === "object" && each.search !== null;

function write(all: SavedSearch[]): void {
  const key = storageKey();
  if (key) localStorage.setItem(key, JSON.stringify(all));
  changed.value++;
}

/** Under a name; the one that had it before goes. */
export function keep(name: string, search: Search): void {
  const set = Object.fromEntries(Object.entries(search).filter(([, value]) => value));
  write([...saved.peek().filter((each) => each.name !== name), { name, search: set }]);
}

export const drop = (name: string): void => write(saved.peek().filter((each) => each.name !== name));

export const whole = ({ search }: SavedSearch): Search => ({ ...EMPTY, ...search });
