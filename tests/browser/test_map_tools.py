"""What a dispatcher does on the map beside choosing: layers, trails, following, measuring."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from geo.driving.vehicles import Mode
from geo.learning.factors import SPREAD_SD, LearnedFactors
from geo.roadmap import RoadMap
from server.stores import learning
from server.stores.pool import open_pool
from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, report_fix, sign_in, signed_in
from tests.browser.pictures import Picture, at_rest
from tests.browser.test_accessibility import violations
from tests.browser.test_zones import look
from tests.server.field_rows import POSITION_COLUMNS
from tests.small_county import crossing

pytestmark = pytest.mark.browser

HERE, THERE = crossing(2, 2), crossing(5, 3)
DRIVES, SLOWER = 4, 1.3
GREY = np.array([0.299, 0.587, 0.114])
INK = 110
"""Names of the map by day are darker than this; under a band they would not be."""
PHONE: ViewportSize = {"width": 360, "height": 640}
TABS_MAX = 60
BUTTONS = ".map-buttons button"
OPENED = {"layers": "[data-testid=layers]", "measure": "[data-testid=ruler]"}


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=2) as house:
        yield house


async def stage(house: House, roadmap: RoadMap) -> str:
    """Two units say where they are, one of them was silent for a while and late with what it kept;
    a version of learned times is in force. Returns that one's call sign."""
    first, second = [each for each in house.seeded.fleet.devices if each.kind == "body_camera"]
    pool = await open_pool(house.database_url)
    try:
        async with pool.acquire() as conn, conn.transaction():
            await tell(conn, first.device_id)
            version = await learn(conn, roadmap)
    finally:
        await pool.close()
    for camera, place in ((first, HERE), (second, THERE)):
        await asyncio.to_thread(report_fix, house.server, camera, place, bat=80)
    async with signed_in(house.server, login_of(house.seeded, "supervisor")) as client:
        wanted = {"version": version, "reason": "looks right"}
        (await client.post("/api/learning/activate", json=wanted)).raise_for_status()
    return first.call_sign


async def tell(conn: Any, device_id: str) -> None:
    """Nine fixes: three, a silence of five minutes, three that came late, three."""
    now = datetime.now(UTC)
    ages_lags_s = [
        *((age_s, 1) for age_s in (1200, 1170, 1140)),
        *((age_s, 300) for age_s in (840, 810, 780)),
        *((age_s, 1) for age_s in (750, 720, 690)),
    ]
    rows = []
    for age_s, lag_s in ages_lags_s:
        observed = now - timedelta(seconds=age_s)
        lon, lat = HERE[0] - age_s * 2e-5, HERE[1]
        received = observed + timedelta(seconds=lag_s)
        rows.append((device_id, observed, received, lon, lat, 5.0, 9.0, 90.0, 80, False, ""))
    for day in {row[2].date() for row in rows}:
        await conn.execute("SELECT ensure_position_partition($1)", day)
    await conn.copy_records_to_table("position", records=rows, columns=POSITION_COLUMNS)


async def learn(conn: Any, roadmap: RoadMap) -> int:
    """Some drives over every road, forward, a third slower than modelled."""
    arcs = 2 * roadmap.edge_count
    trips = np.zeros(arcs, np.int32)
    trips[::2] = DRIVES
    known = LearnedFactors(
        factor=np.where(trips > 0, SLOWER, 1.0).astype(np.float32),
        log_sd=np.full(arcs, 0.5 * SPREAD_SD, np.float32),
        unknown=np.ones(arcs, np.float32),
        trips=trips,
    )
    row = await learning.insert_version(
        conn,
        map_id=roadmap.meta.map_id,
        at=datetime.now(UTC),
        by="system",
        reason="drives",
        trip_count=DRIVES,
        newest_at=None,
        learned=dict.fromkeys(Mode, known),
    )
    return row.version


async def test_layers_trails_and_following_by_hand(
    plain_browser: Browser, house: House, small_map: RoadMap
) -> None:
    unit = await stage(house, small_map)
    dispatcher, supervisor = (login_of(house.seeded, role) for role in ("dispatcher", "supervisor"))
    async with (
        dispatching(house.server, house.seeded) as desk,
        person(plain_browser, house.server.url, dispatcher, reduced_motion="reduce") as page,
    ):
        await drawn(page)
        await page.get_by_test_id("layers-toggle").click()

        # Names stay legible over what is filled in.
        await switch_on(page, "reach")
        await expect(page.get_by_test_id("legend-reach")).to_contain_text("From")
        await page.get_by_test_id("layers-toggle").click()
        assert await darkest_of_names(page) < INK
        await page.get_by_test_id("layers-toggle").click()
        await page.get_by_test_id("layer-reach").uncheck()

        # Each says what it shows.
        await switch_on(page, "coverage")
        await expect(page.get_by_test_id("coverage-share")).to_contain_text("of the people")
        await switch_on(page, "zones")
        await switch_on(page, "endurance")
        await expect(page.get_by_test_id("endurance-row")).to_have_count(2)
        await switch_on(page, "learned")
        roads = small_map.edge_count
        await expect(page.get_by_test_id("learned-words")).to_contain_text(f"{roads} roads")
        await page.get_by_test_id("learned-mode").select_option("urgent")
        await expect(page.get_by_test_id("learned-words")).to_contain_text(f"{roads} roads")

        # The trail of a unit, with its silence and what came late.
        await switch_on(page, "trail")
        await expect(page.get_by_test_id("trail-words")).to_have_text("Choose a unit.")
        await page.get_by_test_id("units-tab").click()
        row = page.get_by_test_id("unit-row").filter(has_text=unit)
        whole = await scale(page)
        await row.click()
        said = page.get_by_test_id("trail-words")
        await expect(said).to_contain_text(f"{unit}: 10 positions, devices: 1")
        await expect(said).to_contain_text("silences: 2 · heard late: 3")
        await page.get_by_test_id("trail-minutes").select_option("10")
        await expect(said).to_contain_text(f"{unit}: 1 positions,")
        await page.get_by_test_id("trail-minutes").select_option("60")

        await look(page, "map-trail")

        # A row once: there; again: back to what was seen before.
        await expect(scale_line(page)).not_to_have_text(whole)
        await row.click()
        await expect(scale_line(page)).to_have_text(whole)

        # Shown and hidden by one key.
        await page.keyboard.press("x")
        await expect(page.get_by_test_id("layer-trail")).not_to_be_checked()
        await page.keyboard.press("x")
        await expect(said).to_contain_text(unit)

        # Followed until a hand moves the map.
        chip = page.get_by_test_id("following")
        for let_go in (drag, wheel, release):
            await page.keyboard.press("f")
            await expect(chip).to_contain_text(unit)
            await let_go(page)
            await expect(chip).to_have_count(0)

        await look(page, "map-layers")

        # A closed road is not hidden without a word.
        edge = {"edge": 3, "direction": "both"}
        closed = await desk.close_road({"kind": "edges", "edges": [edge]})
        await expect(page.get_by_test_id("road-count")).to_be_visible()
        await page.get_by_test_id("layer-roads").uncheck()
        await expect(page.get_by_test_id("hidden-roads")).to_contain_text("hidden: 1")
        assert await violations(page) == []
        await page.get_by_test_id("hidden-roads").get_by_role("button").click()
        await expect(page.get_by_test_id("layer-roads")).to_be_checked()
        await desk.free_road(closed)

        # Remembered for this user alone.
        await page.reload()
        await drawn(page)
        await page.keyboard.press("y")
        await expect(page.get_by_test_id("layer-learned")).to_be_checked()
        await expect(page.get_by_test_id("layer-reach")).not_to_be_checked()
        await page.goto("/login")
        await sign_in(page, supervisor)
        await page.goto("/console")
        await drawn(page)
        await page.keyboard.press("y")
        await expect(page.get_by_test_id("layer-names")).to_be_checked()
        await expect(page.get_by_test_id("layer-learned")).not_to_be_checked()


async def test_measuring_and_looking_by_keys_and_on_a_phone(
    plain_browser: Browser, house: House, small_map: RoadMap
) -> None:
    await stage(house, small_map)
    login = login_of(house.seeded, "dispatcher")
    allowed = {"permissions": ["clipboard-read", "clipboard-write"], "reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **allowed) as page:
        await drawn(page)

        # From the middle of the map to a place east of it; the map has the keys.
        await page.keyboard.press("d")
        await expect(page.get_by_test_id("map-canvas")).to_be_focused()
        await page.keyboard.press("Enter")
        first = page.get_by_test_id("coordinates").first
        await expect(first).to_be_visible()
        await page.keyboard.press("ArrowRight")
        straight = page.get_by_test_id("ruler-straight")
        await expect(straight).to_contain_text("km · 90°")  # it moves there in steps
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("coordinates")).to_have_count(2)
        way = page.get_by_test_id("ruler-travel")
        await expect(way).to_contain_text("9 in 10 within")
        by_car = await way.inner_text()
        await page.get_by_test_id("ruler-vehicle").select_option("foot")
        await expect(way).not_to_have_text(by_car)
        await expect(way).to_contain_text("9 in 10 within")
        assert await violations(page) == []
        await look(page, "map-ruler")
        await page.get_by_test_id("coordinates-copy").first.press("Enter")
        await expect(page.get_by_test_id("coordinates-copy").first).to_have_text("Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await first.inner_text()
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("ruler")).to_have_count(0)
        await expect(page.get_by_test_id("map")).to_have_attribute("data-picking", "false")

        # A road under the cross: where it is, and what drives say of it.
        await by_tab(page, page.get_by_test_id("map-canvas"))
        await page.keyboard.press("Enter")
        card = page.get_by_test_id("road-card")
        await expect(card.get_by_test_id("coordinates")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(card).to_have_count(0)

        # Layers without a mouse.
        await page.keyboard.press("y")
        await by_tab(page, page.get_by_test_id("layer-endurance"))
        await page.keyboard.press("Space")
        await expect(page.get_by_test_id("endurance-row").first).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("layers")).to_have_count(0)

        # On a phone every control of the map can be reached.
        await page.set_viewport_size(PHONE)
        await page.get_by_role("button", name="Map", exact=True).click()
        await expect(page.get_by_test_id("layers-toggle")).to_be_visible()
        for panel in (None, "layers", "measure"):
            if panel:
                await page.get_by_test_id(f"{panel}-toggle").click()
                await expect(page.locator(OPENED[panel])).to_be_visible()
            await nothing_covers(page.locator(BUTTONS))
            if panel:
                await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("map")).to_have_attribute("data-picking", "false")
        await page.get_by_test_id("map-canvas").press("Enter")
        await expect(card).to_be_visible()
        await look(page, "map-phone")
        await nothing_covers(page.locator(BUTTONS))


# -- steps -----------------------------------------------------------------------------------


async def drawn(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    await expect(scale_line(page)).to_be_visible()


def scale_line(page: Page) -> Locator:
    """It comes with the map's tools."""
    return page.locator(".ol-scale-line")


async def scale(page: Page) -> str:
    return await scale_line(page).inner_text()


async def switch_on(page: Page, layer: str) -> None:
    await page.get_by_test_id(f"layer-{layer}").check()
    await expect(page.get_by_test_id(f"legend-{layer}")).to_be_visible()


async def darkest_of_names(page: Page) -> int:
    """How dark (0 to 255) names are on the map's left half: what comes when they are put on."""
    canvas = page.get_by_test_id("map-canvas")
    await page.wait_for_load_state("networkidle")
    await put_names(page, on=False)
    bare = left_half(await at_rest(canvas))

    def pixels_of_names(picture: Picture) -> list[float]:
        half = left_half(picture)
        return list(half[np.abs(half - bare) > 40])

    await put_names(page, on=True)
    named = await at_rest(canvas, lambda picture: len(pixels_of_names(picture)) > 50)
    return int(min(pixels_of_names(named)))


async def put_names(page: Page, *, on: bool) -> None:
    await page.keyboard.press("y")
    await page.get_by_test_id("layer-names").set_checked(on)
    await page.keyboard.press("y")


def left_half(picture: Picture) -> npt.NDArray[np.float64]:
    """As grey."""
    grey: npt.NDArray[np.float64] = picture[:, : picture.shape[1] // 2] @ GREY
    return grey


async def middle(page: Page) -> tuple[float, float]:
    box = await page.get_by_test_id("map-canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.75


async def drag(page: Page) -> None:
    x, y = await middle(page)
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 40, y + 30, steps=4)
    await page.mouse.up()


async def wheel(page: Page) -> None:
    await page.mouse.move(*await middle(page))
    await page.mouse.wheel(0, -120)


async def release(page: Page) -> None:
    await page.get_by_test_id("following-release").click()


async def by_tab(page: Page, target: Locator) -> None:
    for _ in range(TABS_MAX):
        if await target.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached by keys")


async def nothing_covers(controls: Locator) -> None:
    """Each would take a click: nothing lies over it."""
    found = await controls.all()
    assert len(found) > 1
    for control in found:
        await control.click(trial=True)
