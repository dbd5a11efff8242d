// English and Chinese. A face's dictionaries are two JSON files with the same keys: a key that one of
// them lacks fails the type check. The choice is remembered in this browser.
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

export function setLanguage(next: Language): void {
  localStorage.setItem(STORAGE_KEY, next);
  language.value = next;
}

export interface Translator<Key extends string> {
  /** The words of a key; `{name}` is replaced by `values.name`. Reads `language`, so faces re-render. */
  (key: Key, values?: Values): string;
  /** The words of a key that came from the server, or `fallback` where the dictionaries do not know it. */
  loose(key: string, values: Values, fallback: string): string;
}

/** Both dictionaries must have exactly the same keys. */
export function translator<En extends Record<string, string>, Zh extends Record<keyof En, string>>(
  en: En,
  zh: Zh & (Exclude<keyof Zh, keyof En> extends never ? unknown : never),
): Translator<keyof En & string> {
  const words = { en, zh } as { en: Record<string, string>; zh: Record<string, string> };
  const t = (key: keyof En & string, values: Values = {}) => fill(words[language.value][key] ?? key, values);
  t.loose = (key: string, values: Values, fallback: string) => {
    const template = words[language.value][key];
    return template === undefined ? fallback : fill(template, values);
  };
  return t;
}

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
