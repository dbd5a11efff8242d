"""The consoles' feed over a real socket, with real sign-in and PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from geo.snap import Snap
from server.accesslog import AccessLimits, AccessLog
from server.board import Board
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import plain
from server.gateways import console
from server.gateways.console import SUBPROTOCOL
from server.gateways.hub import Console, ConsoleHub, HubLimits
from server.http.app import assemble
from server.http.auth import COOKIE, Auth, hash_token, new_token
from server.ids import new_id
from server.limits import Limits
from server.metrics import Metrics
from server.roadviews import RoadsView
from server.runcarddesk import RunCardDesk
from server.stores import users
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from server.stores.presence import DeviceFix
from server.views import Delta, Resumed, Snapshot, Tick, UnitStatus
from tests.http_server import serving
from tests.patience import PATIENCE_S
from tests.relay import Relay
from tests.server.field_room import small_socket
from tests.server.field_rows import add_device, add_unit, store_outage, until

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
QUICK = HubLimits(tick_s=0.02, idle_s=3600, retry_s=0.02)
"""Says nothing because it was silent: no Tick comes between the messages of a slow machine."""

Message = Snapshot | Resumed | Delta | Tick
M = TypeVar("M", bound=Message)
decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class StillRoads:
    """Roads that change only when a test says so."""

    def __init__(self) -> None:
        self.version = 0
        self.listeners: list[Callable[[], None]] = []

    def view(self) -> RoadsView:
        return RoadsView(version=self.version, county="dry", states=[], conditions=[])

    def on_change(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    def change(self) -> None:
        self.version += 1
        for listener in self.listeners:
            listener()


@dataclass(slots=True)
class Room:
    pool: Pool
    hub: ConsoleHub
    board: Board
    roads: StillRoads
    fanout: RedisFanOut
    metrics: Metrics
    cards: RunCardDesk
    access: AccessLog
    url: str = ""

    def say_fix(self, device_id: str, lon: float, seconds: float = 0) -> None:
        at = NOW + timedelta(seconds=seconds)
        fix = DeviceFix(device_id=device_id, observed_at=at, received_at=at, lon=lon, lat=27.5)
        self.fanout.publish("fix", msgspec.json.encode(fix).decode())

    def console(self, token: str, *, at: str = "", **changes: Any) -> connect:
        """`at`: where it stood, as a query."""
        options: dict[str, Any] = {
            "subprotocols": [Subprotocol(SUBPROTOCOL)],
            "additional_headers": {"Cookie": f"{COOKIE}={token}"},
            "proxy": None,
            "ping_interval": None,
            "max_size": None,
            "open_timeout": PATIENCE_S,
            "close_timeout": 1,
        }
        return connect(self.url + at, **options | changes)


@asynccontextmanager
async def console_room(
    pool: Pool, limits: HubLimits = QUICK, access: AccessLog | None = None
) -> AsyncIterator[Room]:
    metrics = Metrics()
    fanout = RedisFanOut("redis://127.0.0.1:1")  # never run: delivers within this process
    board = await Board.load(pool, fanout=fanout, snapper=_no_road, clock=lambda: NOW)
    roads = StillRoads()
    cards = RunCardDesk(pool=pool, fanout=fanout, clock=lambda: NOW)
    hub = ConsoleHub(
        pool=pool,
        board=board,
        roads=roads,
        cards=cards,
        fanout=fanout,
        clock=lambda: NOW,
        metrics=metrics,
        limits=limits,
    )
    access = access or AccessLog(pool, clock=lambda: NOW)
    room = Room(pool, hub, board, roads, fanout, metrics, cards, access)
    auth = Auth(pool, Limits())
    app = assemble(console.routes(room), auth=auth, access=room.access, body_bytes_max=1000)
    tasks = [asyncio.create_task(board.run()), asyncio.create_task(hub.run())]
    try:
        async with serving(app) as url:
            room.url = url.replace("http", "ws", 1) + console.PATH
            await until(hub._loaded.is_set)  # a console waits for 10 s and no more
            yield room
            await hub.drain()
    finally:
        auth.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    async with console_room(pool) as room:
        yield room


def _no_road(lon: float, lat: float) -> Snap:
    return Snap(edge=0, fraction=0, lon=lon, lat=lat, distance_m=0)


async def sign_in(pool: Pool, *roles: str, username: str = "dispatcher1") -> str:
    """A user of these roles; returns a session token."""
    user_id, token = new_id(), new_token()
    await pool.execute(
        "INSERT INTO app_user (id, username, display_name, password_hash, roles) "
        "VALUES ($1, $2, $2, 'x', $3)",
        user_id,
        username,
        list(roles),
    )
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        await users.start_session(
            conn,
            token_hash=hash_token(token),
            user_id=user_id,
            now=now,
            expires_at=now + timedelta(hours=1),
            address="127.0.0.1",
            sessions_max=20,
        )
    return token


async def open_incident(pool: Pool) -> str:
    incident_id = new_id()
    await pool.execute(
        "INSERT INTO incident (id, type, priority, place, lon, lat, opened_by, opened_at) "
        "VALUES ($1, 'traffic', 'routine', 'km 12', 100.2, 27.5, 'user:test', $2)",
        incident_id,
        NOW,
    )
    return incident_id


async def receive(socket: ClientConnection, kind: type[M]) -> M:
    """The next message, which must be of this kind."""
    async with asyncio.timeout(PATIENCE_S):
        message = decoder.decode(await socket.recv())
    assert isinstance(message, kind), message
    return message


async def closed(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


# -- who may look --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["dispatcher", "supervisor"])
async def test_snapshot_shows_everything_first(pool: Pool, role: str) -> None:
    unit_id = await add_unit(pool, "P-07", badge="B-1042")
    incident_id = await open_incident(pool)
    token = await sign_in(pool, role)

    async with console_room(pool) as room, room.console(token) as socket:
        snapshot = await receive(socket, Snapshot)

    assert [unit.id for unit in snapshot.units] == [unit_id]
    assert [incident.id for incident in snapshot.incidents] == [incident_id]
    assert snapshot.now == NOW


@pytest.mark.parametrize(("roles", "status"), [([], 401), (["officer"], 403), (["admin"], 403)])
async def test_others_may_not_look(pool: Pool, room: Room, roles: list[str], status: int) -> None:
    token = await sign_in(pool, *roles) if roles else "nobody"

    with pytest.raises(InvalidStatus) as caught:
        async with room.console(token):
            pass

    assert caught.value.response.status_code == status


async def test_page_of_another_site_may_not_look(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "dispatcher")

    with pytest.raises(InvalidStatus) as caught:
        async with room.console(token, origin=Origin("https://elsewhere.example")):
            pass

    assert caught.value.response.status_code == 403


async def test_other_subprotocol_is_refused(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "dispatcher")

    with pytest.raises(InvalidStatus) as caught:
        async with room.console(token, subprotocols=None):
            pass

    assert caught.value.response.status_code == 400


async def test_no_place_left_is_503(pool: Pool) -> None:
    token = await sign_in(pool, "dispatcher")
    limits = HubLimits(consoles_max=1)
    async with console_room(pool, limits) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        with pytest.raises(InvalidStatus) as caught:
            async with room.console(token):
                pass

    assert caught.value.response.status_code == 503


async def map_entries(pool: Pool) -> list[tuple[str, str, dict[str, Any]]]:
    rows = await pool.fetch(
        "SELECT kind, actor, body FROM journal_entry WHERE kind LIKE 'access.map%' ORDER BY id"
    )
    return [(row["kind"], row["actor"], row["body"]) for row in rows]


async def test_a_session_at_the_live_map_is_logged_before_anything_is_shown(
    pool: Pool, room: Room
) -> None:
    token = await sign_in(pool, "dispatcher")

    async with room.console(token) as socket:
        await receive(socket, Snapshot)
        (opened,) = await map_entries(pool)

    assert opened == ("access.map_opened", "user:dispatcher1", {"address": "127.0.0.1"})


async def test_a_console_that_comes_back_goes_on_with_its_session(pool: Pool) -> None:
    token = await sign_in(pool, "dispatcher")
    access = AccessLog(pool, clock=lambda: NOW, limits=AccessLimits(grace_s=60))
    async with console_room(pool, access=access) as room:
        for _ in range(3):
            async with room.console(token) as socket:
                await receive(socket, Snapshot)
        await access.say(asyncio.get_running_loop().time())
    assert [kind for kind, _, _ in await map_entries(pool)] == ["access.map_opened"]

    await access.leave()

    _, (kind, actor, body) = await map_entries(pool)
    assert (kind, actor) == ("access.map_closed", "user:dispatcher1")
    assert body["connections"] == 3
    assert datetime.fromisoformat(body["since"]) == datetime.fromisoformat(body["until"]) == NOW


async def test_the_end_of_a_session_is_logged_once_the_database_is_back(
    pool: Pool, database_url: str
) -> None:
    token = await sign_in(pool, "dispatcher")
    access = AccessLog(pool, limits=AccessLimits(grace_s=0.01, look_s=0.01))
    async with console_room(pool, access=access) as room:
        async with room.console(token) as socket:
            await receive(socket, Snapshot)
        async with store_outage(database_url):
            await access.leave()
        runs = asyncio.create_task(access.run())
        await until(lambda: access.sessions_len == 0)
        runs.cancel()

    assert [kind for kind, _, _ in await map_entries(pool)] == [
        "access.map_opened",
        "access.map_closed",
    ]


async def test_too_many_sessions_at_the_map_are_503(pool: Pool) -> None:
    access = AccessLog(pool, limits=AccessLimits(sessions_max=0))
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool, access=access) as room:
        with pytest.raises(InvalidStatus) as caught:
            async with room.console(token):
                pass

    assert caught.value.response.status_code == 503


async def test_who_may_not_look_at_the_map_is_logged(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "officer", username="li")
    with pytest.raises(InvalidStatus):
        async with room.console(token):
            pass

    (entry,) = await pool.fetch("SELECT * FROM journal_entry")
    assert (entry["kind"], entry["actor"]) == ("access.refused", "user:li")
    assert entry["body"]["route"] == "WebSocket /v1/console"


async def test_console_of_someone_who_signed_out_is_closed(pool: Pool) -> None:
    token = await sign_in(pool, "dispatcher")
    limits = HubLimits(signed_in_s=0.02)
    async with console_room(pool, limits) as room, room.console(token) as socket:
        await receive(socket, Snapshot)
        await pool.execute("DELETE FROM user_session")

        assert await closed(socket) == 4002


async def test_console_that_talks_is_closed(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "dispatcher")

    async with room.console(token) as socket:
        await socket.send("hello")

        assert await closed(socket) == 4003


# -- the feed ------------------------------------------------------------------------------


async def test_what_happens_within_a_tick_is_one_delta_with_the_latest_of_each(
    pool: Pool,
) -> None:
    first_id, second_id = await add_unit(pool, "P-07"), await add_unit(pool, "P-08")
    await add_device(pool, "cam-07", unit_id=first_id)
    await add_device(pool, "cam-08", unit_id=second_id)
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool) as room, room.console(token) as socket:
        snapshot = await receive(socket, Snapshot)

        for step in range(50):
            room.say_fix("cam-07", 100 + step / 1000, seconds=step)
            room.say_fix("cam-08", 101 + step / 1000, seconds=step)
        delta = await receive(socket, Delta)

    assert delta.seq == snapshot.seq + 1
    assert [unit.position.lon for unit in delta.units if unit.position] == [100.049, 101.049]
    assert {unit.id for unit in delta.units} == {first_id, second_id}


async def test_deltas_are_numbered_without_gaps_and_shared_by_all(pool: Pool) -> None:
    await add_device(pool, "cam-07", unit_id=await add_unit(pool))
    token = await sign_in(pool, "dispatcher")
    async with (
        console_room(pool) as room,
        room.console(token) as first,
        room.console(token) as second,
    ):
        seq = (await receive(first, Snapshot)).seq
        await receive(second, Snapshot)

        seen = []
        for step in range(3):
            room.say_fix("cam-07", 100 + step / 1000, seconds=step)
            seen.append(await receive(first, Delta))
            assert await receive(second, Delta) == seen[-1]

    assert [delta.seq for delta in seen] == [seq + 1, seq + 2, seq + 3]


async def test_incident_is_shown_when_opened_changed_and_closed(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "dispatcher")
    async with room.console(token) as socket:
        await receive(socket, Snapshot)

        incident_id = await open_incident(pool)
        room.fanout.publish("incident", incident_id)
        opened = await receive(socket, Delta)
        await pool.execute(
            "UPDATE incident SET status = 'closed', closed_at = now(), closed_by = 'user:test'"
        )
        room.fanout.publish("incident", incident_id)
        ended = await receive(socket, Delta)

    assert [each.status for each in (*opened.incidents, *ended.incidents)] == ["open", "closed"]
    async with room.console(token) as socket:
        assert (await receive(socket, Snapshot)).incidents == []


async def test_incident_does_not_wait_for_the_tick(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    await add_device(pool, "cam-07", unit_id=unit_id)
    token = await sign_in(pool, "dispatcher")
    slow = replace(QUICK, tick_s=3600)
    async with console_room(pool, slow) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        room.say_fix("cam-07", 100.1)
        room.fanout.publish("incident", incident_id := await open_incident(pool))
        delta = await receive(socket, Delta)

    assert [each.id for each in delta.incidents] == [incident_id]
    assert [each.position.lon for each in delta.units if each.position] == [100.1]


async def test_roads_are_told_when_they_change_without_waiting_for_the_tick(pool: Pool) -> None:
    token = await sign_in(pool, "dispatcher")
    slow = replace(QUICK, tick_s=3600)
    async with console_room(pool, slow) as room, room.console(token) as socket:
        before = await receive(socket, Snapshot)
        room.fanout.publish("incident", await open_incident(pool))
        without = await receive(socket, Delta)

        room.roads.change()
        changed = await receive(socket, Delta)

    assert (before.roads.version, without.roads) == (0, None)
    assert changed.roads is not None
    assert changed.roads.version == 1


async def test_other_run_cards_in_force_are_told_once(pool: Pool) -> None:
    fewer = replace(shipped(), cards=shipped().cards[:-1])
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool) as room, room.console(token) as socket:
        before = await receive(socket, Snapshot)

        await room.cards.save(plain(fewer), based_on=0, by="user:wu", reason="fewer")
        changed = await receive(socket, Delta)
        room.roads.change()
        later = await receive(socket, Delta)
        async with room.console(token) as second:
            joined = await receive(second, Snapshot)

    assert (before.run_cards, changed.run_cards, later.run_cards) == (0, 1, None)
    assert joined.run_cards == 1


async def test_unit_that_retires_is_gone(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        await pool.execute("UPDATE unit SET retired_at = now()")
        room.fanout.publish("unit", unit_id)

        assert (await receive(socket, Delta)).gone_units == [unit_id]


async def test_unit_whose_shift_ends_is_shown_off_duty(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        await pool.execute("UPDATE shift SET off_at = on_at")
        room.fanout.publish("unit", unit_id)
        delta = await receive(socket, Delta)

    assert [unit.status for unit in delta.units] == [UnitStatus.OFF_DUTY]


async def test_lost_hints_are_made_up_for_by_reading_again(pool: Pool) -> None:
    incident_id = await open_incident(pool)
    token = await sign_in(pool, "dispatcher")
    limits = replace(QUICK, reload_s=0.05)
    async with console_room(pool, limits) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        other_id = await open_incident(pool)
        opened = await receive(socket, Delta)
        await pool.execute("UPDATE incident SET status = 'closed' WHERE id = $1", incident_id)
        ended = await receive(socket, Delta)

    assert [each.id for each in opened.incidents] == [other_id]
    assert [(each.id, each.status) for each in ended.incidents] == [(incident_id, "closed")]


async def test_silence_is_broken_by_ticks(pool: Pool) -> None:
    token = await sign_in(pool, "dispatcher")
    limits = HubLimits(tick_s=0.01, idle_s=0.03)
    async with console_room(pool, limits) as room, room.console(token) as socket:
        await receive(socket, Snapshot)

        assert (await receive(socket, Tick)).now == NOW
        await receive(socket, Tick)


async def test_console_that_reads_too_slowly_is_closed_and_the_others_go_on(pool: Pool) -> None:
    for number in range(40):
        await add_device(
            pool, f"cam-{number}", unit_id=await add_unit(pool, f"P-{number}"), token=str(number)
        )
    token = await sign_in(pool, "dispatcher")
    limits = replace(QUICK, tick_s=0.001, queue_bytes_max=40_000)
    async with console_room(pool, limits) as room, room.console(token) as good:
        slow_socket = small_socket(room.url)
        async with room.console(token, sock=slow_socket, compression=None) as slow:
            await receive(slow, Snapshot)
            await receive(good, Snapshot)
            slow.transport.pause_reading()
            step = 0
            while not room.metrics.value("console_closed", code="4004"):
                step += 1
                for number in range(40):
                    room.say_fix(f"cam-{number}", 100 + step / 1e6, seconds=step)
                await receive(good, Delta)
            slow.transport.abort()

        room.say_fix("cam-0", 99, seconds=step + 1)
        await receive(good, Delta)


async def test_outage_of_the_store_ends_without_a_word_lost(
    pool: Pool, room: Room, database_url: str
) -> None:
    token = await sign_in(pool, "dispatcher")
    async with room.console(token) as socket:
        await receive(socket, Snapshot)
        incident_id = await open_incident(pool)
        async with store_outage(database_url):
            room.fanout.publish("incident", incident_id)
            await until(lambda: room.metrics.value("console_store_failures") > 0)

        assert [each.id for each in (await receive(socket, Delta)).incidents] == [incident_id]


async def test_stopping_server_sends_consoles_away(pool: Pool, room: Room) -> None:
    token = await sign_in(pool, "dispatcher")
    async with room.console(token) as socket:
        await receive(socket, Snapshot)
        await room.hub.drain()

        assert await closed(socket) == 4005
        with pytest.raises(InvalidStatus):
            async with room.console(token):
                pass


# -- the queue of one console --------------------------------------------------------------


async def test_full_queue_closes_but_one_message_always_fits() -> None:
    crowded = Console(queue_bytes_max=10)

    crowded.put("x" * 50)
    assert crowded.closing is None
    crowded.put("y")

    assert crowded.closing is not None
    assert crowded.closing[0] == 4004
    assert await crowded.next() is None


# -- coming back ---------------------------------------------------------------------------


async def deltas_until(socket: ClientConnection, seq: int) -> list[int]:
    """The numbers of the deltas up to `seq`, in the order in which they came."""
    numbers: list[int] = []
    while not numbers or numbers[-1] < seq:
        numbers.append((await receive(socket, Delta)).seq)
    return numbers


async def told(room: Room, lon: float, *, seconds: float) -> None:
    """A unit has moved, and the hub has said so."""
    before = room.hub.seq
    room.say_fix("cam-07", lon, seconds=seconds)
    await until(lambda: room.hub.seq > before)


async def test_a_console_that_comes_back_gets_exactly_what_it_missed(
    pool: Pool, room: Room
) -> None:
    await add_device(pool, unit_id=await add_unit(pool))
    await room.board.reload()
    token = await sign_in(pool, "dispatcher")
    async with room.console(token) as socket:
        first = await receive(socket, Snapshot)
    for step in range(1, 6):
        await told(room, 100.0 + step, seconds=step)

    at = f"?epoch={first.epoch}&seq={first.seq + 2}"
    async with room.console(token, at=at) as socket:
        resumed = await receive(socket, Resumed)
        numbers = await deltas_until(socket, room.hub.seq)

    assert (resumed.seq, resumed.missed) == (first.seq + 2, room.hub.seq - first.seq - 2)
    assert numbers == list(range(first.seq + 3, room.hub.seq + 1))


@pytest.mark.parametrize(
    "at",
    ["?epoch=another&seq=0", "?epoch={epoch}&seq=99", "?epoch={epoch}&seq=-1", "?epoch={epoch}"],
    ids=["another epoch", "ahead of us", "no number", "no seq"],
)
async def test_one_that_cannot_go_on_gets_an_honest_snapshot(
    pool: Pool, room: Room, at: str
) -> None:
    token = await sign_in(pool, "dispatcher")

    async with room.console(token, at=at.format(epoch=room.hub.epoch)) as socket:
        await receive(socket, Snapshot)


async def test_what_is_gone_from_the_full_memory_is_not_resumed(pool: Pool) -> None:
    await add_device(pool, unit_id=await add_unit(pool))
    token = await sign_in(pool, "dispatcher")
    async with console_room(pool, replace(QUICK, recent_len_max=2)) as room:
        await room.board.reload()
        async with room.console(token) as socket:
            first = await receive(socket, Snapshot)
        for step in range(1, 4):
            await told(room, 100.0 + step, seconds=step)

        async with room.console(token, at=f"?epoch={first.epoch}&seq={first.seq}") as socket:
            await receive(socket, Snapshot)
        at = f"?epoch={first.epoch}&seq={room.hub.seq - 2}"
        async with room.console(token, at=at) as socket:
            await receive(socket, Resumed)


async def test_over_a_link_that_falls_silent_again_and_again_nothing_is_missed(
    pool: Pool, room: Room
) -> None:
    """Every delta once and in order, whatever the relay swallowed."""
    await add_device(pool, unit_id=await add_unit(pool))
    await room.board.reload()
    token = await sign_in(pool, "dispatcher")
    numbers: list[int] = []
    async with Relay.before(urlsplit(room.url).port or 0) as relay:
        room.url = relay.url.replace("http", "ws", 1) + console.PATH
        async with room.console(token) as socket:
            first = await receive(socket, Snapshot)
        for turn in range(1, 6):
            at = f"?epoch={first.epoch}&seq={numbers[-1] if numbers else first.seq}"
            async with room.console(token, at=at) as socket:
                await receive(socket, Resumed)
                await told(room, 100.0 + turn, seconds=3 * turn)
                numbers += await deltas_until(socket, room.hub.seq)
                relay.fall_silent()
                await told(room, 100.5 + turn, seconds=3 * turn + 1)
                relay.sound_again()

    assert numbers == list(range(first.seq + 1, numbers[-1] + 1))
    assert len(numbers) >= 9
