"""A map with more units than anybody can tell apart: those that stand together become one mark."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from playwright.async_api import Browser, Locator, Page, Position, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person
from tests.small_county import EAST, NORTH, SOUTH, WEST, crossing

pytestmark = pytest.mark.browser

SPOTS = [crossing(1, 1), crossing(5, 1), crossing(3, 2), crossing(1, 3), crossing(5, 3)]
REACH = 7
"""Around each spot stands a square of units, so many of them to each side."""
STEP_DEG = 2e-4
ALONE_MAX = 1_000
FIT_PADDING_PX = 24
"""Around the county when the whole of it is shown."""
CLUSTERS = "Number(document.querySelector('[data-testid=map]').dataset.clusters)"
CALL_SIGN = re.compile(r"^Q-\d{4}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    id: str
    call_sign: str
    place: tuple[float, float]
    """Lon and lat."""


def _units() -> list[Unit]:
    return [
        Unit(
            id=str(UUID(int=number + 1)),
            call_sign=f"Q-{number:04d}",
            place=(lon + east * STEP_DEG, lat + north * STEP_DEG),
        )
        for number, ((lon, lat), east, north) in enumerate(
            product(SPOTS, range(-REACH, REACH + 1), range(-REACH, REACH + 1))
        )
    ]


UNITS = _units()


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    """All of these units are on duty, and have been heard."""
    assert len(UNITS) > ALONE_MAX
    with new_house() as house:
        asyncio.run(_bring(house.database_url))
        house.server.kill()
        house.server.start()
        yield house


async def _bring(database_url: str) -> None:
    now = datetime.now(UTC)
    cameras = [(f"cam-{unit.call_sign}", unit) for unit in UNITS]
    rows: dict[str, tuple[Sequence[str], list[tuple[object, ...]]]] = {
        "unit": (
            ("id", "call_sign", "kind"),
            [(unit.id, unit.call_sign, "patrol_car") for unit in UNITS],
        ),
        "shift": (("id", "unit_id", "on_at"), [(unit.id, unit.id, now) for unit in UNITS]),
        "device": (
            ("id", "kind", "unit_id", "epoch"),
            [(camera, "body_camera", unit.id, "1") for camera, unit in cameras],
        ),
        "last_position": (
            ("device_id", "observed_at", "received_at", "lon", "lat", "battery_pct"),
            [(camera, now, now, *unit.place, 64) for camera, unit in cameras],
        ),
    }
    conn: Any = await asyncpg.connect(database_url)
    for table, (columns, records) in rows.items():
        await conn.copy_records_to_table(table, records=records, columns=columns)
    await conn.close()


async def test_units_that_stand_together_are_one_mark_until_it_is_opened(
    browser: Browser, house: House
) -> None:
    async with person(browser, house.server.url, login_of(house.seeded, "dispatcher")) as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        county = await settled(page)
        await page.wait_for_function(f"() => {CLUSTERS} >= {len(SPOTS)}")

        # A click goes nearer, until they stand side by side, and each of them can be taken.
        await click_on_county(page, SPOTS[2])
        await expect(scale(page)).not_to_have_text(county)
        await expect(page.get_by_test_id("map")).to_have_attribute("data-clusters", "0")
        await settled(page)
        await click_in_the_middle(page)
        taken = page.get_by_test_id("detail").get_by_role("heading", level=2)
        await expect(taken).to_have_text(CALL_SIGN)
        call_sign = await taken.inner_text()
        (place,) = (unit.place for unit in UNITS if unit.call_sign == call_sign)
        assert math.dist(place, SPOTS[2]) < 2 * REACH * STEP_DEG

        # Chosen, it stands apart from the many: the click is on it, and opens nothing.
        await page.keyboard.press("0")
        assert await settled(page) == county
        await expect(page.get_by_test_id("map")).not_to_have_attribute("data-clusters", "0")
        await click_on_county(page, place)
        assert await settled(page) == county
        await expect(taken).to_have_text(call_sign)

        # Let go, it is one of many again, and the same click opens them.
        await page.keyboard.press("Escape")
        await expect(taken).not_to_have_text(call_sign)
        await click_on_county(page, place)
        await expect(scale(page)).not_to_have_text(county)


async def test_a_unit_sent_to_the_chosen_incident_stands_apart(
    plain_browser: Browser, house: House
) -> None:
    (sent,) = (unit for unit in UNITS if unit.place == SPOTS[0])
    login = login_of(house.seeded, "dispatcher")
    async with (
        dispatching(house.server, house.seeded) as desk,
        person(plain_browser, house.server.url, login) as page,
    ):
        await desk.send(sent.id)
        await page.get_by_test_id("incident-row").click()
        await expect(page.get_by_test_id("order")).to_have_attribute("data-unit", sent.call_sign)
        await page.keyboard.press("0")
        await settled(page)

        await click_on_county(page, SPOTS[0])

        await expect(page.get_by_test_id("detail")).to_contain_text(sent.call_sign)
        await expect(page.locator(f'[data-row="{sent.id}"]')).to_have_count(0)
        await expect(page.get_by_test_id("order")).to_have_count(0)


def scale(page: Page) -> Locator:
    """How near the map is, in its own words."""
    return page.locator(".ol-scale-line-inner")


async def settled(page: Page) -> str:
    """Once the map rests, and a click would not be the second of two; what the scale says then."""
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    handle = await page.wait_for_function(
        """() => new Promise(done => {
            const text = () => document.querySelector('.ol-scale-line-inner')?.textContent;
            let last, since = 0;
            const look = now => {
                if (text() !== last) [last, since] = [text(), now];
                if (last && now - since > 500) done(last);
                else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        })"""
    )
    return str(await handle.json_value())


async def click_in_the_middle(page: Page) -> None:
    box = await page.get_by_test_id("map-canvas").bounding_box()
    assert box is not None
    middle: Position = {"x": box["width"] / 2, "y": box["height"] / 2}
    await page.get_by_test_id("map-canvas").click(position=middle)


async def click_on_county(page: Page, at: tuple[float, float]) -> None:
    """Click a place while the whole county is shown."""
    canvas = page.get_by_test_id("map-canvas")
    box = await canvas.bounding_box()
    assert box is not None
    (west, south), (east, north) = mercator(WEST, SOUTH), mercator(EAST, NORTH)
    x, y = mercator(*at)
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
