"""The console's feed over a link that falls silent: it says so, and misses nothing."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from server import demo
from tests.browser.people import dispatching, login_of, person
from tests.relay import Relay
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser


async def test_a_dead_link_says_since_when_and_what_happened_meanwhile_comes_after(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    async with (
        dispatching(server, seeded) as dispatcher,
        Relay.before(server.port) as relay,
        person(plain_browser, relay.url, login_of(seeded, "dispatcher")) as page,
    ):
        feed, banner = page.get_by_test_id("feed-state"), page.get_by_test_id("feed-banner")
        await expect(feed).to_have_attribute("data-state", "live")
        await dispatcher.open_incident(note="before the silence")
        await expect(page.get_by_test_id("incident-row")).to_have_count(1)
        age = page.get_by_test_id("incident-row").locator("time")

        relay.fall_silent()
        await dispatcher.open_incident(note="during the silence")
        await expect(banner).to_contain_text("Feed lost since")
        said, old = await banner.text_content(), await age.text_content()
        await expect(banner).not_to_have_text(str(said))
        await expect(age).not_to_have_text(str(old))
        await expect(page.get_by_test_id("incident-row")).to_have_count(1)
        relay.sound_again()

        await expect(feed).to_have_attribute("data-state", "live")
        await expect(feed).to_have_attribute("data-by", "resumed")
        await expect(banner).to_have_count(0)
        await expect(page.get_by_test_id("incident-row")).to_have_count(2)


async def test_before_the_first_word_of_the_feed_nothing_is_called_quiet(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    async with (
        dispatching(server, seeded) as dispatcher,
        Relay.before(server.port) as relay,
        person(plain_browser, relay.url, login_of(seeded, "dispatcher")) as page,
    ):
        await dispatcher.open_incident(note="nobody has told the console yet")
        relay.lets_websockets_pass = False
        await page.reload()
        await expect(page.get_by_test_id("feed-banner")).to_contain_text("No live feed yet")
        for name in ("incidents", "units", "roads", "work"):
            await page.get_by_test_id(f"{name}-tab").click()
            await expect(page.locator(".empty")).to_have_text("Not known yet.")
        await expect(page.get_by_test_id("detail")).to_contain_text("Not known yet.")
        await expect(page.locator(".count b")).to_have_text(["–", "–", "–"])

        relay.lets_websockets_pass = True

        await page.get_by_test_id("incidents-tab").click()
        await expect(page.get_by_test_id("incident-row")).to_have_count(1)
        await expect(page.get_by_text("Not known yet.")).to_have_count(0)
