"""A camera that will not last: told on the console, one key asks, the officer answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_position
from tests.browser.phones import PHONE
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house() as house:
        asyncio.run(take_the_spares_away(house))
        yield house


async def take_the_spares_away(house: House) -> None:
    """A spare would be the best that one can do; here the camera itself has to save."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute("UPDATE spare SET retired_at = now()")
    finally:
        await owner.close()


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    async with dispatching(house.server, house.seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def console(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "dispatcher")
    async with person(plain_browser, house.server.url, login, reduced_motion="reduce") as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def handset(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "officer")
    options = PHONE | {"reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **options) as page:
        await expect(page.get_by_test_id("link")).to_have_attribute("data-state", "live")
        yield page


async def test_one_key_asks_and_the_officer_says_that_he_does_it(
    console: Page, handset: Page, dispatcher: Dispatcher, house: House
) -> None:
    unit_id = house.seeded.fleet.devices[0].unit_id
    await dispatcher.send(unit_id, type="assault", priority="emergency")
    for step in ("accepted", "en_route", "on_scene"):
        await handset.get_by_test_id(f"step-{step}").click()
    report_position(house.server, house.seeded, bat=12, mode="stream")

    await console.keyboard.press("4")
    row = console.locator("[data-testid=work-row][data-kind=battery_short]")
    await expect(row).to_contain_text("lasts the job:")
    assert await violations(console) == []
    await console.keyboard.press("m")
    await expect(row.locator("[data-act]").first).to_be_focused()
    await console.keyboard.press("m")
    await expect(row).to_contain_text("sees to it")
    advice = handset.get_by_test_id("advice")
    await expect(advice).to_contain_text("camera")
    assert await violations(handset) == []
    await handset.get_by_test_id("advice-accepted").click()

    await expect(handset.get_by_test_id("advice-answered")).to_have_attribute(
        "data-answer", "accepted"
    )
    await row.get_by_test_id("work-open").click()
    asked = console.get_by_test_id("mitigation")
    await expect(asked).to_have_attribute("data-state", "accepted")
    await expect(asked).to_contain_text("expected −")
    assert await violations(console) == []
    await console.get_by_test_id("mitigation-end").click()
    await expect(asked).to_have_attribute("data-open", "false")
