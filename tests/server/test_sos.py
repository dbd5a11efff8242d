"""Calls for help over real sockets: durable, announced, acknowledged by a person, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from geo.roadmap import RoadMap
from protocols import native
from protocols.native import Hello, Location, Sos, SosSays
from server import bootstrap, demo
from server.gateways.hub import Console, HubLimits
from server.stores import sos
from server.stores.pool import Pool
from server.stores.positions import WriterLimits
from server.views import Delta, Snapshot
from tests.console_feed import watching
from tests.field_people import Handset, now_ms
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server.field_room import Room, field_room, utc_now
from tests.server.field_rows import add_device, add_unit, until
from tests.server.test_console_feed import console_room, decoder
from tests.server_process import START_S_MAX, ServerProcess, running
from tests.small_county import CENTRE
from tests.whole_server import WholeServer, whole_server

LON, LAT = CENTRE
SILENT = HubLimits(tick_s=0.02, idle_s=10 * PATIENCE_S)
"""Says nothing while there is no news, however slow the machine."""


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    async with field_room(pool) as room:
        yield room


@pytest.fixture
async def unit_id(pool: Pool) -> str:
    unit_id = await add_unit(pool, "P-07", badge="B-1042")
    await add_device(pool, unit_id=unit_id)
    return unit_id


def a_call(n: int = 1, **changes: Any) -> Sos:
    fields: dict[str, Any] = {"id": "c1", "at": now_ms(), "by": "B-1042"}
    return Sos(n=n, **fields | changes)


async def calls(pool: Pool) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch("SELECT * FROM sos_call ORDER BY number")]


async def kinds(pool: Pool) -> list[str]:
    found = await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
    return [row["kind"] for row in found]


async def test_a_call_opens_an_emergency_at_the_callers_place(
    pool: Pool, room: Room, unit_id: str
) -> None:
    fix_ms = now_ms() - 40_000
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(lon=LON, lat=LAT, fix=fix_ms, note="shots"))
        await device.acked(1)

    (call,) = await calls(pool)
    incident = await pool.fetchrow("SELECT * FROM incident")
    assert (call["unit_id"], call["badge"], call["incident_id"]) == (
        unit_id,
        "B-1042",
        incident["id"],
    )
    assert call["position_at"] == datetime.fromtimestamp(fix_ms / 1000, UTC)
    assert (incident["type"], incident["priority"]) == ("officer_needs_help", "emergency")
    assert incident["note"] == "P-07 · B-1042\nshots"
    assert await kinds(pool) == ["sos.raised", "incident.opened"]
    assert ("incident", incident["id"]) in room.said


async def test_without_a_position_of_its_own_the_newest_of_the_unit_counts(
    pool: Pool, room: Room, unit_id: str
) -> None:
    await add_device(pool, "hand-07", kind="handset", unit_id=unit_id)
    fix_ms = now_ms() - 90_000
    async with room.device() as camera:
        await camera.hello()
        await camera.say(Location(n=1, at=fix_ms, lat=LAT, lon=LON))
        await camera.acked(1)

    async with room.device(device_id="hand-07") as handset:
        await handset.hello()
        await handset.say(a_call())
        await handset.acked(1)

    (call,) = await calls(pool)
    assert (call["lon"], call["lat"]) == (LON, LAT)
    assert call["position_at"] == datetime.fromtimestamp(fix_ms / 1000, UTC)


async def test_a_call_from_nowhere_is_kept_without_an_incident(
    pool: Pool, room: Room, unit_id: str
) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call())
        await device.acked(1)

    async with pool.acquire() as conn:
        (view,) = await sos.load_open(conn)
    assert (view.lon, view.incident_id, view.call_sign) == (None, None, "P-07")


async def test_saying_it_again_raises_one_alarm(pool: Pool, room: Room, unit_id: str) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(1, lon=LON, lat=LAT), a_call(2, lon=LON, lat=LAT))
        await device.acked(2)

    assert len(await calls(pool)) == 1


async def test_a_second_call_of_the_unit_joins_the_running_incident(
    pool: Pool, room: Room, unit_id: str
) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(1, lon=LON, lat=LAT), a_call(2, id="c2", lon=LON, lat=LAT))
        await device.acked(2)

    first, second = await calls(pool)
    assert first["incident_id"] == second["incident_id"]


NORTH_DEG = sos.JOINS_WITHIN_M / 111_195.0


@pytest.mark.parametrize(
    ("north_deg", "minutes", "incidents"),
    [
        (0.9 * NORTH_DEG, 14, 1),
        (1.1 * NORTH_DEG, 0, 2),
        (0.0, 16, 2),
    ],
    ids=["near and soon", "from elsewhere", "much later"],
)
async def test_a_call_from_elsewhere_or_much_later_opens_an_incident_where_it_is(
    pool: Pool, room: Room, unit_id: str, north_deg: float, minutes: int, incidents: int
) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(1, lon=LON, lat=LAT))
        await device.acked(1)
        await pool.execute(
            "UPDATE sos_call SET received_at = received_at - make_interval(mins => $1)", minutes
        )
        await device.say(a_call(2, id="c2", lon=LON, lat=LAT + north_deg))
        await device.acked(2)

    newest = (await calls(pool))[-1]["incident_id"]
    places = {row["id"]: row["lat"] for row in await pool.fetch("SELECT id, lat FROM incident")}
    assert len(places) == incidents
    assert places[newest] == LAT + (north_deg if incidents == 2 else 0)


async def test_of_several_places_a_call_joins_the_one_it_comes_from(
    pool: Pool, room: Room, unit_id: str
) -> None:
    async with room.device() as device:
        await device.hello()
        for n, lat in enumerate((LAT, LAT + 3 * NORTH_DEG, LAT), start=1):
            await device.say(a_call(n, id=f"c{n}", lon=LON, lat=lat))
        await device.acked(3)

    first, second, third = (call["incident_id"] for call in await calls(pool))
    assert first == third != second


async def test_a_rough_fix_near_the_incident_joins_it(pool: Pool, room: Room, unit_id: str) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(1, lon=LON, lat=LAT))
        rough = {"lon": LON, "lat": LAT + 2 * NORTH_DEG, "acc": 400.0}
        await device.say(a_call(2, id="c2", **rough))
        await device.acked(2)

    first, second = await calls(pool)
    assert first["incident_id"] == second["incident_id"]


async def test_withdrawing_is_a_statement_and_leaves_the_call_open(
    pool: Pool, room: Room, unit_id: str
) -> None:
    async with room.device() as device:
        await device.hello()
        await device.say(a_call(1, lon=LON, lat=LAT), a_call(2, s=SosSays.WITHDRAWN, note="fell"))
        await device.acked(2)

    async with pool.acquire() as conn:
        (view,) = await sos.load_open(conn)
    assert (view.withdrawn_note, view.acknowledged_at) == ("fell", None)
    assert (await kinds(pool))[-1] == "sos.withdrawn"


@pytest.mark.parametrize(
    "frame",
    [
        '{"t":"up","k":"sos","n":1,"id":"c1","bat":153,"lat":91,"lon":0}',
        '{"t":"up","k":"sos","n":1}',
        '{"t":"up","k":"sos","n":1,"id":"","by":7,"at":"yesterday","s":"whatever"}',
        '{"t":"up","k":"sos","n":1,"id":"\\u0000","note":"a\\u0000b"}',
    ],
    ids=["impossible values", "no name", "wrong types", "NUL"],
)
async def test_nothing_wrong_in_it_silences_a_call(
    pool: Pool, room: Room, unit_id: str, frame: str
) -> None:
    async with room.device() as device:
        await device.hello()
        await device.socket.send(frame)
        await device.acked(1)

    (call,) = await calls(pool)
    assert (call["unit_id"], call["lon"]) == (unit_id, None)


async def test_a_full_intake_of_positions_keeps_no_call_out(pool: Pool) -> None:
    """The buffer holds 4 records and another device sends without an end."""
    unit_id = await add_unit(pool, "P-07", badge="B-1042")
    await add_device(pool, unit_id=unit_id)
    await add_device(pool, "cam-08")
    small = WriterLimits(interval_s=0.05, buffer_len_max=4)
    async with (
        field_room(pool, writer=small) as room,
        room.device(device_id="cam-08") as flood,
        room.device() as device,
    ):
        await flood.hello()
        await device.hello()
        for n in range(1, 200):
            await flood.say(Location(n=n, at=now_ms(), lat=LAT, lon=LON))
        await device.say(a_call())
        await device.acked(1)

        assert len(await calls(pool)) == 1


async def test_a_console_whose_queue_is_full_gets_the_call_with_its_new_picture(
    pool: Pool, unit_id: str
) -> None:
    async with console_room(pool, replace(SILENT, queue_bytes_max=200)) as room:
        async with room.hub.joined() as slow:  # its snapshot fills the queue, and it does not read
            await _take(pool, a_call())
            room.fanout.publish("sos", "c1")
            await until(lambda: slow.closing is not None)
        async with room.hub.joined() as again:
            snapshot = await _next(again)

    assert slow.closing == (native.CloseCode.SLOW_CONSUMER, "reading too slowly")
    assert [each.badge for each in snapshot.sos or []] == ["B-1042"]


async def test_a_call_whose_hint_was_lost_is_found(pool: Pool, unit_id: str) -> None:
    async with (
        console_room(pool, replace(SILENT, sos_s=0.05)) as room,
        room.hub.joined() as console,
    ):
        await _next(console)
        await _take(pool, a_call())
        delta = await _next(console)

    assert [each.badge for each in delta.sos or []] == ["B-1042"]


async def _take(pool: Pool, call: Sos) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await sos.take(
            conn,
            device_id="cam-07",
            sos=call,
            received_at=utc_now(),
            name_place=lambda lon, lat: None,
        )


async def _next(console: Console) -> Snapshot | Delta:
    async with asyncio.timeout(PATIENCE_S):
        message = decoder.decode(str(await console.next()))
    assert isinstance(message, Snapshot | Delta)
    return message


# -- the whole server ----------------------------------------------------------------------


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


async def call_for_help(
    url: str, call: Sos, *, token: str = "secret", notices_due: int = 0
) -> list[native.Command]:
    """Send one call as cam-07; the notices that came until it was acknowledged and all that were
    due were there: what goes down is in no order with acknowledgements of what goes up."""
    async with connect(
        url.replace("http", "ws", 1) + "/v1/device",
        subprotocols=[native.SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
        additional_headers={"authorization": f"Bearer {token}"},
        proxy=None,
        open_timeout=PATIENCE_S,
        ping_interval=None,
    ) as socket:
        await socket.send(native.encode(Hello(dev="cam-07", inst="i1", epoch="e1")).decode())
        await socket.send(native.encode(call).decode())
        notices: list[native.Command] = []
        acknowledged = False
        async with asyncio.timeout(PATIENCE_S):
            while not acknowledged or len(notices) < notices_due:
                match native.decode_server(await socket.recv()):
                    case native.Command() as command:
                        notices.append(command)
                    case native.Ack(up=up) if up >= call.n:
                        acknowledged = True
    return notices


async def test_the_first_dispatcher_who_acknowledges_is_named_and_the_device_is_told(
    server: WholeServer, pool: Pool, unit_id: str
) -> None:
    await call_for_help(server.url, a_call(lon=LON, lat=LAT))
    (call,) = await calls(pool)

    async with server.signed_in("dispatcher") as client:
        path = f"/api/sos/{call['id']}/acknowledge"
        first = (await client.post(path)).raise_for_status().json()
        again = (await client.post(path)).raise_for_status().json()
    notices = await call_for_help(server.url, a_call(2, s=SosSays.WITHDRAWN), notices_due=1)

    assert (first["acknowledged_by"], again["acknowledged_at"]) == (
        "user:wang",
        first["acknowledged_at"],
    )
    assert [(each.kind, each.body["ref"], each.body["why"]) for each in notices] == [
        ("notice", "c1", "heard")
    ]
    async with pool.acquire() as conn:
        assert await sos.load_open(conn) == []
    assert (await kinds(pool)).count("sos.acknowledged") == 1


async def test_units_are_ranked_for_it_and_the_caller_is_not_among_them(
    server: WholeServer, pool: Pool, unit_id: str
) -> None:
    other = await add_unit(pool, "P-08", badge="B-2")
    await call_for_help(server.url, a_call(lon=LON, lat=LAT))
    (call,) = await calls(pool)

    async with server.signed_in("dispatcher") as client:
        path = f"/api/incidents/{call['incident_id']}/recommendation"
        found = (await client.post(path)).raise_for_status().json()

    assert [each["unit_id"] for each in found["candidates"]] == [other]
    assert [(each["unit_id"], each["reasons"][0]["code"]) for each in found["excluded"]] == [
        (unit_id, "in_need")
    ]


async def test_all_who_ask_for_the_nearest_get_one_answer_of_the_call(
    server: WholeServer, pool: Pool, unit_id: str
) -> None:
    other = await add_unit(pool, "P-08", badge="B-2")
    await call_for_help(server.url, a_call(lon=LON, lat=LAT))
    await call_for_help(server.url, a_call(2, id="c2", lon=LON, lat=LAT))
    first, second = (f"/api/sos/{call['id']}/nearest" for call in await calls(pool))

    async with server.signed_in("dispatcher") as client:
        answers = await asyncio.gather(*(client.post(first) for _ in range(8)))
        of_another = await client.post(second)

    found = [each.raise_for_status().json() for each in answers]
    assert [each["unit_id"] for each in found[0]["candidates"]] == [other]
    assert {each["id"] for each in found} == {found[0]["id"]}
    assert of_another.json()["id"] != found[0]["id"]
    assert of_another.json()["incident_id"] == found[0]["incident_id"]
    log = "SELECT actor FROM journal_entry WHERE kind = 'recommendation.computed'"
    assert [row["actor"] for row in await pool.fetch(log)] == ["system"] * 2


async def test_nobody_is_near_a_call_from_nowhere(
    server: WholeServer, pool: Pool, unit_id: str
) -> None:
    await call_for_help(server.url, a_call())
    (call,) = await calls(pool)

    async with server.signed_in("dispatcher") as client:
        answer = await client.post(f"/api/sos/{call['id']}/nearest")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_place")


async def test_a_call_from_nowhere_is_placed_by_a_dispatcher_once(
    server: WholeServer, pool: Pool, unit_id: str
) -> None:
    await call_for_help(server.url, a_call())
    (call,) = await calls(pool)
    path, where = f"/api/sos/{call['id']}/place", {"lon": LON, "lat": LAT}

    async with server.signed_in("dispatcher") as client:
        off_map = await client.post(path, json={"lon": 0, "lat": 0})
        placed = await client.post(path, json=where)
        again = await client.post(path, json=where)

    assert off_map.json()["error"]["code"] == "off_map"
    assert placed.json()["incident_id"] is not None
    assert (again.status_code, again.json()["error"]["code"]) == (httpx.codes.CONFLICT, "placed")


async def test_an_unknown_call_is_not_found(server: WholeServer) -> None:
    async with server.signed_in("dispatcher") as client:
        answer = await client.post("/api/sos/nonsense/acknowledge")

    assert answer.status_code == httpx.codes.NOT_FOUND


async def test_a_call_reaches_the_consoles_of_the_other_server(
    server: WholeServer,
    pool: Pool,
    unit_id: str,
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the fan-out: the other looks by itself once in ten minutes."""
    seldom = HubLimits(sos_s=600.0, reload_s=600.0)
    monkeypatch.setattr(bootstrap, "hub_limits", lambda _: seldom)
    async with (
        whole_server(
            map_dir=small_map_dir,
            data_dir=tmp_path / "two",
            database_url=database_url,
            redis_url=redis_url,
        ) as other,
        other.signed_in("dispatcher") as client,
        watching(other.url, client) as feed,
    ):
        await server.services.fanout.subscribed.wait()
        await other.services.fanout.subscribed.wait()
        await call_for_help(server.url, a_call(lon=LON, lat=LAT))
        await feed.wait_until(lambda: bool(feed.sos))

    assert feed.sos[0].call_sign == "P-07"


async def test_a_call_outlives_a_killed_server(
    database_url: str,
    redis_url: str,
    pool: Pool,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path: Path,
) -> None:
    """Raised while no server runs, and killed again as soon as it has acknowledged."""
    seeded = await demo.seed(pool, small_map, units=1, hasher=QUICK)
    device = next(each for each in seeded.fleet.devices if each.kind == "handset")
    server = ServerProcess(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )
    handset = Handset(server, device, tmp_path)

    async with asyncio.timeout(3 * START_S_MAX):
        with running(server):
            async with handset.on():
                await asyncio.to_thread(server.kill)
                lon, lat = device.home
                handset.shell.call_for_help(at_ms=now_ms(), by=device.badges[0], lon=lon, lat=lat)
                await asyncio.to_thread(server.start)
                handset.shell.network_changed()  # rather than wait for the back-off
                await until(lambda: len(handset.shell.client.outbox) == 0)
                await asyncio.to_thread(server.kill)

    async with pool.acquire() as conn:
        (call,) = await sos.load_open(conn)
    assert (call.badge, call.incident_number) == (device.badges[0], 1)
    assert call.raised_at is not None
