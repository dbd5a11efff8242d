import { translator } from "../../shared/i18n";
import type { Reason } from "../../shared/types";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator(en, zh);

/** Why more than one unit is needed. */
export const reasonWords = ({ code, values, text }: Reason): string =>
  t.loose(`reason.${code}`, values, text);
