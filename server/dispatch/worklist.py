"""What a person must see to: kinds of items, how grave each is, and when one is gone by itself.

Every negative feedback is an item: undeliverable, declined, expired, a timer that rang, a recall
that nobody confirmed, an officer who is silent, a report that could not be counted. There is at
most one open item of a kind about one thing, so the list is as long as there are open troubles:
it needs no limit, and never drops one.

An item whose cause is gone closes by itself and says why. What only a person can judge never does:
a lone officer who fell silent is not well because the room cancelled his order.

Knows no store; `server.stores.worklist` keeps the items.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.dispatch.orders import RANK, OrderState, is_closed


class Severity(StrEnum):
    """How soon somebody must look; the order is the rank."""

    NOTICE = "notice"
    WARNING = "warning"
    ALARM = "alarm"


class ItemKind(StrEnum):
    """What happened."""

    NO_CONTACT = "no_contact"
    """No device of the unit has received the order."""
    NO_DEVICE = "no_device"
    """The unit has no device that could show the order: tell it by voice."""
    NOT_ACCEPTED = "not_accepted"
    ESCALATED = "escalated"
    """Still nobody: the leader is asked, with the next-best unit; later the supervisor."""
    LEADER_DECLINED = "leader_declined"
    """Nobody answers, and the leader says that he cannot see to it."""
    TWO_UNITS = "two_units"
    """The first unit answered after all, and the next-best one was sent: recall one."""
    DECLINED = "declined"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"
    """No device of the unit had it in time; or can show it at all, then tell it by voice."""
    NOT_DEPARTED = "not_departed"
    LATE_ARRIVAL = "late_arrival"
    NO_FEEDBACK = "no_feedback"
    WELFARE_SILENT = "welfare_silent"
    WELFARE_ALARM = "welfare_alarm"
    """An officer says that he is not all right."""
    RECALL_UNCONFIRMED = "recall_unconfirmed"
    RECALL_DECLINED = "recall_declined"
    REPORT_REFUSED = "report_refused"
    """An officer believes that he answered, and it does not count."""
    ANSWERED_AFTER_END = "answered_after_end"
    """A unit acts on an order that is over."""
    END_NOT_RECEIVED = "end_not_received"
    """No device of a unit has the notice that its order was cancelled: tell it by voice."""
    NOT_BACK = "not_back"
    """A unit did not come out of a dead zone in time."""
    UNRECEIVED = "unreceived"
    """A unit is about to enter a dead zone without all of its order: call it by radio."""
    BATTERY_SHORT = "battery_short"
    """A camera will not last its job as things are."""
    CAMERA_DARK = "camera_dark"
    """A camera is silent, and the officer can be reached."""
    UNIT_SILENT = "unit_silent"
    """No device of a unit on a job is heard, and no dead zone explains it."""
    MITIGATION_FAILED = "mitigation_failed"
    """What was asked for a battery is not done: declined, refused or unanswered."""
    MITIGATION_WEAK = "mitigation_weak"
    """It was done, and the battery drains hardly less."""
    ETA_DRIFT = "eta_drift"
    """A unit will be there later than it promised when it accepted; so the next three:
    `server.dispatch.enroute`."""
    STOPPED = "stopped"
    """It stands on its way."""
    DRIVING_AWAY = "driving_away"
    SWAP = "swap"
    """Another unit would be there sooner, or a unit under way is needed more elsewhere."""
    NOW_FREE = "now_free"
    """A unit can be sent to an incident that waits."""
    LEFT_SCENE = "left_scene"
    """It was at the place, is far from it, and has not said that it is done."""
    STANCE_ENDS = "stance_ends"
    """The order of war that holds is about to run out: prolong it, or know that it ends."""
    WATCH_FAILED = "watch_failed"
    """Our fault: the timers of an order do not ring; a person must keep watch over it."""
    REMINDER = "reminder"
    """Somebody wanted to hear of this again."""
    MOVE_UP = "move_up"
    """A free unit would cover more from another post."""
    INTAKE = "intake"
    """A warning or a task from outside of which nobody has made anything yet."""
    LOG_DISPUTED = "log_disputed"
    """A device keeps a signed checkpoint that the command log never had."""
    DELIVERY_FAILED = "delivery_failed"
    """A device or a path could not do its part."""


_K = ItemKind

SEVERITY: dict[ItemKind, Severity] = {
    _K.NO_CONTACT: Severity.WARNING,
    _K.NO_DEVICE: Severity.WARNING,
    _K.NOT_ACCEPTED: Severity.WARNING,
    _K.ESCALATED: Severity.WARNING,
    _K.LEADER_DECLINED: Severity.WARNING,
    _K.TWO_UNITS: Severity.ALARM,
    _K.DECLINED: Severity.WARNING,
    _K.EXPIRED: Severity.WARNING,
    _K.UNDELIVERABLE: Severity.WARNING,
    _K.NOT_DEPARTED: Severity.NOTICE,
    _K.LATE_ARRIVAL: Severity.WARNING,
    _K.NO_FEEDBACK: Severity.NOTICE,
    _K.WELFARE_SILENT: Severity.ALARM,
    _K.WELFARE_ALARM: Severity.ALARM,
    _K.RECALL_UNCONFIRMED: Severity.WARNING,
    _K.RECALL_DECLINED: Severity.WARNING,
    _K.REPORT_REFUSED: Severity.WARNING,
    _K.ANSWERED_AFTER_END: Severity.WARNING,
    _K.END_NOT_RECEIVED: Severity.WARNING,
    _K.NOT_BACK: Severity.ALARM,
    _K.UNRECEIVED: Severity.WARNING,
    _K.BATTERY_SHORT: Severity.WARNING,
    _K.CAMERA_DARK: Severity.WARNING,
    _K.UNIT_SILENT: Severity.ALARM,
    _K.MITIGATION_FAILED: Severity.WARNING,
    _K.MITIGATION_WEAK: Severity.NOTICE,
    _K.ETA_DRIFT: Severity.WARNING,
    _K.STOPPED: Severity.WARNING,
    _K.DRIVING_AWAY: Severity.WARNING,
    _K.LEFT_SCENE: Severity.NOTICE,
    _K.STANCE_ENDS: Severity.WARNING,
    _K.SWAP: Severity.WARNING,
    _K.NOW_FREE: Severity.WARNING,
    _K.WATCH_FAILED: Severity.ALARM,
    _K.REMINDER: Severity.WARNING,
    _K.MOVE_UP: Severity.NOTICE,
    _K.INTAKE: Severity.NOTICE,
    _K.LOG_DISPUTED: Severity.ALARM,
    _K.DELIVERY_FAILED: Severity.NOTICE,
}

ENDED_BADLY = {
    OrderState.UNABLE: _K.DECLINED,
    OrderState.EXPIRED: _K.EXPIRED,
    OrderState.UNDELIVERABLE: _K.UNDELIVERABLE,
}
"""Ends that leave an incident without the unit it was given."""

_HELD_BY_STATE: dict[ItemKind, OrderState] = {
    # gone from this rank on
    _K.NO_CONTACT: OrderState.DELIVERED,
    _K.NO_DEVICE: OrderState.ACCEPTED,
    _K.NOT_ACCEPTED: OrderState.ACCEPTED,
    _K.ESCALATED: OrderState.ACCEPTED,
    _K.LEADER_DECLINED: OrderState.ACCEPTED,
    _K.NOT_DEPARTED: OrderState.EN_ROUTE,
    _K.LATE_ARRIVAL: OrderState.ON_SCENE,
    _K.ETA_DRIFT: OrderState.ON_SCENE,
    _K.STOPPED: OrderState.ON_SCENE,
    _K.DRIVING_AWAY: OrderState.ON_SCENE,
    _K.SWAP: OrderState.ON_SCENE,
}
_UNANSWERED = frozenset({_K.NOT_ACCEPTED, _K.ESCALATED, _K.LEADER_DECLINED})
_UNTIL_HEARD = frozenset({_K.NO_FEEDBACK, _K.REPORT_REFUSED, _K.UNRECEIVED})
_OF_BATTERIES = frozenset(
    {_K.BATTERY_SHORT, _K.CAMERA_DARK, _K.MITIGATION_FAILED, _K.MITIGATION_WEAK}
)
"""`server.batterywatch` settles them sooner, where their cause is gone."""
_OF_THE_WAY = frozenset({_K.ETA_DRIFT, _K.STOPPED, _K.DRIVING_AWAY, _K.LEFT_SCENE, _K.SWAP})
"""`server.enroutewatch` settles them sooner, where their cause is gone."""
_WHILE_OPEN = (
    _OF_BATTERIES | _OF_THE_WAY | {_K.RECALL_UNCONFIRMED, _K.RECALL_DECLINED, _K.TWO_UNITS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What there is to know about the order of an item."""

    state: OrderState
    put_off: bool = False
    """A standby that is not over yet."""
    heard_at: datetime | None = None
    """The last word of a person of the unit."""
    recall_declined: bool = False
    recall_wanted: bool = False
    """Asked for, and neither confirmed nor declined."""
    incident_closed: bool = False
    sent_again: bool = False
    """The incident got another order after this one's end, or in its place."""
    sent_instead: bool = False
    """A unit that was sent because nobody answered is still on it."""
    end_received: bool = False
    """A device of the unit knows that it is over."""


def gone(kind: ItemKind, silent_since: datetime, order: Situation) -> str | None:
    """Why an item needs nobody any more: a code; None: it still does.

    A word of the unit after `silent_since` is news to the item.
    """
    heard = order.heard_at is not None and order.heard_at > silent_since
    if kind in _UNANSWERED and order.put_off:
        return str(order.state)
    if kind in _OF_THE_WAY and order.recall_wanted:
        return "recall_requested"  # it is not to go there any more
    if kind in _HELD_BY_STATE:
        return _past(order.state, _HELD_BY_STATE[kind])
    if kind is _K.WATCH_FAILED:
        return "watched"  # who asks was able to look
    if kind is _K.WELFARE_SILENT:
        return "heard" if heard else None
    if kind in _UNTIL_HEARD and heard:
        return "heard"
    if kind is _K.UNDELIVERABLE and not is_closed(order.state):
        return _past(order.state, OrderState.STANDBY)  # refused, whatever a device had of it before
    if kind in ENDED_BADLY.values():
        return _seen_to(order)
    if kind is _K.RECALL_UNCONFIRMED and order.recall_declined:
        return "recall_declined"
    if kind is _K.RECALL_DECLINED and order.recall_wanted:
        return "recall_requested"
    if kind is _K.END_NOT_RECEIVED:
        return "received" if order.end_received else None
    if kind is _K.TWO_UNITS and not order.sent_instead:
        return "one_unit"
    if kind in _UNTIL_HEARD | _WHILE_OPEN and is_closed(order.state):
        return str(order.state)
    return None


def _past(state: OrderState, wanted: OrderState) -> str | None:
    return str(state) if RANK[state] >= RANK[wanted] else None


def _seen_to(order: Situation) -> str | None:
    if order.incident_closed:
        return "incident_closed"
    return "sent_again" if order.sent_again or order.sent_instead else None
