"""A whole server with its door for JT/T 808 terminals: one click makes one ours; it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from devices.jt808.terminal_events import Ordered, Refused
from protocols.jt808.video import Live, LiveControl
from server.dispatch.errors import Conflict
from server.dispatch.orders import OrderState
from server.jt808settings import Jt808Settings, MediaServer
from server.stores.pool import Pool
from server.terminaldesk import TerminalDesk
from tests.server.field_room import utc_now
from tests.server.field_rows import add_device
from tests.server.terminal_room import (
    PHONE,
    Terminal,
    a_fix,
    a_terminal,
    an_order,
    comes,
    known,
    terminal_room,
)
from tests.server_process import free_port
from tests.whole_server import WholeServer, whole_server

MEDIA = MediaServer(host="video.example.org", port=10000)


@pytest.fixture
async def server(
    short_dir: Path, small_map_dir: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir,
        data_dir=short_dir,
        database_url=database_url,
        redis_url=redis_url,
        jt808=Jt808Settings(port=free_port(), media=MEDIA),
    ) as server:
        yield server


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_one_click_makes_a_terminal_ours_and_a_dispatcher_asks_it(
    server: WholeServer,
) -> None:
    port = server.services.terminals.port
    assert port is not None
    async with a_terminal(port) as terminal, server.signed_in("admin", "dispatcher") as person:
        await terminal.saw(Refused)
        (stranger,) = (await person.get("/api/devices/unknown")).json()
        wanted = {"device_id": "car-07", "kind": "vehicle"}
        name = {"protocol": "jt808", "external_id": stranger["external_id"]}
        added = await person.post("/api/devices/identities", json=name | wanted)
        assert added.status_code == 201, added.text
        await terminal.let_in()

        await _is_asked(person, terminal)

    rows = await server.services.pool.fetch(
        "SELECT kind, subject FROM journal_entry WHERE subject LIKE 'device:%' ORDER BY id"
    )
    asked = [row["kind"] for row in rows if row["subject"] == "device:car-07"]
    assert asked[-3:] == ["device.position_asked", "device.video_asked", "device.video_ended"]


async def _is_asked(person: httpx.AsyncClient, terminal: Terminal) -> None:
    terminal.report(a_fix())
    located = await person.post("/api/devices/car-07/locate")
    started = await person.post("/api/devices/car-07/stream", json={"channel": 2})
    ended = await person.delete("/api/devices/car-07/stream?channel=2")

    assert (located.status_code, ended.status_code) == (204, 204), located.text + ended.text
    assert started.json() == {
        "device_id": "car-07",
        "phone": PHONE,
        "channel": 2,
        "media": "video.example.org:10000",
    }
    live, close = [each.message for each in await terminal.saw(Ordered, 2)]
    assert isinstance(live, Live)
    assert (live.host, live.tcp_port, live.channel, live.stream) == (
        "video.example.org",
        10000,
        2,
        1,
    )
    assert isinstance(close, LiveControl)
    assert (close.command, close.channel) == (0, 2)


async def test_an_order_that_was_taken_on_goes_on_by_voice_and_no_position_claims_it(
    server: WholeServer,
) -> None:
    port, pool = server.services.terminals.port, server.services.pool
    assert port is not None
    order = await an_order(pool)
    await known(pool)
    query = "SELECT state FROM dispatch_order"
    async with a_terminal(port) as terminal, server.signed_in("dispatcher") as person:
        asked = await terminal.asked()
        await comes(lambda: pool.fetchval(query), "delivered")
        terminal.choose(asked, 1)
        await comes(lambda: pool.fetchval(query), "accepted")
        terminal.report(a_fix(latitude_e6=27_500_000))  # where the incident is
        await terminal.all_taken()
        for said in ("en_route", "on_scene", "feedback", "done"):
            ver = await pool.fetchval("SELECT ver FROM dispatch_order")
            answer = await person.post(
                f"/api/orders/{order.order_id}/report",
                json={"ver": ver, "state": said, "note": "电台报"},
            )
            assert answer.status_code == 200, answer.text
        told = await terminal.told()

    assert [text.split(" ", 1)[1] for text in told] == ["本单元已报完成。电台报。"]
    steps = await pool.fetch("SELECT state, actor, path FROM order_event ORDER BY id")
    states = set(OrderState)  # a slow machine is reminded, which stands beside them
    assert [tuple(each) for each in steps if each["state"] in states] == [
        ("delivered", "device:cam-07", "jt808"),
        ("accepted", "officer:B-1042", "jt808"),
        ("en_route", "user:wang", ""),
        ("on_scene", "user:wang", ""),
        ("feedback", "user:wang", ""),
        ("done", "user:wang", ""),
    ]


async def test_what_cannot_be_asked_is_refused_in_words(server: WholeServer) -> None:
    await add_device(server.services.pool, "cam-07")
    async with server.signed_in("dispatcher") as person:
        nobody = await person.post("/api/devices/nobody/locate")
        away = await person.post("/api/devices/cam-07/locate")
        wrong = await person.post("/api/devices/cam-07/stream", json={"channel": 200})
        which = await person.delete("/api/devices/cam-07/stream?channel=x")

    assert [refused(each) for each in (nobody, away, wrong, which)] == [
        (404, "not_found"),
        (409, "not_connected"),
        (400, "malformed"),
        (400, "malformed"),
    ]


async def test_without_a_media_server_nobody_can_ask_for_video(pool: Pool) -> None:
    async with terminal_room(pool) as house:
        desk = TerminalDesk(pool=pool, fanout=house.room.fanout, clock=utc_now, media=None)

        with pytest.raises(Conflict, match="RIDGELINE_MEDIA_SERVER"):
            await desk.start_stream("cam-07", channel=1, sub_stream=True, by="user:wang")


async def test_a_terminal_whose_battery_is_spared_does_not_stream(pool: Pool) -> None:
    await add_device(pool)
    await known(pool)
    async with terminal_room(pool, media=MEDIA) as house, a_terminal(house.port) as terminal:
        await terminal.let_in()
        link = house.gateway.of_device("cam-07")
        assert link is not None
        link.stream_limit = "off"
        desk = TerminalDesk(pool=pool, fanout=house.room.fanout, clock=utc_now, media=MEDIA)

        with pytest.raises(Conflict, match="battery"):
            await desk.start_stream("cam-07", channel=1, sub_stream=True, by="user:wang")
        await desk.locate("cam-07", by="user:wang")
