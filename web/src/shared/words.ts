// The words that all faces share. A face adds its own:
//   export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });
import type { ApiError } from "./api";
import { translator } from "./i18n";
import commonEn from "./locales/en.json";
import commonZh from "./locales/zh.json";

export { commonEn, commonZh };
export const t = translator(commonEn, commonZh);

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
