import { dictionary, language } from "../shared/i18n";
import type { Leader, Officer, Unit } from "../shared/types";
import { translatorWithCommon } from "../shared/words";
import { incidentTypes, units } from "./store";

const { en, zh } = await dictionary({
  en: () => import("./locales/en.json"),
  zh: () => import("./locales/zh.json"),
});

export const t = translatorWithCommon(en, zh);

export function typeName(code: string): string {
  return incidentTypes.value.find((type) => type.code === code)?.names[language.value] ?? code;
}

/** `officer:0412` → the officer's name and badge; `user:li` → li; … */
export function actorWords(actor: string): string {
  const [kind, name = ""] = splitOnce(actor, ":");
  if (kind === "system") return t("actor.system");
  if (kind === "device") return t("actor.device");
  if (kind === "stance") return t("actor.stance", { number: name });
  if (kind !== "officer") return name || actor;
  for (const unit of units.value.values()) {
    const officer = unit.officers.find(({ badge }) => badge === name);
    if (officer) return officerWords(officer);
  }
  return name;
}

/** Name and badge; the badge once. */
export const officerWords = ({ name, badge }: Omit<Officer, "phone">): string =>
  name.includes(badge) ? name : `${name} ${badge}`;

export function deviceWords(deviceId: string, unit: Unit | undefined): string {
  const device = unit?.devices.find(({ id }) => id === deviceId);
  return device ? `${t(`device.${device.kind}`)} ${deviceId}` : deviceId;
}

/** As he is called: name and badge, his own unit's call sign, his number. */
export const leaderWords = (leader: Leader): string =>
  [officerWords(leader), leader.call_sign, leader.phone].filter(Boolean).join(" · ");

/** Names side by side: "P-07, P-11" or "P-07、P-11". */
export const listWords = (names: string[]): string => names.join(language.value === "zh" ? "、" : ", ");

/** "27.51234, 100.21234": latitude first, as people write it. */
export const positionWords = (lon: number, lat: number): string => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
