// What can be changed of a unit: as a form has it, as the server takes it, and in words.
import type { UnitKind } from "../../shared/types";
import type { Facts, KeptUnit } from "./api";
import { t } from "./words";

/** An empty text is nothing. */
export interface Typed extends Omit<Facts, "station" | "leader"> {
  station: string;
  leader: string;
}

export const typed = (unit: KeptUnit): Typed => ({
  call_sign: unit.call_sign,
  kind: unit.kind,
  station: unit.station ?? "",
  squad: unit.squad,
  plate: unit.plate,
  area: unit.area,
  equipment: unit.equipment,
  officers: unit.officers.map(({ badge }) => badge),
  leader: unit.leader ?? "",
});

export const facts = (form: Typed): Facts => ({
  ...form,
  call_sign: form.call_sign.trim(),
  squad: form.squad.trim(),
  plate: form.plate.trim(),
  area: form.area.trim(),
  station: form.station || null,
  leader: form.leader || null,
});

export const fieldWords = (name: string): string => t.loose(`unit.${name}`, {}, name);

export function valueWords(name: string, value: unknown): string {
  if (name === "kind") return t(`unit.${value as UnitKind}`);
  if (Array.isArray(value)) return value.join(t("list.comma")) || t("unit.none");
  return value === null || value === "" ? t("unit.none") : String(value);
}
