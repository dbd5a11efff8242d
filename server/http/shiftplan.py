"""The plan of shifts, for administrators: who is to be on duty when, week by week.

Times are instants; only copying a week asks for the county's time zone, to keep local times.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch import shiftrules
from server.dispatch.errors import Impossible, NotFound
from server.dispatch.shiftrules import Planned
from server.http.concurrent import differences, require_unchanged
from server.http.devices_admin import Id, RosterServices
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded, instant
from server.http.texts import name_of
from server.http.users import Badge
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import journal, roster, shiftplan
from server.stores.pool import Connection
from server.stores.shiftplan import SHIFTS_LEN_MAX, PlannedRow
from server.stores.users import User

SPAN_MAX: Final = timedelta(days=70)
LENGTH_MAX: Final = timedelta(hours=24)
LOOK_BACK: Final = timedelta(days=2)
"""What ended so long before is looked at, too: whoever worked then must have rested."""
CREW_LEN_MAX: Final = 20
CHANGES: Final = (
    JournalKind.SHIFT_PLANNED,
    JournalKind.SHIFT_REPLANNED,
    JournalKind.SHIFT_SWAPPED,
    JournalKind.SHIFT_COPIED,
)
TEMPLATES: Final = (
    {"name": "early", "starts": "06:00", "minutes": 480},
    {"name": "late", "starts": "14:00", "minutes": 480},
    {"name": "night", "starts": "22:00", "minutes": 480},
)
"""Local times; the night one ends on the next day."""


class ShiftFacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    unit_id: Id
    starts_at: datetime
    ends_at: datetime
    name: Annotated[str, Meta(pattern=name_of(40))]
    crew: Annotated[list[Badge], Meta(max_length=CREW_LEN_MAX)] = []
    """Badges; empty: whoever is in the unit then."""


class ChangeShift(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/shifts/{id}."""

    was: ShiftFacts
    now: ShiftFacts


class CopyWeek(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/shifts/copy."""

    from_day: date
    """Any day of the week that is copied."""
    to_day: date
    zone: Annotated[str, Meta(min_length=1, max_length=64)]
    """IANA name of the county's time zone."""


class Swap(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/shifts/{id}/swap."""

    other: Id


def routes(services: RosterServices) -> list[BaseRoute]:
    """The routes of this module."""
    pool = services.pool

    async def look(request: Request, user: User) -> Response:
        since, until = instant(request, "from"), instant(request, "to")
        if since is None or until is None or not timedelta() < until - since <= SPAN_MAX:
            raise ApiError(422, "bad_span", f"Ask for at most {SPAN_MAX.days} days, from and to.")
        async with pool.acquire() as conn:
            rows = await shiftplan.between(conn, since - LOOK_BACK, until)
            running = await shiftplan.on_duty(conn)
        shown = {row.id for row in rows if row.ends_at > since}
        found = shiftrules.warnings([_planned(row) for row in rows])
        return json(
            {
                "shifts": [row for row in rows if row.id in shown],
                "warnings": [each for each in found if each.shift_id in shown],
                "on_duty": running,
                "templates": TEMPLATES,
            }
        )

    async def add(request: Request, user: User) -> Response:
        wanted, shift_id = await read_body(request, ShiftFacts), new_id()
        async with pool.acquire() as conn, conn.transaction():
            call_sign = await _require_possible(conn, wanted)
            await _put(conn, shift_id, wanted, new=True, by=user.actor)
            body = _said(call_sign, wanted)
            await _log(conn, shift_id, JournalKind.SHIFT_PLANNED, body, by=user.actor)
            view = await shiftplan.one(conn, shift_id)
        return json(view, 201)

    async def change(request: Request, user: User) -> Response:
        shift_id, wanted = request.path_params["id"], await read_body(request, ChangeShift)
        async with pool.acquire() as conn, conn.transaction():
            await change_shift(conn, shift_id, wanted, by=user.actor)
            view = await shiftplan.one(conn, shift_id)
        return json(view)

    async def drop(request: Request, user: User) -> Response:
        shift_id, was = request.path_params["id"], await read_body(request, ShiftFacts)
        async with pool.acquire() as conn, conn.transaction():
            (held,) = await _held(conn, [shift_id])
            await _require_as_seen(conn, was, held)
            await shiftplan.drop(conn, shift_id)
            body = _said(held.call_sign, _facts(held))
            await _log(conn, shift_id, JournalKind.SHIFT_DROPPED, body, by=user.actor)
        return Response(status_code=204)

    async def swap(request: Request, user: User) -> Response:
        ids = [request.path_params["id"], (await read_body(request, Swap)).other]
        async with pool.acquire() as conn, conn.transaction():
            await swap_crews(conn, ids, by=user.actor)
            views = [await shiftplan.one(conn, each) for each in ids]
        return json(views)

    async def copy(request: Request, user: User) -> Response:
        wanted = await read_body(request, CopyWeek)
        async with pool.acquire() as conn, conn.transaction():
            made, left = await copy_week(conn, wanted, by=user.actor)
        return json({"made": made, "left": left})

    return [
        Route("/api/shifts", guarded(look, "admin")),
        Route("/api/shifts", guarded(add, "admin"), methods=["POST"]),
        Route("/api/shifts/copy", guarded(copy, "admin"), methods=["POST"]),
        Route("/api/shifts/{id}", guarded(change, "admin"), methods=["POST"]),
        Route("/api/shifts/{id}/drop", guarded(drop, "admin"), methods=["POST"]),
        Route("/api/shifts/{id}/swap", guarded(swap, "admin"), methods=["POST"]),
    ]


async def change_shift(conn: Connection, shift_id: str, wanted: ChangeShift, *, by: str) -> None:
    """Raises `NotFound`, `Conflict` (`changed_meanwhile`), `Impossible`. Ends a transaction."""
    (held,) = await _held(conn, [shift_id])
    await _require_as_seen(conn, wanted.was, held)
    now = _normal(wanted.now)
    if changed := differences(_facts(held), now):
        call_sign = await _require_possible(conn, now)
        await _put(conn, shift_id, now, new=False, by=by)
        body = {**_said(call_sign, now), "changed": changed}
        await _log(conn, shift_id, JournalKind.SHIFT_REPLANNED, body, by=by)


async def swap_crews(conn: Connection, ids: Sequence[str], *, by: str) -> None:
    """The crews of two shifts change places. Raises `NotFound`, `Impossible` `same_shift`."""
    if len(set(ids)) < len(ids):
        raise Impossible("same_shift", "Choose two shifts.")
    one, other = await _held(conn, ids)
    for shift, crew in ((one, other), (other, one)):
        facts = msgspec.structs.replace(_facts(shift), crew=crew.badges or crew.standing)
        await _put(conn, shift.id, facts, new=False, by=by)
    body = {
        "call_sign": one.call_sign,
        "starts_at": one.starts_at,
        "other": other.call_sign,
        "other_starts_at": other.starts_at,
    }
    await _log(conn, one.id, JournalKind.SHIFT_SWAPPED, msgspec.to_builtins(body), by=by)


async def copy_week(conn: Connection, wanted: CopyWeek, *, by: str) -> tuple[int, int]:
    """How many were made, and how many left out, for their unit is planned then already.

    Local times stay, whatever the clock does in between. Raises `Impossible`.
    """
    zone = _zone(wanted.zone)
    since, until = shiftrules.week(wanted.from_day, zone)
    goal, end = shiftrules.week(wanted.to_day, zone)
    if goal == since:
        raise Impossible("same_week", "Choose another week.", {"field": "to_day"})
    rows = await shiftplan.beginning(conn, since, until)
    if len(rows) > SHIFTS_LEN_MAX:
        raise Impossible("too_many", f"More than {SHIFTS_LEN_MAX} shifts.")
    there = await shiftplan.between(conn, goal, end + LENGTH_MAX)
    move = partial(shiftrules.moved, from_day=since.date(), to_day=goal.date(), zone=zone)
    made = 0
    for row in rows:
        starts, ends = (move(at) for at in (row.starts_at, row.ends_at))
        if any(
            each.unit_id == row.unit_id and each.starts_at < ends and each.ends_at > starts
            for each in there
        ):
            continue
        facts = msgspec.structs.replace(_facts(row), starts_at=starts, ends_at=ends)
        await _put(conn, new_id(), facts, new=True, by=by)
        made += 1
    body = {"from_day": f"{since:%Y-%m-%d}", "to_day": f"{goal:%Y-%m-%d}", "made": made}
    if made:
        await _log(conn, "plan", JournalKind.SHIFT_COPIED, body, by=by)
    return made, len(rows) - made


async def _require_possible(conn: Connection, wanted: ShiftFacts) -> str:
    """The call sign of its unit. Raises `Impossible`."""
    if wanted.starts_at.tzinfo is None or wanted.ends_at.tzinfo is None:
        raise Impossible("bad_span", "Say the time zone with the time.", {"field": "starts_at"})
    if not timedelta() < wanted.ends_at - wanted.starts_at <= LENGTH_MAX:
        text = f"A shift ends after it begins, and within {LENGTH_MAX.days * 24} hours."
        raise Impossible("bad_span", text, {"field": "ends_at"})
    call_sign = await roster.hold_unit(conn, wanted.unit_id)
    if call_sign is None:
        text = "There is no such unit in service."
        raise Impossible("unknown_unit", text, {"field": "unit_id"})
    for badge in wanted.crew:
        if not await roster.officer_exists(conn, badge):
            text = f"Nobody has the badge {badge}."
            raise Impossible("unknown_badge", text, {"field": "crew", "badge": badge})
    return call_sign


async def _require_as_seen(conn: Connection, was: ShiftFacts, held: PlannedRow) -> None:
    subject = f"shift:{held.id}"
    await require_unchanged(conn, _normal(was), _facts(held), subject=subject, kinds=CHANGES)


async def _held(conn: Connection, ids: Sequence[str]) -> list[PlannedRow]:
    found = await shiftplan.hold(conn, ids)
    if set(ids) - found.keys():
        raise NotFound("not_found", "This shift is not planned any more.")
    return [found[each] for each in ids]


async def _put(conn: Connection, shift_id: str, facts: ShiftFacts, *, new: bool, by: str) -> None:
    await shiftplan.put(
        conn,
        shift_id,
        new=new,
        unit_id=facts.unit_id,
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        name=facts.name,
        crew=facts.crew,
        by=by,
        at=datetime.now(UTC),
    )


def _planned(row: PlannedRow) -> Planned:
    return Planned(
        id=row.id,
        unit_id=row.unit_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        officers=tuple(row.badges or row.standing),
    )


def _facts(row: PlannedRow) -> ShiftFacts:
    return _normal(
        ShiftFacts(
            unit_id=row.unit_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            name=row.name,
            crew=row.badges,
        )
    )


def _normal(facts: ShiftFacts) -> ShiftFacts:
    """In one form, so that two of them can be compared."""
    return msgspec.structs.replace(
        facts,
        starts_at=facts.starts_at.astimezone(UTC),
        ends_at=facts.ends_at.astimezone(UTC),
        crew=sorted(set(facts.crew)),
    )


def _zone(name: str) -> ZoneInfo:
    """Raises `Impossible`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Impossible("unknown_zone", "There is no such time zone.", {"field": "zone"}) from None


def _said(call_sign: str, facts: ShiftFacts) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(facts)
    return {"call_sign": call_sign, **said}


async def _log(
    conn: Connection, shift_id: str, kind: JournalKind, body: dict[str, Any], *, by: str
) -> None:
    await journal.append(conn, actor=by, subject=f"shift:{shift_id}", kind=kind, body=body)
