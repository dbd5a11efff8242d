// English and Chinese. A face's dictionaries are two JSON files with the same keys: a key that one of
// them lacks fails the type check. The choice is remembered in this browser. What a face says from the
// beginning comes in one language (`dictionary`); parts that are opened later bring both.
import { effect, signal } from "@preact/signals";

export type Language = "en" | "zh";
type Values = Record<string, string | number>;

const STORAGE_KEY = "ridgeline.language";

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORAGE_KEY);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = signal<Language>(firstLanguage());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

export type Words = Record<string, string>;
type Loading<T> = () => Promise<{ default: T }>;
/** Neither lacks a key that the other has. */
export type SameKeys<En, Zh> = Zh & (Exclude<keyof Zh, keyof En> extends never ? unknown : never);

const waiting: Record<Language, (() => Promise<void>)[]> = { en: [], zh: [] };

/**
 * Two dictionaries of which the page's own is there on return, the other once it is chosen: the objects are filled
 * then. Rejects where it cannot be fetched.
 */
export async function dictionary<En extends Words, Zh extends Record<keyof En, string>>(load: {
  en: Loading<En>;
  zh: Loading<SameKeys<En, Zh>>;
}): Promise<{ en: En; zh: SameKeys<En, Zh> }> {
  const words = { en: {}, zh: {} } as { en: En; zh: SameKeys<En, Zh> };
  for (const each of ["en", "zh"] as const) {
    waiting[each].push(async () => {
      Object.assign(words[each], (await load[each]()).default);
    });
  }
  await fetchWords(language.peek());
  return words;
}

/** What was fetched is not asked for again; what could not be is, the next time. */
async function fetchWords(of: Language): Promise<void> {
  const missing = waiting[of].splice(0);
  try {
    await Promise.all(missing.map((fetch) => fetch()));
  } catch (error) {
    waiting[of].push(...missing);
    throw error;
  }
}

/** Rejects where its words cannot be fetched; the page then stays as it is. */
export async function setLanguage(next: Language): Promise<void> {
  await fetchWords(next);
  localStorage.setItem(STORAGE_KEY, next);
  language.value = next;
}

let common: Record<Language, Words> = { en: {}, zh: {} };

/** The words that every translator knows besides its own. */
export function shareWords(en: Words, zh: Words): void {
  common = { en, zh };
}

export interface Translator<Key extends string> {
  /** The words of a key; `{name}` is replaced by `values.name`. Reads `language`, so faces re-render. */
  (key: Key, values?: Values): string;
  /** The words of a key that came from the server, or `fallback` where the dictionaries do not know it. */
  loose(key: string, values: Values, fallback: string): string;
}

/** Both dictionaries must have exactly the same keys. */
export function translator<En extends Words, Zh extends Record<keyof En, string>>(
  en: En,
  zh: SameKeys<En, Zh>,
): Translator<keyof En & string> {
  const words = { en, zh } as Record<Language, Words>;
  const find = (key: string) => words[language.value][key] ?? common[language.value][key];
  const t = (key: keyof En & string, values: Values = {}) => fill(find(key) ?? key, values);
  t.loose = (key: string, values: Values, fallback: string) => {
    const template = find(key);
    return template === undefined ? fallback : fill(template, values);
  };
  return t;
}

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
