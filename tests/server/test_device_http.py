"""The devices' door without a WebSocket: refusals, waiting, one live conversation, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest

from protocols.native import Hello, Location, Welcome, decode_server, encode
from server.gateways import exchange
from server.gateways.door import DoorLimits
from server.gateways.sessions import GatewayLimits
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import FAST, TOKEN, Room, enqueue, field_room, utc_now
from tests.server.field_rows import add_device, until

WHO: dict[str, Any] = {"dev": "cam-07", "inst": "i1", "epoch": "e1"}


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    async with field_room(pool, transport="http") as room:
        yield room


def client_of(room: Room, token: str = TOKEN) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=room.url, headers=headers, timeout=PATIENCE_S)


def a_body(*ns: int, inst: str = "i1") -> bytes:
    at = round(utc_now().timestamp() * 1000)
    fixes = [Location(n=n, at=at, lat=27.5, lon=100.2) for n in ns]
    return b"\n".join([encode(Hello(**WHO | {"inst": inst})), *map(encode, fixes)])


def said(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [decode_server(line) for line in answer.content.splitlines()]


def refused(answer: httpx.Response) -> tuple[int, int | None]:
    return answer.status_code, answer.json()["error"]["detail"].get("close")


async def test_wrong_token_is_401_and_never_read_from_the_address(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with client_of(room, "wrong") as client:
        answers = [
            await client.get(exchange.COMMANDS_PATH, params=WHO),
            await client.post(exchange.UP_PATH, content=a_body(1)),
        ]
    async with httpx.AsyncClient(base_url=room.url, timeout=PATIENCE_S) as client:
        answers.append(await client.get(exchange.COMMANDS_PATH, params=WHO | {"tok": TOKEN}))

    assert [refused(each) for each in answers] == [(401, 4002)] * 3


@pytest.mark.parametrize(
    ("body", "close"),
    [
        (b"", None),
        (b"\n\n", None),
        (b"{", 4003),
        (b'{"t":"ping","i":1}', 4003),
        (encode(Hello(**WHO)) + b"\n{", 4003),
    ],
    ids=["nothing", "empty lines", "no JSON", "no hello", "broken second line"],
)
async def test_broken_body_is_400(pool: Pool, room: Room, body: bytes, close: int | None) -> None:
    await add_device(pool)

    async with client_of(room) as client:
        assert refused(await client.post(exchange.UP_PATH, content=body)) == (400, close)


@pytest.mark.parametrize("change", [{"dev": ""}, {"cur": "-1"}, {"cur": "x"}, {"wait": "31"}])
async def test_broken_question_is_400_and_says_what(room: Room, change: dict[str, str]) -> None:
    async with client_of(room) as client:
        answer = await client.get(exchange.COMMANDS_PATH, params=WHO | change)

    assert answer.status_code == 400
    assert next(iter(change)) in answer.json()["error"]["message"]


async def test_what_a_device_can_do_is_known_from_its_question(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with client_of(room) as client:
        said(await client.get(exchange.COMMANDS_PATH, params=WHO | {"caps": ["limits", "voice"]}))

    assert await pool.fetchval("SELECT caps FROM installation") == ["limits", "voice"]


async def test_waiting_ends_with_the_first_command(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with client_of(room) as client:
        asked = asyncio.create_task(
            client.get(exchange.COMMANDS_PATH, params=WHO | {"wait": exchange.WAIT_S_MAX})
        )
        await until(lambda: room.sessions.online() == [("cam-07", "i1")])
        async with pool.acquire() as conn:
            await enqueue(conn, text="turn back")
        room.fanout.publish("device", "cam-07")
        welcome, command = said(await asked)

    assert isinstance(welcome, Welcome)
    assert (command.prev, command.seq) == (0, 1)
    await until(lambda: room.metrics.value("commands_sent") == 1)
    assert room.sessions.online() == []


async def test_newer_question_replaces_the_older_and_records_do_not(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with client_of(room) as client:
        older = asyncio.create_task(
            client.get(exchange.COMMANDS_PATH, params=WHO | {"wait": exchange.WAIT_S_MAX})
        )
        await until(lambda: len(room.sessions.online()) == 1)
        said(await client.post(exchange.UP_PATH, content=a_body(1, 2)))
        assert not older.done()
        said(await client.get(exchange.COMMANDS_PATH, params=WHO))

        assert refused(await older) == (409, 4001)


async def test_stopping_server_ends_the_waiting_and_takes_no_more(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with client_of(room) as client:
        asked = asyncio.create_task(
            client.get(exchange.COMMANDS_PATH, params=WHO | {"wait": exchange.WAIT_S_MAX})
        )
        await until(lambda: len(room.sessions.online()) == 1)
        await room.sessions.drain()

        assert refused(await asked) == (503, 4005)
        late = await client.post(exchange.UP_PATH, content=a_body(1))
    assert late.status_code == 503
    assert late.headers["retry-after"] == "5"


async def test_client_that_leaves_gives_its_place_back(pool: Pool) -> None:
    await add_device(pool)
    limits = GatewayLimits(door=DoorLimits(connections_max=1))
    async with field_room(pool, transport="http", gateway=limits) as room:
        async with client_of(room) as client:
            asked = asyncio.create_task(
                client.get(exchange.COMMANDS_PATH, params=WHO | {"wait": exchange.WAIT_S_MAX})
            )
            await until(lambda: len(room.sessions.online()) == 1)
            full = await client.get(exchange.COMMANDS_PATH, params=WHO)
            asked.cancel()
        async with client_of(room) as client:
            await until(lambda: "ridgeline_device_connections 0" in room.metrics.text())
            free = await client.get(exchange.COMMANDS_PATH, params=WHO)

    assert full.status_code == 503
    assert free.status_code == 200


async def test_more_uplinks_of_one_device_than_allowed_are_sent_away(
    pool: Pool, database_url: str
) -> None:
    await add_device(pool)
    slow = replace(FAST, buffer_len_max=1, batch_len_max=1)
    async with field_room(pool, transport="http", writer=slow) as room, client_of(room) as client:
        owner = await asyncpg.connect(database_url)
        async with owner.transaction():
            await owner.execute("LOCK TABLE position IN ACCESS EXCLUSIVE MODE")
            waiting = [
                asyncio.create_task(
                    client.post(exchange.UP_PATH, content=a_body(1, 2, inst=f"i{number}"))
                )
                for number in range(exchange.UPLINKS_PER_DEVICE_MAX)
            ]
            await until(
                lambda: room.metrics.value("device_welcomed", resumed="true") == len(waiting)
            )
            one_more = await client.post(exchange.UP_PATH, content=a_body(1, inst="i9"))
        answers = await asyncio.gather(*waiting)
        await owner.close()

    assert refused(one_more) == (503, 1013)
    assert [each.status_code for each in answers] == [200] * len(waiting)
