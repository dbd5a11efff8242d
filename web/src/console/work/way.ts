// What the watch over units under way says of one, in words.
import { language } from "../../shared/i18n";
import { localTime } from "../../shared/time";
import { t } from "./words";

/** "12 min late · arrives 14:32 · promised 14:20 · since 14:05 · G320 km 12.3". */
export function wayDetails(body: Record<string, unknown>): string[] {
  const { late_min: late, arrives_at: arrives, promised_at: promised, since, where } = body;
  const clock = (at: string) => localTime(at, false);
  return [
    typeof late === "number" && late > 0 ? t("work.late", { min: Math.round(late) }) : "",
    typeof arrives === "string" ? t("work.arrives", { time: clock(arrives) }) : "",
    typeof promised === "string" ? t("work.promised", { time: clock(promised) }) : "",
    typeof since === "string" ? t("work.since", { time: clock(since) }) : "",
    typeof where === "object" && where !== null ? String((where as Words)[language.value]) : "",
  ];
}

type Words = Record<string, string>;
