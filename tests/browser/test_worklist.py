"""What failed reaches a person: the console's worklist, and changing one's mind about an order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_position
from tests.browser.test_accessibility import tab_to, violations

pytestmark = pytest.mark.browser


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


async def test_an_order_that_no_device_received_is_seen_to_by_keyboard(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    """Nobody in this house has a device switched on."""
    await dispatcher.send(house.seeded.fleet.devices[0].unit_id)

    await console.keyboard.press("4")
    # Further rows may come: nobody accepts it either.
    row = console.locator("[data-testid=work-row][data-kind=no_contact]")
    await expect(row).to_be_visible()
    await console.keyboard.press("j")
    await expect(console.locator("[data-testid=work-open]:focus")).to_have_count(1)
    await console.keyboard.press("Enter")
    await expect(console.get_by_test_id("order-timer").first).to_be_visible()
    assert await violations(console) == []
    await row.get_by_test_id("work-open").focus()
    await tab_to(row, "work-claim")
    await console.keyboard.press("Enter")
    await expect(row).to_contain_text("sees to it")
    await tab_to(row, "work-settle")
    await console.keyboard.press("Enter")
    await console.get_by_test_id("ask-input").fill("told by radio")
    await console.keyboard.press("Enter")

    await expect(console.locator("[data-kind=no_contact]")).to_have_count(0)


async def test_an_order_is_given_to_another_unit_and_both_show_until_the_first_lets_go(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    report_position(house.server, house.seeded)
    first, *_, second = house.seeded.fleet.devices
    order = await dispatcher.send(first.unit_id)
    await console.get_by_test_id("incident-row").first.click()

    await console.get_by_test_id("give-order").click()
    await console.get_by_test_id("give-unit").select_option(second.unit_id)
    await console.get_by_test_id("ask-input").fill("the road is blocked")
    await console.get_by_test_id("ask-confirm").click()

    orders = console.get_by_test_id("order")
    await expect(orders).to_have_count(2)
    recall = console.get_by_test_id("order-recall")
    await expect(recall).to_have_attribute("data-state", "requested")
    await expect(recall).to_contain_text("the road is blocked")
    await expect(recall).to_contain_text(second.call_sign)
    assert await violations(console) == []
    await console.get_by_test_id("recall-voice-yes").click()
    await expect(
        console.locator(f"[data-testid=order][data-unit='{first.call_sign}']")
    ).to_have_attribute("data-state", "handed_over")
    assert (await dispatcher.order(order))["state"] == "handed_over"


async def test_the_same_unit_gets_a_new_instruction_and_lets_go_of_the_old(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    report_position(house.server, house.seeded)
    unit = house.seeded.fleet.devices[0]
    order = await dispatcher.send(unit.unit_id)
    await console.get_by_test_id("incident-row").first.click()

    await console.get_by_test_id("replace-order").click()
    await console.get_by_test_id("replace-text").fill("come in from the east")
    await console.get_by_test_id("ask-input").fill("the west gate is locked")
    await console.get_by_test_id("ask-confirm").click()

    recall = console.get_by_test_id("order-recall")
    await expect(recall).to_contain_text("To be superseded")
    await expect(recall).to_contain_text("the west gate is locked")
    (new,) = await dispatcher.orders_beside(order)
    assert (new["unit_id"], new["instruction"]) == (unit.unit_id, "come in from the east")
    before = await dispatcher.order(order)
    assert (before["closed_at"], before["successor_id"]) == (None, new["id"])
    await console.get_by_test_id("recall-voice-yes").click()
    await expect(console.locator("[data-testid=order][data-state=superseded]")).to_have_count(1)
    assert (await dispatcher.order(new))["closed_at"] is None


async def test_a_recall_waits_for_the_unit(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    order = await dispatcher.send(house.seeded.fleet.devices[0].unit_id)
    await console.get_by_test_id("incident-row").first.click()

    await console.get_by_test_id("recall-order").click()
    await console.get_by_test_id("ask-input").fill("false alarm")
    await console.get_by_test_id("ask-confirm").click()

    await expect(console.get_by_test_id("order-recall")).to_contain_text("false alarm")
    await expect(console.get_by_test_id("recall-order")).to_have_count(0)
    assert (await dispatcher.order(order))["closed_at"] is None


async def waits(house: House, incident: dict[str, Any]) -> None:
    """As if the call had come two minutes ago."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "UPDATE incident SET opened_at = opened_at - interval '2 min' WHERE id = $1",
            incident["id"],
        )
    finally:
        await owner.close()


async def test_a_unit_for_an_incident_that_waits_is_sent_with_one_key(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    report_position(house.server, house.seeded)
    incident = await dispatcher.open_incident()
    await waits(house, incident)

    await console.keyboard.press("4")
    row = console.locator("[data-testid=work-row][data-kind=now_free]")
    await expect(row).to_contain_text(f"to incident {incident['number']} in")
    assert await violations(console) == []
    await console.keyboard.press("p")
    await expect(console.get_by_test_id("proposal-accept").first).to_be_focused()
    await console.keyboard.press("p")

    await expect(row).to_have_count(0)
    await console.keyboard.press("1")
    await console.get_by_test_id("incident-row").first.click()
    await expect(console.get_by_test_id("order")).to_have_count(1)
