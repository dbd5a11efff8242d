import { language, translator } from "../shared/i18n";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

const { default: commonEn } = await import("../shared/locales/en.json");
const { default: commonZh } = await import("../shared/locales/zh.json");

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });

/** The same in the language that the page is not in. */
export const other = (key: keyof typeof commonEn): { lang: string; words: string } =>
  language.value === "en" ? { lang: "zh-CN", words: commonZh[key] } : { lang: "en", words: commonEn[key] };
