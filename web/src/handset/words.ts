import { language, translator } from "../shared/i18n";
import { commonEn, commonZh } from "../shared/words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";
import { incidentTypes } from "./orders";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });

export function typeName(code: string): string {
  const type = incidentTypes.value.find((known) => known.code === code);
  return type ? type.names[language.value] : code;
}
