"""Three devices, three protocols: a handset in a browser, a JT/T 808 terminal, a TAK client.

Each has an order of its own, of one decision, and answers it; and one order goes to all three at
once. The console shows by which way each step came.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from protocols.cot.chat import Message, Outcome
from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, report_position, signed_in
from tests.server.tak_room import TakPeer, peer_of
from tests.server_process import free_port

pytestmark = pytest.mark.browser

PHONE, BESIDE_PHONE = "13900000008", "13900000009"
UID, BESIDE_UID = "ANDROID-1", "ANDROID-2"


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Where terminals and TAK clients of this house come in."""
    found = {"RIDGELINE_JT808_PORT": free_port(), "RIDGELINE_TAK_PORT": free_port()}
    for name, port in found.items():
        monkeypatch.setenv(name, str(port))
    return found


@pytest.fixture
def house(new_house: NewHouse, ports: dict[str, int]) -> Iterator[House]:
    with new_house(units=3) as house:
        yield house


@pytest.mark.parametrize("browser", ["without 3D"], indirect=True)  # nothing here is drawn
async def test_a_handset_a_terminal_and_a_tak_client_are_sent_side_by_side(
    browser: Browser, house: House, ports: dict[str, int], tmp_path: Path
) -> None:
    seeded, server = house.seeded, house.server
    units = units_of(seeded)
    own = login_of(seeded, "officer")
    by_handset = next(each for each in units if each.call_sign == own.unit)
    by_terminal, by_tak = [each for each in units if each is not by_handset]
    for number in range(3):
        report_position(server, seeded, number)
    async with signed_in(server, login_of(seeded, "admin")) as admin:
        await make_ours(admin, "jt808", f"{PHONE:0>12}", "term-08", by_terminal.unit_id)
        await make_ours(admin, "tak", UID, "tak-01", by_tak.unit_id)
        package = await certify(admin, "tak", by_tak.badges[0], UID)
        # Beside the handset, in its unit: one order for all three.
        unit_id = by_handset.unit_id
        await make_ours(admin, "jt808", f"{BESIDE_PHONE:0>12}", "term-09", unit_id)
        await make_ours(admin, "tak", BESIDE_UID, "tak-02", unit_id)
        beside = await certify(admin, "beside", by_handset.badges[-1], BESIDE_UID)
    async with (
        dispatching(server, seeded) as desk,
        person(browser, server.url, login_of(seeded, "dispatcher")) as console,
        person(browser, server.url, own) as handset,
        a_terminal(ports["RIDGELINE_JT808_PORT"], PHONE, answer="accept"),
        a_terminal(ports["RIDGELINE_JT808_PORT"], BESIDE_PHONE, answer="none"),
        a_tak_client(package, UID, tmp_path) as tak,
        a_tak_client(beside, BESIDE_UID, tmp_path) as tak_beside,
    ):
        await expect(handset.get_by_test_id("no-order")).to_be_visible()
        orders = await desk.send_all([by_handset.unit_id, by_terminal.unit_id, by_tak.unit_id])
        numbers = {each["unit_id"]: each["number"] for each in orders}

        line = await told(tak_beside, numbers[by_handset.unit_id])
        await tak_beside.confirm(line, Outcome.DELIVERED)
        await tak_beside.confirm(line, Outcome.READ)
        await handset.get_by_test_id("step-accepted").click()
        await accept(tak, await told(tak, numbers[by_tak.unit_id]))

        await console.get_by_test_id("incident-row").click()
        for unit, path in ((by_handset, "Ridgeline"), (by_terminal, "JT/T 808"), (by_tak, "TAK")):
            await accepted_by(console, unit.call_sign, path)
        for path in ("Ridgeline", "JT/T 808", "TAK"):
            await reached(console, by_handset.call_sign, "delivered", path)
        await reached(console, by_handset.call_sign, "shown", "TAK")


def units_of(seeded: demo.DemoSeed) -> list[demo.FleetDevice]:
    """A device of each unit."""
    return [each for each in seeded.fleet.devices if each.kind == "body_camera"]


async def make_ours(
    admin: httpx.AsyncClient, protocol: str, external_id: str, device_id: str, unit_id: str
) -> None:
    wanted = {"protocol": protocol, "external_id": external_id, "device_id": device_id}
    answer = await admin.post("/api/devices/identities", json=wanted | {"unit_id": unit_id})
    answer.raise_for_status()


async def certify(admin: httpx.AsyncClient, username: str, badge: str, uid: str) -> httpx.Response:
    """A data package for an officer."""
    user = {"username": username, "display_name": username, "roles": ["officer"]}
    (await admin.post("/api/users", json=user | {"officer_badge": badge})).raise_for_status()
    package = await admin.post("/api/tak/packages", json={"username": username, "uid": uid})
    return package.raise_for_status()


@asynccontextmanager
async def a_terminal(port: int, phone: str, *, answer: str) -> AsyncIterator[None]:
    """Played from the command line; `answer`: what the person at it chooses when asked."""
    command = ["device", "sim", "jt808", "--server", f"127.0.0.1:{port}", "--phone", phone]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "server.cli", *command, "--answer", answer, "--think", "0"),
        stdout=asyncio.subprocess.DEVNULL,
        env=os.environ,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def a_tak_client(package: httpx.Response, uid: str, folder: Path) -> AsyncIterator[TakPeer]:
    async with peer_of(package.content, package.headers["x-tak-password"], folder) as peer:
        peer.uid = uid
        await peer.report()
        yield peer


async def told(tak: TakPeer, number: int) -> Message:
    """Its order, as a line of chat."""
    return await tak.line(lambda message: message.text.startswith(f"A{number} "))


async def accept(tak: TakPeer, line: Message) -> None:
    """As ATAK does by itself, and as its officer then does."""
    await tak.confirm(line, Outcome.DELIVERED)
    await tak.confirm(line, Outcome.READ)
    await tak.write("收到")


async def accepted_by(console: Page, call_sign: str, path: str) -> None:
    order = console.locator(f'[data-testid="order"][data-unit="{call_sign}"]')
    await expect(order).to_have_attribute("data-state", "accepted")
    step = order.locator('[data-testid="order-event"][data-state="accepted"]')
    await expect(step.get_by_test_id("step-by")).to_have_text(re.compile(rf"· {path}$"))


async def reached(console: Page, call_sign: str, state: str, path: str) -> None:
    """By this way, too: the first counts, the others stand beside it."""
    order = console.locator(f'[data-testid="order"][data-unit="{call_sign}"]')
    steps = order.locator(f'[data-testid="order-event"][data-state="{state}"]')
    by = steps.get_by_test_id("step-by").filter(has_text=re.compile(rf"· {path}$"))
    await expect(by).to_have_count(1)
