// What each key does, in words, and why something cannot be done now. They come with the help and the command bar.
import { translator } from "../../shared/i18n";
import { commonEn, commonZh } from "../../shared/words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });
/** In English and in Chinese. */
export const both = (key: keyof typeof en): [string, string] => [en[key], zh[key]];
