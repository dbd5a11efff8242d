"""Units as administrators keep them: changed with their crews, retired, and never deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.http import unitkeeping
from server.ids import new_id
from server.stores.pool import Pool
from tests.server.admin_room import AdminRoom, an_admin_room, refusal

FACTS = (
    *("call_sign", "kind", "station", "squad", "plate", "area", "equipment"),
    *("officers", "leader"),
)


@pytest.fixture
async def room(pool: Pool, tmp_path: Path) -> AsyncIterator[AdminRoom]:
    async with an_admin_room(pool, tmp_path, (unitkeeping,)) as room:
        yield room


@pytest.fixture
async def admin(room: AdminRoom) -> AsyncIterator[httpx.AsyncClient]:
    async with room.browser() as client:
        yield client


async def facts(admin: httpx.AsyncClient, unit_id: str) -> dict[str, Any]:
    unit = (await admin.get(f"/api/roster/units/{unit_id}")).json()
    badges = [each["badge"] for each in unit["officers"]]
    return {name: unit[name] for name in FACTS} | {"officers": badges}


async def change(
    admin: httpx.AsyncClient, unit_id: str, *, was: dict[str, Any] | None = None, **wanted: Any
) -> httpx.Response:
    was = was or await facts(admin, unit_id)
    body = {"was": was, "now": was | wanted}
    return await admin.post(f"/api/roster/units/{unit_id}", json=body)


async def send(room: AdminRoom, unit_id: str) -> int:
    """An open order of the unit; its number."""
    ids = [new_id() for _ in range(4)]
    await room.pool.execute(
        "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, now())", new_id(), unit_id
    )
    await room.pool.execute(
        "INSERT INTO incident (id, type, priority, place, lon, lat, opened_by, opened_at) "
        "VALUES ($1, 'sos', 'routine', 'here', 100, 26, 'system', now())",
        ids[0],
    )
    await room.pool.execute(
        "INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body) "
        "VALUES ($1, $2, now(), 'system', '{}')",
        ids[1],
        ids[0],
    )
    await room.pool.execute(
        "INSERT INTO decision (id, incident_id, recommendation_id, unit_ids, decided_by, "
        "decided_at) VALUES ($1, $2, $3, ARRAY[$4::uuid], 'system', now())",
        ids[2],
        ids[0],
        ids[1],
        unit_id,
    )
    number: int = await room.pool.fetchval(
        "INSERT INTO dispatch_order (id, incident_id, decision_id, unit_id, state, issued_by, "
        "issued_at, state_at, expires_at) "
        "VALUES ($1, $2, $3, $4, 'issued', 'system', now(), now(), now() + interval '1 hour') "
        "RETURNING number",
        ids[3],
        ids[0],
        ids[2],
        unit_id,
    )
    return number


async def test_a_unit_is_changed_and_its_crew_moves_with_an_entry_for_each(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    await room.add_station("North Station")
    first, second = await room.add_unit("P-01", "0412"), await room.add_unit("P-02", "0413")

    answer = await change(
        admin,
        first,
        call_sign="P-11",
        station="North Station",
        squad="2nd squad",
        plate="A 0412",
        area="upper valley",
        equipment=["rope", "drone"],
        officers=["0413"],
        leader="0413",
    )

    unit = answer.json()
    assert (unit["call_sign"], unit["station"]) == ("P-11", "North Station")
    assert (unit["squad"], unit["plate"], unit["area"]) == (
        "2nd squad",
        "A 0412",
        "upper valley",
    )
    assert unit["equipment"] == ["drone", "rope"]
    assert [each["badge"] for each in unit["officers"]] == ["0413"]
    assert unit["leader"] == "0413"
    assert (await facts(admin, second))["officers"] == []
    assert {("unit", first), ("unit", second)} <= set(room.fanout.messages)
    moves = [
        (subject, body["changed"]["unit"])
        for _, subject, body in await room.log_of("officer.changed")
    ]
    assert moves == [
        ("officer:0412", {"from": "P-01", "to": None}),
        ("officer:0413", {"from": "P-02", "to": "P-11"}),
    ]
    ((actor, _, body),) = await room.log_of("unit.changed")
    assert actor == "user:admin"
    assert body["changed"]["call_sign"] == {"from": "P-01", "to": "P-11"}


async def test_what_cannot_be_is_refused_at_its_field(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    first = await room.add_unit("P-01")
    await room.add_unit("P-02")

    refused = {
        "call_sign": await change(admin, first, call_sign="P-02"),
        "station": await change(admin, first, station="Nowhere"),
        "officers": await change(admin, first, officers=["9999"]),
        "leader": await change(admin, first, leader="9999"),
    }

    assert {name: refusal(each)[1] for name, each in refused.items()} == {
        "call_sign": "exists",
        "station": "unknown_station",
        "officers": "unknown_badge",
        "leader": "unknown_badge",
    }
    for name, each in refused.items():
        assert each.json()["error"]["detail"]["field"] == name
    assert await room.log_of("unit.changed") == []


async def test_who_is_second_to_change_a_unit_is_told_what_was_changed(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01")
    seen = await facts(admin, unit)
    await change(admin, unit, plate="A 1")

    late = await change(admin, unit, was=seen, area="upper valley")

    assert refusal(late) == (409, "changed_meanwhile")
    assert late.json()["error"]["detail"]["changed"] == {"plate": {"from": "", "to": "A 1"}}


async def test_nobody_leaves_a_unit_that_works_on_an_order(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    first, second = await room.add_unit("P-01", "0412"), await room.add_unit("P-02")
    order = await send(room, first)

    left = await change(admin, first, officers=[])
    taken = await change(admin, second, officers=["0412"])

    assert refusal(left) == refusal(taken) == (409, "unit_busy")
    assert left.json()["error"]["detail"] == {"call_sign": "P-01", "order": order}
    assert (await facts(admin, first))["officers"] == ["0412"]


async def test_a_unit_with_an_open_order_or_on_duty_is_not_retired(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412")
    order = await send(room, unit)
    why = {"reason": "the car is written off"}

    busy = await admin.post(f"/api/roster/units/{unit}/retire", json=why)
    await room.pool.execute("UPDATE dispatch_order SET state = 'done', closed_at = now()")
    on_duty = await admin.post(f"/api/roster/units/{unit}/retire", json=why)
    await room.pool.execute("UPDATE shift SET off_at = now()")
    silent = await admin.post(f"/api/roster/units/{unit}/retire", json={"reason": ""})
    done = await admin.post(f"/api/roster/units/{unit}/retire", json=why)
    again = await admin.post(f"/api/roster/units/{unit}/retire", json=why)

    assert refusal(busy) == (409, "unit_busy")
    assert busy.json()["error"]["detail"]["order"] == order
    assert refusal(on_duty) == (409, "unit_on_duty")
    assert refusal(silent) == (422, "no_reason")
    assert done.json()["retired_at"] is not None
    assert refusal(again) == (409, "retired")
    ((_, _, body),) = await room.log_of("unit.retired")
    assert (body["officers"], body["reason"]) == (["0412"], "the car is written off")


async def test_a_retired_unit_is_found_among_the_retired_with_its_history(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412")
    await room.add_unit("P-02", "0413")
    await send(room, unit)
    await room.pool.execute("UPDATE dispatch_order SET state = 'done', closed_at = now()")
    await room.pool.execute("UPDATE shift SET off_at = now()")
    await admin.post(f"/api/roster/units/{unit}/retire", json={"reason": "written off"})

    async def found(**wanted: str) -> list[str]:
        answer = (await admin.get("/api/roster/units", params=wanted)).json()
        return [each["call_sign"] for each in answer["units"]]

    assert await found() == ["P-02"]
    assert await found(state="retired") == ["P-01"]
    assert await found(q="officer 0413", state="all") == ["P-02"]
    assert await room.pool.fetchval("SELECT count(*) FROM dispatch_order") == 1
    assert await room.pool.fetchval("SELECT count(*) FROM shift WHERE unit_id = $1", unit) == 1


async def test_an_officer_is_changed_unless_somebody_was_first(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    await room.add_unit("P-01", "0412")
    was = {"name": "Officer 0412", "phone": "", "skills": []}
    now = was | {"phone": "+86 139 0000 0412", "skills": ["rope", "first_aid"]}

    done = await admin.post("/api/officers/0412", json={"was": was, "now": now})
    late = await admin.post("/api/officers/0412", json={"was": was, "now": was | {"name": "He"}})
    nobody = await admin.post("/api/officers/9999", json={"was": was, "now": now})

    assert done.status_code == 200
    assert refusal(late) == (409, "changed_meanwhile")
    assert refusal(nobody) == (404, "not_found")
    ((_, subject, body),) = await room.log_of("officer.changed")
    assert subject == "officer:0412"
    assert body["changed"]["skills"] == {"from": [], "to": ["first_aid", "rope"]}
