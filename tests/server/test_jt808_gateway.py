"""JT/T 808 terminals on real sockets over real PostgreSQL: who comes in, and where they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from devices.jt808.terminal_events import AlarmTaken, LetIn, Refused
from devices.session_flow import SessionLimits
from geo.datum import gcj02_from_wgs84
from protocols.jt808.channel import Channel
from protocols.jt808.fields import Dialect
from protocols.jt808.flags import Status
from protocols.jt808.header import phone_of
from protocols.jt808.layout import Body
from protocols.jt808.session import (
    Authentication,
    Heartbeat,
    PlatformAnswer,
    Registration,
    RegistrationAnswer,
)
from server.gateways.door import DoorLimits
from server.gateways.jt808.doors import TcpWire
from server.stores import sos
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import utc_now
from tests.server.field_rows import add_device, add_unit, store_outage
from tests.server.terminal_room import (
    PHONE,
    QUICK,
    TerminalRoom,
    a_fix,
    a_terminal,
    holds,
    known,
    terminal_room,
)

HEX = PHONE.rjust(12, "0")


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[TerminalRoom]:
    async with terminal_room(pool) as house:
        yield house


@pytest.fixture
async def ours(pool: Pool) -> None:
    """The device of a unit, known by its phone number."""
    unit_id = await add_unit(pool, "P-07", badge="B-1042")
    await add_device(pool, unit_id=unit_id)
    await known(pool)


# -- who comes in ------------------------------------------------------------------------


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
@pytest.mark.parametrize("dialect", [Dialect.Y2011, Dialect.Y2013, Dialect.Y2019])
@pytest.mark.usefixtures("ours")
async def test_a_known_terminal_comes_in_and_what_it_reports_is_durable(
    house: TerminalRoom, dialect: Dialect, udp: bool
) -> None:
    async with a_terminal(house.port, dialect=dialect, udp=udp) as terminal:
        await terminal.let_in()
        terminal.report(a_fix(items=((0xE4, bytes((1, 63))),)))
        await terminal.all_taken()

        stored = await house.rows(
            "SELECT device_id, lon, lat, speed_mps, battery_pct FROM position"
        )
        assert stored == [("cam-07", 100.2, 27.5, 10.0, 63)]
        assert house.room.guests.online() == [("cam-07", "jt808")]
        assert [topic for topic, _ in house.room.said if topic == "fix"] == ["fix"]


@pytest.mark.usefixtures("ours")
async def test_the_raw_phone_bytes_come_before_the_number(house: TerminalRoom, pool: Pool) -> None:
    await add_device(pool, "cam-08")
    await known(pool, external_id=HEX, device_id="cam-08")

    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        assert house.room.guests.online() == [("cam-08", "jt808")]


async def test_a_stranger_is_told_so_listed_and_let_in_once_it_is_known(
    house: TerminalRoom, pool: Pool
) -> None:
    async with a_terminal(house.port) as terminal:
        (refused, *_) = await terminal.saw(Refused)
        listed = await house.rows("SELECT protocol, external_id, address, said FROM unknown_device")
        await add_device(pool)
        await known(pool)
        await terminal.let_in()

    assert refused == Refused(why="registration: no_such_terminal")
    ((protocol, external_id, address, said),) = listed
    assert (protocol, external_id, address) == ("jt808", HEX, "127.0.0.1")
    assert (said["model"], said["plate"], said["phone"]) == ("SIM", "云P00007", PHONE)


async def test_a_stranger_that_only_reports_gets_an_honest_answer(house: TerminalRoom) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    channel = Channel(phone=phone_of("10000000099", Dialect.Y2013))
    for frame in channel.send(Authentication(code="whatever")).frames:
        writer.write(frame)
    data = await asyncio.wait_for(reader.read(100), PATIENCE_S)
    writer.close()

    (answer,) = channel.receive(data, 0.0)
    assert isinstance(answer.message, PlatformAnswer)  # type: ignore[union-attr]
    assert answer.message.result == 1  # type: ignore[union-attr]
    assert await house.value("SELECT external_id FROM unknown_device") == "010000000099"


async def test_where_the_code_is_strict_only_the_code_opens(
    house: TerminalRoom, pool: Pool
) -> None:
    await add_device(pool)
    await known(pool, strict=True, secret="c0de")

    async with a_terminal(house.port, code="wrong") as terminal:
        await terminal.saw(Refused, 2)
        assert not [each for each in terminal.seen if isinstance(each, LetIn)]
    async with a_terminal(house.port, code="c0de") as terminal:
        await terminal.let_in()

    refused = {str(each) for each in terminal.seen if isinstance(each, Refused)}
    assert refused == set()


async def test_a_strict_terminal_without_a_code_gets_its_own_at_its_first_registration(
    house: TerminalRoom, pool: Pool
) -> None:
    await add_device(pool)
    await known(pool, strict=True)

    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        code = terminal.session.code
    async with a_terminal(house.port) as other:
        (refused, *_) = await other.saw(Refused)
    async with a_terminal(house.port, code=code) as terminal:
        await terminal.let_in()

    assert refused == Refused(why="registration: terminal_registered")


async def test_registering_where_no_code_is_asked_for_leaves_the_code_as_it_was(
    house: TerminalRoom, pool: Pool
) -> None:
    await add_device(pool)
    await known(pool, secret="c0de")

    async with a_terminal(house.port) as stranger:
        await stranger.let_in()
        given = stranger.session.code
        await pool.execute("UPDATE device_identity SET strict = true")
        (by_code, by_registering, *_) = await stranger.saw(Refused, 2)
    async with a_terminal(house.port, code="c0de") as terminal:
        await terminal.let_in()

    assert given not in ("", "c0de")
    assert by_code == Refused(why="authentication: result 1")
    assert by_registering == Refused(why="registration: terminal_registered")


@pytest.mark.usefixtures("ours")
async def test_once_a_code_is_asked_for_the_next_registration_gives_it(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        assert await house.value("SELECT secret_hash FROM device_identity") is None
        await house.pool.execute("UPDATE device_identity SET strict = true")
        await terminal.saw(LetIn, 2)
        code = terminal.session.code

    async with a_terminal(house.port, code=code) as terminal:
        await terminal.let_in()


@pytest.mark.usefixtures("ours")
async def test_the_same_terminal_again_closes_the_older_link(house: TerminalRoom) -> None:
    async with a_terminal(house.port, code="c") as first:
        await first.let_in()
        first_link = house.gateway.of_device("cam-07")
        assert first_link is not None
        async with a_terminal(house.port, code="c") as second:
            await second.let_in()
            await holds(lambda: first_link.session.closing is not None)

            assert first_link.session.closing == "a newer connection took over"
            first.client.set_network(there=False)
            second.report(a_fix())
            await second.all_taken()


@pytest.mark.usefixtures("ours")
async def test_a_device_that_was_taken_out_of_service_is_sent_away(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        await house.pool.execute("UPDATE device SET disabled_at = now()")
        await terminal.saw(Refused)

    assert house.room.metrics.value("guest_revoked", protocol="jt808") == 1


# -- where they are ----------------------------------------------------------------------


@pytest.mark.usefixtures("ours")
async def test_an_invalid_fix_moves_no_marker_but_counts_the_battery(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        terminal.report(a_fix(60))
        items = ((0xE4, bytes((1, 41))),)
        terminal.report(a_fix(status_bits=Status.ACC_ON, items=items))
        terminal.report(a_fix(latitude_e6=100_200_000, longitude_e6=27_500_000))
        await terminal.all_taken()

        assert await house.value("SELECT count(*) FROM position") == 1
        link = house.gateway.of_device("cam-07")
        assert link is not None
        assert link.guest is not None
        assert link.guest.battery_pct == 41


@pytest.mark.usefixtures("ours")
async def test_a_fix_of_the_security_plug_in_is_turned_into_wgs84_and_kept_as_it_was(
    house: TerminalRoom,
) -> None:
    lon, lat = gcj02_from_wgs84(100.2, 27.5)
    shifted = a_fix(
        status_bits=Status.FIXED | Status.GCJ02,
        longitude_e6=round(lon * 1e6),
        latitude_e6=round(lat * 1e6),
    )
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        terminal.report(shifted)
        await terminal.all_taken()

    ((found_lon, found_lat, datum, raw_lon),) = await house.rows(
        "SELECT lon, lat, raw_datum, raw_lon FROM position"
    )
    assert (found_lon, found_lat) == pytest.approx((100.2, 27.5), abs=2e-5)
    assert (datum, raw_lon) == ("gcj02", pytest.approx(lon, abs=1e-6))


@pytest.mark.usefixtures("ours")
async def test_what_was_kept_in_a_dead_zone_is_history_and_the_marker_stays(
    house: TerminalRoom,
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        terminal.report(a_fix(500))
        await terminal.all_taken()
        terminal.client.set_network(there=False)
        for ago_s in range(490, 0, -10):
            terminal.report(a_fix(ago_s))
        terminal.client.set_network(there=True)
        await terminal.saw(LetIn, 2)
        await terminal.all_taken()

        assert await house.value("SELECT count(*) FROM position") == 50
        assert await house.value("SELECT lat FROM last_position") == pytest.approx(27.495)
        assert house.room.metrics.value("guest_readings", protocol="jt808", taken="history") == 49
        terminal.report(a_fix())
        await terminal.all_taken()
        assert await house.value("SELECT lat FROM last_position") == 27.5


@pytest.mark.usefixtures("ours")
async def test_the_same_report_again_after_a_restart_is_stored_once(
    house: TerminalRoom, pool: Pool
) -> None:
    fix = a_fix()
    for _ in range(2):
        async with a_terminal(house.port) as terminal:
            await terminal.let_in()
            terminal.report(fix)
            await terminal.all_taken()
    async with terminal_room(pool) as other, a_terminal(other.port) as terminal:
        await terminal.let_in()
        terminal.report(fix)
        await terminal.all_taken()

    assert await house.value("SELECT count(*) FROM position") == 1


@pytest.mark.usefixtures("ours")
async def test_nothing_is_answered_while_the_store_is_away_and_nothing_is_lost(
    house: TerminalRoom, database_url: str
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        async with store_outage(database_url):
            for n in range(5):
                terminal.report(a_fix(50 - 10 * n))
            await asyncio.sleep(0.2)  # an answer would have come
            assert terminal.session.kept_count == 5
        await terminal.all_taken()

    assert await house.value("SELECT count(*) FROM position") == 5


# -- calls for help ----------------------------------------------------------------------


@pytest.mark.usefixtures("ours")
async def test_a_latched_alarm_is_one_call_also_over_a_restart_until_a_dispatcher_takes_it(
    house: TerminalRoom, pool: Pool
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        terminal.session.alarm = True
        for n in range(3):
            terminal.report(a_fix(60 - n))
        await terminal.all_taken()
        assert await house.value("SELECT count(*) FROM sos_call") == 1
        await house.gateway.drain()
        async with terminal_room(pool) as other:
            terminal.client._port = other.port
            await terminal.saw(LetIn, 2)
            terminal.report(a_fix(30))
            await terminal.all_taken()
            assert await house.value("SELECT count(*) FROM sos_call") == 1

            call_id = await house.value("SELECT id FROM sos_call")
            async with pool.acquire() as conn, conn.transaction():
                hints = await sos.acknowledge(conn, call_id, by="user:wang", at=utc_now())
            for hint in hints or ():
                other.room.fanout.publish(*hint)
            await terminal.saw(AlarmTaken)
            assert "调度员已看到你的求助。" in await terminal.told()

            terminal.report(a_fix(20))
            await terminal.all_taken()
            terminal.session.alarm = True
            terminal.report(a_fix(10))
            await terminal.all_taken()
            assert await house.value("SELECT count(*) FROM sos_call") == 2


@pytest.mark.usefixtures("ours")
async def test_an_alarm_out_of_a_dead_zone_long_ago_is_history(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        terminal.client.set_network(there=False)
        terminal.session.alarm = True
        terminal.report(a_fix(3 * 3600))
        terminal.session.alarm = False
        terminal.client.set_network(there=True)
        await terminal.let_in()
        await terminal.all_taken()

    assert await house.value("SELECT count(*) FROM sos_call") == 0
    assert await house.value("SELECT count(*) FROM position") == 1


# -- hostile bytes, and too much ---------------------------------------------------------


@pytest.mark.usefixtures("ours")
async def test_whatever_comes_the_link_stays_and_goes_on(house: TerminalRoom) -> None:
    hostile = (
        b"\x7e\x7e\x7e",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x7e" + bytes(20_000) + b"\x7e",
        bytes.fromhex("7e0002000001000000000712340055 7e".replace(" ", "")),
        bytes.fromhex("7e7d037e"),
        bytes.fromhex("7e 0704 2005 010000000007 0001 0003 0009 0000000000 55 7e".replace(" ", "")),
    )
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        wire = terminal.client._wire
        assert wire is not None
        for each in hostile:
            wire.write(each)
        terminal.report(a_fix())
        await terminal.all_taken()

    assert terminal.client.session.closing is None
    assert "unreadable" in house.room.metrics.text()


@pytest.mark.parametrize("frame", [b"\x7enoise\x7e", None], ids=["noise", "heartbeats"])
async def test_a_flood_is_read_slowly_whether_it_says_something_or_not(
    pool: Pool, frame: bytes | None
) -> None:
    pace = SessionLimits(frames_per_s_max=1, frames_burst_max=50)
    limits = replace(QUICK, link=replace(QUICK.link, pace=pace))
    async with terminal_room(pool, limits=limits) as house:
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        channel = Channel(phone=phone_of("10000000099", Dialect.Y2013))
        for _ in range(100):
            writer.write(frame or channel.send(Heartbeat()).frames[0])
        await holds(lambda: house.room.metrics.value("jt808_throttled") == 1)

        (link,) = house.gateway.links.all
        assert link.session.throttle_s(asyncio.get_running_loop().time()) > 10
        wire = link._wire
        assert isinstance(wire, TcpWire)
        assert wire._held
        writer.close()


@pytest.mark.usefixtures("ours")
async def test_addresses_that_nobody_answers_for_leave_places_to_terminals(pool: Pool) -> None:
    door = DoorLimits(connections_max=4, strangers_per_address_max=4)
    limits = replace(QUICK, door=door, udp_strangers_max=2)
    async with terminal_room(pool, limits=limits) as house:
        channel = Channel(phone=phone_of("10000000099", Dialect.Y2013))
        frame = channel.send(Heartbeat()).frames[0]
        knocking = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for each in knocking:
            each.sendto(frame, ("127.0.0.1", house.port))
        await holds(lambda: house.room.metrics.value("jt808_connections_refused") == 2)

        async with a_terminal(house.port) as terminal:
            await terminal.let_in()
        for each in knocking:
            each.close()


async def test_a_strict_terminal_that_registers_again_comes_in_with_its_new_code(
    house: TerminalRoom, pool: Pool
) -> None:
    await add_device(pool)
    await known(pool, strict=True, secret="c0de")
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    channel = Channel(phone=phone_of(PHONE, Dialect.Y2013))

    async def say(message: Body) -> Body:
        writer.write(channel.send(message).frames[0])
        while True:
            data = await asyncio.wait_for(reader.read(1000), PATIENCE_S)
            for each in channel.receive(data, 0.0):
                said = each.message  # type: ignore[union-attr]
                if isinstance(said, PlatformAnswer | RegistrationAnswer):
                    return said

    registration = Registration(maker="RIDGE", model="SIM", terminal="0000001")
    assert (await say(Authentication(code="c0de"))).result == 0  # type: ignore[attr-defined]
    given = await say(registration)
    assert isinstance(given, RegistrationAnswer)
    said = await say(Authentication(code=given.code))
    writer.close()

    assert isinstance(said, PlatformAnswer)
    assert said.result == 0


async def test_more_connections_than_there_are_places_are_cut(pool: Pool) -> None:
    limits = replace(QUICK, door=DoorLimits(connections_max=2, strangers_per_address_max=2))
    async with terminal_room(pool, limits=limits) as house:
        kept = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)

        assert await asyncio.wait_for(_rest(reader), PATIENCE_S) == b""

        assert house.room.metrics.value("jt808_connections_refused") == 1
        for _, each in [*kept, (reader, writer)]:
            each.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_datagram_of_noise_takes_no_place(house: TerminalRoom) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.sendto(b"\x7enoise\x7e", ("127.0.0.1", house.port))
        await holds(lambda: house.room.metrics.value("jt808_unreadable", why="datagram") == 1)

    assert house.gateway.links.door.open_count == 0


@pytest.mark.usefixtures("ours")
async def test_a_link_that_is_not_read_back_is_closed(pool: Pool) -> None:
    link = replace(QUICK.link, send_queue_bytes_max=2_000)
    async with terminal_room(pool, limits=replace(QUICK, link=link)) as house:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", house.port))
        channel = Channel(phone=phone_of(PHONE, Dialect.Y2013))

        async def talk() -> None:
            while True:
                frames = [channel.send(Heartbeat()).frames[0] for _ in range(200)]
                await loop.sock_sendall(sock, b"".join(frames))

        with sock, pytest.raises(ConnectionError):
            await asyncio.wait_for(talk(), PATIENCE_S)


@pytest.mark.usefixtures("ours")
async def test_a_stopping_server_takes_what_is_in_hand_and_lets_all_go(
    house: TerminalRoom,
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.let_in()
        for n in range(20):
            terminal.report(a_fix(200 - n))

        await house.gateway.drain(PATIENCE_S)

        assert house.gateway.links.door.open_count == 0
        stored = await house.value("SELECT count(*) FROM position")
        assert terminal.session.kept_count + stored >= 20  # what was not stored is still there
