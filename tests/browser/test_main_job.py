"""The main job as three people do it, each in a real browser: open, send, accept, finish, audit."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import login_of, person, report_position
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser


@pytest.fixture
def house(new_house: NewHouse) -> Iterator[House]:
    """Of each test alone: it counts the entries of the log."""
    with new_house() as house:
        yield house


async def test_three_people_do_the_main_job(
    browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    report_position(server, seeded)
    async with (
        person(browser, server.url, login_of(seeded, "dispatcher")) as dispatcher,
        person(browser, server.url, login_of(seeded, "officer")) as officer,
    ):
        await open_incident_on_the_map(dispatcher)
        await send_first_recommended(dispatcher)
        await do_the_job(officer)
        await expect(dispatcher.get_by_test_id("incident-status")).to_have_text("Closed")
        accepted = dispatcher.locator('[data-testid="order-event"][data-state="accepted"]')
        await expect(accepted.get_by_test_id("step-by")).to_have_text(re.compile(r"· Ridgeline$"))
    async with person(browser, server.url, login_of(seeded, "supervisor")) as supervisor:
        await find_each_step(supervisor)


async def open_incident_on_the_map(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await page.get_by_test_id("new-incident").click()
    await page.get_by_test_id("incident-type").select_option("traffic_collision")
    await page.get_by_test_id("incident-note").fill("two cars, one in the ditch")
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    await page.get_by_test_id("map").click()
    await expect(page.get_by_test_id("incident-where")).to_have_attribute("data-set", "true")
    await page.get_by_test_id("incident-submit").click()
    await expect(page.get_by_test_id("incident-row")).to_be_visible()


async def send_first_recommended(page: Page) -> None:
    await expect(page.get_by_test_id("recommendation-row").first).to_be_visible()
    await page.get_by_test_id("dispatch").click()
    await expect(page.get_by_test_id("order-state")).to_be_visible()


async def do_the_job(page: Page) -> None:
    order = page.get_by_test_id("order")
    await expect(order).to_be_visible()
    await page.get_by_test_id("step-accepted").click()
    await page.get_by_test_id("step-en_route").click()
    await page.get_by_test_id("step-on_scene").click()
    await page.get_by_test_id("step-feedback").click()
    await page.get_by_test_id("note").fill("both drivers unhurt, road free")
    await page.get_by_test_id("note-send").click()
    await page.get_by_test_id("step-done").click()
    await page.get_by_test_id("note-send").click()
    await expect(page.get_by_test_id("order-over")).to_have_attribute("data-step", "done")


async def find_each_step(page: Page) -> None:
    rows = page.get_by_test_id("journal-row")
    for kind in (
        "incident.opened",
        "recommendation.computed",
        "decision.taken",
        *(f"order.{state}" for state in ("issued", "delivered", "shown", "accepted")),
        *(f"order.{state}" for state in ("en_route", "on_scene", "feedback", "done")),
        "incident.closed",
    ):
        await expect(rows.and_(page.locator(f'[data-kind="{kind}"]'))).to_have_count(1)
    await page.get_by_test_id("audit-text").fill("both drivers unhurt")
    await page.get_by_test_id("audit-search").click()
    await expect(rows.and_(page.locator('[data-kind="order.feedback"]'))).to_have_count(1)
    await expect(rows.and_(page.locator('[data-kind="incident.opened"]'))).to_have_count(0)
