import { translator } from "../../shared/i18n";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator(en, zh);
/** What is typed may be of either language, whatever the page speaks. */
export const both = (key: keyof typeof en): [string, string] => [en[key], zh[key]];
