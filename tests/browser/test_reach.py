"""Isochrones and coverage on the console's map, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.people import login_of, person, report_position
from tests.browser.pictures import Picture, at_rest
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def console(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> AsyncIterator[Page]:
    await asyncio.to_thread(report_position, server, seeded)
    async with person(plain_browser, server.url, login_of(seeded, "dispatcher")) as page:
        await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
        await page.wait_for_load_state("networkidle")
        yield page


async def answered(page: Page, choose: str, value: str) -> None:
    """Choose, and wait until the answer to that is on the map."""
    async with page.expect_response(lambda response: f"{value}" in response.url):
        await page.get_by_test_id(choose).select_option(value)
    await expect(page.get_by_test_id("reach")).to_have_attribute("aria-busy", "false")


def changed(before: Picture, now: Picture) -> float:
    """The share of the map's left half that is another, away from the panel."""
    other = np.abs(before - now)[:, : now.shape[1] // 2].sum(axis=2) > 30
    return float(other.mean())


async def test_isochrones_come_with_the_panel_and_go_with_it(console: Page) -> None:
    canvas = console.locator("#root .map-canvas")
    without = await at_rest(canvas)

    await console.keyboard.press("i")
    await expect(console.get_by_test_id("reach-band").first).to_contain_text("km²")
    with_bands = await at_rest(canvas, lambda now: changed(without, now) > 0.02)
    await console.keyboard.press("i")
    await expect(console.get_by_test_id("reach")).to_have_count(0)
    await at_rest(canvas, lambda now: changed(with_bands, now) > 0.02)


async def test_isochrones_of_the_selected_unit_and_where_nine_in_ten_arrive(
    console: Page,
) -> None:
    await console.get_by_test_id("units-tab").click()
    await console.get_by_test_id("unit-row").first.click()

    async with console.expect_response(
        lambda response: "isochrone" in response.url and "unit=" in response.url
    ) as median:
        await console.get_by_test_id("reach-toggle").click()
    await expect(console.get_by_test_id("reach-from")).to_have_value("unit")
    async with console.expect_response(lambda response: "share=0.9" in response.url) as sure:
        await console.get_by_test_id("reach-likely").check()

    areas = [
        [each["properties"]["area_km2"] for each in (await (await one.value).json())["features"]]
        for one in (median, sure)
    ]
    assert areas[1][0] < areas[0][0]
    await expect(console.get_by_test_id("reach-band").first).to_contain_text(
        f"{round(areas[1][0])} km²"
    )


async def test_coverage_says_how_many_villages_and_people(console: Page) -> None:
    await console.get_by_test_id("reach-toggle").click()
    await console.get_by_test_id("reach-coverage").click()
    villages = console.get_by_test_id("reach-villages")
    await expect(villages).to_contain_text("of 5")
    await expect(console.get_by_test_id("reach-people")).to_contain_text("of 10,920")

    await answered(console, "reach-from", "units")
    await answered(console, "reach-limit", "60")

    await expect(villages).to_contain_text("100 %")
    await expect(console.get_by_test_id("reach")).to_contain_text("Every village is covered.")
    await expect(console.get_by_test_id("reach")).to_contain_text("1 starting place")


async def test_who_drives_how_and_in_what_weather_is_chosen_in_the_panel(console: Page) -> None:
    await console.keyboard.press("i")
    await expect(console.get_by_test_id("reach-band").first).to_contain_text("km²")

    await answered(console, "reach-vehicle", "foot")
    await answered(console, "reach-mode", "urgent")
    await answered(console, "reach-weather", "snow")
    async with console.expect_response(lambda each: "snow%2Cnight" in each.url) as last:
        await console.get_by_test_id("reach-night").check()
    answer = await (await last.value).json()

    assert (answer["vehicle"], answer["mode"], answer["condition"]) == (
        "foot",
        "urgent",
        "snow,night",
    )
    await expect(console.get_by_test_id("reach").locator("footer")).to_contain_text("snow, night")
