"""Reasons in words: a code for the faces' dictionaries, its values, and English for the log.

Knows no ranking: only how to say a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from server.dispatch.battery import LOW_PCT, Battery, Outlook

_CODES = {"body_camera": "camera", "handset": "handset", "vehicle": "vehicle"}
_NAMES = {"body_camera": "camera", "handset": "handset", "vehicle": "vehicle device"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing a dispatcher should know about a unit."""

    code: str
    text: str
    values: dict[str, str | float | int] = field(default_factory=dict)


def minutes(duration_s: float) -> float:
    """Minutes to one decimal."""
    return round(duration_s / 60, 1)


def battery_reasons(batteries: Sequence[Battery], outlooks: Sequence[Outlook]) -> list[Reason]:
    """What to say about a unit's batteries: empty on the way, low at the end, old, unknown."""
    reasons = []
    for each in outlooks:
        if (reason := _level_reason(each)) is not None:
            reasons.append(reason)
        if each.stale:
            reasons.append(_stale_reason(each.battery))
    reasons += [_unknown_reason(each) for each in batteries if _is_unknown(each)]
    return reasons


def _level_reason(each: Outlook) -> Reason | None:
    name, device_id = _NAMES[each.battery.kind], each.battery.device_id
    if each.empty_after_s is not None:
        after = round(each.empty_after_s / 60)
        return Reason(
            code=f"{_CODES[each.battery.kind]}_empty",
            values={"device": device_id, "min": after},
            text=f"{name} will be empty in {after} min, before the end of the job",
        )
    if each.end_pct < LOW_PCT:
        pct = round(each.end_pct)
        return Reason(
            code=f"{_CODES[each.battery.kind]}_low",
            values={"device": device_id, "pct": pct},
            text=f"{name} will be at {pct} % at the end of the job",
        )
    return None


def _stale_reason(battery: Battery) -> Reason:
    age = round(battery.age_s / 60)
    name = _NAMES[battery.kind]
    return Reason(
        code=f"{_CODES[battery.kind]}_level_old",
        values={"device": battery.device_id, "min": age},
        text=f"level of the {name}'s battery is {age} min old",
    )


def _is_unknown(battery: Battery) -> bool:
    return battery.level_pct is None and battery.kind != "vehicle"


def _unknown_reason(battery: Battery) -> Reason:
    name = _NAMES[battery.kind]
    return Reason(
        code=f"{_CODES[battery.kind]}_level_unknown",
        values={"device": battery.device_id},
        text=f"level of the {name}'s battery is not known",
    )
