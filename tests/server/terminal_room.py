"""The door of JT/T 808 terminals on real sockets over real PostgreSQL, with terminals to knock."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from devices.jt808.terminal import Make, TerminalSession
from devices.jt808.terminal_events import Event, LetIn, QuestionAsked, TextShown
from devices.shell.terminal import TerminalClient
from protocols.jt808.fields import Dialect
from protocols.jt808.flags import Status
from protocols.jt808.location import Location
from server.dispatch.mitigation import Mitigation, Proposal
from server.gateways.guests.registry import GuestLimits
from server.gateways.jt808.gateway import Jt808Gateway
from server.gateways.jt808.house import House, Jt808Limits
from server.jt808settings import MediaServer
from server.listening import CannotListen, bind
from server.mitigationviews import MitigationView
from server.stores import journal, mitigation_rows, mitigations
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import OpenOrder, Room, field_room, issue_order, utc_now
from tests.server.field_rows import add_identity

PHONE = "10000000007"
TYPES = {"traffic": {"en": "Traffic accident", "zh": "交通事故"}}
QUICK = Jt808Limits(sweep_s=0.05, look_again_s=0.05, finish_s=2.0)


@dataclass
class TerminalRoom:
    """A house with its door open."""

    room: Room
    gateway: Jt808Gateway

    @property
    def pool(self) -> Pool:
        return self.room.pool

    @property
    def port(self) -> int:
        assert self.gateway.port is not None
        return self.gateway.port

    async def value(self, query: str, *values: Any) -> Any:
        return await self.pool.fetchval(query, *values)

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query, *values)]


@asynccontextmanager
async def terminal_room(
    pool: Pool,
    *,
    limits: Jt808Limits = QUICK,
    guests: GuestLimits | None = None,
    media: MediaServer | None = None,
) -> AsyncIterator[TerminalRoom]:
    guest_limits = guests or GuestLimits(sweep_s=0.05)
    async with field_room(pool, guests=guest_limits) as room:
        house = House(
            guests=room.guests, language="zh", types=lambda: TYPES, media=media, limits=limits
        )
        tcp, udp = two_doors()
        gateway = Jt808Gateway(house, tcp=tcp, udp=udp)
        task = asyncio.create_task(gateway.run())
        try:
            await gateway.opened()
            yield TerminalRoom(room, gateway)
            await gateway.drain()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def two_doors() -> tuple[list[socket.socket], list[socket.socket]]:
    """Over TCP and over UDP, of one number that is free for both."""
    while True:
        tcp = bind("127.0.0.1", 0, choose=("", ""))
        port = tcp[0].getsockname()[1]
        try:
            return tcp, bind("127.0.0.1", port, choose=("", ""), kind=socket.SOCK_DGRAM)
        except CannotListen:  # somebody else has it over UDP
            for each in tcp:
                each.close()


@dataclass
class Terminal:
    """One that is driven by a test."""

    client: TerminalClient
    task: asyncio.Task[None]
    seen: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def session(self) -> TerminalSession:
        return self.client.session

    def handle(self, event: Event) -> None:
        self.seen.append(event)
        self.changed.set()

    def report(self, location: Location) -> None:
        self.session.report(location, self.client.now)
        self.client.flush()

    def choose(self, asked: QuestionAsked, choice: int) -> None:
        self.session.choose(asked.serial, choice, self.client.now)
        self.client.flush()

    async def saw(self, kind: type[Any], count: int = 1) -> list[Any]:
        """The events of this kind, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [each for each in self.seen if isinstance(each, kind)]) < count:
                self.changed.clear()
                if self.task.done():
                    self.task.result()
                await self.changed.wait()
        return found

    async def let_in(self) -> None:
        await self.saw(LetIn)

    async def asked(self) -> QuestionAsked:
        found: QuestionAsked = (await self.saw(QuestionAsked))[-1]
        return found

    async def told(self, count: int = 1) -> list[str]:
        return [each.text for each in await self.saw(TextShown, count)]

    async def all_taken(self) -> None:
        """Until the platform has answered every report."""
        await holds(lambda: self.session.kept_count == 0)


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (conditions of code that signals nobody)
            await asyncio.sleep(0.005)


async def comes(read: Callable[[], Any], wanted: Any) -> None:
    """Until what the database says is this."""
    async with asyncio.timeout(PATIENCE_S):
        while await read() != wanted:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def a_terminal(
    port: int,
    *,
    udp: bool = False,
    code: str = "",
    phone: str = PHONE,
    dialect: Dialect = Dialect.Y2013,
    has_keypad: bool = True,
) -> AsyncIterator[Terminal]:
    """Connected as long as it can be."""
    make = Make(phone=phone, dialect=dialect, plate="云P00007", has_keypad=has_keypad)
    client = TerminalClient(TerminalSession(make, code=code), "127.0.0.1", port, udp=udp)
    task = asyncio.create_task(client.run())
    terminal = Terminal(client, task)
    client._handle = terminal.handle
    task.add_done_callback(lambda _: terminal.changed.set())
    try:
        yield terminal
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def a_fix(ago_s: float = 0, *, at: datetime | None = None, **changes: Any) -> Location:
    """Now, or so many seconds ago, and a little further north each."""
    seen_at = (at or utc_now() - timedelta(seconds=ago_s)).replace(microsecond=0)
    said: dict[str, Any] = {
        "status_bits": Status.FIXED | Status.ACC_ON,
        "latitude_e6": 27_500_000 - int(10 * ago_s),
        "longitude_e6": 100_200_000,
        "speed_dkmh": 360,
        "observed_at": seen_at,
    }
    return Location(**(said | changes))


async def known(pool: Pool, **identity: Any) -> None:
    """The device cam-07 goes by `PHONE`."""
    await add_identity(pool, external_id=identity.pop("external_id", PHONE), **identity)


async def an_order(pool: Pool, **changes: Any) -> Any:
    """One that waits for cam-07, with a body as the room writes it."""
    order = await issue_order(pool, **changes)
    body = {
        "order": order.order_id,
        "number": 17,
        "incident": {"type": "traffic", "priority": "emergency", "note": "", "place": "永宁路口"},
        "instruction": "先到者封路。",
        "eta_s": 734.0,
        "unit": "P-cam-07",
    }
    await pool.execute(
        "UPDATE command SET body = $2, priority = 'emergency' WHERE id = $1",
        order.command_id,
        body,
    )
    return order


async def spare_battery(house: TerminalRoom, order: OpenOrder, kind: Mitigation) -> MitigationView:
    """A dispatcher asks for it, of the terminal itself or of a person, as the kind is."""
    proposal = Proposal(
        kind=kind, p_before=0.4, p_after=0.7,
        drain_before_pct_per_h=20, drain_after_pct_per_h=14, loss=0.02,
    )  # fmt: skip
    async with house.pool.acquire() as conn, conn.transaction():
        about = await mitigation_rows.order_of(conn, order.order_id)
        assert about is not None
        view, done = await mitigations.send(
            conn, about, "cam-07", proposal, by="user:wang", at=utc_now()
        )
        await journal.append_all(conn, done.entries)
    for hint in done.hints:
        house.room.fanout.publish(*hint)
    return view
