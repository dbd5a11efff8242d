"""Units, for administrators: looked for, changed with their crews, retired and never deleted.

Nobody leaves a unit that works on an order, and none with an open order is retired.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.http.concurrent import differences, require_unchanged
from server.http.devices_admin import CallSign, RosterServices, Skills
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded, number, term
from server.http.people import ReasonBody, require_reason
from server.http.texts import NO_NUL
from server.http.users import Badge, DisplayName, Phone
from server.journal.kinds import JournalKind
from server.stores import county, journal, people, roster, unitkeeping
from server.stores.county import Officer
from server.stores.pool import Connection
from server.stores.unitkeeping import PAGE_LEN_MAX, KeptUnit
from server.stores.users import User
from server.views import UnitKind

PAGE_LEN: Final = 50
CREW_LEN_MAX: Final = 20
EQUIPMENT_LEN_MAX: Final = 20
STATES: Final = ("active", "retired", "all")
CHANGES: Final = (JournalKind.UNIT_CREATED, JournalKind.UNIT_CHANGED, JournalKind.UNIT_RETIRED)

Line = Annotated[str, Meta(max_length=80, pattern=NO_NUL)]
Plate = Annotated[str, Meta(max_length=32, pattern=NO_NUL)]
Thing = Annotated[str, Meta(min_length=1, max_length=40, pattern=NO_NUL)]


class UnitFacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an administrator changes of a unit."""

    call_sign: CallSign
    kind: UnitKind
    station: DisplayName | None
    squad: Line
    plate: Plate
    area: Line
    equipment: Annotated[list[Thing], Meta(max_length=EQUIPMENT_LEN_MAX)]
    officers: Annotated[list[Badge], Meta(max_length=CREW_LEN_MAX)]
    """Badges of the whole crew."""
    leader: Badge | None


class ChangeUnit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/roster/units/{id}."""

    was: UnitFacts
    now: UnitFacts


class OfficerFacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: DisplayName
    phone: Phone
    skills: Skills


class ChangeOfficer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/officers/{badge}."""

    was: OfficerFacts
    now: OfficerFacts


def routes(services: RosterServices) -> list[BaseRoute]:
    """The routes of this module."""
    pool, fanout = services.pool, services.fanout

    async def look(request: Request, user: User) -> Response:
        state = term(request, "state") or "active"
        if state not in STATES:
            raise ApiError(400, "malformed", f"state is one of {', '.join(STATES)}.")
        limit = min(number(request, "limit", default=PAGE_LEN) or PAGE_LEN, PAGE_LEN_MAX)
        async with pool.acquire() as conn:
            total, found = await unitkeeping.page(
                conn,
                words=term(request, "q"),
                station=term(request, "station") or None,
                state=state,
                offset=number(request, "offset", default=0) or 0,
                limit=limit,
            )
            stations = await people.stations(conn)
        return json({"units": found, "total": total, "stations": stations})

    async def one(request: Request, user: User) -> Response:
        async with pool.acquire() as conn:
            return json(await _found(conn, request.path_params["id"]))

    async def change(request: Request, user: User) -> Response:
        unit_id, wanted = request.path_params["id"], await read_body(request, ChangeUnit)
        async with pool.acquire() as conn, conn.transaction():
            touched = await change_unit(conn, unit_id, wanted, by=user.actor)
            view = await _found(conn, unit_id)
        for each in sorted(touched):
            fanout.publish("unit", each)
        return json(view)

    async def retire(request: Request, user: User) -> Response:
        unit_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        async with pool.acquire() as conn, conn.transaction():
            devices = await retire_unit(
                conn, unit_id, reason=body.reason, by=user.actor, at=datetime.now(UTC)
            )
            view = await _found(conn, unit_id)
        fanout.publish("unit", unit_id)
        for each in devices:
            fanout.publish("device", each)
        return json(view)

    async def officer(request: Request, user: User) -> Response:
        badge, wanted = request.path_params["badge"], await read_body(request, ChangeOfficer)
        async with pool.acquire() as conn, conn.transaction():
            home = await change_officer(conn, badge, wanted, by=user.actor)
        if home is not None:
            fanout.publish("unit", home)
        return json({"badge": badge, **msgspec.to_builtins(wanted.now)})

    return [
        Route("/api/roster/units", guarded(look, "admin")),
        Route("/api/roster/units/{id}", guarded(one, "admin")),
        Route("/api/roster/units/{id}", guarded(change, "admin"), methods=["POST"]),
        Route("/api/roster/units/{id}/retire", guarded(retire, "admin"), methods=["POST"]),
        Route("/api/officers/{badge}", guarded(officer, "admin"), methods=["POST"]),
    ]


async def change_unit(conn: Connection, unit_id: str, wanted: ChangeUnit, *, by: str) -> set[str]:
    """Returns the units that look different. Ends a transaction.

    Raises `NotFound`, `Conflict` (`changed_meanwhile`, `exists`, `unit_busy`, `retired`),
    `Impossible` (`unknown_station`, `unknown_badge`).
    """
    held = await _held(conn, unit_id)
    stands, now = _facts(held), _sorted(wanted.now)
    subject = f"unit:{unit_id}"
    await require_unchanged(conn, _sorted(wanted.was), stands, subject=subject, kinds=CHANGES)
    changed = differences(stands, now)
    if not changed:
        return set()
    await _require_possible(conn, unit_id, now)
    await unitkeeping.change(
        conn,
        unit_id,
        call_sign=now.call_sign,
        kind=now.kind,
        station=now.station,
        squad=now.squad,
        plate=now.plate,
        area=now.area,
        equipment=now.equipment,
    )
    touched = {unit_id}
    if "officers" in changed:
        touched |= await _change_crew(conn, held, now, by=by)
    if "leader" in changed:
        await roster.set_leader(conn, unit_id, now.leader)
    body = {"call_sign": now.call_sign, "changed": changed}
    await journal.append(conn, actor=by, subject=subject, kind=JournalKind.UNIT_CHANGED, body=body)
    return touched


async def retire_unit(
    conn: Connection, unit_id: str, *, reason: str, by: str, at: datetime
) -> list[str]:
    """Returns the devices that it carried. Ends a transaction.

    Raises `NotFound`, `Conflict` (`unit_busy`, `unit_on_duty`, `retired`), `Impossible`.
    """
    require_reason(reason)
    held = await _held(conn, unit_id)
    if held.order_number is not None:
        raise _busy(held.call_sign, held.order_number)
    if held.on_duty_since is not None:
        text = f"{held.call_sign} is on duty; end its shift first."
        raise Conflict("unit_on_duty", text, {"call_sign": held.call_sign})
    devices, planned = await unitkeeping.retire(conn, unit_id, at)
    body = {
        "call_sign": held.call_sign,
        "officers": [each["badge"] for each in held.officers],
        "devices": devices,
        "planned": planned,
        "reason": reason.strip(),
    }
    await journal.append(
        conn, actor=by, subject=f"unit:{unit_id}", kind=JournalKind.UNIT_RETIRED, body=body
    )
    return devices


async def change_officer(
    conn: Connection, badge: str, wanted: ChangeOfficer, *, by: str
) -> str | None:
    """Returns the id of the unit that the officer is in. Raises `NotFound`, `Conflict`."""
    row = await conn.fetchrow(
        "SELECT name, phone, skills FROM officer WHERE badge = $1 FOR UPDATE", badge
    )
    if row is None:
        raise NotFound("not_found", "Nobody has this badge.")
    stands = OfficerFacts(name=row["name"], phone=row["phone"], skills=sorted(row["skills"]))
    was = msgspec.structs.replace(wanted.was, skills=sorted(set(wanted.was.skills)))
    now = msgspec.structs.replace(wanted.now, skills=sorted(set(wanted.now.skills)))
    subject, kinds = (
        f"officer:{badge}",
        (JournalKind.OFFICER_CREATED, JournalKind.OFFICER_CHANGED),
    )
    await require_unchanged(conn, was, stands, subject=subject, kinds=kinds)
    home = await unitkeeping.home_of(conn, badge)
    if changed := differences(stands, now):
        facts = Officer(
            name=now.name,
            phone=now.phone,
            unit=None if home is None else home[1],
            skills=tuple(now.skills),
        )
        await county.change_officer(conn, badge, facts)
        await journal.append(
            conn,
            actor=by,
            subject=subject,
            kind=JournalKind.OFFICER_CHANGED,
            body={"changed": changed},
        )
    return None if home is None else home[0]


async def _require_possible(conn: Connection, unit_id: str, now: UnitFacts) -> None:
    if await unitkeeping.is_taken(conn, now.call_sign, but=unit_id):
        text = f"There is, or was, a unit {now.call_sign} already."
        raise Conflict("exists", text, {"field": "call_sign"})
    if now.station is not None and await roster.station_id(conn, now.station) is None:
        text = f"There is no station {now.station}; create it first."
        raise Impossible("unknown_station", text, {"field": "station"})
    for field, badges in (("officers", now.officers), ("leader", [now.leader])):
        for badge in badges:
            if badge is not None and not await roster.officer_exists(conn, badge):
                text = f"Nobody has the badge {badge}; create the officer first."
                raise Impossible("unknown_badge", text, {"field": field, "badge": badge})


async def _change_crew(conn: Connection, held: KeptUnit, now: UnitFacts, *, by: str) -> set[str]:
    """Officers go and come, with their browsers; the units that they come from."""
    before = {each["badge"] for each in held.officers}
    leave, join = sorted(before - set(now.officers)), sorted(set(now.officers) - before)
    homes = {badge: await unitkeeping.home_of(conn, badge) for badge in join}
    losing = {call_sign for home in homes.values() if home is not None for call_sign in (home[1],)}
    if leave:
        losing.add(now.call_sign)
    busy = await county.hold_units(conn, sorted(losing))
    for call_sign, order in sorted(busy.items()):
        raise _busy(call_sign, order)
    for badge in leave:
        await county.leave_unit(conn, badge)
        await county.move_browsers(conn, badge, None)
        await _log_move(conn, badge, held.call_sign, None, by=by)
    for badge in join:
        await roster.join_unit(conn, badge=badge, unit_id=held.id)
        await county.move_browsers(conn, badge, now.call_sign)
        home = homes[badge]
        await _log_move(conn, badge, None if home is None else home[1], now.call_sign, by=by)
    return {home[0] for home in homes.values() if home is not None}


async def _log_move(
    conn: Connection, badge: str, before: str | None, after: str | None, *, by: str
) -> None:
    body = {"changed": {"unit": {"from": before, "to": after}}}
    await journal.append(
        conn, actor=by, subject=f"officer:{badge}", kind=JournalKind.OFFICER_CHANGED, body=body
    )


def _busy(call_sign: str, order: int) -> Conflict:
    text = f"{call_sign} works on order {order}; wait until it is closed."
    return Conflict("unit_busy", text, {"call_sign": call_sign, "order": order})


async def _held(conn: Connection, unit_id: str) -> KeptUnit:
    held = await unitkeeping.hold(conn, unit_id)
    if held is None:
        raise NotFound("not_found", "There is no such unit.")
    if held.retired_at is not None:
        raise Conflict("retired", "This unit is out of service; its history stays as it is.")
    return held


async def _found(conn: Connection, unit_id: str) -> KeptUnit:
    unit = await unitkeeping.one(conn, unit_id)
    if unit is None:
        raise NotFound("not_found", "There is no such unit.")
    return unit


def _facts(held: KeptUnit) -> UnitFacts:
    return UnitFacts(
        call_sign=held.call_sign,
        kind=held.kind,
        station=held.station,
        squad=held.squad,
        plate=held.plate,
        area=held.area,
        equipment=sorted(held.equipment),
        officers=sorted(each["badge"] for each in held.officers),
        leader=held.leader,
    )


def _sorted(facts: UnitFacts) -> UnitFacts:
    lists: dict[str, Any] = {
        "equipment": sorted(set(facts.equipment)),
        "officers": sorted(set(facts.officers)),
    }
    return msgspec.structs.replace(facts, **lists)
