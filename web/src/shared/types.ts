// The shapes that the server sends: mirrors server/views.py, docs/http-api.md. Times are ISO 8601 UTC
// strings, positions WGS-84 degrees with lon before lat.

export type Priority = "routine" | "priority" | "emergency";
export type DeviceKind = "body_camera" | "handset" | "vehicle";
export type UnitKind = "patrol_car" | "off_road" | "motorcycle" | "foot";
export type UnitStatus = "off_duty" | "available" | "assigned" | "en_route" | "on_scene";
export type OrderState =
  | "issued"
  | "delivered"
  | "shown"
  | "standby"
  | "accepted"
  | "unable"
  | "en_route"
  | "on_scene"
  | "feedback"
  | "done"
  | "cancelled"
  | "recalled"
  | "superseded"
  | "handed_over"
  | "expired"
  | "undeliverable";
export type Role = "dispatcher" | "officer" | "supervisor" | "admin";

/** ISO 8601, UTC. */
export type Instant = string;
export type LonLat = [lon: number, lat: number];

export interface Officer {
  badge: string;
  name: string;
  phone: string;
  /** Codes of run cards. */
  skills?: string[];
}

/** Who leads a unit. */
export interface Leader extends Officer {
  /** Of the unit that he is in himself. */
  call_sign: string | null;
}

export interface Position {
  device_id: string;
  lon: number;
  lat: number;
  observed_at: Instant;
  received_at: Instant;
  accuracy_m: number | null;
  speed_mps: number | null;
  heading_deg: number | null;
}

export interface Device {
  id: string;
  kind: DeviceKind;
  model: string;
  online: boolean;
  last_seen_at: Instant | null;
  battery_pct: number | null;
  battery_at: Instant | null;
  charging: boolean;
  mode: string;
  /** Whether orders of its unit go to it. */
  shows_orders: boolean;
}

/** A dead zone of radio on a unit's way, or around it. */
export interface Contact {
  state: "ahead" | "silent" | "overdue";
  enters_at: Instant | null;
  silent_since: Instant | null;
  /** Expected to be heard again. */
  back_at: Instant;
  latest_at: Instant;
  at_scene: boolean;
  place: Record<"en" | "zh", string>;
  /** About to enter without all of its order: call by radio. */
  unreceived: boolean;
}

export interface Unit {
  id: string;
  call_sign: string;
  kind: UnitKind;
  station: string | null;
  status: UnitStatus;
  order_id: string | null;
  incident_id: string | null;
  officers: Officer[];
  leader: Leader | null;
  position: Position | null;
  devices: Device[];
  contact: Contact | null;
  on_duty_since: Instant | null;
}

export interface OrderEvent {
  state: string;
  applied: boolean;
  actor: string;
  device_id: string | null;
  device_at: Instant | null;
  server_at: Instant;
  lon: number | null;
  lat: number | null;
  reason: string;
  note: string;
  /** Of a standby. */
  until_at: Instant | null;
  /** How far the device's clock was ahead of the server's; null: not known. */
  clock_offset_s: number | null;
  clock_skewed: boolean;
  /** The way by which the device said it; empty: no device did, or it is not known. */
  path: string;
  /** How it is known who answered, where no badge was given. */
  claim: "" | "carrier" | "alone" | "unnamed";
}

export interface Recall {
  why: "recalled" | "superseded" | "handed_over";
  state: "requested" | "delivered" | "shown" | "declined";
  reason: string;
  by: string;
  at: Instant;
}

/** Something that is waited for; `expected_back`: stretched, the unit is in a known dead zone. */
export interface OrderTimer {
  kind: string;
  due_at: Instant;
  expected_back: boolean;
  fired_at: Instant | null;
}

export interface Proposal {
  recommendation_id: string;
  unit_id: string;
  call_sign: string;
  eta_s: number | null;
  eta_p90_s: number | null;
}

export interface Escalation {
  id: string;
  level: "leader" | "supervisor";
  opened_at: Instant;
  proposal: Proposal | null;
  /** Orders that others have in its place. */
  offered_order_ids: string[];
  leader: Leader | null;
  /** That he was asked on; empty: call him. */
  leader_devices: string[];
  leader_answer: "accepted" | "declined" | null;
  leader_reason: string;
  leader_answered_at: Instant | null;
}

/** Something a person must see to. */
export interface WorkItem {
  id: string;
  number: number;
  kind: string;
  severity: "notice" | "warning" | "alarm";
  subject: string;
  order_id: string | null;
  incident_id: string | null;
  unit_id: string | null;
  body: Record<string, unknown>;
  times: number;
  raised_at: Instant;
  claimed_by: string | null;
  claimed_at: Instant | null;
  settled_at: Instant | null;
  settled_by: string | null;
  why: string;
}

/** What a mitigation would bring. */
export interface BatteryEffect {
  p_before: number;
  p_after: number;
  drain_before_pct_per_h: number;
  drain_after_pct_per_h: number;
  values: Record<string, string | number>;
}

export type Words = Record<"en" | "zh", string>;

/** Something that could be done about a battery now. */
export interface BatteryProposal {
  kind: string;
  /** The device does it itself; else a person is asked. */
  by_device: boolean;
  effect: BatteryEffect;
  instruction: Words;
  words: Words;
}

/** Something that was asked for. */
export interface Mitigation {
  id: string;
  number: number;
  kind: string;
  device_id: string;
  order_id: string;
  by_device: boolean;
  state: "sent" | "received" | "shown" | "applied" | "accepted" | "declined" | "refused" | "unanswered";
  expected: BatteryEffect;
  sent_by: string;
  sent_at: Instant;
  answered_by: string | null;
  answered_at: Instant | null;
  reason: string;
  measured: { drain_pct_per_h: number; error_pct_per_h: number; change_pct_per_h: number } | null;
  ended_at: Instant | null;
  ended_why: string;
}

export interface OrderBatteries {
  cameras: {
    device_id: string;
    level_pct: number | null;
    p_last: number;
    job_min: number;
    likely_min: number | null;
    surely_min: number | null;
    proposals: BatteryProposal[];
  }[];
  mitigations: Mitigation[];
}

export interface Order {
  id: string;
  number: number;
  incident_id: string;
  decision_id: string;
  unit_id: string;
  call_sign: string;
  state: OrderState;
  ver: number;
  eta_s: number | null;
  eta_p90_s: number | null;
  instruction: string;
  issued_by: string;
  issued_at: Instant;
  expires_at: Instant;
  state_at: Instant;
  closed_at: Instant | null;
  /** Since when the unit was there by its position, whatever it reports. */
  at_place_at: Instant | null;
  standby_until: Instant | null;
  recall: Recall | null;
  successor_id: string | null;
  escalation: Escalation | null;
  timers: OrderTimer[];
  /** Only in the detail of one incident. */
  events: OrderEvent[];
}

export interface Incident {
  id: string;
  number: number;
  type: string;
  priority: Priority;
  note: string;
  place: string;
  lon: number;
  lat: number;
  status: "open" | "assigned" | "closed";
  opened_by: string;
  opened_at: Instant;
  closed_by: string | null;
  closed_at: Instant | null;
  outcome: string;
  /** Who works on it, `user:<username>`. */
  claimed_by: string | null;
  claimed_at: Instant | null;
  /** Why it was taken over from somebody else; empty: it was not. */
  claim_reason: string;
  /** Of its checklist. */
  steps_done: number;
  /** That came from the scene. */
  photos: number;
  orders: Order[];
}

export interface IncidentType {
  code: string;
  priority: Priority;
  scene_min: number;
  /** How many it usually takes. */
  units: number;
  names: BothLanguages;
  equipment: BothLanguages[];
  /** Of its checklist. */
  steps: BothLanguages[];
  /** Of old incidents alone. */
  retired: boolean;
}

export interface BothLanguages {
  en: string;
  zh: string;
}

/** Of one incident; `version`: of the run cards that its steps are of. */
export interface Checklist {
  version: number;
  steps: { words: BothLanguages; ticked_by: string | null; ticked_at: Instant | null }[];
}

/** A message key of the dictionaries (`reason.<code>`) with its values, and English for the log. */
export interface Reason {
  code: string;
  values: Record<string, string | number>;
  text: string;
}

export interface DeviceOutlook {
  device_id: string;
  kind: DeviceKind;
  battery_now_pct: number;
  battery_at_arrival_pct: number;
  battery_at_end_pct: number;
  /** Probability that it outlasts the job. */
  p_last: number | null;
  /** The same if it only records; told where a stream is asked for and it may not last. */
  p_recording: number | null;
}

export interface Candidate {
  unit_id: string;
  call_sign: string;
  /** 1 is best; null: excluded, `reasons` say why. */
  rank: number | null;
  /** Median. */
  eta_s: number | null;
  eta_p80_s: number | null;
  eta_p90_s: number | null;
  distance_m: number | null;
  position_age_s: number | null;
  batteries: DeviceOutlook[];
  reasons: Reason[];
  /** null: nobody knows its travel time. */
  score: Score | null;
}

/** What a unit counts as, in seconds of travel; the least sum is best. */
export interface Score {
  eta_s: number;
  risk_s: number;
  battery_s: number;
  coverage_s: number;
  shift_s: number;
  mismatch_s: number;
  total_s: number;
}

/** The second, and the smallest single change that would put it first. */
export interface RunnerUp {
  unit_id: string;
  call_sign: string;
  margin_s: number;
  flip: Reason;
}

export interface Recommendation {
  id: string;
  incident_id: string;
  computed_at: Instant;
  map_id: string;
  candidates: Candidate[];
  excluded: Candidate[];
  /** Of the closed and slowed roads that it was computed with. */
  road_version: number;
  /** Of the run cards that it was computed by; 0: the set that comes with Ridgeline. */
  run_cards_version: number;
  /** Those that held anywhere, the county's first: `rain,night`. */
  conditions: string[];
  runner_up: RunnerUp | null;
  /** The excluded unit that is worth asking. */
  proposed_id: string | null;
  remarks: Reason[];
  /** Two to send together, where one is not enough. */
  pair: UnitPair | null;
}

export interface UnitPair {
  unit_ids: string[];
  call_signs: string[];
  reasons: Reason[];
  both_s: number;
  both_p90_s: number;
  first_s: number;
  p_first_in_time: number | null;
  /** They meet before the place; else the first goes on. */
  meets_before: boolean;
  meeting: {
    lon: number;
    lat: number;
    place: string;
    first_there: string;
    waits_s: number;
    rest_m: number;
    has_signal: boolean;
  } | null;
}

export type SpellStatus = "scheduled" | "preparing" | "in_force" | "ended";

/** What a closed road and a condition have in common. */
export interface Spell {
  id: string;
  number: number;
  place: string;
  reason: string;
  set_by: string;
  set_at: Instant;
  starts_at: Instant;
  /** null: until somebody ends it. */
  expires_at: Instant | null;
  /** `preparing`: set, but travel times for it are still being computed. */
  status: SpellStatus;
  ended_at: Instant | null;
  /** `system`: it ran out. */
  ended_by: string | null;
  end_reason: string;
}

export interface RoadState extends Spell {
  state: "closed" | "slow";
  /** On the travel time, of a slow road. */
  factor: number | null;
  kind: "edges" | "road" | "polygon";
  length_km: number | null;
}

export interface RoadCondition extends Spell {
  /** Canonical: `rain,night,fog=60,ice>1800`. */
  condition: string;
  /** Of the area; null: the whole county. */
  corners: LonLat[] | null;
}

/** Everything that differs from the map now, and what ended last. */
export interface Roads {
  version: number;
  /** The condition in force outside all areas. */
  county: string;
  states: RoadState[];
  conditions: RoadCondition[];
}

export interface Place {
  kind: "town" | "village" | "station" | "road_km" | "coordinates";
  name: string;
  lon: number;
  lat: number;
}

export interface JournalEntry {
  seq: number;
  at: Instant;
  actor: string;
  subject: string;
  kind: string;
  body: Record<string, unknown>;
  /** Fields that were dropped for good: `actor`, `subject`, `body.<key>`. */
  redacted: string[];
}

export interface JournalPage {
  entries: JournalEntry[];
  next: number | null;
  /** Entries that have no place in the log yet. */
  waiting: number;
  /** Entries below are found by time alone, yet. */
  words_from: number;
}

/** An incident for which positions are kept longer: open, or held by somebody. */
export interface Hold {
  incident_id: string;
  number: number;
  open: boolean;
  first_day: string;
  last_day: string;
  /** Null: it is open, and nobody holds it. */
  why: string | null;
  held_by: string | null;
  held_at: Instant | null;
}

/** How the command log is held. */
export interface LogState {
  origin: string;
  /** Entries that have their place; those without; those that the newest checkpoint holds. */
  size: number;
  waiting: number;
  signed: number;
  signed_at: Instant | null;
  note: string | null;
  key: string | null;
  witness_count: number;
  /** Those that do not fit first. */
  witnesses: { device_id: string; size: number; seen_at: Instant; fits: boolean }[];
}

export interface User {
  id: string;
  username: string;
  display_name: string;
  roles: Role[];
  must_change_password: boolean;
  officer_badge: string | null;
  unit_id: string | null;
  /** Pages that are open to this user; only of oneself. */
  faces?: Face[];
}

export type Face = "console" | "handset" | "audit" | "admin";

export interface MapInfo {
  id: string;
  name: string;
  synthetic: boolean;
  bounds: [west: number, south: number, east: number, north: number];
  center: LonLat;
  attribution: string;
  zoom: { min: number; max: number };
}

/** What makes a browser the unit's handset: the credentials of its device socket. */
export interface HandsetGrant {
  device_id: string;
  token: string;
  unit_id: string;
  call_sign: string;
  badge: string;
}

export interface RouteCollection {
  type: "FeatureCollection";
  features: {
    type: "Feature";
    properties: Record<string, unknown>;
    geometry: { type: "LineString"; coordinates: LonLat[] };
  }[];
}

// -- console feed -------------------------------------------------------------------------

/** An officer calls for help: who, where as far as it is known, and who has seen it. */
export interface SosCall {
  id: string;
  number: number;
  device_id: string;
  device_kind: DeviceKind;
  unit_id: string | null;
  call_sign: string | null;
  badge: string;
  officer_name: string | null;
  note: string;
  /** By the device's clock. */
  raised_at: Instant | null;
  received_at: Instant;
  lon: number | null;
  lat: number | null;
  accuracy_m: number | null;
  /** null: nobody knows where; the incident, if there is one, was placed by a dispatcher. */
  position_at: Instant | null;
  battery_pct: number | null;
  /** Since when the officer says that it was a false alarm. */
  withdrawn_at: Instant | null;
  withdrawn_note: string;
  acknowledged_by: string | null;
  acknowledged_at: Instant | null;
  incident_id: string | null;
  incident_number: number | null;
  place: string | null;
}

/** The connection goes on where the last one ended: the missed deltas follow. */
export interface Resumed {
  t: "resumed";
  seq: number;
  now: Instant;
  missed: number;
}

/** An order of peace or war. */
export interface StanceOrder {
  number: number;
  mode: "peace" | "war";
  scope: "county";
  reason: string;
  offers: boolean;
  reoptimise: "proposals" | "automatic";
  authority: "supervisor" | "dispatcher";
  off_duty_reports: boolean;
  issued_by: string;
  issued_at: Instant;
  expires_at: Instant | null;
  ended_at: Instant | null;
  ended_by: string | null;
  end_reason: string;
}

/** What holds now. */
export interface StanceNow {
  mode: "peace" | "war";
  order: StanceOrder | null;
  hours_max: number;
}

export interface Snapshot {
  t: "snapshot";
  epoch: string;
  seq: number;
  now: Instant;
  units: Unit[];
  incidents: Incident[];
  roads: Roads;
  /** Calls for help that nobody has acknowledged, or that nobody knows the place of. */
  sos: SosCall[];
  /** Open items of the worklist, gravest first; `work_open` may be more. */
  work: WorkItem[];
  work_open: number;
  stance: StanceNow;
  /** Version of the run cards in force; another has other types of incidents. */
  run_cards: number;
}

export interface Delta {
  t: "delta";
  seq: number;
  now: Instant;
  units: Unit[];
  incidents: Incident[];
  gone_units: string[];
  /** All of it, when anything about roads or conditions changed. */
  roads: Roads | null;
  /** All of them, when anything about them changed. */
  sos: SosCall[] | null;
  /** Items that were raised, claimed or settled. */
  work: WorkItem[];
  /** How many are open in all, when that changed. */
  work_open: number | null;
  /** When peace or war is another. */
  stance: StanceNow | null;
  /** When another version is in force. */
  run_cards: number | null;
}

export interface Tick {
  t: "tick";
  now: Instant;
}

export type FeedMessage = Snapshot | Resumed | Delta | Tick;

/** Mirrors server/photoviews.py. */
export interface Photo {
  id: string;
  number: number;
  order_id: string;
  /** Number of the order. */
  order: number;
  call_sign: string;
  device_id: string;
  by: string;
  type: string;
  /** Bytes. */
  size: number;
  width: number;
  height: number;
  sha256: string;
  taken_at: Instant | null;
  lon: number | null;
  lat: number | null;
  accuracy_m: number | null;
  received_at: Instant;
  gone: "redacted" | "retention" | null;
}
