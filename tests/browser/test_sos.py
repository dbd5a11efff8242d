"""An officer calls for help with the handset, and the console does not let go of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import login_of, person, report_position
from tests.browser.phones import PHONE, ready
from tests.browser.test_accessibility import violations
from tests.browser.test_handset import all_sent
from tests.relay import Relay

pytestmark = pytest.mark.browser

SHORT_MS = 1_400
COUNT_SIRENS = """() => {
    window.tones = 0;
    const create = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () {
        window.tones += 1;
        return create.call(this);
    };
}"""


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=2) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def relay(house: House) -> AsyncIterator[Relay]:
    async with Relay.before(house.server.port) as relay:
        yield relay


@pytest_asyncio.fixture(loop_scope="session")
async def handset(plain_browser: Browser, relay: Relay, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "officer")
    options = PHONE | {"reduced_motion": "reduce"}
    async with person(plain_browser, relay.url, login, **options) as page:
        await ready(page)
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def console(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "dispatcher")
    options = {"reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **options) as page:
        await page.evaluate(COUNT_SIRENS)
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        yield page


async def stage(page: Page, wanted: str) -> None:
    await expect(page.get_by_test_id("sos-state")).to_have_attribute("data-state", wanted)


async def test_a_call_without_signal_is_sent_first_and_sounds_until_a_dispatcher_has_seen_it(
    handset: Page, console: Page, relay: Relay, house: House
) -> None:
    report_position(house.server, house.seeded)
    unit = await handset.get_by_test_id("handset-unit").text_content()
    relay.fall_silent()
    await handset.get_by_test_id("sos").hover()
    await handset.mouse.down()
    await stage(handset, "waiting")
    await handset.mouse.up()
    await expect(handset.get_by_test_id("sos-state")).to_contain_text("not sent yet")
    await handset.reload()
    await stage(handset, "waiting")
    assert await violations(handset) == []

    relay.sound_again()
    await stage(handset, "sent")
    call = console.get_by_test_id("sos-call")
    await expect(call).to_contain_text(str(unit))
    await expect(call).to_contain_text("position")
    await expect(call.get_by_test_id("sos-nearest")).to_contain_text("min")
    await console.wait_for_function("() => window.tones >= 8")
    assert await violations(console) == []

    await console.keyboard.press("a")

    await expect(console.get_by_test_id("sos-banner")).to_have_count(0)
    await expect(console.get_by_test_id("detail")).to_contain_text("Officer needs help")
    await expect(console.get_by_test_id("recommendation-row")).to_have_count(1)
    await expect(console.get_by_test_id("excluded")).to_contain_text("calls for help")
    await stage(handset, "heard")
    await expect(handset.get_by_test_id("sos-state")).to_contain_text("A dispatcher has seen")
    await handset.get_by_test_id("sos-understood").click()
    await expect(handset.get_by_test_id("sos-state")).to_have_count(0)


async def test_a_short_press_calls_nobody(handset: Page) -> None:
    """By the page's own clock, which a slow machine does not hurry."""
    button = handset.get_by_test_id("sos")
    await button.hover()
    await handset.clock.install()
    await handset.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))

    await handset.mouse.down()
    await handset.clock.run_for(SHORT_MS)
    await expect(button).to_have_attribute("data-held", "true")
    await handset.mouse.up()
    await handset.clock.run_for(10 * SHORT_MS)

    await expect(button).to_have_attribute("data-held", "false")
    await expect(handset.get_by_test_id("sos-state")).to_have_count(0)


async def test_by_keyboard_and_withdrawn_it_still_wants_a_dispatcher(
    handset: Page, console: Page
) -> None:
    await handset.get_by_test_id("sos").focus()
    await handset.keyboard.down("Space")
    await stage(handset, "sent")
    await handset.keyboard.up("Space")

    await handset.get_by_test_id("sos-withdraw").click()
    await handset.get_by_test_id("sos-withdraw-confirm").click()
    await stage(handset, "withdrawn")
    await all_sent(handset)

    await expect(console.get_by_test_id("sos-withdrawn")).to_contain_text("false alarm")
    await console.get_by_test_id("sos-acknowledge").click()
    await expect(console.get_by_test_id("sos-banner")).to_have_count(0)
    await handset.get_by_test_id("sos-understood").click()
