import type { DeviceKind } from "../types";
import { t } from "../words";
import { Icon } from "./Icon";

const LOW_PCT = 30;
const CRITICAL_PCT = 15;

export type BatteryLevel = "good" | "low" | "critical" | "unknown";

export function batteryLevel(pct: number | null): BatteryLevel {
  if (pct === null) return "unknown";
  if (pct <= CRITICAL_PCT) return "critical";
  return pct <= LOW_PCT ? "low" : "good";
}

interface Properties {
  pct: number | null;
  charging?: boolean;
  /** Draws the device before the cell: a camera's battery is never taken for a handset's. */
  device?: DeviceKind;
  title?: string;
}

/** A cell filled to its charge, with the number beside it: colour is never the only sign. */
export function Battery({ pct, charging = false, device, title }: Properties) {
  const words =
    pct === null
      ? t("battery.unknown")
      : t("battery.label", { device: device ? t(`device.${device}`) : "", pct: Math.round(pct) });
  const label = charging ? `${words}, ${t("battery.charging")}` : words;
  return (
    <span class="battery" data-level={batteryLevel(pct)} title={title ?? label} role="img" aria-label={label}>
      {device && <Icon name={device} size={13} />}
      <svg width="20" height="10" viewBox="0 0 20 10" aria-hidden="true">
        <rect x="0.5" y="0.5" width="16" height="9" rx="2" fill="none" stroke="currentColor" opacity="0.75" />
        <rect x="17.5" y="3" width="2" height="4" rx="1" fill="currentColor" opacity="0.75" />
        {pct !== null && (
          <rect
            x="2"
            y="2"
            width={Math.max(0.8, (13 * pct) / 100)}
            height="6"
            rx="1"
            fill="currentColor"
            opacity={charging ? 0.35 : 1}
          />
        )}
        {charging && <path d="M10.4 0 4.6 5.7h3L6.4 10l6-5.9H9.3z" fill="currentColor" />}
      </svg>
      {pct === null ? "–" : `${Math.round(pct)}%`}
    </span>
  );
}
