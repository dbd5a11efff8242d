// Words of what is shown of a selection, which comes after the first paint; with them those of the console.
import { translator } from "../../shared/i18n";
import { commonEn, commonZh } from "../../shared/words";
import consoleEn from "../locales/en.json";
import consoleZh from "../locales/zh.json";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...consoleEn, ...en }, { ...commonZh, ...consoleZh, ...zh });
