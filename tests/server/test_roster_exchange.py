"""The roster in and out as tables: looked at first, all or nothing, and the way back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.http import devices_admin, exchange
from server.roster.file import LENGTHS_MAX, TEMPLATE
from server.roster.tables import COLUMNS, read, written
from server.stores.pool import Pool
from tests.server.admin_room import AdminRoom, an_admin_room, refusal, sign_in

OFFICERS = (
    "badge,name,phone,skills,user\r\n"
    "0412,He Jun,+86 139 0000 0412,first_aid; rope,hejun\r\n"
    "0413,和志强,,,\r\n"
)


@pytest.fixture
async def room(pool: Pool, tmp_path: Path) -> AsyncIterator[AdminRoom]:
    async with an_admin_room(pool, tmp_path, (exchange, devices_admin)) as room:
        yield room


@pytest.fixture
async def admin(room: AdminRoom) -> AsyncIterator[httpx.AsyncClient]:
    async with room.browser() as client:
        yield client


async def preview(admin: httpx.AsyncClient, text: str) -> dict[str, Any]:
    answer = await admin.post("/api/roster/preview", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def take_in(admin: httpx.AsyncClient, text: str, digest: str | None = None) -> httpx.Response:
    digest = digest or (await preview(admin, text))["digest"]
    body = {"text": text, "digest": digest, "reason": "autumn roster"}
    return await admin.post("/api/roster/import", json=body)


async def exported(admin: httpx.AsyncClient, group: str = "json") -> str:
    answer = await admin.get("/api/roster/export", params={"list": group})
    assert answer.status_code == 200, answer.text
    return answer.text


async def counted(pool: Pool) -> list[int]:
    tables = ("officer", "unit", "device", "app_user", "journal_entry")
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


def test_what_a_list_says_is_the_same_when_it_is_read_again() -> None:
    file = json.loads(TEMPLATE)

    for group in COLUMNS:
        entries = getattr(read(written(group, file[group])).file, group)
        for entry, wanted in zip(entries, file[group], strict=True):
            told = {name: value for name, value in wanted.items() if value and name != "note"}
            assert {name: getattr(entry, name) for name in told} == told


def test_cells_have_several_values_are_left_empty_or_emptied() -> None:
    text = "call_sign,kind,station,officers,leader\nP-01,foot,,0412;0413 0414,-\nP-02,foot,-,-,\n"

    first, second = read(text).file.units  # type: ignore[union-attr]

    assert (first.officers, first.leader) == (["0412", "0413", "0414"], None)
    assert (second.station, second.officers) == (None, [])
    assert type(first.station) is type(second.leader), "left as it is"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("badge,name\n0412,He\n\n0413,\n04 14,Mu\n", 5, "badge"),
        ("badge,name\n0412,He,1\n", 2, "cells"),
        ("name,lon,lat\nNorth,east,26.8\n", 2, "lon"),
        ("badge,name,colour\n0412,He,red\n", None, "colour"),
        ("colour,name\n1,2\n", None, "first row"),
        ('badge,name\n0412,"He\n', None, "cannot be read"),
        ("", None, "first row"),
        ("badge,name,name\n1,2,3\n", None, "twice"),
        ('{"officers": [{"badge": "0412"}]}', None, "name"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int | None, word: str) -> None:
    problems = read(text).problems

    assert any(each.line == line and word in each.text for each in problems), problems


def test_a_table_that_is_too_long_is_refused() -> None:
    rows = "".join(f"b{n},Name\n" for n in range(LENGTHS_MAX["officers"] + 1))

    (problem,) = read(f"badge,name\n{rows}").problems

    assert "more than 20,000" in problem.text


async def test_looking_changes_nothing_and_taking_in_does_all_with_secrets_once(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    before = await counted(room.pool)
    seen = await preview(admin, OFFICERS)
    assert await counted(room.pool) == before

    answer = (await take_in(admin, OFFICERS)).json()

    assert (seen["total"], seen["secrets"], seen["problems"]) == (3, 1, [])
    assert [(each["what"], each["key"], each["new"]) for each in seen["changes"]] == [
        ("officer", "0412", True),
        ("officer", "0413", True),
        ("login", "hejun", True),
    ]
    assert answer["made"] == 3
    (secret,) = answer["secrets"]["users"]
    async with room.browser(None) as client:
        signed_in = await sign_in(client, "hejun", secret["one_time_password"])
        assert signed_in.json()["must_change_password"]
    ((actor, _, body),) = await room.log_of("roster.imported")
    assert (actor, body["count"], body["reason"]) == ("user:admin", 3, "autumn roster")
    assert (await preview(admin, OFFICERS))["total"] == 0
    assert refusal(await take_in(admin, OFFICERS)) == (422, "no_change")


async def test_one_wrong_line_and_nothing_is_done(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    before = await counted(room.pool)
    text = "call_sign,kind,officers\nP-01,patrol_car,\nP-02,hovercraft,\nP-03,foot,9999\n"

    seen = await preview(admin, text)
    taken = await take_in(admin, text)

    assert [each["line"] for each in seen["problems"]] == [3]
    assert refusal(taken) == (409, "roster_refused")
    fixed = text.replace("hovercraft", "foot")
    assert [each["line"] for each in (await preview(admin, fixed))["problems"]] == [4]
    assert await counted(room.pool) == before


async def test_what_changed_since_the_look_is_not_taken_in(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    digest = (await preview(admin, OFFICERS))["digest"]
    await admin.post("/api/officers", json={"badge": "0413", "name": "Somebody"})

    late = await take_in(admin, OFFICERS, digest)

    assert refusal(late) == (409, "roster_changed")
    assert await room.log_of("roster.imported") == []


async def test_the_way_back_undoes_what_was_changed(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    await room.add_station("North Station")
    await room.add_unit("P-01", "0412", station="North Station")
    await room.add_unit("P-02", "0413")
    before = json.loads(await exported(admin))
    text = (
        "call_sign,kind,station,officers,leader\n"
        "P-01,off_road,-,0412 0413,0413\n"
        "P-02,foot,North Station,-,-\n"
    )

    answer = (await take_in(admin, text)).json()
    changed = json.loads(await exported(admin))
    back = await take_in(admin, json.dumps(answer["way_back"]))

    assert changed != before
    assert back.status_code == 200, back.text
    assert json.loads(await exported(admin)) == before


async def test_an_export_taken_in_again_changes_nothing(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    assert (await take_in(admin, TEMPLATE)).status_code == 200

    for group in ("json", *COLUMNS):
        assert (await preview(admin, await exported(admin, group)))["changes"] == []
    wrong = await admin.get("/api/roster/export", params={"list": "secrets"})
    assert refusal(wrong) == (400, "malformed")
