// Road conditions as the server writes them ("rain,night,fog=60,ice>1800") in the reader's words.
import { language } from "./i18n";
import { t } from "./words";

export function conditionWords(condition: string): string {
  return condition
    .split(",")
    .map(itemWords)
    .join(language.value === "zh" ? "，" : ", ");
}

function itemWords(item: string): string {
  const [name = "", m = ""] = item.split(/[=>]/);
  if (name === "fog" || name === "ice") return t(`condition.${name}`, { m });
  return name === "night" ? t("condition.night") : t.loose(`weather.${name}`, {}, item);
}
