"""Roads closed and weather set in a real browser, and what that does to a recommendation."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from playwright.async_api import Browser, Locator, Page, Position, expect

from geo.roadmap import RoadMap
from server import demo
from server.stores.pool import open_pool
from tests.browser.house import House, NewHouse
from tests.browser.people import (
    Dispatcher,
    dispatching,
    login_of,
    person,
    report_fix,
    signed_in,
    toasted,
)
from tests.server.learning_rows import Drivers
from tests.server_process import ServerProcess
from tests.small_county import EAST, NORTH, SOUTH, WEST, crossing

pytestmark = pytest.mark.browser

NEAR, FAR, SCENE = crossing(4, 2), crossing(1, 2), crossing(3, 2)
FIT_PADDING_PX = 24
"""Around the county when the whole of it is shown."""


@pytest.fixture
def house(new_house: NewHouse) -> Iterator[House]:
    """Of each test alone: it closes roads, and restarts the server."""
    with new_house(units=2) as house:
        yield house


async def test_closing_a_road_changes_whom_to_send_until_it_ends(
    browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, small_map: RoadMap
) -> None:
    near, far = two_units(server, seeded)
    async with (
        dispatching(server, seeded) as desk,
        person(browser, server.url, login_of(seeded, "dispatcher")) as page,
        person(browser, server.url, login_of(seeded, "dispatcher")) as other,
    ):
        await select_an_incident(desk, page)
        await expect(first_recommended(page)).to_have_attribute("data-unit", near)

        await close_by_a_click(page, middle_of_road(small_map, NEAR, SCENE))
        closed = page.get_by_test_id("roads-row")
        await expect(closed).to_have_attribute("data-status", "in_force")
        await expect(other.get_by_test_id("road-count")).to_have_text("1 closed")
        await expect(page.get_by_test_id("rec-roads")).to_have_attribute("data-changed", "true")
        await recompute(page)
        await expect(first_recommended(page)).to_have_attribute("data-unit", far)

        server.kill()
        server.start()
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await expect(closed).to_have_attribute("data-status", "in_force")
        two_units(server, seeded)
        await recompute(page)
        await expect(first_recommended(page)).to_have_attribute("data-unit", far)

        await end_first(page)
        await expect(other.get_by_test_id("road-count")).to_have_count(0)
        await recompute(page)
        await expect(first_recommended(page)).to_have_attribute("data-unit", near)


async def test_a_road_is_slowed_and_weather_set_by_keys_alone(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    async with person(plain_browser, server.url, login_of(seeded, "dispatcher")) as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        keys = page.keyboard

        await keys.press("3")
        await by_tab(page, page.get_by_test_id("roads-new"))
        await keys.press("Enter")
        await expect(page.get_by_test_id("roads-state-closed")).to_be_focused()
        await keys.press("ArrowRight")
        await by_tab(page, page.get_by_test_id("roads-where-edges"))
        await keys.press("ArrowRight")
        for mark, text in (("ref", "X02"), ("fromKm", "1"), ("toKm", "3"), ("reason", "ice")):
            await by_tab(page, page.get_by_test_id(f"roads-{mark}"))
            await keys.type(text)
        await expect(page.get_by_test_id("roads-where")).to_contain_text("X02 km 1.0–3.0")
        await keys.press("Control+Enter")
        slow = page.locator('[data-testid=roads-row][data-what="slow"]')
        await expect(slow).to_have_attribute("data-status", "in_force")

        await by_tab(page, page.get_by_test_id("conditions-new"))
        await keys.press("Enter")
        await expect(page.get_by_test_id("condition-weather")).to_be_focused()
        await keys.type("snow")
        await by_tab(page, page.get_by_test_id("condition-night"))
        await keys.press("Space")
        await keys.press("Control+Enter")
        weather = page.locator('[data-testid=roads-row][data-what="condition"]')
        await expect(weather).to_have_attribute("data-status", "in_force")
        await expect(page.get_by_test_id("road-count")).to_have_text("snow, night · 1 slow")


async def test_an_area_is_drawn_on_the_map(
    browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    """By three clicks, and by the cross in the middle for who has no mouse."""
    async with person(browser, server.url, login_of(seeded, "dispatcher")) as page:
        await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
        await page.get_by_test_id("roads-tab").click()
        await page.get_by_test_id("conditions-new").click()
        await page.get_by_test_id("condition-weather").select_option("snow")
        await page.get_by_test_id("condition-where-polygon").check()
        await expect(page.get_by_test_id("map")).to_have_attribute("data-picking", "true")
        for corner in (crossing(0, 4), crossing(0, 0)):
            await click_on_map(page, corner)
        await page.get_by_test_id("map-canvas").focus()
        await page.keyboard.press("Enter")
        await page.get_by_test_id("roads-submit").click()

        row = page.get_by_test_id("roads-row")
        await expect(row).to_have_attribute("data-status", "in_force")
        await expect(page.get_by_test_id("road-count")).to_have_text("areas with weather: 1")


async def test_a_dispatcher_is_told_when_a_closure_runs_out(
    plain_browser: Browser, house: House
) -> None:
    server, login = house.server, login_of(house.seeded, "dispatcher")
    async with (
        person(plain_browser, server.url, login, locale="zh-CN") as page,
        signed_in(server, login) as client,
    ):
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        wanted: dict[str, Any] = {
            "request_id": "r1",
            "state": "closed",
            "extent": {"kind": "road", "ref": "X02", "from_km": 1, "to_km": 3},
            "reason": "落石",
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        (await client.post("/api/roads/state", json=wanted)).raise_for_status()

        await expect(page.get_by_test_id("road-count")).to_have_text("封闭 1 处")
        await run_out(house)
        await toasted(page, "已到期：X02 km 1.0–3.0")
        await expect(page.get_by_test_id("road-count")).to_have_count(0)
        await expect(page.get_by_test_id("roads-tab").locator(".badge")).to_have_text("1")
        await page.get_by_test_id("roads-tab").click()
        await expect(page.get_by_test_id("roads-tab").locator(".badge")).to_have_count(0)


async def test_a_click_on_a_road_says_what_our_drives_taught(
    plain_browser: Browser,
    house: House,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path: Path,
) -> None:
    """And so does the form for closing it; in the words of the reader."""
    server, seeded = house.server, house.seeded
    server.kill()
    await learn_from_drives(server, small_map, small_map_dir)
    server.start()
    for locale, words, unknown in (
        ("en-GB", "3 drives, ", "None of our drives"),
        ("zh-CN", "3 次行程，比模型慢 ", "尚无匹配"),
    ):
        async with person(
            plain_browser, server.url, login_of(seeded, "dispatcher"), locale=locale
        ) as page:
            await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
            card, learned = page.get_by_test_id("road-card"), page.get_by_test_id("roads-learned")
            await click_on_map(page, middle_of_road(small_map, crossing(2, 1), crossing(3, 1)))
            await expect(learned.locator("li")).to_have_count(1)
            await expect(learned).to_contain_text(words)
            await expect(learned.locator("li")).to_have_attribute("data-mode", "routine")
            await page.screenshot(path=tmp_path / f"road-{locale}.png")

            await click_on_map(page, middle_of_road(small_map, crossing(2, 3), crossing(2, 4)))
            await expect(learned).to_contain_text(unknown)
            await page.keyboard.press("Escape")
            await expect(card).to_have_count(0)

            await begin_a_closure(page)
            await click_on_map(page, middle_of_road(small_map, crossing(2, 1), crossing(3, 1)))
            await expect(learned).to_contain_text(words)
            await expect(card).to_have_count(0)


# -- steps -----------------------------------------------------------------------------------


async def run_out(house: House) -> None:
    """Whatever was said to end some day ends now."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute("UPDATE road_state SET expires_at = now() WHERE ended_at IS NULL")
    finally:
        await owner.close()


def two_units(server: ServerProcess, seeded: demo.DemoSeed) -> tuple[str, str]:
    """Call signs of the two, one on each side of the scene; both say where they are."""
    cameras = [each for each in seeded.fleet.devices if each.kind == "body_camera"]
    for camera, place in zip(cameras, (NEAR, FAR), strict=True):
        report_fix(server, camera, place, bat=90)
    return cameras[0].call_sign, cameras[1].call_sign


async def learn_from_drives(server: ServerProcess, roadmap: RoadMap, map_dir: Path) -> None:
    """Three drives along the trunk road, a third slower than modelled."""
    pool = await open_pool(server.database_url)
    try:
        drivers = Drivers(pool, roadmap)
        await drivers.enrol()
        for _ in range(3):
            await drivers.drive(drivers.way(), slower=1.33)
    finally:
        await pool.close()
    command = [sys.executable, "-m", "server.cli", "learn", "--map", str(map_dir)]
    environment = os.environ | {"DATABASE_URL": server.database_url}
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def select_an_incident(desk: Dispatcher, page: Page) -> None:
    lon, lat = SCENE
    await desk.open_incident(lon=lon, lat=lat)
    await page.get_by_test_id("incident-row").click()


def first_recommended(page: Page) -> Locator:
    return page.get_by_test_id("recommendation-row").first


async def recompute(page: Page) -> None:
    await page.get_by_role("button", name="Recompute").click()
    await expect(
        page.get_by_test_id("rec-roads").and_(page.locator("[data-changed=true]"))
    ).to_have_count(0)


async def begin_a_closure(page: Page) -> None:
    """Until the map takes clicks for it."""
    await page.get_by_test_id("roads-tab").click()
    await page.get_by_test_id("roads-new").click()
    await expect(page.get_by_test_id("map")).to_have_attribute("data-picking", "true")


async def close_by_a_click(page: Page, at: tuple[float, float]) -> None:
    await begin_a_closure(page)
    await click_on_map(page, at)
    await expect(page.get_by_test_id("roads-where")).to_have_attribute("data-set", "true")
    await page.get_by_test_id("roads-reason").fill("rockfall")
    await page.get_by_test_id("roads-submit").click()


async def end_first(page: Page) -> None:
    await page.get_by_test_id("roads-end").first.click()
    await page.get_by_test_id("ask-input").fill("cleared")
    await page.get_by_test_id("ask-confirm").click()
    await expect(page.get_by_test_id("roads-end")).to_have_count(0)


async def by_tab(page: Page, target: Locator) -> None:
    """Reach it with the Tab key, as somebody without a mouse does."""
    await expect(target).to_be_visible()
    for _ in range(60):
        if await target.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached by keys")


async def click_on_map(page: Page, at: tuple[float, float]) -> None:
    """Click a place while the whole county is shown."""
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    canvas = page.get_by_test_id("map-canvas")
    box = await canvas.bounding_box()
    assert box is not None
    (west, south), (east, north), (x, y) = (
        mercator(WEST, SOUTH),
        mercator(EAST, NORTH),
        mercator(*at),
    )
    room = (box["width"] - 2 * FIT_PADDING_PX, box["height"] - 2 * FIT_PADDING_PX)
    per_px = max((east - west) / room[0], (north - south) / room[1])
    position: Position = {
        "x": box["width"] / 2 + (x - (west + east) / 2) / per_px,
        "y": box["height"] / 2 - (y - (south + north) / 2) / per_px,
    }
    await canvas.click(position=position)


def mercator(lon: float, lat: float) -> tuple[float, float]:
    """Metres of EPSG:3857."""
    radius_m = 6_378_137.0
    y = math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
    return radius_m * math.radians(lon), radius_m * y


def middle_of_road(
    roadmap: RoadMap, a: tuple[float, float], b: tuple[float, float]
) -> tuple[float, float]:
    """A point of the road between two neighbouring crossings."""
    ends = [np.abs(roadmap.node_lonlat - each).sum(axis=1).argmin() for each in (a, b)]
    joins = np.isin(roadmap.edge_tail, ends) & np.isin(roadmap.edge_head, ends)
    shape = roadmap.shape(int(np.flatnonzero(joins)[0]))
    lon, lat = shape[len(shape) // 2].tolist()
    return lon, lat
