"""A recommendation says what it hangs on, and whoever chooses otherwise is asked why, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, report_position, signed_in
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=3) as house:
        for number in range(3):
            report_position(house.server, house.seeded, number, bat=90 - 40 * number)
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def skilled(house: House) -> str:
    """Call sign of the one unit in which somebody can examine a scene."""
    device = house.seeded.fleet.devices[0]
    officer = {"badge": "0412", "name": "He Jun", "unit_id": device.unit_id}
    async with signed_in(house.server, login_of(house.seeded, "admin")) as admin:
        answer = await admin.post("/api/officers", json=officer | {"skills": ["scene_work"]})
    answer.raise_for_status()
    return device.call_sign


async def test_terms_runner_up_and_why_not_the_first(
    plain_browser: Browser, house: House, skilled: str
) -> None:
    async with (
        dispatching(house.server, house.seeded) as dispatcher,
        person(
            plain_browser,
            house.server.url,
            login_of(house.seeded, "dispatcher"),
            locale="zh-CN",
            reduced_motion="reduce",
        ) as console,
    ):
        opened = await dispatcher.open_incident(type="robbery", priority="routine")
        await console.get_by_test_id("incident-row").click()
        rows = console.get_by_test_id("recommendation-row")
        await expect(rows).to_have_count(3)
        await expect(rows.first.get_by_test_id("score")).to_contain_text("到达")
        await expect(console.get_by_test_id("runner-up")).to_contain_text("排第一")
        await expect(rows.nth(1)).to_contain_text("警组无人具备：现场勘查")
        await expect(console.get_by_test_id("remark")).to_contain_text("全部警力均不具备：持枪")
        assert await violations(console) == []

        await choose_the_second(console)
        reason = console.get_by_test_id("dispatch-reason")
        await expect(reason).to_be_visible()
        await console.get_by_test_id("dispatch").click()
        await expect(reason).to_be_focused()
        assert await violations(console) == []
        await console.get_by_test_id("override.fitter").click()
        await expect(reason).to_have_value("装备更合适")
        await reason.press("Enter")
        await expect(console.get_by_test_id("order-state")).to_be_visible()

        await console.get_by_test_id("units-tab").click()
        await console.get_by_test_id("unit-row").filter(has_text=skilled).click()
        await expect(console.get_by_test_id("skills")).to_have_text("现场勘查")

        (order,) = await dispatcher.orders_beside({"incident_id": opened["id"], "id": ""})
        assert order["events"][0]["reason"] == "装备更合适"


@pytest.mark.parametrize(
    ("locale", "told"), [("en-GB", "leaves 52,444 people"), ("zh-CN", "7 个村 52,444 人")]
)
async def test_thousands_of_people_are_told_so_that_they_can_be_read(
    plain_browser: Browser, house: House, locale: str, told: str
) -> None:
    async def with_people(route: Route) -> None:
        answer = await route.fetch()
        found = await answer.json()
        values = {"people": 52_444, "places": 7, "limit": 25, "worst": "松坪村"}
        reason = {"code": "leaves_nobody", "values": values, "text": ""}
        found["candidates"][0]["reasons"].append(reason)
        await route.fulfill(response=answer, json=found)

    async with (
        dispatching(house.server, house.seeded) as dispatcher,
        person(
            plain_browser,
            house.server.url,
            login_of(house.seeded, "dispatcher"),
            locale=locale,
            reduced_motion="reduce",
        ) as console,
    ):
        await console.route("**/recommendation", with_people)
        await dispatcher.open_incident(type="theft", priority="routine")
        await console.get_by_test_id("incident-row").first.click()

        row = console.get_by_test_id("recommendation-row").first
        await expect(row).to_contain_text(told)


async def test_where_nobody_is_free_a_crew_off_duty_is_called_in_with_one_press(
    plain_browser: Browser, house: House
) -> None:
    login = login_of(house.seeded, "dispatcher")
    units = sorted({device.unit_id for device in house.seeded.fleet.devices})
    async with (
        signed_in(house.server, login) as client,
        dispatching(house.server, house.seeded) as dispatcher,
        person(plain_browser, house.server.url, login, reduced_motion="reduce") as console,
    ):
        for unit_id in units:
            answer = await client.post(f"/api/units/{unit_id}/shift", json={"on_duty": False})
            answer.raise_for_status()
        await dispatcher.open_incident()
        await console.get_by_test_id("incident-row").click()
        proposed = console.get_by_test_id("proposed")
        await expect(proposed).to_contain_text("off duty, nobody is free: the first to ask")
        assert await violations(console) == []

        await console.get_by_test_id("call-in").click()

        await expect(console.get_by_test_id("recommendation-row")).to_have_count(1)
        await expect(proposed).to_have_count(0)


async def choose_the_second(console: Page) -> None:
    boxes = console.get_by_test_id("recommendation-chosen")
    await boxes.nth(0).set_checked(False, force=True)
    await boxes.nth(1).set_checked(True, force=True)
