// The words that all faces share; every translator knows them. Where its type shall know them, too:
//   export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });
import type { ApiError } from "./api";
import { dictionary, type SameKeys, shareWords, type Translator, translator, type Words } from "./i18n";

export const { en: commonEn, zh: commonZh } = await dictionary({
  en: () => import("./locales/en.json"),
  zh: () => import("./locales/zh.json"),
});
shareWords(commonEn, commonZh);
export const t = translator(commonEn, commonZh);

/** A face's translator, whose dictionaries may be filled later. */
export function translatorWithCommon<En extends Words, Zh extends Record<keyof En, string>>(
  en: En,
  zh: SameKeys<En, Zh>,
): Translator<keyof typeof commonEn | (keyof En & string)> {
  return translator(en, zh) as Translator<string>;
}

/** What went wrong, in the reader's language; the server's own words where `words` has none. */
export function errorWords(error: unknown, words: Pick<typeof t, "loose"> = t): string {
  if (!isApiError(error)) return error instanceof Error ? error.message : String(error);
  const values: Record<string, string | number> = { seconds: error.retryAfterS ?? 60 };
  for (const [name, value] of Object.entries(error.detail)) {
    if (typeof value === "string" || typeof value === "number") values[name] = value;
  }
  return words.loose(`error.${error.code}`, values, error.message);
}

const isApiError = (error: unknown): error is ApiError => error instanceof Error && error.name === "ApiError";
