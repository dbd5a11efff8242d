"""What people see: the shapes that the HTTP API and the console feed send.

The TypeScript types in web/src/shared/types.ts mirror these. Knows no store and no socket.
Times are aware UTC datetimes (ISO 8601 with Z on the wire); positions are WGS-84 degrees.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from server.roadviews import RoadsView
from server.stanceviews import StanceView
from server.watchviews import EscalationView, LeaderView, RecallView, TimerView, WorkItemView

Priority = Literal["routine", "priority", "emergency"]
DeviceKind = Literal["body_camera", "handset", "vehicle"]
UnitKind = Literal["patrol_car", "off_road", "motorcycle", "foot"]


class UnitStatus(StrEnum):
    """What a unit is doing, derived from its shift and its open order."""

    OFF_DUTY = "off_duty"
    AVAILABLE = "available"
    ASSIGNED = "assigned"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"


class View(Struct, frozen=True, kw_only=True):
    """Common options of every view."""


class OfficerView(View, frozen=True):
    badge: str
    name: str
    phone: str = ""
    skills: list[str] = []
    """Codes of run cards, in order."""


class PositionView(View, frozen=True):
    """The newest fix of any device of the unit."""

    device_id: str
    lon: float
    lat: float
    observed_at: datetime
    received_at: datetime
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None


class DeviceView(View, frozen=True):
    id: str
    kind: DeviceKind
    model: str
    online: bool
    last_seen_at: datetime | None
    battery_pct: int | None
    battery_at: datetime | None
    charging: bool
    mode: str
    shows_orders: bool | None = None
    """Whether orders of its unit go to it; None: as its kind, in what an older version kept."""


class ContactView(View, frozen=True):
    """A dead zone of radio on a unit's way, or around it."""

    state: Literal["ahead", "silent", "overdue"]
    """`overdue`: it was to be heard again, and is not."""
    enters_at: datetime | None
    """Of one ahead."""
    silent_since: datetime | None
    back_at: datetime
    """Expected to be heard again; as likely sooner as later."""
    latest_at: datetime
    """Nine times in ten sooner, with a margin: then it is overdue."""
    at_scene: bool
    """It stays inside, because the scene is there."""
    place: dict[str, str]
    """Where radio ends for one ahead, else where it comes back; by language, `en` and `zh`."""
    unreceived: bool = False
    """It is about to enter and has not received all of its order: call by radio."""


class UnitView(View, frozen=True):
    id: str
    call_sign: str
    kind: UnitKind
    station: str | None
    status: UnitStatus
    order_id: str | None
    incident_id: str | None
    officers: list[OfficerView]
    leader: LeaderView | None
    position: PositionView | None
    devices: list[DeviceView]
    at_station: bool = False
    """Standing at its own station by its newest fix."""
    on_duty_since: datetime | None = None
    """None: off duty."""
    rest_s: float | None = None
    """Of whoever of its crew rested least before this shift; None: nobody knows."""
    contact: ContactView | None = None


class OrderEventView(View, frozen=True):
    """One step of an order, with who, when by the device, when by us, and by which path."""

    state: str
    """`server.dispatch.orders.OrderState`, or a `Mark` beside the states."""
    applied: bool
    actor: str
    device_id: str | None
    device_at: datetime | None
    server_at: datetime
    lon: float | None
    lat: float | None
    reason: str
    note: str
    until_at: datetime | None = None
    """Of a standby."""
    clock_offset_s: float | None = None
    """How far the device's clock was ahead of ours, as estimated; None: not known."""
    clock_skewed: bool = False
    """By more than 2 s: do not trust `device_at`."""
    path: str = ""
    """The way by which the device said it: `native`, `jt808`, `tak`; empty: no device did."""
    claim: str = ""
    """How it is known who answered, where no badge was given: `server.dispatch.answers.Claim`."""


class OrderView(View, frozen=True):
    id: str
    number: int
    incident_id: str
    decision_id: str
    """The orders of one decision are one group: one order a unit, each with its own answer."""
    unit_id: str
    call_sign: str
    state: str
    ver: int
    eta_s: float | None
    eta_p90_s: float | None
    instruction: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    """From then on nobody may accept it."""
    state_at: datetime
    closed_at: datetime | None
    at_place_at: datetime | None = None
    """Since when the unit was there by its position, whatever it reports; None: not seen there."""
    standby_until: datetime | None = None
    """While the state is `standby`."""
    recall: RecallView | None = None
    successor_id: str | None = None
    """The order that takes its place."""
    escalation: EscalationView | None = None
    """The open one."""
    timers: list[TimerView] = []
    """What is waited for, soonest first."""
    events: list[OrderEventView] = []
    """Only in the detail of one incident."""


class IncidentView(View, frozen=True):
    id: str
    number: int
    type: str
    priority: Priority
    note: str
    place: str
    lon: float
    lat: float
    status: Literal["open", "assigned", "closed"]
    opened_by: str
    opened_at: datetime
    closed_by: str | None
    closed_at: datetime | None
    outcome: str
    claimed_by: str | None = None
    """Who works on it, `user:<username>`; None: nobody, or it is closed."""
    claimed_at: datetime | None = None
    claim_reason: str = ""
    """Why it was taken over from somebody else; empty: it was not."""
    steps_done: int = 0
    """Of its checklist; 0 where a step of an order returns it."""
    photos: int = 0
    """That came from the scene; 0 where a step of an order returns it."""
    orders: list[OrderView] = []


class ReasonView(View, frozen=True):
    """One reason: a key of the faces' dictionaries with its values, and English for the log."""

    code: str
    values: dict[str, str | float | int]
    text: str


class BatteryOutlookView(View, frozen=True):
    """One device's battery over the job: the level as it is most likely, and whether it lasts."""

    device_id: str
    kind: DeviceKind
    battery_now_pct: float
    battery_at_arrival_pct: float
    battery_at_end_pct: float
    p_last: float | None = None
    """Probability that it outlasts the way, the scene and the way back."""
    p_recording: float | None = None
    """The same if it only records, where it is to stream and may not last; else None."""


class ScoreView(View, frozen=True):
    """What a unit counts as, in seconds of travel; the least sum is best. Each is 0 or more."""

    eta_s: float
    """Expected time until it is there."""
    risk_s: float
    """For a way that is less sure."""
    battery_s: float
    coverage_s: float
    """For what nobody covers once it has left."""
    shift_s: float
    """For hours on duty, rest, and the end of its shift."""
    mismatch_s: float
    """For skills, vehicle and area."""
    total_s: float


class CandidateView(View, frozen=True):
    """One unit as the dispatcher sees it in a recommendation."""

    unit_id: str
    call_sign: str
    rank: int | None
    """1 is best; None: excluded, `reasons` say why."""
    eta_s: float | None
    """Median: as likely sooner as later."""
    distance_m: float | None
    position_age_s: float | None
    batteries: list[BatteryOutlookView]
    """Of those whose level is known."""
    reasons: list[ReasonView]
    eta_p80_s: float | None = None
    eta_p90_s: float | None = None
    """Nine times in ten sooner; for all but the best units by an average spread."""
    battery_cost_s: float = 0.0
    """What its batteries count as in the order of the units, beside the travel time."""
    score: ScoreView | None = None
    """None: nobody knows its travel time."""


class RunnerUpView(View, frozen=True):
    """The second unit, and the smallest single change that would put it first."""

    unit_id: str
    call_sign: str
    margin_s: float
    """Between its score and the first's."""
    flip: ReasonView


class MeetingView(View, frozen=True):
    """A junction on the ways of both, before the place."""

    lon: float
    lat: float
    place: str
    first_there: str
    """Call sign of who is there first."""
    waits_s: int
    """And waits so long for the other."""
    rest_m: int
    """From there to the place, by road."""
    has_signal: bool


class PairView(View, frozen=True):
    """Two units to send together, where one is not enough; who is there first comes first."""

    unit_ids: list[str]
    call_signs: list[str]
    reasons: list[ReasonView]
    """Why two."""
    both_s: int
    """Median of the later arrival."""
    both_p90_s: int
    first_s: int
    """Median of the sooner one."""
    p_first_in_time: float | None
    """That either is there within the time of the run card; None: it names none."""
    meets_before: bool
    """They meet before the place and go there together; else the first goes on."""
    meeting: MeetingView | None
    """Where their ways are one; None: they come from two sides, or join only near the place."""


class RecommendationView(View, frozen=True):
    id: str
    incident_id: str
    computed_at: datetime
    map_id: str
    candidates: list[CandidateView]
    excluded: list[CandidateView]
    road_version: int = 0
    """Of the closed and slowed roads that it was computed with: the command log says which."""
    conditions: list[str] = []
    """Those that held anywhere, the county's first: `rain,night`."""
    run_cards_version: int = 0
    """Of the run cards that it was computed by; 0: the set that comes with Ridgeline."""
    runner_up: RunnerUpView | None = None
    """None: there are not two units whose travel time is known."""
    proposed_id: str | None = None
    """The excluded unit that is worth asking, because nobody else is free, or near."""
    remarks: list[ReasonView] = []
    """What is to be known of the whole choice, whoever is sent."""
    pair: PairView | None = None
    """None: one unit is enough, or there are not two."""


class PlaceView(View, frozen=True):
    """A named place, or a point on a road."""

    kind: Literal["town", "village", "station", "road_km", "coordinates"]
    name: str
    lon: float
    lat: float


class JournalEntryView(View, frozen=True):
    seq: int
    at: datetime
    actor: str
    subject: str
    kind: str
    body: dict[str, object]
    redacted: list[str] = []
    """Fields that were dropped for good: `actor`, `subject`, `body.<key>`."""


class UserView(View, frozen=True):
    id: str
    username: str
    display_name: str
    roles: list[str]
    must_change_password: bool
    officer_badge: str | None
    unit_id: str | None


# -- console feed (/v1/console, sub-protocol ridgeline.console.v1.json), server to browser --


class SosView(View, frozen=True):
    """An officer calls for help: who, where as far as it is known, and who has seen it."""

    id: str
    number: int
    device_id: str
    device_kind: DeviceKind
    unit_id: str | None
    call_sign: str | None
    badge: str
    """As the device says; empty: it does not know."""
    officer_name: str | None
    note: str
    raised_at: datetime | None
    """By the device's clock."""
    received_at: datetime
    lon: float | None
    """None: nobody knows where; the incident, if there is one, was placed by a dispatcher."""
    lat: float | None
    accuracy_m: float | None
    position_at: datetime | None
    battery_pct: int | None
    withdrawn_at: datetime | None
    """Since when the officer says that it was a false alarm."""
    withdrawn_note: str
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    incident_id: str | None
    incident_number: int | None
    place: str | None
    """Of the incident, in words."""


class Snapshot(View, frozen=True, tag_field="t", tag="snapshot"):
    """First message of a connection that nothing can be resumed for: everything."""

    epoch: str
    """Of `seq`; another server, or a restarted one, has another."""
    seq: int
    now: datetime
    units: list[UnitView]
    incidents: list[IncidentView]
    """Open and assigned ones."""
    roads: RoadsView
    sos: list[SosView]
    """Calls for help that nobody has acknowledged, or that nobody knows the place of."""
    work: list[WorkItemView] = []
    """Open items of the worklist, gravest first; `work_open` may be more."""
    work_open: int = 0
    """How many are open in all."""
    stance: StanceView = StanceView()
    """Peace or war."""
    run_cards: int = 0
    """Version of the run cards in force; another has other types of incidents."""


class Resumed(View, frozen=True, tag_field="t", tag="resumed"):
    """First message of a connection that goes on: the missed deltas follow, and nothing is left
    out."""

    seq: int
    """As the console said: the next delta is the one after it."""
    now: datetime
    missed: int
    """How many deltas follow at once."""


class Delta(View, frozen=True, tag_field="t", tag="delta"):
    """What changed since `seq` - 1; each view whole. Coalesced."""

    seq: int
    now: datetime
    units: list[UnitView]
    incidents: list[IncidentView]
    gone_units: list[str]
    roads: RoadsView | None
    """All of it, when anything about roads or conditions changed."""
    sos: list[SosView] | None
    """All of them, when anything about them changed."""
    work: list[WorkItemView] = []
    """Items that were raised, claimed or settled."""
    work_open: int | None = None
    """How many are open in all, when that changed."""
    stance: StanceView | None = None
    """When it is another."""
    run_cards: int | None = None
    """When another version is in force."""


class Tick(View, frozen=True, tag_field="t", tag="tick"):
    """Nothing changed; the feed lives. At least every 5 s."""

    now: datetime
