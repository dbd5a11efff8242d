"""The county's own past, taken out of the database for rehearsals (`server.evaluation.history`).

What, where and when, how long somebody took to come and stayed, and which units were on duty: no
names, no notes, no words of the place. One state of the database, page by page; that it was taken
is in the command log before anybody has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from server.dispatch.errors import Impossible, NotFound
from server.dispatch.runcards import ROOM_TASKS
from server.evaluation.history import (
    CALLS_MAX,
    RESPONSE_MIN_MAX,
    History,
    Home,
    PastCall,
    PastUnit,
    Shift,
)
from server.evaluation.scenario import DAYS_MAX
from server.journal.kinds import JournalKind
from server.review.history import IncidentPast, Milestone
from server.stores import duty, histories, journal
from server.stores.duty import UnitDuty
from server.stores.shifts import SCENE_MIN_MAX

DIGITS: Final = 4
"""Of degrees: 11 m, enough for the road, and less than a door."""

Tell = Callable[[float], None]
"""Hears which share is read."""


async def history(
    pool: Any, since: datetime, until: datetime, *, by: str, tell: Tell = lambda share: None
) -> History:
    """Calls that came in at or after `since` and before `until`, but what the room gave itself.

    Raises `Impossible` (`bad_span`, `too_many`), `NotFound` (`no_calls`).
    """
    if not timedelta(0) < until - since <= timedelta(days=DAYS_MAX):
        raise Impossible("bad_span", f"From must lie before to, by at most {DAYS_MAX} days.")
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        count = await _count(conn, since, until)
        calls: list[PastCall] = []
        async for page in histories.pages(conn, since, until, without=ROOM_TASKS):
            calls += [_call(len(calls) + n, each) for n, each in enumerate(page.incidents, 1)]
            tell(len(calls) / count)
        units = _units(await duty.force(conn, since, until))
    calls.sort(key=lambda call: (call.at, call.row))
    await _log(pool, since, until, calls=len(calls), units=len(units), by=by)
    return History(calls=calls, units=units)


async def _count(conn: Any, since: datetime, until: datetime) -> int:
    count = await histories.count(conn, since, until, without=ROOM_TASKS)
    if count == 0:
        raise NotFound("no_calls", f"Nobody called from {_said(since)} to {_said(until)}.")
    if count > CALLS_MAX:
        text = f"There are {count} calls, and at most {CALLS_MAX} can be rehearsed."
        raise Impossible("too_many", f"{text} Take a shorter span.")
    return count


def _call(row: int, past: IncidentPast) -> PastCall:
    at, there = past.called_at or past.opened_at, past.first_there
    response_min, scene_min = None, None
    if there is not None:
        came_at, clear = there.steps[Milestone.ON_SCENE].at, there.steps.get(Milestone.CLEAR)
        response_min = _minutes(came_at - at, RESPONSE_MIN_MAX)
        left_at = there.ended_at if clear is None else clear.at
        scene_min = None if left_at is None else _minutes(left_at - came_at, SCENE_MIN_MAX)
    return PastCall(
        row=row,
        at=at.astimezone().replace(microsecond=0),
        lon=round(past.lon, DIGITS),
        lat=round(past.lat, DIGITS),
        type=past.type,
        priority=past.priority,
        scene_min=scene_min,
        response_min=response_min,
    )


def _minutes(span: timedelta, high_min: float) -> float | None:
    """None for what says nothing: an order that was left open, a clock that went wrong."""
    found = span.total_seconds() / 60.0
    return round(found, 1) if 0.0 <= found <= high_min else None


def _units(force: Sequence[UnitDuty]) -> list[PastUnit]:
    """Who was on duty; where nobody says when anybody was, all of them, always."""
    known = any(each.shifts for each in force)
    return [
        PastUnit(
            call_sign=each.call_sign,
            kind=each.kind,
            station=None if each.station is None else _home(*each.station),
            shifts=_joined(each.shifts) if known else None,
        )
        for each in force
        if each.shifts or not known
    ]


def _home(name: str, lon: float, lat: float) -> Home:
    return Home(name=name, lon=lon, lat=lat)


def _joined(shifts: Sequence[Shift]) -> tuple[Shift, ...]:
    """One that begins before the one before it is over ends that one."""
    ends = [*(on for on, _ in shifts[1:]), None]
    found = [
        (on, off if end is None or (off is not None and off <= end) else end)
        for (on, off), end in zip(shifts, ends, strict=True)
    ]
    assert all(off is not None and off <= on for (_, off), (on, _) in pairwise(found))
    return tuple((_local(on), None if off is None else _local(off)) for on, off in found)


def _local(at: datetime) -> datetime:
    """By this machine's clock: nights are nights."""
    return at.astimezone().replace(microsecond=0)


def _said(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


async def _log(
    pool: Any, since: datetime, until: datetime, *, calls: int, units: int, by: str
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await journal.append(
            conn,
            actor=by,
            subject=by,
            kind=JournalKind.HISTORY_EXPORTED,
            body={"calls": calls, "units": units, "since": since, "until": until},
        )
