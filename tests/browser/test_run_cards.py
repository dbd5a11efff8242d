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
from tests.browser.people import LateAnswer, dispatching, login_of, person, signed_in, toasted
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser


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


async def test_a_new_type_takes_any_code_and_a_skill_goes_from_every_card(
    plain_browser: Browser, house: House
) -> None:
    who = login_of(house.seeded, "dispatcher")

    async with person(
        plain_browser, house.server.url, who, locale="zh-CN", reduced_motion="reduce"
    ) as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await page.keyboard.press("e")
        await page.get_by_test_id("runcard-add").click()
        # On the way it is the code of another type: that must not take the field away.
        await page.get_by_test_id("runcard-code").press_sequentially("theft_of_cattle")
        await expect(page.get_by_test_id("runcard-code")).to_have_value("theft_of_cattle")

        await page.get_by_test_id("runcards-terms").click()
        codes = page.get_by_test_id("runcards-skills-code")
        await expect(codes.nth(5)).to_have_value("scene_work")
        await codes.nth(5).fill("forensics")
        await codes.nth(5).press("Tab")
        await page.get_by_test_id("runcards-skills-remove").nth(0).click()
        await page.get_by_test_id("runcards-save").click()
        problems = page.get_by_test_id("runcards-problem")
        await expect(problems).to_have_count(2)  # the new type has no names yet
        await expect(problems.first).to_contain_text("英文名称 应填写 1 至 80 个字")
        await look(page, "runcards-problems-zh-CN")

        await page.get_by_test_id("runcards-cards").click()
        await page.get_by_test_id("runcard-zh").fill("盗窃牲畜")
        await page.get_by_test_id("runcard-en").fill("Cattle theft")
        theft = page.locator("[data-testid=runcard][data-code=theft]")
        await theft.click()
        await page.get_by_test_id("runcard-step-zh").first.fill("询问：损失何物")
        await page.get_by_test_id("runcards-save").click()
        of_skills = page.locator("[data-testid=runcards-change][data-card=skills]")
        await expect(of_skills).to_contain_text("+ 现场勘查 / Scene examination (forensics)")
        await expect(of_skills).to_contain_text("− 急救 / First aid (first_aid)")
        of_theft = page.locator("[data-testid=runcards-change][data-card=theft]")
        await expect(of_theft).to_contain_text("+ 询问：损失何物")
        await expect(of_theft).to_contain_text("− 询问：嫌疑人是否在场")
        await look(page, "runcards-changes-zh-CN")
        assert await violations(page) == []
        await page.get_by_test_id("runcards-reason").fill("本县多发")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("runcards-save")).to_have_count(0)
        await expect(page.get_by_test_id("runcard-skills-forensics")).to_be_checked()
        await expect(page.get_by_test_id("runcard-skills-first_aid")).to_have_count(0)


async def test_who_is_late_discards_sees_what_was_saved_and_saves_anew(
    plain_browser: Browser, house: House
) -> None:
    who = login_of(house.seeded, "dispatcher")

    async with (
        person(plain_browser, house.server.url, who, reduced_motion="reduce") as mine,
        person(plain_browser, house.server.url, who, reduced_motion="reduce") as theirs,
    ):
        for page, minutes in ((mine, "33"), (theirs, "44")):
            await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
            await page.keyboard.press("e")
            await page.locator("[data-testid=runcard][data-code=theft]").click()
            await page.get_by_test_id("runcard-scene_min").fill(minutes)
        await theirs.get_by_test_id("runcards-versions").click()
        await expect(theirs.get_by_test_id("runcards-version")).not_to_have_count(0)
        for each in await theirs.get_by_test_id("runcards-activate").all():
            await expect(each).to_be_disabled()  # it would take the place of the draft
        await save(theirs)

        await mine.get_by_test_id("runcards-save").click()
        await mine.get_by_test_id("runcards-reason").fill("guessed")
        await mine.keyboard.press("Enter")
        await toasted(mine, "is in force meanwhile")
        await mine.keyboard.press("Escape")
        await mine.get_by_test_id("runcards-discard").click()
        await expect(mine.get_by_test_id("runcard-scene_min")).to_have_value("44")
        await mine.get_by_test_id("runcard-scene_min").fill("33")
        await save(mine)


async def test_what_is_changed_before_the_cards_are_read_anew_stays(
    plain_browser: Browser, house: House
) -> None:
    who = login_of(house.seeded, "dispatcher")

    async with person(plain_browser, house.server.url, who, reduced_motion="reduce") as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await page.keyboard.press("e")
        await page.locator("[data-testid=runcard][data-code=theft]").click()
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("runcards")).to_have_count(0)
        anew = LateAnswer(page, "**/api/run-cards")
        await anew.hold()

        await page.keyboard.press("e")
        await page.get_by_test_id("runcard-scene_min").fill("55")
        await anew.arrive()

        await expect(page.get_by_test_id("runcards-save")).to_be_visible()
        await expect(page.get_by_test_id("runcard-scene_min")).to_have_value("55")


async def save(page: Page) -> None:
    await page.get_by_test_id("runcards-save").click()
    await page.get_by_test_id("runcards-reason").fill("the log of last year")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("runcards-save")).to_have_count(0)


async def test_every_room_has_a_new_type_as_soon_as_it_is_saved(
    plain_browser: Browser, house: House
) -> None:
    """Consoles stay open for weeks; nobody loads them anew for a run card."""
    who = login_of(house.seeded, "dispatcher")

    async with (
        person(plain_browser, house.server.url, who, reduced_motion="reduce") as room,
        person(plain_browser, house.server.url, who, reduced_motion="reduce") as supervisor,
    ):
        for page in (room, supervisor):
            await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await supervisor.keyboard.press("e")
        await supervisor.get_by_test_id("runcard-add").click()
        await supervisor.get_by_test_id("runcard-code").fill("avalanche")
        await supervisor.get_by_test_id("runcard-zh").fill("雪崩")
        await supervisor.get_by_test_id("runcard-en").fill("Avalanche")
        await save(supervisor)

        await room.keyboard.press("n")
        await expect(room.get_by_test_id("incident-type")).to_contain_text("Avalanche")


async def test_a_handset_that_stays_open_shows_the_checklist_of_the_order_that_comes(
    plain_browser: Browser, house: House
) -> None:
    who, crew = login_of(house.seeded, "dispatcher"), login_of(house.seeded, "officer")
    unit_id = house.seeded.fleet.devices[0].unit_id

    async with (
        dispatching(house.server, house.seeded) as elsewhere,
        signed_in(house.server, who) as supervisor,
        person(plain_browser, house.server.url, crew, locale="zh-CN", **HANDSET) as officer,
    ):
        await elsewhere.clear()
        await expect(officer.get_by_test_id("order-checklist")).to_have_count(0)
        found = (await supervisor.get("/api/run-cards")).json()
        (fraud,) = [card for card in found["set"]["cards"] if card["code"] == "fraud"]
        fraud["steps"] = [{"zh": "先止付", "en": "Stop the payment first"}]
        wanted = {"set": found["set"], "based_on": found["version"], "reason": "shorter"}
        (await supervisor.post("/api/run-cards", json=wanted)).raise_for_status()

        await elsewhere.send(unit_id, type="fraud")

        checklist = officer.get_by_test_id("order-checklist")
        await checklist.locator("summary").click()
        await expect(checklist.locator("li")).to_have_text(["先止付"])
