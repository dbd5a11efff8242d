"""What is wrong with a plan of shifts: values into values.

Overlaps of a unit or of an officer; less rest than eleven hours between two shifts of one officer
(`weights.REST_H`); shifts longer than twelve (`weights.TIRED_H_MAX`). Warnings, no refusals: people
plan on bad days, too. Hours are real ones: a night in which the clock changes is as long as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from server.dispatch.weights import REST_H, TIRED_H_MAX

WARNINGS_LEN_MAX: Final = 500
REST: Final = timedelta(hours=REST_H)
LONG: Final = timedelta(hours=TIRED_H_MAX)
WEEK: Final = timedelta(days=7)


class WarningKind(StrEnum):
    UNIT_TWICE = "unit_twice"
    """Two shifts of one unit overlap."""
    OFFICER_TWICE = "officer_twice"
    SHORT_REST = "short_rest"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One shift as the rules see it."""

    id: str
    unit_id: str
    starts_at: datetime
    ends_at: datetime
    officers: tuple[str, ...]
    """Badges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    kind: WarningKind
    shift_id: str
    """The later one."""
    other_id: str | None
    badge: str | None
    hours: float
    """Of the overlap, of the rest, or of the shift."""


def warnings(shifts: Sequence[Planned]) -> list[PlanWarning]:
    """At most `WARNINGS_LEN_MAX`, by the start of the later shift."""
    order = {each.id: (each.starts_at, each.id) for each in shifts}
    found = [*_too_long(shifts), *_of_units(shifts), *_of_officers(shifts)]
    found.sort(key=lambda each: (order[each.shift_id], each.kind, each.badge or ""))
    return found[:WARNINGS_LEN_MAX]


def moved(at: datetime, *, from_day: date, to_day: date, zone: ZoneInfo) -> datetime:
    """The same local time as many days later or earlier, whatever the clock did in between.

    A local time that does not exist on that day is moved on by the gap (PEP 495, fold 0).
    """
    local = at.astimezone(zone)
    day = local.date() + (to_day - from_day)
    return datetime.combine(day, local.time().replace(fold=local.fold), zone).astimezone(at.tzinfo)


def week(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From midnight of the Monday of that day's week to the next one's, local."""
    monday = day - timedelta(days=day.weekday())
    return _midnight(monday, zone), _midnight(monday + WEEK, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _too_long(shifts: Iterable[Planned]) -> Iterator[PlanWarning]:
    for each in shifts:
        lasts = each.ends_at - each.starts_at
        if lasts > LONG:
            yield PlanWarning(
                kind=WarningKind.TOO_LONG,
                shift_id=each.id,
                other_id=None,
                badge=None,
                hours=_hours(lasts),
            )


def _of_units(shifts: Sequence[Planned]) -> Iterator[PlanWarning]:
    for of_one in _grouped((each.unit_id, each) for each in shifts).values():
        for before, after in _neighbours(of_one):
            yield from _between(before, after, WarningKind.UNIT_TWICE, badge=None)


def _of_officers(shifts: Sequence[Planned]) -> Iterator[PlanWarning]:
    by_badge = _grouped((badge, each) for each in shifts for badge in each.officers)
    for badge, of_one in by_badge.items():
        for before, after in _neighbours(of_one):
            yield from _between(before, after, WarningKind.OFFICER_TWICE, badge=badge)


def _grouped(pairs: Iterable[tuple[str, Planned]]) -> dict[str, list[Planned]]:
    made: dict[str, list[Planned]] = {}
    for key, each in pairs:
        made.setdefault(key, []).append(each)
    return made


def _neighbours(shifts: list[Planned]) -> Iterator[tuple[Planned, Planned]]:
    """Each shift with the one before it that ends last."""
    ordered = sorted(shifts, key=lambda each: (each.starts_at, each.id))
    last = ordered[0]
    for each in ordered[1:]:
        yield last, each
        last = max(last, each, key=lambda one: one.ends_at)


def _between(
    before: Planned, after: Planned, overlap: WarningKind, *, badge: str | None
) -> Iterator[PlanWarning]:
    rest = after.starts_at - before.ends_at
    if rest < timedelta() and badge is not None and before.unit_id == after.unit_id:
        return  # told of the unit
    if rest < timedelta():
        together = min(before.ends_at, after.ends_at) - after.starts_at
        kind, hours = overlap, _hours(together)
    elif badge is not None and rest < REST:
        kind, hours = WarningKind.SHORT_REST, _hours(rest)
    else:
        return
    yield PlanWarning(kind=kind, shift_id=after.id, other_id=before.id, badge=badge, hours=hours)


def _hours(span: timedelta) -> float:
    return round(span.total_seconds() / 3600, 2)
