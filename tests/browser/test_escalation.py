"""Nobody answers: the leader is asked on his handset, the next-best unit is one press away."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_position
from tests.browser.phones import PHONE, ready
from tests.browser.test_accessibility import violations
from tests.browser.test_handset import all_sent

pytestmark = pytest.mark.browser

PACE = {"REPEAT_S": 1, "ACCEPTANCE_S": 2, "ESCALATE_S": 3, "SUPERVISOR_S": 300}


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    """Nobody in it has a device switched on; the officer is of the second unit."""
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in PACE.items():
            patch.setenv(f"RIDGELINE_TIMER_PEACE_URGENT_{name}", str(seconds))
        with new_house(units=2) as house:
            for number in range(2):
                report_position(house.server, house.seeded, number)
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


@pytest_asyncio.fixture(loop_scope="session")
async def leader(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> AsyncIterator[Page]:
    """The second unit's officer leads the first unit, and has a handset before him."""
    first, *_, second = house.seeded.fleet.devices
    await dispatcher.set_leader(first.unit_id, second.badges[0])
    login, options = login_of(house.seeded, "officer"), PHONE | {"reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **options) as page:
        await ready(page)
        yield page


async def test_the_leader_sees_to_it_on_his_handset_and_the_console_says_so(
    console: Page, leader: Page, dispatcher: Dispatcher, house: House
) -> None:
    unit = house.seeded.fleet.devices[0]
    order = await dispatcher.send(unit.unit_id)
    await console.get_by_test_id("incident-row").first.click()

    await expect(leader.get_by_test_id("ask")).to_contain_text(unit.call_sign)
    assert await violations(leader) == []
    await leader.get_by_test_id("ask-accepted").click()
    await expect(leader.get_by_test_id("ask-answered")).to_contain_text("You see to it")
    await all_sent(leader)

    asked = console.get_by_test_id("order-leader")
    await expect(asked).to_have_attribute("data-answer", "accepted")
    await expect(asked).to_contain_text("sees to it")
    assert (await dispatcher.order(order))["closed_at"] is None
    await dispatcher.report(order, "accepted")
    await expect(leader.get_by_test_id("ask-over")).to_have_attribute("data-why", "accepted")
    await leader.get_by_test_id("ask-understood").click()
    await expect(leader.get_by_test_id("ask")).to_have_count(0)


async def test_a_leader_who_cannot_says_why_and_a_person_is_told(
    leader: Page, dispatcher: Dispatcher, house: House
) -> None:
    await dispatcher.send(house.seeded.fleet.devices[0].unit_id)

    await leader.get_by_test_id("ask-declined").click()
    await leader.get_by_test_id("reason").first.click()
    await expect(leader.get_by_test_id("ask-over")).to_have_attribute("data-why", "cannot")
    await all_sent(leader)

    item = (await dispatcher.worklist())["leader_declined"]
    assert item["body"]["reason"]
    await leader.get_by_test_id("ask-understood").click()


async def test_the_proposed_unit_is_sent_by_one_press_and_two_on_one_job_are_told(
    console: Page, dispatcher: Dispatcher, house: House
) -> None:
    first, *_, second = house.seeded.fleet.devices
    order = await dispatcher.send(first.unit_id)
    await console.get_by_test_id("incident-row").first.click()

    proposal = console.get_by_test_id("order-proposal")
    await expect(proposal).to_contain_text(second.call_sign)
    await proposal.click()

    await expect(console.get_by_test_id("order")).to_have_count(2)
    await expect(proposal).to_have_count(0)
    (sent,) = await dispatcher.orders_beside(order)
    assert sent["unit_id"] == second.unit_id
    left = await dispatcher.order(order)
    assert left["escalation"]["offered_order_ids"] == [sent["id"]]
    assert (left["closed_at"], left["recall"]) == (None, None), "the first may still answer"
    await dispatcher.report(order, "accepted")
    await console.keyboard.press("4")
    await expect(console.locator("[data-testid=work-row][data-kind=two_units]")).to_be_visible()


# -- two at once: the same house has the two units for it ------------------------------------


async def test_one_key_sends_both_of_the_two_that_are_proposed(
    console: Page, dispatcher: Dispatcher
) -> None:
    await dispatcher.open_incident(type="armed_threat", priority="emergency", note="a knife")
    await console.get_by_test_id("incident-row").first.click()

    pair = console.get_by_test_id("pair")
    await expect(pair).to_contain_text("violence or a weapon is to be expected")
    await expect(pair).to_contain_text("both there in")
    assert await violations(console) == []
    units = (await pair.get_attribute("data-units") or "").split(",")
    if shots := os.environ.get("RIDGELINE_SHOTS"):
        await console.screenshot(path=Path(shots) / "pair.png")
    await console.keyboard.press("t")

    for unit in units:
        await expect(console.locator(f"[data-testid=order][data-unit='{unit}']")).to_have_count(1)
    assert len(set(units)) == 2
