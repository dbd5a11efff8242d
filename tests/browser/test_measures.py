"""The supervisor's page of measures: figures with n and limits, in both languages, as a file."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from geo.reach.coverage import settlements
from geo.roadmap import RoadMap
from server import demo
from server.dispatch.cover import Rules
from server.stores import coverlooks
from server.stores.coverlooks import CoverLook
from server.stores.pool import Pool, open_pool
from tests.browser.house import House
from tests.browser.people import login_of, person
from tests.server.review_rows import add_job
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

JOBS = 40
RAW = re.compile(r"[{}\[\]]|[a-z]_[a-z]|undefined|null|NaN")
"""What is not for people: placeholders, codes."""


@pytest.fixture(scope="module")
def weeks(house: House, small_map: RoadMap) -> None:
    """Two weeks of one unit, one job a day by day and two by night; and how the county was
    covered."""

    async def fill() -> None:
        pool = await open_pool(house.database_url)
        try:
            await _fill(pool, small_map)
        finally:
            await pool.close()

    asyncio.run(fill())


async def _fill(pool: Pool, small_map: RoadMap) -> None:
    unit_id = await pool.fetchval("SELECT id FROM unit LIMIT 1")
    await pool.execute("UPDATE shift SET on_at = now() - interval '20 days'")
    # By the sun: eight hours before and after it is night in every season.
    noon = datetime.now(UTC).replace(hour=5, minute=20) - timedelta(days=1)
    for number in range(JOBS):
        at = noon - timedelta(hours=8 * number)
        await add_job(
            pool, unit_id, at, drive_s=600.0 + 10 * number, called_at=at - timedelta(seconds=9)
        )
    counts = np.ones(len(settlements(small_map)), dtype=np.uint8)
    counts[-1] = 0
    async with pool.acquire() as conn:
        for days in range(9):
            await coverlooks.keep(
                conn,
                CoverLook(
                    at=noon - timedelta(days=days),
                    map_id=small_map.meta.map_id,
                    limit_s=Rules().limit_s,
                    free_units=1,
                    units_in_time=counts,
                ),
            )


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, weeks: None
) -> AsyncIterator[Page]:
    async with person(plain_browser, server.url, login_of(seeded, "supervisor")) as page:
        await page.get_by_test_id("page-measures").click()
        await expect(page.get_by_test_id("measure").first).to_be_visible()
        yield page


def interval(page: Page, name: str) -> Locator:
    return page.get_by_test_id("measure").and_(page.locator(f'[data-interval="{name}"]'))


async def test_every_row_says_n_and_what_is_too_few_is_not_estimable(page: Page) -> None:
    drive = interval(page, "moving_to_on_scene").get_by_test_id("measure-row")

    whole = drive.and_(page.locator('[data-all="true"]'))
    await expect(whole).to_contain_text(str(JOBS))
    await expect(whole.get_by_test_id("measure-p90")).to_have_text("15.8 min (15.3 min … 16.5 min)")
    by_day = drive.filter(has_text="Day")
    await expect(by_day).to_contain_text("Peace · Road unknown · Day")
    await expect(by_day.get_by_test_id("measure-p90")).to_have_text(
        re.compile(r"^not estimable, at least [\d.]+ min$")
    )


async def test_limits_are_drawn_and_one_that_is_not_there_is_an_arrow(page: Page) -> None:
    drive = interval(page, "moving_to_on_scene").get_by_test_id("measure-row")

    whole = drive.and_(page.locator('[data-all="true"]'))
    await expect(whole.locator('[data-kind="p90"][data-estimable="true"] rect')).to_have_count(1)
    by_day = drive.filter(has_text="Day")
    await expect(by_day.locator('[data-kind="p90"][data-estimable="false"] path')).to_have_count(1)
    await expect(by_day.locator('[data-kind="p90"] rect')).to_have_count(0)
    await expect(by_day.locator('[data-kind="p90"] text')).to_have_text(
        re.compile(r"^P90 not estimable, n \d+$")
    )
    await expect(whole.locator("svg text")).to_have_count(0)


async def test_another_breakdown_is_asked_for_with_one_press(page: Page) -> None:
    for axis in ("mode", "road", "daylight"):
        await page.get_by_test_id(f"by-{axis}").uncheck()
    await page.get_by_test_id("by-priority").check()

    await page.get_by_test_id("measures-show").click()

    rows = interval(page, "response").get_by_test_id("measure-row")
    await expect(rows).to_have_text([re.compile("^All together"), re.compile("^Priority")])


async def test_rows_of_one_circumstance_alone_are_shown_and_all_of_it_is_a_file(
    page: Page, tmp_path: Path
) -> None:
    rows = interval(page, "moving_to_on_scene").get_by_test_id("measure-row")
    everything = await rows.count()

    await page.get_by_test_id("only-daylight").select_option("night")

    await expect(rows).to_have_text(
        [re.compile("^All together"), re.compile("^Peace · Road unknown · Night")]
    )
    async with page.expect_download() as waiting:
        await page.get_by_test_id("measures-json").click()
    await (await waiting.value).save_as(tmp_path / "measures.json")
    found = json.loads((tmp_path / "measures.json").read_text())
    held = [each["held"] for each in found["rows"] if each["interval"] == "moving_to_on_scene"]
    assert len(held) == everything
    await page.get_by_test_id("only-daylight").select_option("")
    await expect(rows).to_have_count(everything)


@pytest.mark.parametrize("switch", [False, True], ids=["English", "Chinese"])
@pytest.mark.parametrize("figures", ["times", "points", "coverage"])
async def test_no_figure_shows_a_code(page: Page, figures: str, switch: bool) -> None:
    if switch:
        await page.get_by_test_id("language").click()
    await page.get_by_test_id(f"figures-{figures}").check()
    shown = {"times": "measure", "points": "measure-band", "coverage": "measure-villages"}[figures]
    await expect(page.get_by_test_id(shown).first).to_be_visible()

    text = await page.get_by_test_id("measures").inner_text()

    assert RAW.findall(text) == []


async def test_points_stand_in_bands_with_intervals_of_rank(page: Page) -> None:
    await page.get_by_test_id("figures-points").check()

    band = page.get_by_test_id("measure-band")
    await expect(band).to_contain_text("Band 1")
    await expect(band.get_by_test_id("measure-standing")).to_contain_text("1 … 1")
    await expect(band.locator(".plot-rank")).to_have_count(1)
    await expect(page.get_by_test_id("measures")).to_contain_text("Within a band there is no order")


async def test_the_least_covered_village_is_first(page: Page, small_map: RoadMap) -> None:
    await page.get_by_test_id("figures-coverage").check()

    first = page.get_by_test_id("measure-villages").locator("tbody tr").first
    await expect(first).to_contain_text(settlements(small_map)[-1].name)
    await expect(first).to_contain_text("0 % (0 % … 0 %)")


async def test_the_answer_can_be_had_as_a_file(page: Page, tmp_path: Path) -> None:
    async with page.expect_download() as waiting:
        await page.get_by_test_id("measures-csv").click()
    download = await waiting.value
    await download.save_as(tmp_path / "measures.csv")

    text = (tmp_path / "measures.csv").read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(text.splitlines()))
    assert download.suggested_filename.startswith("measures-")
    assert {
        line["n"] for line in lines if line["mode"] == "all" and line["interval"] == "response"
    } == {str(JOBS)}


async def test_who_has_the_address_comes_to_the_measures(page: Page) -> None:
    await page.reload()

    await expect(page.get_by_test_id("page-measures")).to_have_attribute("aria-current", "page")
    await expect(page.get_by_test_id("measure").first).to_be_visible()
    await page.get_by_test_id("page-log").press("Enter")
    await expect(page.get_by_test_id("journal-row").first).to_contain_text("Measures read")


async def test_paper_is_white_and_has_no_buttons(page: Page) -> None:
    await page.get_by_test_id("theme").click()
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await page.emulate_media(media="print")

    await expect(page.get_by_test_id("measures-show")).to_be_hidden()
    await expect(page.locator("html")).to_have_attribute("data-theme", "day")
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await expect(page.locator("html")).to_have_attribute("data-theme", "night")
