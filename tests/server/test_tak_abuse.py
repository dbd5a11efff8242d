"""TAK clients that mean harm, or are broken: the port bears them, and the others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.tak.naming import ROOM
from devices.tak.sending import Parcel
from devices.tak.session import TakLimits
from protocols.cot import control
from protocols.cot.chat import EVERYONE, Message, write_message
from protocols.cot.xmltext import write_document
from server.gateways.door import DoorLimits
from server.gateways.tak.port import PortLimits
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import utc_now
from tests.server.field_rows import until
from tests.server.tak_room import UID, TakHouse, a_report, tak_house

LIMITS = PortLimits(
    sweep_s=0.05,
    door=DoorLimits(connections_max=20, strangers_per_address_max=3),
    client=TakLimits(queue_bytes_max=64 * 1024, stalled_s=PATIENCE_S, events_burst_max=100),
)

FLOOD_LEN = 8_000
"""Reports at once, read at no more than 20 a second: for longer than anybody is waited for."""


@pytest.fixture
async def house(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TakHouse]:
    async with tak_house(pool, tmp_path, monkeypatch, limits=LIMITS) as house:
        yield house


async def is_served(house: TakHouse, uid: str = "ANDROID-9") -> None:
    """An honest client gets its pong."""
    async with house.peer(await house.certify("honest"), uid=uid, callsign="honest") as peer:
        await peer.report()
        await peer.say(control.ping(uid, utc_now()))
        await peer.hear(lambda event: event.type == control.PONG)


async def test_without_a_certificate_nobody_comes_in(house: TakHouse) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await _first_byte(house, house.context(None))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.tls_port)
    writer.write(b"<event/>" * 100)
    with contextlib.suppress(ConnectionError):
        assert b"event" not in await reader.read()
    writer.close()

    await until(lambda: house.room.metrics.value("tak_handshakes_failed") >= 2)
    await is_served(house)


async def _first_byte(house: TakHouse, context: ssl.SSLContext) -> bytes:
    """TLS 1.3 tells a client that it is refused with the first answer."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", house.tls_port, ssl=context, server_hostname="127.0.0.1"
    )
    try:
        writer.write(b"x")
        await writer.drain()
        return await reader.readexactly(1)
    finally:
        writer.transport.abort()


async def test_who_only_connects_takes_few_places(house: TakHouse) -> None:
    idle = [socket.create_connection(("127.0.0.1", house.tls_port)) for _ in range(6)]
    try:
        await until(lambda: house.room.metrics.value("tak_connections_refused") >= 3)
    finally:
        for each in idle:
            each.close()

    await is_served(house)


@pytest.mark.parametrize(
    "attack",
    [
        b'<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><event uid="&b;"/>',
        b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]><event>&x;</event>',
        b"\x00\x01\x02" * 40_000,
        b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"<event>" * 700_000,
    ],
    ids=["entities", "file", "noise", "varint", "nested"],
)
async def test_what_is_no_event_ends_its_own_connection_alone(
    house: TakHouse, attack: bytes
) -> None:
    async with house.peer(await house.certify()) as peer:
        with contextlib.suppress(OSError):
            await peer.say(attack, b"<event></event>" * 200)
        await peer.closed()

    await is_served(house)


async def test_a_flood_is_read_slowly_and_others_are_served_meanwhile(house: TakHouse) -> None:
    async with house.peer(await house.certify()) as flood:
        await flood.report()
        sending = asyncio.create_task(flood.say(write_document(a_report()) * FLOOD_LEN))
        await until(lambda: house.room.metrics.value("tak_throttled") >= 1)

        await is_served(house)

        assert house.room.metrics.value("tak_events", kind="position") < FLOOD_LEN
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await sending


async def test_a_client_that_does_not_read_is_sent_away_and_others_are_served(
    house: TakHouse,
) -> None:
    """Words never give way, so whoever lets them pile up has to go."""
    line = Message(
        id="m1", sender_uid=ROOM, to=EVERYONE, room=EVERYONE, text="很" * 3_900, sent_at=utc_now()
    )
    parcel = Parcel(write_message(line))
    async with house.peer(await house.certify("slow"), uid="A-slow") as slow:
        await slow.report()
        await slow.hear(lambda event: event.uid == ROOM)

        async with asyncio.timeout(PATIENCE_S):
            while not house.room.metrics.value("tak_closed", why="slow"):
                house.port.room.say(parcel)
                await asyncio.sleep(0)

    await is_served(house)


async def test_more_than_a_queue_holds_is_all_told_in_the_end(house: TakHouse) -> None:
    """To who connects, bit by bit; and what gave way while everything moved, once more."""
    room = house.port.room

    def everything_moves() -> None:
        for number in range(250):
            room.spread(a_report(f"A-{number:03}"), sender="", owner=f"{number}", position=True)

    async def all_heard() -> None:
        heard: set[str] = set()
        while len(heard) < 250:
            heard.add((await peer.hear(lambda event: event.uid.startswith("A-"))).uid)

    everything_moves()
    async with house.peer(await house.certify()) as peer:
        await all_heard()
        assert house.room.metrics.value("tak_positions_dropped") == 0
        everything_moves()
        await all_heard()

    assert house.room.metrics.value("tak_positions_dropped") > 0


async def test_speaking_as_the_room_is_refused(house: TakHouse) -> None:
    async with (
        house.peer(await house.certify()) as peer,
        house.peer(await house.certify("wang"), uid="ANDROID-2") as other,
    ):
        await other.report()
        await peer.report()
        await peer.write("fake order", "ANDROID-2", sender="ridgeline-room")
        await peer.say(a_report("ridgeline-room"), a_report("ridgeline-unit-1"))
        await until(lambda: house.room.metrics.value("tak_refused") >= 3)
        await peer.say(control.ping(UID, utc_now()))
        await peer.hear(lambda event: event.type == control.PONG)

        assert not [
            event
            for event in other.heard
            if event.said("contact", "callsign") == "li" and event.uid.startswith("ridgeline")
        ]
