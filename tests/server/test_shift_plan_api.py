"""The plan of shifts over HTTP: made, changed by whoever saw it last, copied, swapped, dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.http import shiftplan
from server.ids import new_id
from server.stores.pool import Pool
from tests.server.admin_room import AdminRoom, an_admin_room, refusal

WEEK = {"from": "2026-11-30T00:00:00+08:00", "to": "2026-12-07T00:00:00+08:00"}


@pytest.fixture
async def room(pool: Pool, tmp_path: Path) -> AsyncIterator[AdminRoom]:
    async with an_admin_room(pool, tmp_path, (shiftplan,)) as room:
        yield room


@pytest.fixture
async def admin(room: AdminRoom) -> AsyncIterator[httpx.AsyncClient]:
    async with room.browser() as client:
        yield client


def early(unit_id: str, **changed: Any) -> dict[str, Any]:
    """From six to two, in November."""
    return {
        "unit_id": unit_id,
        "starts_at": "2026-11-30T06:00:00+08:00",
        "ends_at": "2026-11-30T14:00:00+08:00",
        "name": "early",
        "crew": [],
        **changed,
    }


async def plan(admin: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await admin.post("/api/shifts", json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def shown(admin: httpx.AsyncClient, **span: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await admin.get("/api/shifts", params=WEEK | span)).json()
    return answer


async def test_a_shift_is_planned_seen_and_dropped(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412", "0413")

    made = await plan(admin, **early(unit, crew=["0412"]))
    week = await shown(admin)
    dropped = await admin.post(f"/api/shifts/{made['id']}/drop", json=early(unit, crew=["0412"]))

    assert [each["id"] for each in week["shifts"]] == [made["id"]]
    assert made["crew"] == [{"badge": "0412", "name": "Officer 0412"}]
    assert made["standing"] == ["0412", "0413"]
    assert [each["name"] for each in week["templates"]] == ["early", "late", "night"]
    assert dropped.status_code == 204
    assert (await shown(admin))["shifts"] == []
    for kind in ("shift.planned", "shift.dropped"):
        ((actor, subject, body),) = await room.log_of(kind)
        assert (actor, subject) == ("user:admin", f"shift:{made['id']}")
        assert (body["call_sign"], body["crew"]) == ("P-01", ["0412"])


async def test_what_cannot_be_is_refused_at_its_field(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01")
    wrong = {
        "ends_at": early(unit, ends_at="2026-12-01T07:00:00+08:00"),
        "unit_id": early(new_id()),
        "crew": early(unit, crew=["9999"]),
        "starts_at": early(unit, starts_at="2026-11-30T06:00:00"),
    }

    for field, body in wrong.items():
        answer = await admin.post("/api/shifts", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["detail"]["field"] == field
    assert refusal(await admin.get("/api/shifts", params={"from": WEEK["from"]})) == (
        422,
        "bad_span",
    )


async def test_overlaps_and_short_rest_are_told_also_from_the_night_before_the_week(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412")
    night = {"starts_at": "2026-11-29T14:00:00+08:00", "ends_at": "2026-11-29T22:00:00+08:00"}
    before = await plan(admin, **early(unit, **night))
    first = await plan(admin, **early(unit))
    late = {"starts_at": "2026-11-30T13:00:00+08:00", "ends_at": "2026-11-30T21:00:00+08:00"}
    second = await plan(admin, **early(unit, **late))

    week = await shown(admin)

    assert [each["id"] for each in week["shifts"]] == [first["id"], second["id"]]
    told = [(w["kind"], w["shift_id"], w["other_id"], w["hours"]) for w in week["warnings"]]
    assert told == [
        ("short_rest", first["id"], before["id"], 8.0),
        ("unit_twice", second["id"], first["id"], 1.0),
    ]


async def test_who_is_second_to_change_a_shift_is_told(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412")
    made = await plan(admin, **early(unit))
    was, now = early(unit), early(unit, name="day")

    first = await admin.post(f"/api/shifts/{made['id']}", json={"was": was, "now": now})
    late = await admin.post(
        f"/api/shifts/{made['id']}", json={"was": was, "now": early(unit, crew=["0412"])}
    )
    drop = await admin.post(f"/api/shifts/{made['id']}/drop", json=was)

    assert first.json()["name"] == "day"
    for answer in (late, drop):
        assert refusal(answer) == (409, "changed_meanwhile")
        changed = answer.json()["error"]["detail"]["changed"]
        assert changed == {"name": {"from": "early", "to": "day"}}


async def test_a_week_is_copied_to_its_local_times_and_once(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit = await room.add_unit("P-01", "0412")
    summer = early(unit, starts_at="2026-10-20T06:00:00+02:00", ends_at="2026-10-20T14:00:00+02:00")
    await plan(admin, **summer)
    body = {"from_day": "2026-10-22", "to_day": "2026-10-28", "zone": "Europe/Andorra"}

    copied = await admin.post("/api/shifts/copy", json=body)
    again = await admin.post("/api/shifts/copy", json=body)
    same = await admin.post("/api/shifts/copy", json=body | {"to_day": "2026-10-25"})
    nowhere = await admin.post("/api/shifts/copy", json=body | {"zone": "Mid/Earth"})

    assert copied.json() == {"made": 1, "left": 0}
    assert again.json() == {"made": 0, "left": 1}
    assert refusal(same) == (422, "same_week")
    assert refusal(nowhere) == (422, "unknown_zone")
    span = {"from": "2026-10-26T00:00:00+01:00", "to": "2026-11-02T00:00:00+01:00"}
    (shift,) = (await shown(admin, **span))["shifts"]
    assert shift["starts_at"] == "2026-10-27T05:00:00Z"
    assert len(await room.log_of("shift.copied")) == 1


async def test_crews_of_two_shifts_change_places(room: AdminRoom, admin: httpx.AsyncClient) -> None:
    first, second = await room.add_unit("P-01", "0412"), await room.add_unit("P-02", "0413")
    one, other = await plan(admin, **early(first)), await plan(admin, **early(second))

    answer = await admin.post(f"/api/shifts/{one['id']}/swap", json={"other": other["id"]})
    self = await admin.post(f"/api/shifts/{one['id']}/swap", json={"other": one["id"]})

    crews = [[officer["badge"] for officer in each["crew"]] for each in answer.json()]
    assert crews == [["0413"], ["0412"]]
    assert refusal(self) == (422, "same_shift")
    ((_, _, body),) = await room.log_of("shift.swapped")
    assert (body["call_sign"], body["other"]) == ("P-01", "P-02")


async def test_who_is_on_duty_now_is_told(room: AdminRoom, admin: httpx.AsyncClient) -> None:
    unit = await room.add_unit("P-01", "0412")
    await room.pool.execute(
        "INSERT INTO shift (id, unit_id, on_at, crew) "
        "SELECT $1, $2, now(), array_agg(officer_id) FROM unit_officer WHERE unit_id = $2",
        new_id(),
        unit,
    )

    (running,) = (await shown(admin))["on_duty"]

    assert running["call_sign"] == "P-01"
    assert running["crew"] == [{"badge": "0412", "name": "Officer 0412"}]
