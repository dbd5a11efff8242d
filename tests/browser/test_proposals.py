"""What the plan of all open incidents proposes: read, taken with one key, and in war by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from server.demo import FleetDevice
from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_fix
from tests.browser.test_accessibility import violations
from tests.small_county import crossing

pytestmark = pytest.mark.browser

SCENE, NEAR, FAR = crossing(6, 0), crossing(5, 0), crossing(0, 4)
PLANNED_MS = 90_000
"""A plan is made every 30 s; and 20 s later, in war, it is carried out."""


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=2) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    async with dispatching(house.server, house.seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def console(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "dispatcher")
    options = {"reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **options) as page:
        await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        yield page


async def a_better_unit(house: House, dispatcher: Dispatcher) -> tuple[dict[str, Any], FleetDevice]:
    """A unit on foot is on its way from the other end of the valley, a car is beside the place:
    the order, and a camera of the other unit."""
    walker, car = [each for each in house.seeded.fleet.devices if each.kind == "body_camera"]
    db = await asyncpg.connect(house.database_url)
    try:
        for device, kind in ((walker, "foot"), (car, "patrol_car")):
            await db.execute("UPDATE unit SET kind = $2 WHERE id = $1", device.unit_id, kind)
    finally:
        await db.close()
    await asyncio.to_thread(report_fix, house.server, walker, FAR, bat=80)
    await asyncio.to_thread(report_fix, house.server, car, NEAR, bat=80)
    lon, lat = SCENE
    order = await dispatcher.send(walker.unit_id, lon=lon, lat=lat)
    await dispatcher.report(order, "en_route")
    return order, car


async def test_a_better_unit_is_read_in_both_languages_and_sent_with_one_key(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    order, car = await a_better_unit(house, dispatcher)
    await console.keyboard.press("4")
    row = console.locator("[data-testid=work-row][data-kind=swap]")
    await expect(row).to_be_visible(timeout=PLANNED_MS)
    await expect(row).to_contain_text(f"{car.call_sign} instead of")
    await expect(row).to_contain_text("min sooner")
    assert await violations(console) == []
    await console.get_by_test_id("language").click()
    await expect(row).to_contain_text(f"{car.call_sign} 替换")
    assert await violations(console) == []
    await console.get_by_test_id("language").click()

    await console.keyboard.press("m")  # first to what it would do
    await expect(console.get_by_test_id("proposal-accept")).to_be_focused()
    await console.keyboard.press("m")

    await expect(row).to_have_count(0)
    before = await dispatcher.order(order)
    assert before["recall"]["why"] == "handed_over"
    (sent,) = await dispatcher.orders_beside(order)
    assert sent["call_sign"] == car.call_sign


async def test_in_war_by_its_order_a_better_unit_is_sent_unless_somebody_stops_it(
    console: Page, dispatcher: Dispatcher, house: House, plain_browser: Browser
) -> None:
    chief = login_of(house.seeded, "supervisor")
    async with person(plain_browser, house.server.url, chief) as supervisor:
        await supervisor.goto("/console")
        await expect(supervisor.get_by_test_id("feed-state")).to_have_attribute(
            "data-state", "live"
        )
        await supervisor.keyboard.press("w")
        await supervisor.get_by_test_id("stance-reason").fill("earthquake")
        await supervisor.get_by_test_id("stance-reoptimise").check()
        await supervisor.get_by_test_id("stance-password").fill(chief.password)
        await supervisor.get_by_test_id("stance-submit").click()
    await expect(console.get_by_test_id("stance-banner")).to_contain_text(
        "better units are sent by themselves"
    )
    order, car = await a_better_unit(house, dispatcher)

    await console.keyboard.press("4")
    row = console.locator("[data-testid=work-row][data-kind=swap]")
    await expect(row).to_contain_text("by war order 1, unless somebody", timeout=PLANNED_MS)
    assert await violations(console) == []
    await expect(row).to_have_count(0, timeout=PLANNED_MS)

    (sent,) = await dispatcher.orders_beside(order)
    assert (sent["call_sign"], sent["issued_by"]) == (car.call_sign, "stance:1")
    await console.keyboard.press("1")
    await console.get_by_test_id("incident-row").first.click()
    await expect(console.get_by_test_id("order-recall")).to_contain_text("war order 1")
