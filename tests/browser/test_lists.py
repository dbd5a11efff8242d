"""Lists that a dispatcher lives in: 1,500 units, the queue as it ages, whose an incident is, and
whether all is well at the scene.

One house for all: in urgent incidents its timers of welfare are short, in others as they come.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from server import demo
from server.ids import new_id
from tests.browser.house import House, NewHouse
from tests.browser.people import Dispatcher, dispatching, login_of, person, report_position, toasted
from tests.browser.test_accessibility import violations
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.browser

TIP_MS = 3_000
"""Long after a tip is shown."""

IDLE = 1_500
"""Units that nobody is in, beside those that work here."""
WELFARE_S = 1
LI = "li.na"


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WELFARE_S", "WELFARE_ANSWER_S"):
            patch.setenv(f"RIDGELINE_TIMER_PEACE_URGENT_{name}", str(WELFARE_S))
        with new_house(units=2, idle=IDLE) as house:
            asyncio.run(sit_down_another_dispatcher(house))
            yield house


async def sit_down_another_dispatcher(house: House) -> None:
    """Li, with the first one's password; and who drives with whom goes home."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "INSERT INTO app_user (id, username, display_name, password_hash, roles) "
            "SELECT $1, $2, 'Li Na', password_hash, roles FROM app_user WHERE username = $3",
            new_id(),
            LI,
            login_of(house.seeded, "dispatcher").username,
        )
        await owner.execute(
            "DELETE FROM unit_officer USING officer "
            "WHERE officer.id = unit_officer.officer_id AND badge = ANY($1)",
            house.seeded.fleet.devices[0].badges[1:],
        )
    finally:
        await owner.close()


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(house: House) -> AsyncIterator[Dispatcher]:
    async with dispatching(house.server, house.seeded) as dispatcher:
        yield dispatcher


def logins(house: House) -> tuple[demo.Login, demo.Login]:
    first = login_of(house.seeded, "dispatcher")
    return first, demo.Login(username=LI, password=first.password, roles=first.roles)


@pytest_asyncio.fixture(loop_scope="session")
async def desks(plain_browser: Browser, house: House) -> AsyncIterator[tuple[Page, Page]]:
    """Two dispatchers, each before a console."""
    async with AsyncExitStack() as stack:
        pages = [
            await stack.enter_async_context(
                person(plain_browser, house.server.url, each, reduced_motion="reduce")
            )
            for each in logins(house)
        ]
        for page in pages:
            await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        yield pages[0], pages[1]


async def whose(page: Page, expected: str) -> None:
    await expect(page.get_by_test_id("claim")).to_have_attribute("data-whose", expected)


async def test_an_incident_is_one_dispatchers_until_another_takes_it_over(
    desks: tuple[Page, Page], house: House, dispatcher: Dispatcher
) -> None:
    wang, li = desks
    report_position(house.server, house.seeded)
    incident = await dispatcher.open_incident()
    me = login_of(house.seeded, "dispatcher").username
    for page in desks:
        await page.locator(f"[data-incident='{incident['number']}']").click()
        await whose(page, "nobody")

    await wang.keyboard.press("g")
    await whose(wang, "mine")
    await whose(li, "other")
    await expect(li.get_by_test_id("row-claim")).to_contain_text(me)
    await expect(wang.get_by_test_id("row-claim")).to_contain_text("you")
    for page in desks:
        assert await violations(page) == []

    # Who sends past a colleague is told so, and sends with the second press.
    await expect(li.get_by_test_id("claim-pass")).to_have_attribute("data-armed", "false")
    await li.get_by_test_id("dispatch").click()
    await expect(li.get_by_test_id("claim-pass")).to_have_attribute("data-armed", "true")
    await expect(li.get_by_test_id("order")).to_have_count(0)
    await li.get_by_test_id("dispatch").click()
    await expect(li.get_by_test_id("order")).to_have_count(1)

    await li.get_by_test_id("claim").scroll_into_view_if_needed()
    await li.keyboard.press("g")
    await expect(li.get_by_test_id("ask-confirm")).to_be_visible()
    assert await violations(li) == []
    await li.get_by_test_id("ask-confirm").click()  # without a reason the form stays
    await expect(li.get_by_test_id("ask-input")).to_be_focused()
    await li.get_by_test_id("ask-input").fill("on another call")
    await li.keyboard.press("Control+Enter")
    await whose(li, "mine")
    await whose(wang, "other")
    number = incident["number"]
    await toasted(wang, f"{LI} has taken over #{number} from you: “on another call”")
    await expect(wang.get_by_test_id("claim")).to_contain_text("on another call")

    await li.get_by_role("button", name="Sign out").click()
    await expect(li.get_by_test_id("login-submit")).to_be_visible()
    await whose(wang, "nobody")


async def test_of_two_who_press_at_once_one_has_it(
    desks: tuple[Page, Page], dispatcher: Dispatcher
) -> None:
    incident = await dispatcher.open_incident()
    for page in desks:
        await page.locator(f"[data-incident='{incident['number']}']").click()
        await whose(page, "nobody")

    await asyncio.gather(*(page.keyboard.press("g") for page in desks))

    seen = [page.get_by_test_id("claim") for page in desks]
    for each in seen:
        await expect(each).to_have_attribute("data-whose", re.compile("mine|other"))
    assert sorted([str(await each.get_attribute("data-whose")) for each in seen]) == [
        "mine",
        "other",
    ]


async def at_the_scene(house: House, dispatcher: Dispatcher, priority: str) -> dict[str, Any]:
    """A lone officer's order, as the unit said by voice."""
    order = await dispatcher.send(house.seeded.fleet.devices[0].unit_id, priority=priority)
    for state in ("accepted", "en_route", "on_scene"):
        await dispatcher.report(order, state)
    return order


async def test_a_lone_officer_is_watched_and_asked_with_one_key(
    desks: tuple[Page, Page], house: House, dispatcher: Dispatcher
) -> None:
    page, _ = desks
    await at_the_scene(house, dispatcher, "routine")

    await page.keyboard.press("2")
    row = page.locator("[data-testid=unit-row][data-status=on_scene]")
    await page.get_by_test_id("units-status-on_scene").click()
    chip = row.get_by_test_id("unit-welfare")
    await expect(chip).to_contain_text(re.compile(r"check 1\d:\d\d"))
    await expect(row.get_by_test_id("unit-job")).to_contain_text(re.compile(r"#\d+ "))
    await row.click()
    watch = page.get_by_test_id("welfare")
    await expect(watch).to_contain_text(re.compile(r"asked in 1\d:\d\d"))
    await page.keyboard.press("q")
    await expect(watch).to_have_attribute("data-state", "asked")
    await expect(chip).to_have_attribute("data-state", "asked")
    assert await violations(page) == []
    await page.get_by_test_id("welfare-well").click()
    await expect(watch).to_have_attribute("data-state", "next")
    await page.get_by_test_id("units-status-all").click()


async def test_a_lone_officer_who_does_not_answer_is_an_alarm(
    desks: tuple[Page, Page], house: House, dispatcher: Dispatcher
) -> None:
    page, _ = desks
    await at_the_scene(house, dispatcher, "priority")

    await page.locator("[data-testid=incident-row][data-status=assigned]").click()
    watch = page.get_by_test_id("welfare")
    asked = page.locator("[data-testid=order-event][data-state=welfare_asked]")
    await expect(watch).to_have_attribute("data-state", "silent")
    await expect(asked).to_have_count(1)
    assert await violations(page) == []
    await page.keyboard.press("4")
    alarm = page.locator("[data-kind=welfare_silent]")
    await expect(alarm).to_have_attribute("data-severity", "alarm")
    await alarm.get_by_test_id("work-open").focus()
    await page.keyboard.press("m")
    await expect(asked).to_have_count(2)
    await page.get_by_test_id("welfare-unwell").click()
    await page.get_by_test_id("ask-input").fill("held at knifepoint")
    await page.get_by_test_id("ask-confirm").click()
    await expect(page.locator("[data-kind=welfare_alarm]")).to_contain_text("held at knifepoint")
    await expect(alarm).to_have_count(0)
    await page.keyboard.press("1")


async def test_fifteen_hundred_units_scroll_by_wheel_keyboard_and_filters(
    desks: tuple[Page, Page], house: House
) -> None:
    page, _ = desks
    await page.keyboard.press("2")
    rows = page.get_by_test_id("unit-row")
    await expect(rows.first).to_have_attribute("data-unit", "A-0001")
    assert await rows.count() < 60, "only those in sight are there"
    first = page.locator("li:has([data-unit=A-0001])")
    await expect(first).to_have_attribute("aria-setsize", str(IDLE + 2))
    await expect(first).to_have_attribute("aria-posinset", "1")

    await page.get_by_test_id("unit-row").first.focus()
    for _ in range(40):
        await page.keyboard.press("j")
    here = page.locator("[data-unit=A-0040]")
    await expect(here).to_be_focused()
    await expect(here).to_be_in_viewport(ratio=1)
    await expect(page.locator("li:has([data-unit=A-0040])")).to_have_attribute(
        "aria-posinset", "40"
    )
    await page.mouse.move(100, 600)
    await page.mouse.wheel(0, 200_000)
    await expect(page.locator("[data-unit=P-02]")).to_be_in_viewport(ratio=1)
    await expect(here).to_be_focused()
    await page.keyboard.press("k")
    await expect(page.locator("[data-unit=A-0039]")).to_be_focused()
    await expect(page.locator("[data-unit=A-0039]")).to_be_in_viewport(ratio=1)
    assert await violations(page) == []

    station = page.get_by_test_id("units-station")
    name = str(await station.locator("option").nth(1).get_attribute("value"))
    await station.select_option(name)
    await expect(rows.first).to_contain_text(name)
    await station.select_option("")
    await page.get_by_test_id("units-kind").select_option("motorcycle")
    await expect(rows.first.get_by_title("Motorcycle")).to_be_visible()
    await page.get_by_test_id("units-kind").select_option("")
    await page.get_by_test_id("units-status-off_duty").click()
    await page.get_by_test_id("units-search").fill("A-1499")
    await expect(rows).to_have_count(1)
    await page.get_by_test_id("units-search").fill("")
    await page.get_by_test_id("units-status-all").click()

    report_position(house.server, house.seeded, 0, bat=9)
    await page.get_by_test_id("units-sort").select_option("battery")
    emptiest = rows.first
    await expect(emptiest.get_by_role("img", name="Body camera: 9 %")).to_be_visible()
    await expect(emptiest).to_contain_text("cam")
    await page.get_by_test_id("units-sort").select_option("status")
    await expect(rows.first).not_to_have_attribute("data-status", "off_duty")


async def point_at(page: Page, what: Locator, tip: Locator) -> None:
    """Again where an alarm that came just then moved it away from under the pointer."""
    async with asyncio.timeout(PATIENCE_S):
        while not await tip.count():
            await page.mouse.move(700, 450)
            await what.hover()
            await page.wait_for_timeout(TIP_MS)


async def test_a_moment_says_when_it_was_in_utc_by_pointer_by_keyboard_and_by_finger(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    await dispatcher.open_incident()
    at = (await dispatcher.open_incident(priority="emergency"))["opened_at"]
    utc = f"{at[:10]} {at[11:19]} UTC"
    login = login_of(house.seeded, "dispatcher")
    options = {"timezone_id": "Asia/Shanghai", "has_touch": True, "reduced_motion": "reduce"}
    async with person(plain_browser, house.server.url, login, **options) as page:
        row = page.get_by_test_id("incident-row").first
        tip = page.get_by_test_id("time-tip")
        await point_at(page, row.locator("time"), tip)
        await expect(tip).to_contain_text(utc)
        await expect(tip).to_contain_text("UTC+8")
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(tip).to_have_count(0)
        await page.mouse.move(700, 450)

        await page.get_by_test_id("new-incident").focus()
        await page.keyboard.press("Tab")
        await expect(row).to_be_focused()
        await expect(tip).to_contain_text(utc)
        await expect(row).to_have_attribute("aria-describedby", "time-tip")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")

        await row.click()
        age, opened = page.locator(".detail-age time"), page.locator(".detail-by time")
        await expect(age).to_have_attribute("tabindex", "0")
        await age.focus()
        await page.keyboard.press("ArrowDown")
        await expect(opened).to_be_focused()
        await expect(tip).to_contain_text(utc)
        await opened.tap()
        await expect(tip).to_contain_text(utc)


async def test_the_queue_ages_and_is_filtered(
    plain_browser: Browser, house: House, dispatcher: Dispatcher
) -> None:
    for _ in range(8):
        await dispatcher.open_incident(priority="routine")
    urgent = await dispatcher.open_incident(priority="priority")
    await let_wait(house, urgent["id"], 160)
    login = login_of(house.seeded, "dispatcher")
    async with person(plain_browser, house.server.url, login, reduced_motion="reduce") as page:
        row = page.locator(f"[data-incident='{urgent['number']}']")
        await expect(row).to_have_attribute("data-age", "aging")
        await expect(row).to_contain_text("due soon")
        await let_wait(house, urgent["id"], 600)
        await page.reload()
        await expect(row).to_have_attribute("data-age", "late")
        await expect(row).to_contain_text("overdue")
        assert await violations(page) == []

        rows = page.get_by_test_id("incident-row")
        await expect(rows).to_have_count(9)
        await page.get_by_test_id("queue-late").click()
        await expect(rows).to_have_count(1)
        await page.get_by_test_id("queue-late").click()
        await page.get_by_test_id("queue-routine").click()
        await expect(rows).to_have_count(8)
        await page.get_by_test_id("queue-mine").click()
        await expect(rows).to_have_count(0)
        await expect(page.locator(".empty")).to_contain_text("9 are open")


async def let_wait(house: House, incident_id: str, seconds: int) -> None:
    """As if it had been opened so long ago; consoles learn of it within half a minute."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute(
            "UPDATE incident SET opened_at = now() - make_interval(secs => $2) WHERE id = $1",
            incident_id,
            seconds,
        )
    finally:
        await owner.close()
