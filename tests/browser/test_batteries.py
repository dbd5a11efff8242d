"""The page of batteries on a real server: who dies first, the next shift, spares, charging."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from devices.battery.charging import Charge, ChargeKind, Told
from server import demo
from server.dispatch.spares import SpareKind
from server.ids import new_id
from server.stores import charges, spares
from server.stores.pool import open_pool
from tests.browser.house import House, NewHouse
from tests.browser.people import LateAnswer, dispatching, login_of, person, report_fix
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser

LEVELS = (88, 23, 61, 9)
"""Of the cameras, in the order of the fleet; the rest have told none."""
ADVICE = {"en-GB": "Power bank by", "zh-CN": "前接充电宝"}
"""For the weakest: its station has one."""


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=5) as house:
        for device, level in zip(cameras(house), LEVELS, strict=False):
            report_fix(house.server, device, device.home, bat=level, mode="standby")
        asyncio.run(furnish(house))
        yield house


def cameras(house: House) -> list[demo.FleetDevice]:
    return [each for each in house.seeded.fleet.devices if each.kind == "body_camera"]


async def furnish(house: House) -> None:
    """Spares in the station of the weakest camera, and what was seen of its charging."""
    pool = await open_pool(house.database_url)
    weakest = cameras(house)[LEVELS.index(min(LEVELS))]
    try:
        async with pool.acquire() as conn, conn.transaction():
            station = await conn.fetchval(
                "SELECT station_id FROM unit WHERE id = $1", weakest.unit_id
            )
            for label, kind in (("pack-77", SpareKind.PACK), ("bank-77", SpareKind.POWER_BANK)):
                await spares.insert(
                    conn,
                    spare_id=new_id(),
                    label=label,
                    kind=kind,
                    fits=["BC-4G", "BC-2"] if kind is SpareKind.PACK else [],
                    place=spares.Place(station_id=station),
                    charged=kind is SpareKind.PACK,
                )
            for nights in range(6):
                began = datetime.now(UTC) - timedelta(days=nights, hours=9)
                charge = Charge(
                    kind=ChargeKind.SWAP if nights == 2 else ChargeKind.CHARGE,
                    before=Told(at=began - timedelta(minutes=4), level_pct=21 + nights),
                    began=Told(at=began, level_pct=21 + nights),
                    until=Told(at=began + timedelta(hours=2), level_pct=97),
                    ended=Told(at=began + timedelta(hours=2, minutes=5), level_pct=98),
                    lon=weakest.home[0],
                    lat=weakest.home[1],
                    used_pct=70,
                    expected_pct=52 + 3 * nights,
                )
                await charges.keep(conn, weakest.device_id, charge, station)
    finally:
        await pool.close()


async def look(page: Page, name: str) -> None:
    """Keep what is seen in the folder that RIDGELINE_SCREENSHOTS names."""
    if folder := os.environ.get("RIDGELINE_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_who_dies_first_and_what_to_do_by_keyboard(
    plain_browser: Browser, house: House, locale: str
) -> None:
    who = login_of(house.seeded, "dispatcher")
    weakest = cameras(house)[LEVELS.index(min(LEVELS))]

    async with person(
        plain_browser, house.server.url, who, locale=locale, reduced_motion="reduce"
    ) as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await page.keyboard.press("b")
        rows = page.get_by_test_id("battery-row")
        await expect(rows.first).to_have_attribute("data-device", weakest.device_id)
        await expect(rows.first).to_have_attribute("data-lasts", "false")
        await expect(rows.first.get_by_test_id("battery-advice")).not_to_be_empty()
        await expect(page.get_by_test_id("batteries")).to_contain_text(ADVICE[locale])
        assert await violations(page) == []

        await page.keyboard.press("j")
        await expect(rows.first).to_be_focused()
        await page.keyboard.press("Enter")
        log = page.get_by_test_id("charge")
        await expect(log).to_have_count(6)
        await expect(log.nth(2)).to_have_attribute("data-kind", "swap")
        await look(page, f"batteries-{locale}")
        assert await violations(page) == []

        async with page.expect_download() as kept:
            await page.get_by_test_id("batteries-csv").click()
        file = await (await kept.value).path()
        text = await asyncio.to_thread(file.read_text, encoding="utf-8-sig")
        assert text.splitlines()[1].startswith(f'"{weakest.call_sign}","{weakest.device_id}","9"')

        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("batteries")).to_have_count(0)


async def test_the_present_job_is_drawn_below_the_battery(
    plain_browser: Browser, house: House
) -> None:
    who, busy = login_of(house.seeded, "dispatcher"), cameras(house)[0]

    async with (
        dispatching(house.server, house.seeded) as dispatcher,
        person(plain_browser, house.server.url, who) as page,
    ):
        await dispatcher.send(busy.unit_id)
        await page.get_by_test_id("batteries-toggle").click()
        row = page.locator(f"[data-device={busy.device_id}]")
        await expect(row.locator(".endurance-job")).to_have_count(1)
        await expect(page.locator("ol .endurance-job")).to_have_count(1)
        await look(page, "batteries-job")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_the_shift_to_come_is_planned_from_when_it_begins(
    plain_browser: Browser, house: House, locale: str
) -> None:
    who = login_of(house.seeded, "dispatcher")

    async with person(plain_browser, house.server.url, who, locale=locale) as page:
        await page.get_by_test_id("batteries-toggle").click()
        await page.get_by_test_id("batteries-coming").click()
        await expect(page.get_by_test_id("battery-row")).to_have_count(0)
        tomorrow = datetime.now() + timedelta(days=1)  # noqa: DTZ005 (as a person writes it)
        await page.get_by_test_id("batteries-begins").fill(f"{tomorrow:%Y-%m-%dT08:00}")

        await expect(page.get_by_test_id("battery-row")).to_have_count(len(cameras(house)))
        first = page.get_by_test_id("battery-advice").first
        await expect(first).to_contain_text(ADVICE[locale])
        await look(page, f"batteries-coming-{locale}")


async def test_the_plan_of_the_hour_that_was_chosen_last_is_shown(
    plain_browser: Browser, house: House
) -> None:
    """Of the hour that the page proposes nobody is free: each still works then."""
    who = login_of(house.seeded, "dispatcher")
    rows = len(cameras(house))

    async with person(plain_browser, house.server.url, who) as page:
        proposed = LateAnswer(page, "**/api/shift-plan?begins=*", times=1)
        await proposed.hold()
        await page.get_by_test_id("batteries-toggle").click()
        await page.get_by_test_id("batteries-coming").click()
        tomorrow = datetime.now() + timedelta(days=1)  # noqa: DTZ005 (as a person writes it)
        await page.get_by_test_id("batteries-begins").fill(f"{tomorrow:%Y-%m-%dT08:00}")
        await expect(page.get_by_test_id("battery-row")).to_have_count(rows)
        await proposed.arrive()

        await expect(page.get_by_test_id("battery-row")).to_have_count(rows)


async def test_a_spare_is_taken_and_brought_back(plain_browser: Browser, house: House) -> None:
    who = login_of(house.seeded, "dispatcher")
    badge = cameras(house)[0].badges[0]

    async with person(plain_browser, house.server.url, who, reduced_motion="reduce") as page:
        await page.get_by_test_id("batteries-toggle").click()
        await page.get_by_test_id("batteries-spares").click()
        bank = page.locator("[data-testid=spare][data-label=bank-77]")
        await expect(bank).to_have_attribute("data-charged", "false")
        await bank.get_by_test_id("spare-charged").click()
        await expect(bank).to_have_attribute("data-charged", "true")
        await look(page, "batteries-spares")
        assert await violations(page) == []

        await bank.get_by_test_id("spare-take").click()
        await page.get_by_test_id("ask-input").fill(badge)
        await page.get_by_test_id("ask-confirm").click()
        await expect(bank.get_by_test_id("spare-taken")).to_contain_text("ago")

        await bank.get_by_test_id("spare-put").click()
        where = page.get_by_test_id("spare-where")
        await where.select_option(f"unit:{cameras(house)[0].call_sign}")
        await page.get_by_test_id("spare-put-confirm").click()
        await expect(bank.get_by_test_id("spare-taken")).to_have_count(0)
        await expect(bank).to_have_attribute("data-charged", "false")
