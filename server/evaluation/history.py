"""A county's own past in a file, to live through once more: calls, and who was there to answer.

CSV with a head line, or a JSON list of objects, with the same names:

    at            ISO 8601 with its offset from UTC: 2026-03-01T08:15:00+08:00
    lon, lat      degrees
    type          code of a run card; one that no card has counts as a general type
    priority      routine, priority or emergency; empty: the run card's
    scene_min     minutes from on scene to clear; empty: drawn around the run card's
    response_min  minutes from the call to the first officer at the place, as it was; empty: unknown

Or a JSON object of "calls", such a list, and "units", a list of

    call_sign
    kind          patrol_car, off_road, motorcycle or foot
    station       name, lon and lat of where it is at home; null: unknown
    shifts        [on, off] each, ISO 8601; off null: not over yet. Left out: always on duty

Names and notes of people have no place in it; whatever else it says is ignored. Every fault is
named with its row. Knows no map.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from math import isfinite
from typing import Any, Final, get_args

from server.views import Priority, UnitKind

CALLS_MAX: Final = 50_000
UNITS_MAX: Final = 500
SHIFTS_MAX: Final = 2_000
"""Of one unit."""
SCENE_MIN_MAX: Final = 24 * 60.0
RESPONSE_MIN_MAX: Final = 7 * 24 * 60.0
WORD_LEN_MAX: Final = 64
NEEDED: Final = ("at", "lon", "lat", "type")

Rows = Sequence[Mapping[str, Any]]
Shift = tuple[datetime, datetime | None]
"""From when until when; None: not over yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """One call as the county remembers it."""

    row: int
    """In the file, from 1, the head not counted."""
    at: datetime
    lon: float
    lat: float
    type: str
    priority: Priority | None
    scene_min: float | None
    response_min: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A station."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastUnit:
    """One unit as the county remembers it."""

    call_sign: str
    kind: UnitKind
    station: Home | None
    shifts: tuple[Shift, ...] | None
    """In order of time; None: always on duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was."""

    calls: Sequence[PastCall]
    """In order of time; at least one."""
    units: Sequence[PastUnit]
    """None of them: nobody says, so a force is invented."""

    @property
    def midnight(self) -> datetime:
        """Before the first call, where it came from."""
        return self.calls[0].at.replace(hour=0, minute=0, second=0, microsecond=0)

    def day(self, call: PastCall) -> int:
        """Of a call, from 0."""
        return (call.at - self.midnight) // timedelta(days=1)

    @property
    def days(self) -> int:
        """With a call, and between."""
        return self.day(self.calls[-1]) + 1


def parse(text: str) -> History:
    """Raises ValueError, which names the row and what is wrong with it."""
    calls, units = _json(text) if text.lstrip().startswith(("[", "{")) else (_csv(text), [])
    found = [_call(number, row) for number, row in enumerate(calls, start=1)]
    if not found:
        raise ValueError("there are no calls in it")
    if len(found) > CALLS_MAX:
        raise ValueError(f"at most {CALLS_MAX} calls, not {len(found)}")
    if len(units) > UNITS_MAX:
        raise ValueError(f"at most {UNITS_MAX} units, not {len(units)}")
    force = [_unit(number, row) for number, row in enumerate(units, start=1)]
    if len({each.call_sign for each in force}) < len(force):
        raise ValueError("a call sign is there twice")
    return History(calls=sorted(found, key=lambda call: (call.at, call.row)), units=force)


def plain(history: History) -> dict[str, Any]:
    """As JSON says it; `parse` takes it back."""
    return {
        "units": [_plain_unit(each) for each in history.units],
        "calls": [
            {
                "at": each.at.isoformat(),
                "lon": each.lon,
                "lat": each.lat,
                "type": each.type,
                "priority": each.priority,
                "scene_min": each.scene_min,
                "response_min": each.response_min,
            }
            for each in history.calls
        ],
    }


def _plain_unit(unit: PastUnit) -> dict[str, Any]:
    station = unit.station
    found: dict[str, Any] = {
        "call_sign": unit.call_sign,
        "kind": unit.kind,
        "station": None if station is None else asdict(station),
    }
    if unit.shifts is not None:
        found["shifts"] = [
            [on.isoformat(), None if off is None else off.isoformat()] for on, off in unit.shifts
        ]
    return found


def _json(text: str) -> tuple[Rows, Rows]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    calls, units = found, list[Any]()
    if isinstance(found, dict):
        calls, units = found.get("calls"), found.get("units") or []
    for name, rows in (("calls", calls), ("units", units)):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{name} must be a list of objects, one for each")
    return calls, units


def _csv(text: str) -> Rows:
    reader = csv.DictReader(StringIO(text))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"its first line must name the columns {', '.join(NEEDED)}")
    return list(reader)


def _call(number: int, row: Mapping[str, Any]) -> PastCall:
    try:
        return PastCall(
            row=number,
            at=_moment("at", row.get("at")),
            lon=_number("lon", row.get("lon"), -180.0, 180.0),
            lat=_number("lat", row.get("lat"), -90.0, 90.0),
            type=_word("type", row.get("type")),
            priority=_one_of("priority", row.get("priority") or None, Priority, empty=True),
            scene_min=_minutes("scene_min", row, SCENE_MIN_MAX),
            response_min=_minutes("response_min", row, RESPONSE_MIN_MAX),
        )
    except ValueError as error:
        raise ValueError(f"row {number}: {error}") from error


def _unit(number: int, row: Mapping[str, Any]) -> PastUnit:
    try:
        station, shifts = row.get("station"), row.get("shifts")
        return PastUnit(
            call_sign=_word("call_sign", row.get("call_sign")),
            kind=_one_of("kind", row.get("kind"), UnitKind),
            station=None if station is None else _home(station),
            shifts=None if shifts is None else _shifts(shifts),
        )
    except ValueError as error:
        raise ValueError(f"unit {number}: {error}") from error


def _home(station: object) -> Home:
    if not isinstance(station, dict):
        raise ValueError("station is name, lon and lat")
    return Home(
        name=_word("station", station.get("name")),
        lon=_number("lon", station.get("lon"), -180.0, 180.0),
        lat=_number("lat", station.get("lat"), -90.0, 90.0),
    )


def _shifts(pairs: object) -> tuple[Shift, ...]:
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("shifts is a list of [on, off]")
    if len(pairs) > SHIFTS_MAX:
        raise ValueError(f"at most {SHIFTS_MAX} shifts, not {len(pairs)}")
    found = [
        (_moment("shifts", on), None if off is None else _moment("shifts", off))
        for on, off in pairs
    ]
    found.sort(key=lambda shift: shift[0])
    if any(off is not None and off < on for on, off in found):
        raise ValueError("a shift ends before it begins")
    if any(off is None or off > on for (_, off), (on, _) in pairwise(found)):
        raise ValueError("two shifts overlap")
    return tuple(found)


def _word(name: str, value: object) -> str:
    word = str(value or "").strip()
    if not 0 < len(word) <= WORD_LEN_MAX:
        says = "is empty" if not word else f"has at most {WORD_LEN_MAX} letters"
        raise ValueError(f"{name} {says}")
    return word


def _one_of(name: str, value: object, words: Any, *, empty: bool = False) -> Any:
    if value not in get_args(words) and not (empty and value is None):
        raise ValueError(f"{name} is {', '.join(get_args(words))}{' or empty' * empty}")
    return value


def _moment(name: str, value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{name} is no ISO 8601 time with its offset from UTC")
    return found


def _minutes(name: str, row: Mapping[str, Any], high: float) -> float | None:
    value = row.get(name)
    return None if value in (None, "") else _number(name, value, 0.0, high)


def _number(name: str, value: object, low: float, high: float) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = float("nan")
    if not isfinite(found) or not low <= found <= high:
        raise ValueError(f"{name} is a number from {low:g} to {high:g}")
    return found
