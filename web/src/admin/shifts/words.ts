import { translator } from "../../shared/i18n";
import { commonEn, commonZh } from "../../shared/words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });

/** Of a shift that goes by one of our names; its own name otherwise. */
export const nameWords = (name: string): string => t.loose(`shift.name.${name}`, {}, name);
