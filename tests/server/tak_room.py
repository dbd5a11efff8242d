"""The TAK port on real sockets over real PostgreSQL, and a plain client to knock."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from devices.tak.naming import ROOM
from geo.errors import OffMapError
from protocols.cot import chat
from protocols.cot.chat import Message, Outcome
from protocols.cot.event import Event, Point
from protocols.cot.stream import Stream
from protocols.cot.units import CHAT_ENDPOINT, Unit, unit_report
from protocols.cot.xmltext import write_document
from server.accesslog import AccessLog
from server.board import Board
from server.dispatch.runcardfile import shipped
from server.gateways.guests.registry import GuestLimits
from server.gateways.tak import client as tak_client
from server.gateways.tak import picture as tak_picture
from server.gateways.tak import wiring
from server.gateways.tak.port import PortLimits, TakPort
from server.ids import new_id
from server.intakedesk import IntakeDesk
from server.stores.pool import Pool
from server.tak import authority, certificates, datapackage
from server.tak.certificates import Door, Issued
from server.tak.keys import TakKeys
from server.tak.options import TakOptions
from tests.patience import PATIENCE_S
from tests.server.field_room import OpenOrder, Room, field_room, issue_order, utc_now
from tests.server.field_rows import add_identity

UID = "ANDROID-0107"
LON, LAT = 104.9, 28.65


@dataclass(slots=True, kw_only=True)
class TakHouse:
    """The room of the field with a TAK port in it."""

    room: Room
    board: Board
    port: TakPort
    keys: TakKeys
    folder: Path

    @property
    def pool(self) -> Pool:
        return self.room.pool

    async def certify(
        self, username: str = "li", *, badge: str | None = None, uid: str = ""
    ) -> Issued:
        """A certificate for a user, who is made where there is none."""
        await self.pool.execute(
            "INSERT INTO app_user (id, username, display_name, password_hash, roles, officer_id) "
            "VALUES ($1, $2, $2, '-', '{officer}', (SELECT id FROM officer WHERE badge = $3)) "
            "ON CONFLICT (username) DO NOTHING",
            new_id(),
            username,
            badge,
        )
        return await certificates.issue(
            self.pool,
            self.keys.authority,
            username=username,
            uid=uid,
            door=Door(host="127.0.0.1", port=self.tls_port, description="test"),
            by="test",
            now=utc_now(),
        )

    @property
    def tls_port(self) -> int:
        port = self.port.ports[0]
        assert port is not None
        return port

    @property
    def plain_port(self) -> int:
        port = self.port.ports[1]
        assert port is not None
        return port

    def context(self, issued: Issued | None) -> ssl.SSLContext:
        """A client's, with the certificate if it has one."""
        context = ssl.create_default_context(
            cafile=str(authority.folder_of(self.folder) / authority.CA_PUBLIC_FILE)
        )
        if issued is not None:
            pem = self.folder / f"{issued.serial}.pem"
            pem.write_bytes(issued.pair.pem())
            context.load_cert_chain(pem)
        return context

    def peer(
        self, issued: Issued | None = None, *, uid: str = UID, callsign: str = "li"
    ) -> TakPeer:
        """Over TLS with a certificate; without one, over the plain port."""
        if issued is None:
            return TakPeer(self.plain_port, None, uid=uid, callsign=callsign)
        return TakPeer(self.tls_port, self.context(issued), uid=uid, callsign=callsign)

    async def order(self, *, badge: str = "0107", uid: str = UID) -> OpenOrder:
        """An order to a unit whose only device is a TAK client, waiting for it."""
        order = await issue_order(self.pool, device_id="tak-0107", badge=badge)
        await self.pool.execute("UPDATE device SET kind = 'handset' WHERE id = 'tak-0107'")
        await add_identity(self.pool, "tak-0107", protocol="tak", external_id=uid)
        await self.word(order.command_id, a_task(order))
        return order

    async def word(self, command_id: str, body: dict[str, Any]) -> None:
        """Give a command a body with words in it; it is history to the application itself."""
        async with self.pool.acquire() as conn:
            await conn.execute("UPDATE command SET body = $2 WHERE id = $1", command_id, body)

    async def states(self, order_id: str) -> list[tuple[str, bool, str, str]]:
        """(state, applied, actor, path) of an order's steps."""
        rows = await self.pool.fetch(
            "SELECT state, applied, actor, path FROM order_event WHERE order_id = $1 ORDER BY id",
            order_id,
        )
        return [tuple(row) for row in rows]

    async def state_is(self, order_id: str, state: str) -> None:
        """Return when the order has come to this state."""
        query = "SELECT true FROM dispatch_order WHERE id = $1 AND state = $2"
        await self.row_appears(query, order_id, state)

    async def row_appears(self, query: str, *values: Any) -> asyncpg.Record:
        async with asyncio.timeout(PATIENCE_S):
            while (row := await self.pool.fetchrow(query, *values)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return row


def a_task(order: OpenOrder) -> dict[str, Any]:
    return {
        "order": order.order_id,
        "number": 17,
        "incident": {
            "id": order.incident_id,
            "type": "traffic",
            "priority": "priority",
            "note": "",
            "place": "km 12",
            "lon": 100.2,
            "lat": 27.5,
        },
        "instruction": "去2号卡点",
        "eta_s": 600,
        "unit": "P-07",
    }


@asynccontextmanager
async def tak_house(
    pool: Pool,
    folder: Path,
    monkeypatch: Any,
    *,
    limits: PortLimits | None = None,
) -> AsyncIterator[TakHouse]:
    """Quick: what is told every half second is told at once."""
    monkeypatch.setattr(tak_picture, "TICK_S", 0.01)
    monkeypatch.setattr(tak_client, "STRANGER_S", 0.05)
    async with field_room(pool, guests=GuestLimits(sweep_s=0.05, presence_s=0.1)) as room:
        board = await Board.load(pool, fanout=room.fanout, snapper=_off_map, clock=utc_now)
        keys = TakKeys(folder, ["127.0.0.1"], port=0, clock=utc_now, metrics=room.metrics)
        port = wiring.build(
            TakOptions(port=0, plain_port=0, web_port=0),
            wiring.Parts(
                guests=room.guests,
                board=board,
                inbox=IntakeDesk(pool=pool, fanout=room.fanout, clock=utc_now),
                access=AccessLog(pool),
                cards=shipped,
                center=(LON, LAT),
            ),
            keys=keys,
            language="zh",
            limits=limits or PortLimits(sweep_s=0.05),
        )
        tasks = [asyncio.create_task(each) for each in (board.run(), port.run())]
        try:
            await port.opened.wait()
            yield TakHouse(room=room, board=board, port=port, keys=keys, folder=folder)
            await port.drain()
        finally:
            for each in tasks:
                each.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await port.close()
        for result in results:
            if isinstance(result, Exception):
                raise result


def _off_map(lon: float, lat: float) -> Any:
    raise OffMapError("no map here")


class TakPeer:
    """A plain client: says what it is told, collects what comes."""

    def __init__(
        self, port: int, context: ssl.SSLContext | None, *, uid: str, callsign: str
    ) -> None:
        self.uid, self.callsign = uid, callsign
        self.heard: list[Event] = []
        self.ended = False
        self._port, self._context = port, context
        self._stream = Stream()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            ssl=self._context,
            server_hostname=None if self._context is None else "127.0.0.1",
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.transport.abort()

    async def say(self, *events: Event | bytes) -> None:
        for event in events:
            data = event if isinstance(event, bytes) else write_document(event)
            self._writer.write(data)
        await self._writer.drain()

    async def report(self, **values: Any) -> Event:
        """Say where it is; returns what it said."""
        event = a_report(self.uid, self.callsign, **values)
        await self.say(event)
        return event

    async def write(self, text: str, to: str = ROOM, **values: Any) -> Message:
        """A line of chat to one person."""
        message = Message(
            id=values.pop("id", new_id()),
            sender_uid=values.pop("sender", self.uid),
            sender_callsign=self.callsign,
            to=to,
            text=text,
            sent_at=utc_now(),
            **values,
        )
        await self.say(chat.write_message(message))
        return message

    async def confirm(self, message: Message, outcome: Outcome) -> None:
        """As ATAK does with a line that arrived, or was read."""
        await self.say(chat.write_receipt(message, outcome, callsign=self.callsign, now=utc_now()))

    async def hear(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event of this kind that comes, or has come and was not asked for."""
        for at, event in enumerate(self.heard):
            if wanted(event):
                return self.heard.pop(at)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in await self._more():
                    if wanted(event):
                        self.heard.remove(event)
                        return event

    async def line(self, wanted: Callable[[Message], bool] = lambda _: True) -> Message:
        """The next line of chat of this kind."""

        def fits(event: Event) -> bool:
            message = chat.read_message(event) if event.type == chat.CHAT else None
            return message is not None and wanted(message)

        message = chat.read_message(await self.hear(fits))
        assert message is not None
        return message

    async def closed(self) -> None:
        """Return when the server has ended the connection."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(OSError):
                while not self.ended:
                    await self._more()

    async def _more(self) -> list[Event]:
        data = await self._reader.read(65536)
        if not data:
            self.ended = True
            raise ConnectionResetError("the server has closed")
        self._stream.receive(data)
        found = []
        while (item := self._stream.next()) is not None:
            assert isinstance(item, Event), item
            found.append(item)
        self.heard += found
        return found


def peer_of(package: bytes, password: str, folder: Path) -> TakPeer:
    """A client that has imported the package, and nothing else."""
    archive = zipfile.ZipFile(BytesIO(package))
    (own,) = (name for name in archive.namelist() if name.endswith(".p12") and "trust" not in name)
    key, certificate, _ = pkcs12.load_key_and_certificates(archive.read(own), password.encode())
    trusted = pkcs12.load_pkcs12(archive.read(datapackage.TRUST_FILE), password.encode())
    assert key is not None
    assert certificate is not None
    pem = folder / f"{own}.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.create_default_context(
        cadata=trusted.additional_certs[0].certificate.public_bytes(Encoding.PEM).decode()
    )
    context.load_cert_chain(pem)
    pref = archive.read(datapackage.PREF_FILE).decode()
    host, port, _ = pref.split("connectString0")[1].split(">")[1].split("<")[0].split(":")
    assert host == "127.0.0.1"
    return TakPeer(int(port), context, uid="ANDROID-1", callsign="li")


def a_report(
    uid: str = UID,
    callsign: str = "li",
    *,
    lon: float = LON,
    lat: float = LAT,
    battery_pct: int | None = 63,
    team: str = "Cyan",
    ago_s: float = 0.0,
) -> Event:
    unit = Unit(
        callsign=callsign,
        endpoint=CHAT_ENDPOINT,
        battery_pct=battery_pct,
        speed_mps=3.5,
        course_deg=271.0,
        team=team,
        platform="ATAK-CIV",
        device="test",
    )
    return unit_report(
        uid,
        unit,
        point=Point(lon=lon, lat=lat, ce_m=8.0),
        at=utc_now() - timedelta(seconds=ago_s),
        valid=timedelta(minutes=5),
    )
