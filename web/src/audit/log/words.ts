import { translator } from "../../shared/i18n";
import { commonEn, commonZh } from "../../shared/words";
import commonLogEn from "../locales/en.json";
import commonLogZh from "../locales/zh.json";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...commonLogEn, ...en }, { ...commonZh, ...commonLogZh, ...zh });
