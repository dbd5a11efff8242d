"""Peace or war by order: what holds at a moment, and the words that are signed.

"War" is the county's word for a major event. It is an order like others: somebody with the right to
gives it, for a reason and a time, it is signed, and it ends: by itself when its time is over, by a
newer order, or because somebody ends it before. It changes the timers of orders, whether the
next-best unit is sent without asking, how orders under way are improved, who may prolong or end it,
and how often devices of units off duty report.

What holds is a function of the orders and the moment; nothing is switched. The newest order holds
while it lasts; then peace does, never an older order. Knows no store, no clock and no key: what is
signed is `text`, and `parse` reads it back, so that an order can be verified where no database is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from server.dispatch.errors import Impossible
from server.dispatch.timers import Mandate, Stance

WAR_H_MAX: Final = 24.0
"""How long one order of war may last; a setting (starting value)."""
WAR_MIN: Final = timedelta(minutes=10)
PEACE_MAX: Final = timedelta(days=366)
WARN_BEFORE: Final = timedelta(minutes=30)
"""So long before it runs out a person is told (starting value)."""
REASON_LEN_MAX: Final = 500
COUNTY: Final = "county"
"""The only scope so far: all of it."""
_HEAD: Final = "ridgeline stance order v1"
_END_HEAD: Final = "ridgeline stance order ended v1"


class StanceMode(StrEnum):
    PEACE = "peace"
    WAR = "war"


class Reoptimise(StrEnum):
    """What becomes of a better assignment that is found while units drive."""

    PROPOSALS = "proposals"
    """A person is asked."""
    AUTOMATIC = "automatic"
    """It is offered after a while in which a person can stop it (`server.proposalwatch`)."""


class Authority(StrEnum):
    """Who may prolong an order, and end it; only a supervisor declares war."""

    SUPERVISOR = "supervisor"
    DISPATCHER = "dispatcher"
    """Dispatchers, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What an order changes, beside the timers, which follow the mode."""

    offers: bool = False
    """The next-best unit is sent without asking when nobody answers an order."""
    reoptimise: Reoptimise = Reoptimise.PROPOSALS
    authority: Authority = Authority.SUPERVISOR
    off_duty_reports: bool = False
    """Devices of units off duty report as often as those on duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StanceOrder:
    """One order of peace or war."""

    number: int
    mode: StanceMode
    reason: str
    effects: Effects
    issued_by: str
    """`user:<username>`, who gave the password once more for it."""
    issued_at: datetime
    expires_at: datetime | None
    """None: until another is given; of peace alone."""
    scope: str = COUNTY
    ended_at: datetime | None = None
    """By a newer order, by somebody, or because its time was over."""

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment that is now, by the clock of whoever asks.

        An order that is there was given, though this clock be behind the one that it was given by;
        one whose end is kept is over, though this clock went back since.
        """
        return self.ended_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """That somebody ended an order before its time."""

    number: int
    reason: str
    ended_by: str
    ended_at: datetime


def in_force(orders: Iterable[StanceOrder], at: datetime) -> StanceOrder | None:
    """The order that holds; None: none does, it is peace as every day. As `StanceOrder.holds`."""
    newest = max(orders, key=lambda each: each.number, default=None)
    return newest if newest is not None and newest.holds(at) else None


def held_then(orders: Iterable[StanceOrder], at: datetime) -> StanceOrder | None:
    """The order that held at a moment of the past, by what is kept; None: it was peace as every
    day. An older order never comes back: whoever ran out or was ended left peace behind."""
    given = [each for each in orders if each.issued_at <= at]
    newest = max(given, key=lambda each: each.number, default=None)
    if newest is None:
        return None
    ends = [each for each in (newest.expires_at, newest.ended_at) if each is not None]
    return None if any(at >= each for each in ends) else newest


def stance_of(order: StanceOrder | None) -> Stance:
    """What the watch over orders needs to know of the order that holds."""
    if order is None:
        return Stance()
    war = order.mode is StanceMode.WAR
    automatic = order.effects.reoptimise is Reoptimise.AUTOMATIC
    return Stance(
        war=war,
        offers=war and order.effects.offers,
        off_duty_reports=war and order.effects.off_duty_reports,
        mandate=Mandate(number=order.number, reason=order.reason) if war and automatic else None,
    )


def warns_at(order: StanceOrder) -> datetime:
    """When its end is announced: half-way, where it does not last for much longer than that."""
    assert order.expires_at is not None, "what has no end is not announced"
    half_way = order.issued_at + (order.expires_at - order.issued_at) / 2
    return max(order.expires_at - WARN_BEFORE, half_way)


def check(order: StanceOrder, *, war_h_max: float) -> None:
    """Whether such an order may be given. Raises `Impossible`."""
    if not order.reason.strip() or len(order.reason) > REASON_LEN_MAX:
        raise Impossible("no_reason", f"Say why, in 1 to {REASON_LEN_MAX} characters.")
    if order.mode is StanceMode.PEACE and order.effects != Effects():
        raise Impossible("war_only", "Only war changes anything beside the timers.")
    most = timedelta(hours=war_h_max) if order.mode is StanceMode.WAR else PEACE_MAX
    if order.expires_at is None:
        if order.mode is StanceMode.WAR:
            text = "War needs a time at which it ends."
            raise Impossible("no_end", text, {"hours_max": war_h_max})
        return
    lasts = order.expires_at - order.issued_at
    if not WAR_MIN <= lasts <= most:
        hours = most.total_seconds() / 3600
        text = f"It may last 10 minutes to {hours:g} hours; a new order prolongs it."
        raise Impossible("bad_end", text, {"hours_max": hours})


def may_give(roles: Iterable[str], holding: StanceOrder | None) -> bool:
    """Whether somebody with these roles may give an order, or end one, while this one holds.

    Supervisors may. Dispatchers may where the order that holds says so: prolong it, or end it.
    """
    if "supervisor" in set(roles):
        return True
    at_war = holding is not None and holding.mode is StanceMode.WAR
    shared = holding is not None and holding.effects.authority is Authority.DISPATCHER
    return "dispatcher" in set(roles) and at_war and shared


def prolongs(wanted: StanceOrder, holding: StanceOrder | None) -> bool:
    """Whether an order changes nothing but how long the one that holds does."""
    return (
        holding is not None
        and wanted.mode is holding.mode
        and wanted.effects == holding.effects
        and wanted.scope == holding.scope
    )


# -- what is signed ------------------------------------------------------------------------


def text(order: StanceOrder) -> str:
    """The order in the one form that is signed: a head, and one line of JSON, keys in order."""
    effects = order.effects
    body = {
        "number": order.number,
        "mode": order.mode,
        "scope": order.scope,
        "reason": order.reason,
        "offers": effects.offers,
        "reoptimise": effects.reoptimise,
        "authority": effects.authority,
        "off_duty_reports": effects.off_duty_reports,
        "issued_by": order.issued_by,
        "issued_at": _instant(order.issued_at),
        "expires_at": None if order.expires_at is None else _instant(order.expires_at),
    }
    return f"{_HEAD}\n{_json(body)}\n"


def ending_text(ending: Ending) -> str:
    """That an order was ended, in the form that is signed."""
    body = {
        "number": ending.number,
        "reason": ending.reason,
        "ended_by": ending.ended_by,
        "ended_at": _instant(ending.ended_at),
    }
    return f"{_END_HEAD}\n{_json(body)}\n"


def parse(signed: str) -> StanceOrder | Ending:
    """What a signed text says. Raises `ValueError` where it is none of ours."""
    head, _, line = signed.partition("\n")
    if head not in (_HEAD, _END_HEAD) or not line.endswith("\n"):
        raise ValueError("this is no order of peace or war")
    try:
        body = json.loads(line)
        found = _order(body) if head == _HEAD else _ending(body)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this order of peace or war cannot be read: {error}") from None
    written = text(found) if isinstance(found, StanceOrder) else ending_text(found)
    if written != signed:
        raise ValueError("this order of peace or war is not written as we write one")
    return found


def _order(body: dict[str, Any]) -> StanceOrder:
    return StanceOrder(
        number=body["number"],
        mode=StanceMode(body["mode"]),
        scope=body["scope"],
        reason=body["reason"],
        effects=Effects(
            offers=body["offers"],
            reoptimise=Reoptimise(body["reoptimise"]),
            authority=Authority(body["authority"]),
            off_duty_reports=body["off_duty_reports"],
        ),
        issued_by=body["issued_by"],
        issued_at=_moment(body["issued_at"]),
        expires_at=None if body["expires_at"] is None else _moment(body["expires_at"]),
    )


def _ending(body: dict[str, Any]) -> Ending:
    return Ending(
        number=body["number"],
        reason=body["reason"],
        ended_by=body["ended_by"],
        ended_at=_moment(body["ended_at"]),
    )


def on_the_second(at: datetime) -> datetime:
    """Moments of these orders are whole seconds: what is shown, stored and signed is the same."""
    return at.astimezone(UTC).replace(microsecond=0)


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
