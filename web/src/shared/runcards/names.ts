// What cards, lists of terms and fields are called, where something is said of them by their codes.
import { language } from "../i18n";
import { before, draft } from "./store";
import { t } from "./words";

/** Of a card by its code, or of the list of terms that is told in its place. */
export function nameOf(code: string): string {
  if (code === "skills" || code === "equipment") return t(`field.${code}`);
  const card = draft.value?.cards.find((each) => each.code === code) ?? before(code);
  return card?.[language.value] || code;
}

/** "steps.2.zh" → "Step 2 · Chinese": where a value stands, as the form calls it. */
export function fieldWords(field: string): string {
  const [first = "", second = "", third = ""] = field.split(".");
  if (first === "steps" && third)
    return `${t("step", { step: second })} · ${t.loose(`language.${third}`, {}, third)}`;
  if (first === "timers" && second) return t.loose(`timer.${second}`, {}, second);
  return t.loose(`field.${field}`, {}, field);
}
