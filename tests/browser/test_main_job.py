"""The main job as three people do it, each in a real browser: open, send, accept, finish, audit."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from geo.roadmap import RoadMap
from protocols import native
from server import demo
from server.stores.pool import Pool
from tests.server_process import ServerProcess, running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
async def seeded(pool: Pool, small_map: RoadMap) -> demo.DemoSeed:
    """One unit, so that the first recommendation is the officer's."""
    return await demo.seed(pool, small_map, units=1)


@pytest.fixture
def server(
    database_url: str, redis_url: str, small_map_dir: Path, tmp_path: Path, seeded: demo.DemoSeed
) -> Iterator[ServerProcess]:
    process = ServerProcess(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )
    with running(process):
        yield process


async def test_three_people_do_the_main_job(
    browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    logins = {login.roles[0]: login for login in seeded.logins}
    report_position(server, seeded)
    async with (
        person(browser, server, logins["dispatcher"]) as dispatcher,
        person(browser, server, logins["officer"]) as officer,
    ):
        await open_incident_on_the_map(dispatcher)
        await send_first_recommended(dispatcher)
        await do_the_job(officer)
        await expect(dispatcher.get_by_test_id("incident-status")).to_have_text("Closed")
    async with person(browser, server, logins["supervisor"]) as supervisor:
        await find_each_step(supervisor)


def report_position(server: ServerProcess, seeded: demo.DemoSeed) -> None:
    """The unit's body camera says where it is."""
    camera = next(each for each in seeded.fleet.devices if each.kind == "body_camera")
    lon, lat = camera.home
    with connect(
        server.url.replace("http", "ws", 1) + "/v1/device",
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        additional_headers={"authorization": f"Bearer {camera.token}"},
    ) as socket:
        socket.send(native.encode(native.Hello(dev=camera.device_id, inst="cam")).decode())
        assert isinstance(native.decode_server(socket.recv()), native.Welcome)
        fix = native.Location(n=1, at=int(time.time() * 1000), lon=lon, lat=lat, bat=64)
        socket.send(native.encode(fix).decode())
        assert native.decode_server(socket.recv()) == native.Ack(up=1)


async def open_incident_on_the_map(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await page.get_by_test_id("new-incident").click()
    await page.get_by_test_id("incident-type").select_option("traffic_collision")
    await page.get_by_test_id("incident-note").fill("two cars, one in the ditch")
    await page.get_by_test_id("map").click()
    await expect(page.get_by_test_id("incident-where")).to_have_attribute("data-set", "true")
    await page.get_by_test_id("incident-submit").click()
    await expect(page.get_by_test_id("incident-row")).to_be_visible()


async def send_first_recommended(page: Page) -> None:
    await expect(page.get_by_test_id("recommendation-row").first).to_be_visible()
    await page.get_by_test_id("dispatch").click()
    await expect(page.get_by_test_id("order-state")).to_be_visible()


async def do_the_job(page: Page) -> None:
    order = page.get_by_test_id("order")
    await expect(order).to_be_visible()
    await page.get_by_test_id("step-accepted").click()
    await page.get_by_test_id("step-en_route").click()
    await page.get_by_test_id("step-on_scene").click()
    await page.get_by_test_id("step-feedback").click()
    await page.get_by_test_id("note").fill("both drivers unhurt, road free")
    await page.get_by_test_id("note-send").click()
    await page.get_by_test_id("step-done").click()
    await page.get_by_test_id("note-send").click()
    await expect(page.get_by_test_id("order-over")).to_have_attribute("data-step", "done")


async def find_each_step(page: Page) -> None:
    rows = page.get_by_test_id("journal-row")
    for kind in (
        "incident.opened",
        "recommendation.computed",
        "decision.taken",
        *(f"order.{state}" for state in ("issued", "delivered", "shown", "accepted")),
        *(f"order.{state}" for state in ("en_route", "on_scene", "feedback", "done")),
        "incident.closed",
    ):
        await expect(rows.and_(page.locator(f'[data-kind="{kind}"]'))).to_have_count(1)
    await page.get_by_test_id("audit-text").fill("both drivers unhurt")
    await page.get_by_test_id("audit-search").click()
    await expect(rows.and_(page.locator('[data-kind="order.feedback"]'))).to_have_count(1)
    await expect(rows.and_(page.locator('[data-kind="incident.opened"]'))).to_have_count(0)


@asynccontextmanager
async def person(browser: Browser, server: ServerProcess, login: demo.Login) -> AsyncIterator[Page]:
    """Signed in, on the page of the role, in a browser context of their own."""
    failures: list[str] = []
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", base_url=server.url
    )
    try:
        page = await context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        await page.goto("/login")
        await page.get_by_test_id("login-username").fill(login.username)
        await page.get_by_test_id("login-password").fill(login.password)
        await page.get_by_test_id("login-submit").click()
        await page.wait_for_url(re.compile(r"/(console|handset|audit)$"))
        yield page
    finally:
        await context.close()
    assert failures == []
