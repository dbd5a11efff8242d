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
