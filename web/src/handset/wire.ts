// Native device protocol, version 1, as this page speaks it: docs/protocol.md, protocols/native.py.
// Times are milliseconds since 1970 UTC.
import type { Priority } from "../shared/types";

export const SUBPROTOCOL = "ridgeline.v1.json";

export type Step =
  | "received"
  | "shown"
  | "standby"
  | "accepted"
  | "declined"
  | "en_route"
  | "on_scene"
  | "feedback"
  | "done";

export interface TaskBody {
  order: string;
  number: number;
  instruction: string;
  eta_s: number | null;
  unit: string;
  incident: {
    id: string;
    number: number;
    type: string;
    type_names?: { en: string; zh: string };
    priority: Priority;
    note: string;
    place: string;
    lon: number;
    lat: number;
  };
}

export interface NoticeBody {
  /** Id of the command or the order it is about. */
  ref: string;
  why: string;
  text?: string;
  order?: string;
  number?: number;
  /** `heard`: when a dispatcher saw the call for help. `stance`: since when peace or war holds. */
  at?: number;
  /** `stance`: which, and until when; null: until another order. */
  mode?: "peace" | "war";
  until?: number | null;
  /** Where the notice stands for a task that never came. */
  incident?: TaskBody["incident"];
  /** Where the notice stands for a question that came too late: its kind, and what it asked. */
  asked?: "recall" | "check" | "advice";
  question?: RecallBody | CheckBody | LeaderBody | AdviceBody;
  /** To a leader who was asked: what state the order is in now. */
  became?: string;
}

/** An order that the control room wants back: a person answers under the command's own id. */
export interface RecallBody {
  /** Id of the task. */
  ref: string;
  order?: string;
  why: "recalled" | "superseded" | "handed_over";
  text?: string;
}

/** Is all well? */
export interface CheckBody {
  ref: string;
  order?: string;
  why: "welfare";
}

/** Nobody of a unit answers its order: does its leader see to it? */
export interface LeaderBody {
  ref: string;
  order: string;
  number: number;
  why: "leader";
  /** Badge of the leader, who alone may answer. */
  leader: string;
  /** Call sign. */
  unit: string;
  scene: { incident: number; type: string; priority: Priority; place: string };
}

/** Something to do so that a battery lasts: a person answers under the command's own id. */
export interface AdviceBody {
  ref: string;
  order: string;
  /** A mitigation, `charge_in_car`. */
  why: string;
  /** Whose battery. */
  device: string;
  text: Record<"en" | "zh", string>;
}

interface CommandFrame {
  t: "cmd";
  seq: number;
  prev: number;
  id: string;
  pri?: Priority;
  exp?: number;
}
export type Command =
  | (CommandFrame & { kind: "task"; body: TaskBody })
  | (CommandFrame & { kind: "recall"; body: RecallBody })
  | (CommandFrame & { kind: "check"; body: CheckBody | LeaderBody })
  | (CommandFrame & { kind: "advice"; body: AdviceBody })
  | (CommandFrame & { kind: "notice"; body: NoticeBody });

export interface StateRecord {
  t: "up";
  k: "state";
  id: string;
  s: Step;
  at: number;
  by?: string;
  reason?: string;
  note?: string;
  /** Of a standby. */
  until?: number;
  /** The newest checkpoint of the command log kept here. */
  seen?: string;
  lat?: number;
  lon?: number;
}

export interface LocationRecord {
  t: "up";
  k: "loc";
  at: number;
  lat: number;
  lon: number;
  acc?: number;
  spd?: number;
  hdg?: number;
  bat?: number;
  chg?: boolean;
}

/** An officer calls for help, or says that it was a false alarm. */
export interface SosRecord {
  t: "up";
  k: "sos";
  id: string;
  s: "raised" | "withdrawn";
  at: number;
  by?: string;
  lat?: number;
  lon?: number;
  acc?: number;
  /** When that position was taken. */
  fix?: number;
  bat?: number;
}

/** A record gets its `n` when it is first sent, so that steps overtake an old backlog of fixes, and a call for help all of them. */
export type UpRecord = StateRecord | LocationRecord | SosRecord;
export type Numbered = UpRecord & { n: number };

export interface Hello {
  t: "hello";
  dev: string;
  inst: string;
  tok: string;
  epoch: string;
  cur: number;
  cur_id: string;
  up_acked: number;
  /** The newest checkpoint of the command log kept here. */
  seen: string;
  app: string;
}

export interface Welcome {
  t: "welcome";
  epoch: string;
  resumed: boolean;
  head: number;
  up: number;
  hb: number;
  now: number;
  /** A newer checkpoint of the command log. */
  ckpt?: string;
}

export type ServerFrame =
  | Welcome
  | Command
  | { t: "ack"; up: number; ckpt?: string }
  /** `hb`: the heartbeat is another from now on. */
  | { t: "pong"; i: number; now: number; hb?: number };

export const CLOSE = { replaced: 4001, auth: 4002, protocol: 4003, slow: 4004, draining: 4005 } as const;
