"""What differs between two answers, in words: of which unit, in what, then and now.

Answers are plain values, as `canonical` text says them, so that one kept years ago can be compared
with one of today: a field that only one of them has is a difference like any other. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

NAMES: Final = {
    "rank": "rank",
    "eta_s": "travel time, s",
    "eta_p80_s": "travel time, 8 in 10 under, s",
    "eta_p90_s": "travel time, 9 in 10 under, s",
    "distance_m": "way, m",
    "position_age_s": "age of its position, s",
    "battery_cost_s": "what its batteries count as, s",
    "road_version": "version of closed roads",
    "conditions": "conditions",
    "map_id": "map",
}
"""Of fields, for people; the others by their own name."""
_KEYS: Final = ("unit_id", "device_id", "code")
"""By what members of a list are known."""
_ABSENT: Final = object()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that is another now."""

    unit: str
    """Call sign; empty: of the whole recommendation."""
    field: str
    then: Any
    """None: was not there."""
    now: Any

    def __str__(self) -> str:
        whose = f"{self.unit}: " if self.unit else ""
        return f"{whose}{self.field} {_said(self.then)} then, {_said(self.now)} now"


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Between two answers as plain values; none where they are the same."""
    units_then, units_now = _units(then), _units(now)
    found = list(_of("", _rest(then), _rest(now)))
    for unit_id in dict.fromkeys((*units_then, *units_now)):
        was, is_ = units_then.get(unit_id), units_now.get(unit_id)
        name = str((was or is_ or {}).get("call_sign", unit_id))
        if was is None or is_ is None:
            found.append(Difference(unit=name, field="unit", then=_listed(was), now=_listed(is_)))
        else:
            found += _of(name, was, is_)
    return found


def _units(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["unit_id"]: each for part in ("candidates", "excluded") for each in answer[part]}


def _rest(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in answer.items() if name not in ("candidates", "excluded")}


def _of(unit: str, then: Any, now: Any) -> Iterator[Difference]:
    was, is_ = dict(_leaves(then)), dict(_leaves(now))
    for path in dict.fromkeys((*was, *is_)):
        a, b = was.get(path, _ABSENT), is_.get(path, _ABSENT)
        if a is _ABSENT or b is _ABSENT or a != b or type(a) is not type(b):
            yield Difference(
                unit=unit,
                field=NAMES.get(path, path.replace("_", " ")),
                then=None if a is _ABSENT else a,
                now=None if b is _ABSENT else b,
            )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value with where it stands: `batteries cam-1 p_last`."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{path} {name}".strip())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path} {_name(each, number)}".strip())
    else:
        yield path, value


def _name(member: Any, number: int) -> str:
    if isinstance(member, Mapping):
        for key in _KEYS:
            if key in member:
                return str(member[key])
    return str(number + 1)


def _listed(unit: Mapping[str, Any] | None) -> str | None:
    return None if unit is None else "listed"


def _said(value: Any) -> str:
    return "nothing" if value is None else f"{value}"
