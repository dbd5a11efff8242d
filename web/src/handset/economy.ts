// How often this handset says where it is, and how exactly: by what its officer does, what the battery has
// left, and what a person wishes. A table with its reasons; no sensor and no clock.

/** `ordered`: has an order and is not under way to it yet. */
export type Duty = "idle" | "ordered" | "under_way" | "on_scene";
export type Wish = "auto" | "often" | "rarely";
export type BatteryBand = "enough" | "low" | "critical";

export interface Situation {
  duty: Duty;
  moving: boolean;
  /** The way is on the screen. */
  guided: boolean;
  /** Somebody hears it now. */
  linked: boolean;
  battery: { pct: number; charging: boolean } | null;
  wish: Wish;
}

export interface Plan {
  everyS: number;
  /** By satellites, not by the mobile network alone. */
  exact: boolean;
  /** Positions come by themselves; else each is asked for, and the receiver rests in between. */
  watch: boolean;
  duty: Duty;
  moving: boolean;
  band: BatteryBand;
  wish: Wish;
  linked: boolean;
}

/** Per cent below which a battery is low, and critical. Starting values. */
export const LOW_PCT = 30;
export const CRITICAL_PCT = 15;
/** The control room shows a position as old after 120 s. */
const RAREST_S = 110;
const OFTEN_S = 5;

/** Seconds between two positions with enough battery, with a low and with a critical one. Starting values. */
const EVERY_S: Record<Duty | "patrol", Record<BatteryBand, number>> = {
  under_way: { enough: 5, low: 10, critical: 20 },
  ordered: { enough: 15, low: 30, critical: 60 },
  on_scene: { enough: 30, low: 60, critical: RAREST_S },
  patrol: { enough: 15, low: 30, critical: 60 },
  idle: { enough: 60, low: 90, critical: RAREST_S },
};

export function planFor({ duty, moving, guided, linked, battery, wish }: Situation): Plan {
  const band = bandOf(battery);
  const row = duty === "idle" && moving ? "patrol" : duty;
  const everyS = wish === "often" ? OFTEN_S : wish === "rarely" ? RAREST_S : EVERY_S[row][band];
  const still = duty === "idle" || duty === "on_scene";
  const spare = wish === "rarely" || (wish === "auto" && band === "critical");
  return {
    everyS,
    exact: guided || !(spare && still),
    watch: guided || wish === "often" || (duty === "under_way" && !spare),
    duty,
    moving,
    band,
    wish,
    linked,
  };
}

function bandOf(battery: Situation["battery"]): BatteryBand {
  if (!battery || battery.charging || battery.pct >= LOW_PCT) return "enough";
  return battery.pct >= CRITICAL_PCT ? "low" : "critical";
}
