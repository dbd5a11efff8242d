"""One field for whatever a dispatcher wants to find or do, by keyboard alone, in both languages."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, report_position, signed_in
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser

OFFICER = "单晓明"


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=3) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def console(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "dispatcher")
    async with (
        dispatching(house.server, house.seeded),
        person(plain_browser, house.server.url, login, reduced_motion="reduce") as page,
    ):
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
        yield page


async def a_chinese_officer_joins(house: House) -> str:
    """The call sign of the unit."""
    async with signed_in(house.server, login_of(house.seeded, "admin")) as admin:
        units = (await admin.get("/api/roster")).raise_for_status().json()["units"]
        wanted = {"badge": "D-777", "name": OFFICER, "unit_id": units[1]["id"]}
        (await admin.post("/api/officers", json=wanted)).raise_for_status()
        return str(units[1]["call_sign"])


async def ask(page: Page, text: str) -> None:
    await expect(page.get_by_test_id("bar")).to_have_count(0)
    await page.keyboard.press("/")
    await expect(page.get_by_test_id("bar-input")).to_be_focused()
    await page.keyboard.type(text)


def hit(page: Page, kind: str) -> Locator:
    return page.locator(f"[data-testid=search-hit][data-hit^={kind}-]").first


def cap(page: Page, key: str) -> Locator:
    return page.locator(".key-cap:visible").filter(has_text=re.compile(f"^{re.escape(key)}$"))


async def looked_at(page: Page, name: str) -> None:
    if shots := os.environ.get("RIDGELINE_SHOTS"):
        await page.screenshot(path=Path(shots) / f"{name}.png")
    assert await violations(page) == [], name
    if shots:
        await page.screenshot(path=Path(shots) / f"{name}-night.png")
    await page.evaluate("document.documentElement.dataset.theme = 'day'")


async def test_a_unit_is_found_by_the_pinyin_of_its_officer_and_a_place_opens_an_incident(
    console: Page, house: House
) -> None:
    call_sign = await a_chinese_officer_joins(house)
    report_position(house.server, house.seeded)
    await console.keyboard.press("2")
    await console.get_by_test_id("units-search").fill("shan xiao")
    await expect(console.get_by_test_id("unit-row")).to_have_count(1)
    await console.keyboard.press("Tab")
    await console.get_by_test_id("unit-row").focus()
    await console.keyboard.press("Enter")
    await expect(console.get_by_test_id("detail")).to_contain_text(OFFICER)
    await console.get_by_test_id("units-search").fill("")
    await console.keyboard.press("Escape")
    await console.get_by_test_id("units-search").focus()
    await console.keyboard.press("Control+k")
    await expect(hit(console, "key")).to_be_visible()
    await expect(console.locator("[data-hit=key-close]")).to_have_attribute("aria-disabled", "true")
    await expect(console.locator("[data-hit=key-close]")).to_contain_text("No incident is selected")
    await looked_at(console, "commands")
    await console.keyboard.press("Escape")
    await expect(console.get_by_test_id("units-search")).to_be_focused()

    await console.keyboard.press("Escape")
    await ask(console, "sxm")
    await expect(hit(console, "unit")).to_contain_text(OFFICER)
    await looked_at(console, "pinyin")
    await console.keyboard.press("Enter")
    await expect(console.get_by_test_id("detail")).to_contain_text(call_sign)
    await console.keyboard.press("Escape")

    await ask(console, "spc")
    await expect(hit(console, "place")).to_contain_text("松坪村")
    await expect(console.get_by_test_id("bar-more")).to_contain_text("new incident here")
    await console.keyboard.press("Control+Enter")
    await expect(console.get_by_test_id("incident-where")).to_contain_text("松坪村")
    await console.get_by_test_id("incident-type").select_option("traffic_collision")
    await console.get_by_test_id("incident-note").fill("two lorries")
    await console.keyboard.press("Control+Enter")
    await expect(console.get_by_test_id("recommendation-row").first).to_be_visible()


async def test_verbs_of_both_languages_dispatch_and_close_and_say_what_cannot_be_done(
    console: Page, house: House
) -> None:
    report_position(house.server, house.seeded)
    async with dispatching(house.server, house.seeded) as dispatcher:
        number = (await dispatcher.open_incident())["number"]
        await expect(console.locator(f"[data-incident='{number}']")).to_be_visible()
        await ask(console, f"dispatch {number}")
        await expect(hit(console, "incident")).to_contain_text("dispatch")
        await looked_at(console, "dispatch")
        await console.keyboard.press("Enter")
        await expect(console.get_by_test_id("recommendation-row").first).to_be_visible()
        await console.keyboard.press("u")
        await console.keyboard.press("Enter")
        await expect(console.get_by_test_id("order-state")).to_be_visible()

        await ask(console, "中文")
        await expect(hit(console, "switch")).to_be_visible()
        await console.keyboard.press("Enter")
        await expect(console.get_by_test_id("feed-state")).to_have_text("实时")
        await ask(console, f"结案{number}")
        closing = hit(console, "incident")
        await expect(closing).to_have_attribute("aria-disabled", "true")
        await expect(closing).to_contain_text("尚有未结指令")
        await looked_at(console, "close-zh")
        await console.keyboard.press("Enter")
        await expect(console.get_by_test_id("bar")).to_be_visible()
        await console.keyboard.press("Escape")
        await ask(console, "jjb")
        await expect(console.locator("[data-hit=key-handover]")).to_be_visible()
        await console.keyboard.press("Enter")
        await expect(console.get_by_test_id("handover")).to_be_visible()
        await console.keyboard.press("Escape")

    await ask(console, f"看 {number}")
    await expect(hit(console, "incident")).to_contain_text("已结案")
    await console.keyboard.press("Escape")
    await console.set_viewport_size({"width": 360, "height": 740})
    await console.keyboard.press("Control+k")
    await console.keyboard.type("p")
    await expect(hit(console, "unit")).to_be_visible()
    await looked_at(console, "narrow-zh")


async def test_every_cap_on_the_page_is_in_the_help_and_rows_are_walked_by_keys(
    console: Page, house: House
) -> None:
    async with dispatching(house.server, house.seeded) as dispatcher:
        for priority in ("emergency", "priority"):
            await dispatcher.open_incident(priority=priority)
        await expect(console.get_by_test_id("incident-row")).to_have_count(2)
        await console.keyboard.press("j")
        rows = console.get_by_test_id("incident-row")
        await expect(rows.first).to_be_focused()
        await console.keyboard.press("ArrowDown")
        await expect(rows.nth(1)).to_be_focused()
        await expect(rows.nth(1)).to_have_attribute("aria-current", "true")
        for each in ("N", "/", "C", "1"):
            await expect(cap(console, each).first).to_be_visible()
        caps = set(await console.locator(".key-cap:visible").all_text_contents())
        await console.keyboard.press("?")
        await expect(console.get_by_role("dialog")).to_be_visible()
        explained = set(await console.locator("dialog dt .key-cap").all_text_contents())
        assert caps <= explained
        await console.keyboard.press("Escape")
        await expect(rows.nth(1)).to_be_focused()
        await console.keyboard.press("b")
        await expect(console.get_by_test_id("batteries")).to_be_focused()
        await console.keyboard.press("Escape")
        await expect(rows.nth(1)).to_be_focused()
