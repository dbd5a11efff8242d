// Figures as people read them.
import { language } from "../../shared/i18n";
import type { Held, Quantile, Share } from "./types";
import { t } from "./words";

/** "2.4 s", "40 s", "12.5 min", "3.2 h": as many digits as mean something. */
export function timeText(seconds: number): string {
  if (seconds > 0 && seconds < 10) return t("time.s", { n: seconds.toFixed(1) });
  if (seconds < 120) return t("time.s", { n: Math.round(seconds) });
  if (seconds < 10_800) return t("time.min", { n: (seconds / 60).toFixed(1) });
  return t("time.h", { n: (seconds / 3_600).toFixed(1) });
}

/** A value with its limits, or that it is not estimable, with what is known all the same. */
export function quantileText({ estimable, value_s, low_s, high_s }: Quantile): string {
  if (estimable && value_s !== null && high_s !== null) {
    return t("quantile", { value: timeText(value_s), low: timeText(low_s ?? 0), high: timeText(high_s) });
  }
  return low_s === null ? t("not_estimable") : t("not_estimable.least", { low: timeText(low_s) });
}

export const percent = (share: number): string =>
  `${Math.round(100 * share)}${language.value === "zh" ? "%" : " %"}`;

export function shareText({ value, low, high }: Share): string {
  if (low === null || high === null) return percent(value);
  return t("share", { value: percent(value), low: percent(low), high: percent(high) });
}

/** What held, in words; of everything together, that. */
export function heldText(held: Held): string {
  const parts = Object.entries(held).map(([axis, value]) => valueText(axis, value));
  return parts.length ? parts.join(" · ") : t("all");
}

export function valueText(axis: string, value: string): string {
  if (axis !== "weather") return t.loose(`${axis}.${value}`, {}, value);
  return value
    .split("+")
    .map((part) => t.loose(`weather.${part}`, {}, part))
    .join("+");
}
