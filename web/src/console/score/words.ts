import { translator } from "../../shared/i18n";
import type { Reason } from "../../shared/types";
import * as main from "../words";
import en from "./locales/en.json";
import zh from "./locales/zh.json";

export const t = translator(en, zh);

/** A reason of the server in the reader's language; its English where the dictionary lacks the code. */
export function reasonWords({ code, values: told, text }: Reason): string {
  const { kind, people } = told;
  const values = {
    ...told,
    ...(kind ? { kind: main.t.loose(`unit.${kind}`, {}, String(kind)) } : {}),
    ...(typeof people === "number" ? { people: people.toLocaleString("en") } : {}),
  };
  return t.loose(`reason.${code.replace("vehicle device", "vehicle")}`, values, text);
}

/** 312 s → "5.2", minutes as the score tells them. */
export const minutes = (seconds: number): string => (seconds / 60).toFixed(1);
