"""Devices of other protocols over HTTP: one request makes one that knocked ours; all is logged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.pipeline import utc_now
from tests.server.field_rows import add_device, add_unit
from tests.whole_server import WholeServer, whole_server

ADD, CHANGE, REMOVE = (f"/api/devices/identities{each}" for each in ("", "/change", "/remove"))
NAME = {"protocol": "jt808", "external_id": "000013800000007"}


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


async def said(server: WholeServer) -> list[tuple[str, str]]:
    rows = await server.services.pool.fetch(
        "SELECT kind, subject FROM journal_entry WHERE kind LIKE 'device.%' ORDER BY id"
    )
    return [(row["kind"], row["subject"]) for row in rows]


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_one_that_knocked_is_made_ours_in_one_request(server: WholeServer) -> None:
    pool, guests = server.services.pool, server.services.guests
    unit_id = await add_unit(pool, badge="B-1")
    await guests.stranger(*NAME.values(), address="10.0.0.7", said={"plate": "P-07"})

    async with server.signed_in("admin") as client:
        [listed] = (await client.get("/api/devices/unknown")).json()
        wanted = NAME | {
            "device_id": "car-07", "kind": "vehicle", "model": "MDVR", "unit_id": unit_id,
            "badge": "B-1", "datum": "gcj02", "strict": True, "code": "secret",
        }  # fmt: skip
        added = await client.post(ADD, json=wanted)
        left = (await client.get("/api/devices/unknown")).json()
        [entry] = (await client.get(ADD)).json()

    assert (listed["external_id"], listed["said"]) == (NAME["external_id"], {"plate": "P-07"})
    assert (added.status_code, left) == (201, [])
    assert added.json() == entry
    assert (entry["device_id"], entry["call_sign"], entry["datum"]) == ("car-07", "P-07", "gcj02")
    assert (entry["shows_orders"], entry["has_secret"], "token" in entry) == (True, True, False)
    identity = await guests.identify(*NAME.values())
    assert identity is not None
    assert (identity.badge, identity.has_secret("secret")) == ("B-1", True)
    assert await said(server) == [
        ("device.enrolled", "device:car-07"),
        ("device.identity_added", "device:car-07"),
    ]


async def test_terminal_is_made_ours_by_the_number_that_people_know(server: WholeServer) -> None:
    guests = server.services.guests
    for number, phone in (("010000000011", "10000000011"), ("010000000012", "10000000012")):
        await guests.stranger("jt808", number, address="10.0.0.7", said={"phone": phone})

    async with server.signed_in("admin") as client:
        wanted = {"protocol": "jt808", "external_id": "10000000011", "device_id": "car-11"}
        added = await client.post(ADD, json=wanted)
        left = (await client.get("/api/devices/unknown")).json()

    assert added.status_code == 201
    assert [each["external_id"] for each in left] == ["010000000012"]


async def test_phone_gets_an_address_of_its_own(server: WholeServer) -> None:
    body = {"protocol": "osmand", "external_id": "48241179", "device_id": "phone-1"}

    async with server.signed_in("admin") as client:
        added = (await client.post(ADD, json=body)).json()
        point = {"lat": 28.65, "lon": 104.9, "timestamp": round(utc_now().timestamp())}
        taken = await client.get(added["path"], params=point)
        changed = (await client.post(CHANGE, json={**_named(body), "new_token": True})).json()
        # The old one may be believed for as long as a connection is between two sweeps.
        new = await client.get(changed["path"], params=point)

    assert added["path"] == f"/o/{added['token']}"
    assert (taken.status_code, new.status_code) == (200, 200)
    assert (added["shows_orders"], changed["token"] != added["token"]) == (False, True)
    row = await server.services.pool.fetchrow("SELECT token_hash FROM device")
    assert row["token_hash"] is None


async def test_device_that_is_here_gets_a_name_and_a_unit(server: WholeServer) -> None:
    pool = server.services.pool
    await add_device(pool)
    unit_id = await add_unit(pool)

    async with server.signed_in("admin") as client:
        added = await client.post(ADD, json=NAME | {"device_id": "cam-07", "unit_id": unit_id})
        again = await client.post(ADD, json=NAME | {"device_id": "cam-08"})
        second = await client.post(ADD, json=NAME | {"device_id": "cam-07", "external_id": "2"})
        other = {"protocol": "tak", "external_id": "2", "device_id": "cam-07"}
        beside = await client.post(ADD, json=other)

    assert (added.status_code, added.json()["kind"]) == (201, "body_camera")
    assert code_of(again) == code_of(second) == (409, "exists")
    assert beside.status_code == 201
    assert await pool.fetchval("SELECT count(*) FROM device") == 1
    assert [kind for kind, _ in await said(server)] == [
        "device.changed",
        *["device.identity_added"] * 2,
    ]


async def test_terms_change_and_end(server: WholeServer) -> None:
    await add_unit(server.services.pool, badge="B-1")
    async with server.signed_in("admin") as client:
        await client.post(ADD, json=NAME | {"device_id": "car-07", "settings": {"interval_s": 10}})
        changed = await client.post(CHANGE, json=NAME | {"badge": "B-1", "shows_orders": False})
        removed = await client.post(REMOVE, json=NAME)
        gone = [
            await client.post(CHANGE, json=NAME | {"strict": True}),
            await client.post(REMOVE, json=NAME),
        ]

    assert changed.json()["badge"] == "B-1"
    assert changed.json()["settings"] == {"interval_s": 10}
    assert changed.json()["shows_orders"] is False
    assert removed.status_code == 204
    assert [each.status_code for each in gone] == [404, 404]
    body = await server.services.pool.fetchval(
        "SELECT body FROM journal_entry WHERE kind = 'device.identity_changed'"
    )
    assert body["changed"] == {"badge": {"from": None, "to": "B-1"}}


async def test_code_lasts_until_it_is_not_asked_for_any_more(server: WholeServer) -> None:
    async with server.signed_in("admin") as client:
        await client.post(ADD, json=NAME | {"device_id": "car-07", "code": "secret"})
        has_code = [
            (await client.post(CHANGE, json=NAME | {"strict": strict} | more)).json()["has_secret"]
            for strict, more in [(True, {}), (False, {}), (True, {}), (False, {"code": "other"})]
        ]

    assert has_code == [True, False, False, True]


async def test_dismissed_one_is_listed_only_when_asked_for(server: WholeServer) -> None:
    await server.services.guests.stranger(*NAME.values(), address="10.0.0.7")

    async with server.signed_in("admin") as client:
        done = await client.post("/api/devices/unknown/dismiss", json=NAME)
        again = await client.post("/api/devices/unknown/dismiss", json=NAME)
        open_ones = (await client.get("/api/devices/unknown")).json()
        [all_of_them] = (await client.get("/api/devices/unknown", params={"dismissed": 1})).json()

    assert (done.status_code, again.status_code) == (204, 404)
    assert (open_ones, all_of_them["dismissed_by"]) == ([], "user:wang")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"unit_id": "00000000-0000-7000-8000-000000000000"}, "unknown_unit"),
        ({"badge": "B-404"}, "unknown_badge"),
        ({"own_token": True}, "no_token"),
        ({"protocol": "osmand", "code": "x"}, "no_token"),
        ({"device_id": "gone"}, "device_disabled"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_stays(
    server: WholeServer, change: dict[str, Any], code: str
) -> None:
    pool = server.services.pool
    await add_device(pool, "gone")
    await pool.execute("UPDATE device SET disabled_at = now()")

    async with server.signed_in("admin") as client:
        answer = await client.post(ADD, json=NAME | {"device_id": "new"} | change)

    assert code_of(answer) == (422, code)
    assert await pool.fetchval("SELECT count(*) FROM device") == 1
    assert await pool.fetchval("SELECT count(*) FROM device_identity") == 0


async def test_orders_go_to_what_shows_them(server: WholeServer) -> None:
    """Whatever its kind: a terminal in a car may, a phone that only reports may not."""
    pool = server.services.pool
    unit_id = await add_unit(pool)
    phone = {"protocol": "osmand", "external_id": "1", "device_id": "phone", "unit_id": unit_id}
    terminal = NAME | {"device_id": "car", "kind": "vehicle", "unit_id": unit_id}

    async with server.signed_in("admin") as client:
        for body in (phone, terminal):
            assert (await client.post(ADD, json=body)).status_code == 201

    shown = await pool.fetch("SELECT id FROM device WHERE takes_orders(device)")
    assert [row["id"] for row in shown] == ["car"]


def _named(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("protocol", "external_id")}
