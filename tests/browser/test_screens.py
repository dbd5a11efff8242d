"""Several windows for several monitors: the desk's go together, and the wall shows what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_position
from tests.browser.test_accessibility import violations
from tests.relay import Relay
from tests.server_process import ServerProcess
from tests.small_county import CENTRE

pytestmark = pytest.mark.browser

STILL: dict[str, Any] = {"reduced_motion": "reduce"}
SMALL_SCREEN: dict[str, Any] = {"viewport": {"width": 1280, "height": 640}} | STILL
MORE_THAN_A_PAGE = 9


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=2) as house:
        yield house


async def another_window(page: Page, screen: str) -> Page:
    await page.keyboard.press("v")
    async with page.expect_popup() as opened:
        await page.get_by_test_id(f"screens-{screen}").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    return await opened.value


async def test_what_is_selected_or_begun_in_one_window_is_so_in_all_of_the_desk(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    login = login_of(seeded, "dispatcher")
    async with (
        dispatching(server, seeded) as dispatcher,
        person(plain_browser, server.url, login, **STILL) as page,
    ):
        incident = await dispatcher.open_incident(note="seen twice")
        row = page.get_by_test_id("incident-row").first
        await expect(row).to_be_visible()
        charted = await another_window(page, "map")
        await expect(charted.get_by_test_id("map")).to_have_attribute("data-ready", "true")
        await expect(charted.get_by_test_id("incident-row")).to_have_count(0)
        lists = await another_window(page, "lists")
        await expect(lists.get_by_test_id("map")).to_have_count(0)
        assert await violations(charted) == []
        assert await violations(lists) == []

        await row.click()
        detail = lists.get_by_test_id("detail")
        await expect(detail).to_contain_text(f"#{incident['number']}")
        await detail.click()  # the window has the keyboard
        await lists.keyboard.press("Escape")
        await expect(row).to_have_attribute("aria-current", "false")

        middle = charted.get_by_test_id("map-canvas")
        await middle.click(button="right")
        await expect(lists.get_by_test_id("incident-where")).to_be_visible()
        await expect(page.get_by_test_id("incident-where")).to_be_visible()
        await lists.keyboard.press("Escape")
        await expect(page.get_by_test_id("incident-where")).to_have_count(0)

        await charted.get_by_role(
            "heading", level=1
        ).click()  # on the map Enter would take what is there
        await charted.keyboard.press("Enter")
        await expect(row).to_have_attribute("aria-current", "false")
        await dispatcher.clear()


async def test_two_consoles_opened_by_hand_have_nothing_to_do_with_each_other(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    login = login_of(seeded, "dispatcher")
    async with (
        dispatching(server, seeded) as dispatcher,
        person(plain_browser, server.url, login, **STILL) as page,
    ):
        await dispatcher.open_incident()
        other = await page.context.new_page()
        await other.goto("/console")
        await other.get_by_test_id("incident-row").first.click()
        await expect(other.get_by_test_id("detail")).to_contain_text("#")

        await expect(page.get_by_test_id("incident-row").first).to_have_attribute(
            "aria-current", "false"
        )
        await dispatcher.clear()


async def test_the_wall_shows_the_room_what_goes_on_and_says_when_it_does_not_know(
    plain_browser: Browser, house: House
) -> None:
    login = login_of(house.seeded, "dispatcher")
    async with (
        dispatching(house.server, house.seeded) as dispatcher,
        Relay.before(house.server.port) as relay,
        person(plain_browser, relay.url, login, **SMALL_SCREEN) as page,
    ):
        await page.goto("/console?screen=wall")
        wall, cards = page.get_by_test_id("wall"), page.get_by_test_id("wall-incident")
        await expect(wall).to_have_attribute("data-feed", "live")
        await expect(page.get_by_text("No open incident")).to_be_visible()

        report_position(house.server, house.seeded, bat=11)
        await expect(page.get_by_test_id("wall-cameras")).to_contain_text("11 %")
        (unit, *_) = {device.unit_id for device in house.seeded.fleet.devices}
        await dispatcher.send(unit, note="only for the console", priority="emergency")
        await expect(cards).to_have_count(1)
        await expect(cards).to_have_attribute("data-status", "assigned")
        await expect(wall).not_to_contain_text("only for the console")
        await expect(page.get_by_test_id("wall-count-assigned").locator("b")).to_have_text("1")

        await fill(dispatcher)
        await expect(page.get_by_test_id("wall-page")).to_have_attribute("data-page", "1")
        await expect(page.get_by_test_id("wall-page")).to_have_attribute("data-page", "2")
        assert await violations(page) == []

        relay.fall_silent()
        await expect(page.get_by_test_id("feed-banner")).to_contain_text("Feed lost since")
        relay.sound_again()
        await expect(wall).to_have_attribute("data-feed", "live")
        await dispatcher.clear()
        await expect(cards).to_have_count(0)


async def fill(dispatcher: Dispatcher) -> None:
    lon, lat = CENTRE
    for number in range(MORE_THAN_A_PAGE):
        await dispatcher.open_incident(lon=lon + 0.002 * number, lat=lat, place=f"km {number}")
