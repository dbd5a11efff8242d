import { dictionary, language } from "../shared/i18n";
import { translatorWithCommon } from "../shared/words";
import { incidentTypes } from "./orders";

const { en, zh } = await dictionary({
  en: () => import("./locales/en.json"),
  zh: () => import("./locales/zh.json"),
});

export const t = translatorWithCommon(en, zh);

export function typeName(code: string): string {
  const type = incidentTypes.value.find((known) => known.code === code);
  return type ? type.names[language.value] : code;
}
