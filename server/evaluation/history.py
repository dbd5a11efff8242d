"""A county's own calls from a file, to live through once more: what, where and when, no more.

CSV with a head line, or a JSON list of objects, with the same names:

    at         ISO 8601 with its offset from UTC: 2026-03-01T08:15:00+08:00
    lon, lat   degrees
    type       code of a run card; one that no card has counts as a general type
    priority   routine, priority or emergency; empty: the run card's
    scene_min  minutes from on scene to clear; empty: drawn around the run card's

Names and notes of people have no place in it; other columns are ignored. Every fault is named with
its row. Knows no map.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from math import isfinite
from typing import Any, Final, get_args

from server.views import Priority

CALLS_MAX: Final = 50_000
SCENE_MIN_MAX: Final = 24 * 60.0
NEEDED: Final = ("at", "lon", "lat", "type")


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


def parse(text: str) -> list[PastCall]:
    """In order of time. Raises ValueError, which names the row and what is wrong with it."""
    rows = _json(text) if text.lstrip().startswith(("[", "{")) else _csv(text)
    found = [_call(number, row) for number, row in enumerate(rows, start=1)]
    if not found:
        raise ValueError("there are no calls in it")
    if len(found) > CALLS_MAX:
        raise ValueError(f"at most {CALLS_MAX} calls, not {len(found)}")
    return sorted(found, key=lambda call: (call.at, call.row))


def _json(text: str) -> list[Mapping[str, Any]]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it must be a list of objects, one for each call")
    return rows


def _csv(text: str) -> Iterable[Mapping[str, Any]]:
    reader = csv.DictReader(StringIO(text))
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"its first line must name the columns {', '.join(NEEDED)}")
    return reader


def _call(number: int, row: Mapping[str, Any]) -> PastCall:
    try:
        priority = row.get("priority") or None
        if priority is not None and priority not in get_args(Priority):
            raise ValueError(f"priority is {', '.join(get_args(Priority))} or empty")
        if not (kind := str(row.get("type") or "")):
            raise ValueError("type is empty")
        return PastCall(
            row=number,
            at=_moment(row.get("at")),
            lon=_number("lon", row.get("lon"), -180.0, 180.0),
            lat=_number("lat", row.get("lat"), -90.0, 90.0),
            type=kind,
            priority=priority,
            scene_min=_minutes(row.get("scene_min")),
        )
    except ValueError as error:
        raise ValueError(f"row {number}: {error}") from error


def _moment(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("at is no ISO 8601 time with its offset from UTC")
    return found


def _minutes(value: object) -> float | None:
    return None if value in (None, "") else _number("scene_min", value, 0.0, SCENE_MIN_MAX)


def _number(name: str, value: object, low: float, high: float) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = float("nan")
    if not isfinite(found) or not low <= found <= high:
        raise ValueError(f"{name} is a number from {low:g} to {high:g}")
    return found
