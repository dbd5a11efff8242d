"""Devices are changed, taken out of service and brought back, and nobody overwrites another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.http import devicechanges, devices_admin
from server.http.auth import hash_token
from server.ids import new_id
from server.stores import devices
from server.stores.pool import Pool
from tests.server.admin_room import AdminRoom, an_admin_room, refusal
from tests.server.field_room import issue_order

CAMERA = "cam-0001"


@pytest.fixture
async def room(pool: Pool, tmp_path: Path) -> AsyncIterator[AdminRoom]:
    async with an_admin_room(pool, tmp_path, [devicechanges, devices_admin]) as room:
        yield room


@pytest.fixture
async def admin(room: AdminRoom) -> AsyncIterator[httpx.AsyncClient]:
    async with room.browser() as client:
        yield client


@pytest.fixture
async def unit_id(admin: httpx.AsyncClient) -> str:
    return await add_unit(admin, "P-07")


async def add_unit(admin: httpx.AsyncClient, call_sign: str) -> str:
    answer = await admin.post("/api/units", json={"call_sign": call_sign, "kind": "patrol_car"})
    return str(answer.raise_for_status().json()["id"])


@pytest.fixture
async def token(admin: httpx.AsyncClient, unit_id: str) -> str:
    wanted = {"id": CAMERA, "kind": "body_camera", "model": "DSJ-1", "unit_id": unit_id}
    return str((await admin.post("/api/devices", json=wanted)).raise_for_status().json()["token"])


def facts(unit_id: str | None, **changed: Any) -> dict[str, Any]:
    return {"kind": "body_camera", "model": "DSJ-1", "unit_id": unit_id} | changed


async def kinds(pool: Pool) -> list[str]:
    query = "SELECT kind FROM journal_entry WHERE subject = $1 ORDER BY id"
    return [row["kind"] for row in await pool.fetch(query, f"device:{CAMERA}")]


async def let_in(pool: Pool) -> bytes | None:
    """The token by which the device is let in; None: it is not."""
    async with pool.acquire() as conn:
        found = (await devices.enabled(conn, [CAMERA])).get(CAMERA)
    return None if found is None else found.token_hash


async def test_a_device_is_given_to_another_unit_and_the_log_says_so(
    admin: httpx.AsyncClient, pool: Pool, unit_id: str, token: str
) -> None:
    other = await add_unit(admin, "P-08")
    body = {"was": facts(unit_id), "now": facts(other, model="DSJ-2")}

    answer = await admin.post(f"/api/devices/{CAMERA}", json=body)

    assert answer.status_code == 204
    (device,) = (await admin.get("/api/devices")).json()
    assert (device["call_sign"], device["model"]) == ("P-08", "DSJ-2")
    assert await kinds(pool) == ["device.enrolled", "device.changed"]
    assert await let_in(pool) == hash_token(token)


async def test_the_second_of_two_administrators_is_told_what_the_first_did(
    admin: httpx.AsyncClient, unit_id: str, token: str
) -> None:
    first = {"was": facts(unit_id), "now": facts(unit_id, model="DSJ-2")}
    (await admin.post(f"/api/devices/{CAMERA}", json=first)).raise_for_status()

    second = {"was": facts(unit_id), "now": facts(None)}
    answer = await admin.post(f"/api/devices/{CAMERA}", json=second)

    assert refusal(answer) == (409, "changed_meanwhile")
    assert answer.json()["error"]["detail"]["changed"] == {
        "model": {"from": "DSJ-1", "to": "DSJ-2"}
    }


async def test_a_device_whose_unit_is_on_its_way_stays_with_it(
    admin: httpx.AsyncClient, pool: Pool
) -> None:
    unit_id = (await issue_order(pool, device_id=CAMERA)).unit_id
    (device,) = (await admin.get("/api/devices")).json()
    now = {name: device[name] for name in ("kind", "model", "unit_id")}
    move = {"was": now, "now": now | {"unit_id": None}}

    assert unit_id == now["unit_id"]
    assert refusal(await admin.post(f"/api/devices/{CAMERA}", json=move)) == (409, "orders_open")

    rename = {"was": now, "now": now | {"model": "DSJ-3"}}
    assert (await admin.post(f"/api/devices/{CAMERA}", json=rename)).status_code == 204


async def test_a_lost_device_is_out_at_once_and_comes_back_with_its_token(
    admin: httpx.AsyncClient, pool: Pool, unit_id: str, token: str
) -> None:
    path = f"/api/devices/{CAMERA}"
    assert refusal(await admin.post(f"{path}/disable", json={"reason": " "})) == (422, "no_reason")
    assert (await admin.post(f"{path}/disable", json={"reason": "lost"})).status_code == 204

    assert await let_in(pool) is None
    assert (await admin.get("/api/devices")).json() == []
    (shown,) = (await admin.get("/api/devices", params={"disabled": "1"})).json()
    assert shown["disabled_at"] is not None
    again = await admin.post(f"{path}/disable", json={"reason": "lost"})
    assert refusal(again) == (409, "over")
    move = {"was": facts(unit_id), "now": facts(None)}
    assert refusal(await admin.post(path, json=move)) == (409, "out_of_service")
    assert refusal(await admin.post(f"{path}/token", json={"reason": "x"})) == (
        409,
        "out_of_service",
    )

    assert (await admin.post(f"{path}/enable", json={"reason": "found"})).status_code == 204
    assert await let_in(pool) == hash_token(token)
    assert await kinds(pool) == ["device.enrolled", "device.disabled", "device.enabled"]


async def test_a_new_token_ends_the_former_one(
    admin: httpx.AsyncClient, pool: Pool, token: str
) -> None:
    answer = await admin.post(f"/api/devices/{CAMERA}/token", json={"reason": "new phone"})

    assert answer.json()["token"] != token
    assert await let_in(pool) == hash_token(answer.json()["token"])
    assert (await kinds(pool))[-1] == "device.token_renewed"


async def test_what_is_not_there_cannot_be_changed(
    admin: httpx.AsyncClient, unit_id: str, token: str
) -> None:
    said = {"reason": "lost"}
    for path in ("disable", "enable", "token"):
        answer = await admin.post(f"/api/devices/nobody/{path}", json=said)
        assert refusal(answer) == (404, "not_found")
    nowhere = {"was": facts(unit_id), "now": facts(new_id())}
    answer = await admin.post(f"/api/devices/{CAMERA}", json=nowhere)
    assert refusal(answer) == (422, "unknown_unit")
