"""What the control room asks of an officer, and how he answers: recall, standby, is all well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person
from tests.browser.phones import PHONE, ready
from tests.browser.test_accessibility import violations
from tests.browser.test_handset import all_sent, shown, steps, taken
from tests.relay import Relay

pytestmark = pytest.mark.browser

WELFARE_S = 2


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PEACE_URGENT", "PEACE_ORDINARY"):
            patch.setenv(f"RIDGELINE_TIMER_{name}_WELFARE_S", str(WELFARE_S))
        with new_house() as house:
            asyncio.run(send_the_second_officer_home(house))
            yield house


async def send_the_second_officer_home(house: House) -> None:
    """Only those who are alone are asked whether all is well."""
    badges = house.seeded.fleet.devices[-1].badges[1:]
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "DELETE FROM unit_officer USING officer "
            "WHERE officer.id = unit_officer.officer_id AND badge = ANY($1)",
            badges,
        )
    finally:
        await owner.close()


async def in_company(house: House, unit_id: str) -> None:
    """The second officer comes back."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "INSERT INTO unit_officer (officer_id, unit_id) SELECT id, $1 FROM officer "
            "WHERE badge = ANY($2)",
            unit_id,
            house.seeded.fleet.devices[-1].badges[1:],
        )
    finally:
        await owner.close()


async def ends_in(house: House, kind: str, seconds: int) -> None:
    """The newest commands of this kind, one a device, are to be answered until then."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "UPDATE command SET expires_at = now() + make_interval(secs => $2) WHERE kind = $1 "
            "AND created_at = (SELECT max(created_at) FROM command WHERE kind = $1)",
            kind,
            seconds,
        )
    finally:
        await owner.close()


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    async with dispatching(house.server, house.seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def relay(house: House) -> AsyncIterator[Relay]:
    async with Relay.before(house.server.port) as relay:
        yield relay


@pytest_asyncio.fixture(loop_scope="session")
async def page(plain_browser: Browser, relay: Relay, house: House) -> AsyncIterator[Page]:
    options = PHONE | {"reduced_motion": "reduce"}
    login = login_of(house.seeded, "officer")
    async with person(plain_browser, relay.url, login, **options) as page:
        await ready(page)
        yield page


@pytest.fixture
def unit_id(house: House) -> str:
    return house.seeded.fleet.devices[0].unit_id


async def test_an_order_stands_until_the_officer_lets_go_of_it(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    await page.get_by_test_id("step-accepted").click()
    await taken(page, "accepted")

    await dispatcher.recall(order, "the caller rang again")
    asked = page.get_by_test_id("recall")
    await expect(asked).to_contain_text("the caller rang again")
    await expect(page.get_by_test_id("step-en_route")).to_have_count(0)
    assert await violations(page) == []
    before = await dispatcher.order(order)
    relay.fall_silent()
    answered = page.get_by_test_id("recall-answered")
    await page.get_by_test_id("recall-accepted").click()
    await expect(answered).to_have_attribute("data-answer", "accepted")
    await page.reload()
    await expect(answered).to_have_attribute("data-answer", "accepted")
    relay.sound_again()

    await expect(page.get_by_test_id("order-ended")).to_have_attribute("data-why", "recalled")
    await page.get_by_test_id("understood").click()
    await expect(page.get_by_test_id("order-over")).to_contain_text("Recalled")
    assert before["state"] == "accepted"
    assert (await dispatcher.order(order))["state"] == "recalled"


async def test_an_officer_who_goes_on_says_why(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    await dispatcher.recall(order, "another unit is nearer")

    await page.get_by_test_id("recall-declined").click()
    await page.get_by_test_id("reason").nth(2).click()
    await expect(page.get_by_test_id("recall-answered")).to_be_visible()
    await page.get_by_test_id("step-accepted").click()
    await taken(page, "accepted")

    after = await dispatcher.order(order)
    assert (after["state"], after["recall"]["state"]) == ("accepted", "declined")


@pytest.mark.parametrize("left_s", [-1, 40], ids=["on arrival", "while it waits"])
async def test_a_recall_past_its_time_is_missed_and_the_order_goes_on(
    page: Page, relay: Relay, dispatcher: Dispatcher, house: House, unit_id: str, left_s: int
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    await page.clock.install()
    relay.fall_silent()
    await dispatcher.recall(order, "another unit is nearer")
    await ends_in(house, "recall", left_s)
    relay.sound_again()

    if left_s > 0:
        await expect(page.get_by_test_id("recall-accepted")).to_be_visible()
        await page.clock.fast_forward(1000 * left_s)
    await expect(page.get_by_test_id("recall-missed")).to_contain_text("Call the control room")

    await expect(page.get_by_test_id("recall")).to_have_count(0)
    await page.get_by_test_id("step-accepted").click()
    await taken(page, "accepted")
    assert (await dispatcher.order(order))["state"] == "accepted"


async def test_wait_a_little_says_until_when(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)

    await page.get_by_test_id("step-standby").click()
    await page.get_by_test_id("standby-5").click()
    await expect(page.get_by_test_id("standby-until")).to_contain_text("You asked to wait until")
    await all_sent(page)

    after = await dispatcher.order(order)
    assert after["state"] == "standby"
    assert after["standby_until"] is not None
    await page.get_by_test_id("step-accepted").click()


async def test_an_officer_is_asked_whether_all_is_well(
    page: Page, dispatcher: Dispatcher, house: House, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    for step in ("accepted", "en_route", "on_scene"):
        await page.get_by_test_id(f"step-{step}").click()
    await expect(page.get_by_test_id("check-accepted")).to_be_visible()
    await in_company(house, unit_id)  # or one is asked again before this question has gone

    await page.get_by_test_id("check-accepted").click()
    await expect(page.get_by_test_id("check")).to_have_count(0)
    await all_sent(page)

    assert steps(await dispatcher.order(order))["welfare_ok"] == 1
