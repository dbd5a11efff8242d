// Names and values of what can be changed of a person, in words.
import type { Role } from "../../shared/types";
import { t } from "./words";

export const fieldWords = (name: string): string => t.loose(`person.${name}`, {}, name);

export function valueWords(name: string, value: unknown): string {
  if (name === "roles") return (value as Role[]).map((role) => t(`role.${role}`)).join(t("list.comma"));
  return value === null || value === "" ? t("person.none") : String(value);
}
