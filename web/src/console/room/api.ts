// Handover, reminders, inbox and outlet of docs/http-api.md as typed functions.
import { call } from "../../shared/api";
import type {
  Incident,
  Instant,
  Order,
  Priority,
  Roads,
  SosCall,
  StanceNow,
  UnitStatus,
  WorkItem,
} from "../../shared/types";

export interface Reminder {
  id: string;
  text: string;
  due_at: Instant;
  incident_id: string | null;
  incident_number: number | null;
  set_by: string;
  set_at: Instant;
}

export type IntakeKind = "warning" | "task";

/** A warning or a task from outside. */
export interface Intake {
  id: string;
  number: number;
  kind: IntakeKind;
  source: string;
  urgency: Priority;
  text: string;
  place: string;
  from_at: Instant | null;
  until_at: Instant | null;
  received_at: Instant;
}

/** What happened since the handover before. */
export interface Done {
  opened: number;
  closed: number;
  orders: number;
  calls_for_help: number;
  received: number;
}

export interface Handover {
  at: Instant;
  since: Instant;
  last: { at: Instant; taken_by: string; note: string } | null;
  done: Done;
  stance: StanceNow;
  /** Calls for help that nobody has acknowledged. */
  sos: SosCall[];
  /** Gravest first; not all where there are many. */
  work: WorkItem[];
  work_open: number;
  /** Most urgent first, of one urgency those that nobody was sent to. */
  incidents: Incident[];
  inbox: Intake[];
  inbox_open: number;
  reminders: Reminder[];
  roads: Roads;
  units: Partial<Record<UnitStatus, number>>;
  /** Call signs of units on duty without a device that connects. */
  silent: string[];
}

export const handover = () => call<Handover>("GET", "/api/handover");
export const take = (requestId: string, note: string) =>
  call<Handover>("POST", "/api/handover", { request_id: requestId, note });

export interface OutletPage {
  orders: Order[];
  next: number | null;
}

export const outlet = (before: number | null) =>
  call<OutletPage>("GET", `/api/outlet?limit=50${before === null ? "" : `&before=${before}`}`);

export const reminders = () => call<Reminder[]>("GET", "/api/reminders");
export interface NewReminder {
  request_id: string;
  text: string;
  due_at: Instant;
  incident_id: string | null;
}

export const remind = (reminder: NewReminder) => call<Reminder>("POST", "/api/reminders", reminder);
export const drop = (id: string) => call<void>("POST", `/api/reminders/${id}/drop`);

export interface NewIntake {
  request_id: string;
  kind: IntakeKind;
  source: string;
  urgency: Priority;
  text: string;
  place: string;
  lon?: number;
  lat?: number;
  from_at?: Instant;
  until_at?: Instant;
}

export const receive = (intake: NewIntake) => call<Intake>("POST", "/api/inbox", intake);
