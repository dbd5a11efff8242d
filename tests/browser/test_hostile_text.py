"""Names and notes that are HTML: every face shows them as they are and runs nothing of them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from server import demo
from server.stores.pool import Pool
from tests.browser.people import dispatching, login_of, person, report_position
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

HTML = '<img src=x onerror="window.ran=1"><script>window.ran=1</script><b id=bold>note</b>'
NAME = "<img src=x onerror=ran=1>"
"""Short enough for a call sign."""
MADE_OF_IT = 'img[src="x"], #bold, script:not([src])'


async def test_html_in_names_and_notes_is_text_on_every_face(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, pool: Pool
) -> None:
    await pool.execute("UPDATE unit SET call_sign = $1", NAME)
    await pool.execute("UPDATE officer SET name = $1", NAME)
    await pool.execute("UPDATE device SET model = $1", NAME)
    report_position(server, seeded)
    async with dispatching(server, seeded) as dispatcher:
        async with person(plain_browser, server.url, login_of(seeded, "officer")) as page:
            await expect(page.get_by_text("No order")).to_be_visible()
            await dispatcher.send(seeded.fleet.devices[0].unit_id, note=HTML, place=HTML)
            await expect(page.get_by_test_id("order")).to_contain_text(HTML)
            await shows_it_as_text(page)
        async with person(plain_browser, server.url, login_of(seeded, "dispatcher")) as page:
            await page.get_by_test_id("incident-row").click()
            await expect(page.get_by_test_id("order-state")).to_be_visible()
            await shows_it_as_text(page)
        async with person(plain_browser, server.url, login_of(seeded, "supervisor")) as page:
            await expect(page.get_by_test_id("journal-row").first).to_be_visible()
            await shows_it_as_text(page)


async def shows_it_as_text(page: Page) -> None:
    """The text is there; no element was made of it, and no script ran."""
    await expect(page.get_by_text("<img src=x").first).to_be_visible()
    await expect(page.locator(MADE_OF_IT)).to_have_count(0)
    assert await page.evaluate("window.ran") is None
