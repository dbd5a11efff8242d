import { translator } from "../../shared/i18n";
import { commonEn, commonZh } from "../../shared/words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });
