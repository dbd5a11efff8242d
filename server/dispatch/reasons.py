"""Reasons in words: a code for the faces' dictionaries, its values, and English for the log.

Knows no ranking: only how to say a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from server.dispatch.battery import P_GOOD, Battery, Prospect

GAIN_MIN: Final = 0.05
"""That recording only must add to be worth saying."""
STALE_S: Final = 30 * 60.0
"""An older level is said to be old."""

_NAMES: Final = {"body_camera": "camera", "handset": "handset"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing a dispatcher should know about a unit."""

    code: str
    text: str
    values: dict[str, str | float | int] = field(default_factory=dict)


def minutes(duration_s: float) -> float:
    """Minutes to one decimal; never "-0"."""
    return round(duration_s / 60, 1) + 0.0


def battery_reasons(batteries: Sequence[Prospect]) -> list[Reason]:
    """What to say about a unit's batteries: what may not last, what is old, what is unknown."""
    reasons = []
    for each in batteries:
        if each.p_last is None:
            reasons.append(_unknown_reason(each.battery))
            continue
        if each.p_last < P_GOOD:
            reasons.append(_lasts_reason(each, each.p_last))
        if each.age_s > STALE_S:
            reasons.append(_stale_reason(each))
    return reasons


def _lasts_reason(each: Prospect, p_last: float) -> Reason:
    name, pct = _NAMES[each.battery.kind], round(100 * p_last)
    values: dict[str, str | float | int] = {"device": each.battery.device_id, "pct": pct}
    text = f"{name} lasts {pct} %"
    if each.p_recording is None or each.p_recording - p_last < GAIN_MIN:
        return Reason(code=f"{name}_lasts", values=values, text=text)
    values["recording_pct"] = round(100 * each.p_recording)
    return Reason(
        code=f"{name}_lasts_recording",
        values=values,
        text=f"{text}; with recording only {values['recording_pct']} %",
    )


def _stale_reason(each: Prospect) -> Reason:
    age, name = round(each.age_s / 60), _NAMES[each.battery.kind]
    return Reason(
        code=f"{name}_level_old",
        values={"device": each.battery.device_id, "min": age},
        text=f"level of the {name}'s battery is {age} min old",
    )


def _unknown_reason(battery: Battery) -> Reason:
    name = _NAMES[battery.kind]
    return Reason(
        code=f"{name}_level_unknown",
        values={"device": battery.device_id},
        text=f"level of the {name}'s battery is not known",
    )
