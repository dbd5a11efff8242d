import { translator } from "../../shared/i18n";
import type { Reason } from "../../shared/types";
import * as main from "../words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator(en, zh);

/** A reason of the server in the reader's language, wherever its words are kept. */
export function reasonWords(reason: Reason): string {
  const { kind } = reason.values;
  const values = kind
    ? { ...reason.values, kind: main.t.loose(`unit.${kind}`, {}, String(kind)) }
    : reason.values;
  return t.loose(`reason.${reason.code}`, values, main.reasonWords(reason));
}

/** 312 s → "5.2", minutes as the score tells them. */
export const minutes = (seconds: number): string => (seconds / 60).toFixed(1);
