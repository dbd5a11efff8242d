// The classes of alarms: what each sounds like, how often it comes again, and what belongs to it.
import type { IconName } from "../../shared/icons";
import { SIREN } from "../sos";
import type { Notes } from "../sound";

export interface AlarmClass {
  icon: IconName;
  notes: Notes;
  /** At full volume. */
  loudness: number;
  /** Until it has been seen, every so many seconds. */
  again_s: number;
}

/** Gravest first. Each begins on a note of its own, so that it can be told by ear. */
export const CLASSES = {
  sos: { icon: "alert", notes: SIREN, loudness: 0.6, again_s: 2.5 },
  emergency: {
    icon: "alert",
    notes: [
      [1047, 0, 0.14],
      [784, 0.18, 0.14],
      [1047, 0.36, 0.14],
      [784, 0.54, 0.14],
    ],
    loudness: 0.45,
    again_s: 10,
  },
  order: {
    icon: "handover",
    notes: [
      [988, 0, 0.1],
      [988, 0.15, 0.1],
      [740, 0.3, 0.22],
    ],
    loudness: 0.4,
    again_s: 15,
  },
  unit: {
    icon: "patrol_car",
    notes: [
      [392, 0, 0.2],
      [330, 0.25, 0.32],
    ],
    loudness: 0.4,
    again_s: 15,
  },
  link: {
    icon: "silence",
    notes: [
      [622, 0, 0.22],
      [466, 0.28, 0.22],
      [349, 0.56, 0.4],
    ],
    loudness: 0.4,
    again_s: 20,
  },
  priority: {
    icon: "alert",
    notes: [
      [698, 0, 0.14],
      [880, 0.18, 0.2],
    ],
    loudness: 0.35,
    again_s: 20,
  },
  battery: {
    icon: "battery",
    notes: [
      [440, 0, 0.08],
      [440, 0.14, 0.08],
      [349, 0.28, 0.2],
    ],
    loudness: 0.3,
    again_s: 30,
  },
  road: {
    icon: "pin",
    notes: [
      [294, 0, 0.18],
      [294, 0.26, 0.18],
    ],
    loudness: 0.3,
    again_s: 30,
  },
  work: {
    icon: "check",
    notes: [
      [659, 0, 0.12],
      [880, 0.16, 0.18],
    ],
    loudness: 0.25,
    again_s: 15,
  },
  routine: { icon: "alert", notes: [[523, 0, 0.14]], loudness: 0.25, again_s: 30 },
} as const satisfies Record<string, AlarmClass>;

export type ClassName = keyof typeof CLASSES;
export const NAMES = Object.keys(CLASSES) as ClassName[];

const OF_UNITS = ["welfare_silent", "welfare_alarm", "not_back", "camera_dark", "unit_silent", "left_scene"];
const OF_BATTERIES = ["battery_short", "mitigation_failed", "mitigation_weak"];
const OF_NOBODY = [
  "reminder",
  "move_up",
  "intake",
  "swap",
  "now_free",
  "stance_ends",
  "log_disputed",
  "eta_drift",
];

/** Nobody will go, unless somebody sees to it. */
const NOBODY_GOES = ["escalated", "leader_declined", "declined", "expired", "undeliverable", "no_device"];

/** Whether an item of the worklist sounds until somebody has seen it. */
export const mustBeSeen = (kind: string, severity: string): boolean =>
  severity === "alarm" || NOBODY_GOES.includes(kind);

/** Of an item of the worklist; what is of an order is of an order that nobody answers, or that goes wrong. */
export function classOf(kind: string, orderId: string | null): ClassName {
  if (OF_UNITS.includes(kind)) return "unit";
  if (OF_BATTERIES.includes(kind)) return "battery";
  return orderId === null || OF_NOBODY.includes(kind) ? "work" : "order";
}
