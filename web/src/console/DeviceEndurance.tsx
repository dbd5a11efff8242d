// How long a unit's batteries last if they go on as now, in words: asked while the unit is shown.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../shared/api";
import { durationText } from "../shared/time";
import { t } from "./decision/words";

const AGAIN_MS = 60_000;

/** `BatteryView` of server/batteryviews.py, as far as it is shown here. */
interface Endurance {
  device_id: string;
  charging: boolean;
  rate_pct_per_h: number | null;
  min_p10: number | null;
  min_p50: number | null;
  min_p90: number | null;
  p_until: number | null;
  nonsense: number;
}

const known = signal<ReadonlyMap<string, Endurance>>(new Map());

/** Keep what is said of this unit's batteries fresh while it is shown. */
export function useEndurance(unitId: string): void {
  useEffect(() => {
    let shown = true;
    async function ask() {
      try {
        const found = await call<Endurance[]>("GET", `/api/batteries?unit=${encodeURIComponent(unitId)}`);
        if (shown) known.value = new Map(found.map((each) => [each.device_id, each]));
      } catch (error) {
        console.warn("how long batteries last is not known just now", error);
      }
    }
    void ask();
    const timer = setInterval(() => void ask(), AGAIN_MS);
    return () => {
      shown = false;
      clearInterval(timer);
    };
  }, [unitId]);
}

export function EnduranceLine({ deviceId }: { deviceId: string }) {
  const one = known.value.get(deviceId);
  if (!one) return null;
  const words = [lasting(one), shiftWords(one), nonsenseWords(one)].filter(Boolean);
  return (
    <>
      {words.map((each) => (
        <span key={each} class="row-line row-soft" data-testid="endurance">
          {each}
        </span>
      ))}
    </>
  );
}

function lasting(one: Endurance): string {
  if (one.charging) return t("unit.battery.charging");
  if (one.rate_pct_per_h === null || one.min_p10 === null || one.min_p50 === null || one.min_p90 === null)
    return "";
  return t("unit.battery.lasts", {
    rate: Math.round(one.rate_pct_per_h),
    likely: durationText(one.min_p50 * 60_000),
    least: durationText(one.min_p10 * 60_000),
    most: durationText(one.min_p90 * 60_000),
  });
}

function shiftWords(one: Endurance): string {
  if (one.p_until === null || one.charging) return "";
  return t("unit.battery.until", { pct: Math.round(100 * one.p_until) });
}

function nonsenseWords(one: Endurance): string {
  return one.nonsense ? t("unit.battery.nonsense", { count: one.nonsense }) : "";
}
