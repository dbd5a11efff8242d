import { translator } from "../../shared/i18n";
import type { Escalation } from "../../shared/types";
import { commonEn, commonZh } from "../../shared/words";
import { leaderWords } from "../words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator({ ...commonEn, ...en }, { ...commonZh, ...zh });

type Asked = Pick<Escalation, "leader" | "leader_devices" | "leader_answer">;

/** Whom to call about an order that nobody answers, and what he has said. */
export function asked({ leader, leader_devices: devices, leader_answer: answer }: Asked): string {
  if (!leader) return t("leader.none");
  return t(`leader.${answer ?? (devices.length > 0 ? "asked" : "call")}`, { who: leaderWords(leader) });
}

/** "Spare at North": what a mitigation is called. */
export const mitigationWords = (kind: string, values: Record<string, string | number>): string =>
  t.loose(`mitigation.${kind}`, values, kind);

/** "−13", with a true minus sign. */
export const signed = (value: number): string => {
  const whole = Math.round(value);
  return whole < 0 ? `−${-whole}` : `+${whole}`;
};
