import { translator } from "../i18n";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator(en, zh);
