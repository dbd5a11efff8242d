"""Names and notes that are HTML: every face shows them as they are and runs nothing of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, report_position
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

HTML = '<img src=x onerror="window.ran=1"><script>window.ran=1</script><b id=bold>note</b>'
NAME = "<img src=x onerror=ran=1>"
"""Short enough for a call sign."""
MADE_OF_IT = 'img[src="x"], #bold, script:not([src])'


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    """One whose unit, officers and devices have such names."""
    with new_house() as house:
        asyncio.run(rename(house))
        house.server.kill()
        house.server.start()  # it reads them as it begins
        yield house


async def rename(house: House) -> None:
    owner = await asyncpg.connect(house.database_url)
    try:
        for what in ("unit SET call_sign", "officer SET name", "device SET model"):
            await owner.execute(f"UPDATE {what} = $1", NAME)
    finally:
        await owner.close()


async def test_html_in_names_and_notes_is_text_on_every_face(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    report_position(server, seeded)
    async with dispatching(server, seeded) as dispatcher:
        async with person(plain_browser, server.url, login_of(seeded, "officer")) as page:
            await expect(page.get_by_text("No order")).to_be_visible()
            await expect(page.get_by_test_id("handset-unit")).to_have_text(NAME)
            await dispatcher.send(seeded.fleet.devices[0].unit_id, note=HTML, place=HTML)
            await expect(page.get_by_test_id("order")).to_contain_text(HTML)
            await shows_it_as_text(page)
        async with person(plain_browser, server.url, login_of(seeded, "dispatcher")) as page:
            await page.get_by_test_id("incident-row").click()
            await expect(page.get_by_test_id("order-state")).to_be_visible()
            await expect(page.get_by_test_id("order")).to_have_attribute("data-unit", NAME)
            await expect(page.get_by_test_id("detail")).to_contain_text(NAME)
            await shows_it_as_text(page)
        async with person(plain_browser, server.url, login_of(seeded, "supervisor")) as page:
            await expect(page.get_by_test_id("journal-row").first).to_be_visible()
            await shows_it_as_text(page)


async def shows_it_as_text(page: Page) -> None:
    """The text is there; no element was made of it, and no script ran."""
    await expect(page.get_by_text("<img src=x").first).to_be_visible()
    await expect(page.locator(MADE_OF_IT)).to_have_count(0)
    assert await page.evaluate("window.ran") is None
