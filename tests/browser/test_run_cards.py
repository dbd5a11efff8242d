"""Run cards on a real server: changed in the console, saved, taken back; and their checklists."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from server.stores.pool import open_pool
from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person
from tests.browser.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


HANDSET = {"viewport": {"width": 400, "height": 800}}


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    """Its dispatcher is a supervisor, too."""
    with new_house() as house:
        asyncio.run(promote(house, login_of(house.seeded, "dispatcher").username))
        yield house


async def promote(house: House, username: str) -> None:
    pool = await open_pool(house.database_url)
    try:
        await pool.execute(
            "UPDATE app_user SET roles = roles || '{supervisor}' WHERE username = $1", username
        )
    finally:
        await pool.close()


async def look(page: Page, name: str) -> None:
    """Keep what is seen in the folder that RIDGELINE_SCREENSHOTS names."""
    if folder := os.environ.get("RIDGELINE_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def test_a_card_is_changed_looked_over_saved_and_taken_back(
    plain_browser: Browser, house: House
) -> None:
    who = login_of(house.seeded, "dispatcher")

    async with person(plain_browser, house.server.url, who, reduced_motion="reduce") as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await page.keyboard.press("e")
        theft = page.locator("[data-testid=runcard][data-code=theft]")
        await theft.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("runcard-zh")).to_have_value("盗窃")
        await expect(page.get_by_test_id("runcards-save")).to_have_count(0)
        await page.get_by_test_id("runcard-scene_min").fill("0")
        await page.get_by_test_id("runcard-step-add").click()
        await page.get_by_test_id("runcards-save").click()
        await expect(page.get_by_test_id("runcards-problem")).to_have_count(3)
        await expect(page.get_by_test_id("runcard-scene_min")).to_have_attribute(
            "aria-invalid", "true"
        )

        await page.get_by_test_id("runcard-scene_min").fill("70")
        await page.get_by_test_id("runcard-step-zh").last.fill("登记被盗物品")
        await page.get_by_test_id("runcard-step-en").last.fill("List what is gone")
        await expect(theft).to_have_attribute("data-changed", "true")
        await page.get_by_test_id("runcards-save").click()
        change = page.get_by_test_id("runcards-change")
        await expect(change).to_have_attribute("data-card", "theft")
        await expect(change).to_contain_text("50 → 70")
        await look(page, "runcards-save")
        assert await violations(page) == []
        await page.get_by_test_id("runcards-reason").fill("the log of last year")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("runcards-save")).to_have_count(0)
        await look(page, "runcards")

        await page.get_by_test_id("runcards-versions").click()
        shipped = page.locator("[data-testid=runcards-version][data-version='0']")
        await look(page, "runcards-versions")
        await shipped.get_by_test_id("runcards-activate").click()
        await page.get_by_test_id("ask-input").fill("too long")
        await page.get_by_test_id("ask-confirm").click()
        await expect(shipped.get_by_test_id("runcards-activate")).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("runcards")).to_have_count(0)


async def test_the_officer_reads_the_checklist_and_a_tick_shows_in_every_room(
    plain_browser: Browser, house: House
) -> None:
    who, crew = login_of(house.seeded, "dispatcher"), login_of(house.seeded, "officer")

    async with (
        dispatching(house.server, house.seeded) as elsewhere,
        person(
            plain_browser, house.server.url, who, locale="zh-CN", reduced_motion="reduce"
        ) as room,
        person(plain_browser, house.server.url, crew, locale="zh-CN", **HANDSET) as officer,
    ):
        order = await elsewhere.send(house.seeded.fleet.devices[0].unit_id, type="theft")
        handset = officer.get_by_test_id("order-checklist")
        await handset.locator("summary").click()
        await expect(handset.locator("li").nth(1)).to_have_text("提示报警人勿动现场")
        await expect(handset).to_contain_text("携带：现场勘查箱")
        await look(officer, "checklist-handset")

        await room.get_by_test_id("incident-row").first.click()
        steps = room.get_by_test_id("checklist-step")
        await expect(steps).to_have_count(5)
        await elsewhere.tick(order["incident_id"], 1)
        await expect(steps.nth(1)).to_be_checked()
        await steps.nth(2).check()
        await expect(room.get_by_test_id("checklist")).to_contain_text("2/5")
        await look(room, "checklist-zh-CN")

        await room.keyboard.press("e")
        await expect(room.get_by_test_id("runcard").first).to_contain_text("民警求助")
        await expect(room.get_by_test_id("runcard-violence")).to_be_checked()
        await look(room, "runcards-zh-CN")
        assert await violations(room) == []
