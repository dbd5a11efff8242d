// What a dead zone means for a unit, in words: expected back, not back, about to enter.
import { language } from "../shared/i18n";
import { localTime } from "../shared/time";
import type { Contact } from "../shared/types";
import { t } from "./words";

const clock = (at: string): string => localTime(at, false);

/** One sentence for the list and the detail. */
export function contactWords(contact: Contact): string {
  const words = { time: clock(contact.back_at), place: contact.place[language.value] };
  if (contact.state === "ahead") {
    const from = { from: clock(contact.enters_at ?? contact.back_at), ...words };
    return t(contact.unreceived ? "contact.call" : "contact.ahead", from);
  }
  if (contact.state === "overdue") return t("contact.overdue", words);
  return t(contact.at_scene ? "contact.at_scene" : "contact.silent", words);
}

/** Beside the call sign on the map; "" for a unit that is heard. */
export function contactLabel(contact: Contact | null): string {
  if (!contact || contact.state === "ahead") return "";
  const words = { time: clock(contact.back_at), place: contact.place[language.value] };
  return t(contact.state === "overdue" ? "contact.label.overdue" : "contact.label", words);
}

/** Somebody must act. */
export const isAlarming = ({ state, unreceived }: Contact): boolean => state === "overdue" || unreceived;
