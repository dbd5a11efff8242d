"""Alarms sound, each in its own tone, until somebody has seen them: in one tab, muted or not.

What sounds is read off the oscillators that the page starts. The console is a supervisor's: what he
has opened himself would not ring.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import (
    PATIENCE_MS,
    Dispatcher,
    dispatching,
    login_of,
    person,
    sign_in,
)
from tests.browser.test_accessibility import violations
from tests.relay import Relay

pytestmark = pytest.mark.browser

LISTEN = """() => {
    window.rung = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (at) {
        window.rung.push(Math.round(this.frequency.value));
        return start.call(this, at);
    };
}"""
SAY_WHEN_SOUND_OPENS = """() => {
    window.AudioContext = class extends AudioContext {
        constructor() {
            super();
            console.debug("sound opens");
        }
    };
}"""
EMERGENCY_HZ, PRIORITY_HZ, ROUTINE_HZ, ORDER_HZ, LINK_HZ, SIREN_HZ = 1047, 698, 523, 988, 622, 880


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house() as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    async with dispatching(house.server, house.seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def relay(house: House) -> AsyncIterator[Relay]:
    async with Relay.before(house.server.port) as relay:
        yield relay


@asynccontextmanager
async def listening(browser: Browser, url: str, house: House) -> AsyncIterator[Page]:
    async with person(browser, url, None, reduced_motion="reduce") as page:
        await page.context.add_init_script(f"({LISTEN})()")
        await sign_in(page, login_of(house.seeded, "supervisor"))
        await to_console(page)
        await touched(page)
        yield page


async def to_console(page: Page) -> None:
    await page.goto("/console")
    await stands(page)


async def stands(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("sound")).to_be_visible()


async def touched(page: Page) -> None:
    """As a person does sooner or later: then the browser lets the page sound."""
    await page.get_by_role("heading", level=1).click()
    await expect(page.get_by_test_id("sound-blocked")).to_have_count(0)


async def hears(page: Page, hz: int, times: int = 1) -> None:
    often = "([hz, times]) => window.rung.filter((each) => each === hz).length >= times"
    await page.wait_for_function(often, arg=[hz, times])


async def heard(page: Page, hz: int) -> int:
    return int(await page.evaluate("hz => window.rung.filter((each) => each === hz).length", hz))


async def sound_is(page: Page, state: str) -> None:
    await expect(page.get_by_test_id("sound")).to_have_attribute("data-state", state)


async def slide(page: Page, name: str, percent: int) -> None:
    await page.get_by_test_id(f"volume-{name}").fill(str(percent))


async def looked_at(page: Page, name: str) -> None:
    for language, next_one in (("en", "zh-CN"), ("zh", "en")):
        if shots := os.environ.get("RIDGELINE_SHOTS"):
            await page.screenshot(path=Path(shots) / f"{name}-{language}.png")
        assert await violations(page) == [], (name, language)
        if shots:
            await page.screenshot(path=Path(shots) / f"{name}-{language}-night.png")
        await page.evaluate("document.documentElement.dataset.theme = 'day'")
        # Behind a dialog no mouse reaches it.
        await page.evaluate("document.querySelector('[data-testid=language]').click()")
        await expect(page.locator("html")).to_have_attribute("lang", next_one)


async def test_an_alarm_rings_until_it_is_seen_and_never_again(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    async with listening(plain_browser, house.server.url, house) as page:
        await sound_is(page, "on")
        icon = page.locator("link[rel=icon]")
        plain = await icon.get_attribute("href")
        await dispatcher.open_incident(priority="emergency")
        row = page.get_by_test_id("standing-row")
        await expect(row.filter(has_text="Ninghe Town")).to_have_count(1)
        await hears(page, EMERGENCY_HZ, times=4)
        await expect(page).to_have_title("⚠1 (1) Ridgeline")
        await expect(icon).not_to_have_attribute("href", plain or "")
        await dispatcher.open_incident()
        await hears(page, PRIORITY_HZ)
        await expect(row).to_have_count(1)
        await looked_at(page, "standing")

        await page.keyboard.press("a")

        await expect(row).to_have_count(0)
        await expect(page.get_by_test_id("detail")).to_contain_text("Emergency")
        await expect(page).to_have_title("(2) Ridgeline")
        await expect(icon).to_have_attribute("href", plain or "")
        await page.reload()
        await touched(page)
        await sound_is(page, "on")
        await dispatcher.open_incident(priority="routine")
        await hears(page, ROUTINE_HZ)
        assert await heard(page, EMERGENCY_HZ) == 0
        assert await heard(page, PRIORITY_HZ) == 0


async def test_muted_it_says_until_when_and_only_a_confirmed_silence_reaches_calls_for_help(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    async with listening(plain_browser, house.server.url, house) as page:
        await page.keyboard.press("/")
        await page.keyboard.type("mute 20")
        await expect(page.locator("[data-hit=mute-20]")).to_be_visible()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("sound-muted")).to_contain_text("Muted until")
        await dispatcher.open_incident()
        await expect(page.get_by_test_id("incident-row")).to_have_count(1)
        await page.keyboard.press("s")
        await expect(page.get_by_test_id("sound-recent")).to_contain_text("not heard here")
        assert await heard(page, PRIORITY_HZ) == 0

        await page.get_by_test_id("test-priority").click()
        await hears(page, PRIORITY_HZ)
        await slide(page, "priority", 0)
        await page.get_by_test_id("test-priority").click()
        await slide(page, "sos", 0)
        await expect(page.get_by_test_id("volume-sos")).to_have_value("30")
        await slide(page, "master", 0)
        await page.get_by_test_id("test-sos").click()
        await hears(page, SIREN_HZ, times=2)
        assert await heard(page, PRIORITY_HZ) == 1
        await slide(page, "master", 80)
        await page.get_by_test_id("sos-silence").click()
        await page.get_by_test_id("sos-silence-confirm").click()
        await looked_at(page, "sound")
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("sos-silent")).to_contain_text("SILENT")

        await page.reload()
        await expect(page.get_by_test_id("sos-silent")).to_be_visible()
        await page.get_by_test_id("sos-silent").click()
        await expect(page.get_by_test_id("sos-silent")).to_have_count(0)
        await page.get_by_test_id("sound-muted").click()
        await sound_is(page, "on")
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.keyboard.press("s")
        await expect(page.get_by_test_id("volume-priority")).to_have_value("0")
        await looked_at(page, "sound-narrow")


async def test_an_order_that_nobody_received_has_a_tone_of_its_own_and_says_what_rang(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    """Nobody in this house has a device switched on."""
    async with listening(plain_browser, house.server.url, house) as page:
        await dispatcher.send(house.seeded.fleet.devices[0].unit_id)
        await hears(page, ORDER_HZ, times=2)
        await page.keyboard.press("s")
        recent = page.get_by_test_id("sound-recent").first
        await expect(recent).to_contain_text("Order unanswered")
        await expect(recent).to_contain_text("P-01")


async def test_of_two_tabs_one_rings_and_the_other_takes_over(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    async with listening(plain_browser, house.server.url, house) as first:
        await sound_is(first, "on")
        second = await first.context.new_page()
        await to_console(second)
        await touched(second)
        await sound_is(second, "elsewhere")
        await dispatcher.open_incident(priority="routine")
        await hears(first, ROUTINE_HZ)
        await expect(second.get_by_test_id("incident-row")).to_have_count(1)
        assert await heard(second, ROUTINE_HZ) == 0

        await first.close()

        await sound_is(second, "on")
        await dispatcher.open_incident(priority="routine")
        await hears(second, ROUTINE_HZ)


async def test_a_lost_link_rings_and_stands_in_the_list_until_it_is_back(
    plain_browser: Browser, house: House, relay: Relay
) -> None:
    async with listening(plain_browser, relay.url, house) as page:
        relay.fall_silent()
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "lost")
        row = page.locator("[data-testid=standing-row][data-class=link]")
        await expect(row).to_be_visible()
        await hears(page, LINK_HZ)

        relay.sound_again()

        await expect(row).to_have_count(0)


async def test_a_page_that_the_browser_keeps_silent_says_so(
    plain_browser: Browser, house: House
) -> None:
    async with listening(plain_browser, house.server.url, house) as page:
        kept = await page.context.storage_state()
    context = await plain_browser.new_context(
        storage_state=kept, reduced_motion="reduce", base_url=house.server.url
    )
    try:
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        await page.add_init_script(f"({SAY_WHEN_SOUND_OPENS})()")
        # Playwright's looks at a page count as a person's touch: none before the page has tried.
        async with page.expect_console_message(lambda said: said.text == "sound opens"):
            await page.goto("/console")
        await stands(page)
        await expect(page.get_by_test_id("sound-blocked")).to_be_visible()
        await looked_at(page, "blocked")

        await page.get_by_test_id("sound-blocked").click()

        await expect(page.get_by_test_id("sound-blocked")).to_have_count(0)
        await sound_is(page, "on")
    finally:
        await context.close()
