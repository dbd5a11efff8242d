"""Who can be sent now, why somebody cannot, and whom to ask when nobody can.

Nobody is hidden: an excluded unit keeps its travel time and its reason. Where no unit is free, or
none is near, the excluded one that would help most is proposed; a person asks it, or does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.dispatch.contest import Contender
from server.dispatch.reasons import Reason
from server.views import Priority, UnitStatus

CALL_IN_S: Final = 600.0
"""From the telephone call until a crew that is off duty sits in its car. Starting value."""
CALL_IN_WITHIN_S: Final[Mapping[Priority, float]] = {"priority": 1800.0, "emergency": 1800.0}
"""A crew that is off duty is proposed where it alone would be there within this; for what has no
hurry nobody is called from rest. Starting values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A unit that cannot be sent as it is, and is worth asking."""

    unit_id: str
    reason: Reason


def can_go(one: Contender) -> bool:
    """On duty, without a job, and not itself the one in need."""
    return one.status is UnitStatus.AVAILABLE and not one.in_need


def exclusion(one: Contender) -> Reason:
    """Why it cannot be sent."""
    assert not can_go(one), one
    if one.in_need:
        return Reason(code="in_need", text="is the one who calls for help")
    if one.order_number is not None:
        return Reason(
            code="busy",
            values={"order": one.order_number},
            text=f"busy with order #{one.order_number}",
        )
    if one.status is UnitStatus.OFF_DUTY:
        return Reason(code="off_duty", text="off duty")
    return Reason(code="not_available", values={"status": one.status}, text=f"{one.status}")


def proposal(
    priority: Priority, eligible: Sequence[Contender], excluded: Sequence[Contender]
) -> Proposal | None:
    """Whom to ask beside those who can be sent; None: nobody need be asked."""
    asked = [one for one in excluded if not one.in_need]
    if not eligible:
        soonest = min(asked, key=_comes, default=None)
        if soonest is None:
            return None
        reason = Reason(code="ask_first", text="nobody is free: the first to ask")
        return Proposal(unit_id=soonest.unit_id, reason=reason)
    if all(one.eta_s is None for one in eligible):
        return _where_nobody_is_known_to_come(asked)
    within_s = CALL_IN_WITHIN_S.get(priority, 0.0)
    if any(one.eta_s is not None and one.eta_s <= within_s for one in eligible):
        return None
    resting = [one for one in asked if _is_resting(one) and _comes(one)[0] <= within_s]
    if not resting:
        return None
    within = round(within_s / 60.0)
    reason = Reason(
        code="call_in",
        values={"min": within},
        text=f"called in, it would be the only one there within {within} min",
    )
    return Proposal(unit_id=min(resting, key=_comes).unit_id, reason=reason)


def _where_nobody_is_known_to_come(asked: Sequence[Contender]) -> Proposal | None:
    """Those who are free are cut off, or nobody knows where they are."""
    able = [one for one in asked if one.eta_s is not None]
    if not able:
        return None
    text = "nobody who is free is known to get there: the first to ask"
    reason = Reason(code="ask_first_there", text=text)
    return Proposal(unit_id=min(able, key=_comes).unit_id, reason=reason)


def _is_resting(one: Contender) -> bool:
    return one.status is UnitStatus.OFF_DUTY and one.order_number is None


def _comes(one: Contender) -> tuple[float, str, str]:
    """Sooner first; then by call sign, then by id."""
    if one.eta_s is None:
        return float("inf"), one.call_sign, one.unit_id
    return one.eta_s + CALL_IN_S * _is_resting(one), one.call_sign, one.unit_id
