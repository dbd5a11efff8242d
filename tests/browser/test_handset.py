"""The officer's handset in a real browser, over a link that can fall silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from server import demo
from server.http import devices_admin
from server.http.devices_admin import NewOfficer, NewUnit
from server.http.passwords import Passwords, one_time_password
from server.http.users import NewUser
from server.http.users import create as create_user
from server.stores.pool import open_pool
from tests.browser.house import House
from tests.browser.people import (
    Dispatcher,
    dispatching,
    login_of,
    person,
    sign_in,
)
from tests.browser.phones import PHONE, phone, ready
from tests.relay import Relay
from tests.server_process import ServerProcess
from tests.small_county import crossing

pytestmark = pytest.mark.browser

X02: dict[str, Any] = {"kind": "road", "ref": "X02", "from_km": 1.0, "to_km": 3.0}
"""In which a page notices that nobody answers."""
BY_THE_CLOCK = {"repeated", "escalated"}
"""What the room does about silence, beside the steps of a unit."""


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(server: ServerProcess, seeded: demo.DemoSeed) -> AsyncIterator[Dispatcher]:
    async with dispatching(server, seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def relay(server: ServerProcess) -> AsyncIterator[Relay]:
    async with Relay.before(server.port) as relay:
        yield relay


@pytest_asyncio.fixture(loop_scope="session")
async def page(plain_browser: Browser, relay: Relay, seeded: demo.DemoSeed) -> AsyncIterator[Page]:
    """The officer's, over the relay, ready to start without a network."""
    async with person(plain_browser, relay.url, login_of(seeded, "officer"), **PHONE) as page:
        await ready(page)
        yield page


@pytest.fixture
def unit_id(seeded: demo.DemoSeed) -> str:
    return seeded.fleet.devices[0].unit_id


async def shown(page: Page) -> None:
    """The order is on the screen, and the server knows it."""
    await taken(page, "shown")


async def taken(page: Page, step: str) -> None:
    """The step is kept, and the server knows it. (Until it is kept, nothing is unsent.)"""
    await expect(page.get_by_test_id("order")).to_have_attribute("data-step", step)
    await all_sent(page)


async def all_sent(page: Page) -> None:
    """Whatever is kept; what was just pressed is not yet."""
    await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "0")


def steps(order: dict[str, Any]) -> Counter[str]:
    applied = [event["state"] for event in order["events"] if event["applied"]]
    return Counter(state for state in applied if state not in BY_THE_CLOCK)


async def test_an_answer_given_without_signal_survives_a_reload_and_arrives_once(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    relay.fall_silent()

    await page.get_by_test_id("step-accepted").click()
    await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "accepted")
    await expect(page.get_by_test_id("link-banner")).to_contain_text("No connection for")
    await page.reload()
    await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "accepted")
    await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "1")
    await page.get_by_test_id("step-en_route").click()
    await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "2")
    before = await dispatcher.order(order)
    relay.sound_again()
    await all_sent(page)

    after = await dispatcher.order(order)
    assert (before["state"], after["state"]) == ("shown", "en_route")
    assert steps(after) == Counter(["issued", "delivered", "shown", "accepted", "en_route"])
    accepted = next(each for each in after["events"] if each["state"] == "accepted")
    assert accepted["actor"].startswith("officer:")
    assert (accepted["lon"], accepted["lat"]) == (100.262, 27.541)


async def test_the_way_to_the_scene_is_there_without_signal(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    lon, lat = crossing(1, 1)
    await dispatcher.send(unit_id, lon=lon, lat=lat)
    await shown(page)
    await expect(page.get_by_test_id("way")).to_have_attribute("data-loaded", "true")
    relay.fall_silent()

    await page.reload()
    await page.get_by_test_id("way").get_by_role("group").locator("summary").click()

    told = page.get_by_test_id("way-step")
    await expect(told.first).to_contain_text("Head ")
    await expect(told.last).to_contain_text("You have arrived.")
    await expect(page.get_by_test_id("way")).to_contain_text("Valley Road")
    assert await told.count() >= 3


async def test_a_way_that_has_aged_is_fetched_anew_under_way(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    async def old(route: Route) -> None:
        answer = await route.fetch()
        before = datetime.now(UTC) - timedelta(minutes=5)
        await route.fulfill(
            response=answer, json=await answer.json() | {"computed_at": before.isoformat()}
        )

    lon, lat = crossing(1, 1)
    await page.route("**/api/orders/*/route", old)
    await dispatcher.send(unit_id, lon=lon, lat=lat)
    await shown(page)
    await expect(page.get_by_test_id("way")).to_contain_text("5 min")
    await page.get_by_test_id("step-accepted").click()
    await page.get_by_test_id("step-en_route").click()
    await taken(page, "en_route")
    await page.unroute_all(behavior="wait")

    async with page.expect_response("**/api/orders/*/route"):
        await page.reload()

    await expect(page.get_by_test_id("way")).to_have_attribute("data-loaded", "true")
    await expect(page.get_by_test_id("way")).not_to_contain_text("5 min")


async def test_a_way_is_fetched_at_once_when_a_road_is_closed(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    lon, lat = crossing(1, 1)
    await dispatcher.send(unit_id, lon=lon, lat=lat)
    await shown(page)
    await expect(page.get_by_test_id("way")).to_have_attribute("data-loaded", "true")

    async with page.expect_response("**/api/orders/*/route"):
        closed = await dispatcher.close_road(X02)

    await dispatcher.free_road(closed)
    await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "shown")


async def test_the_browser_is_killed_in_a_dead_zone_and_starts_there_again(
    tmp_path: Path, relay: Relay, dispatcher: Dispatcher, seeded: demo.DemoSeed, unit_id: str
) -> None:
    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        await page.goto(f"{relay.url}/login")
        await sign_in(page, login_of(seeded, "officer"))
        await ready(page)
        order = await dispatcher.send(unit_id)
        await shown(page)
        relay.fall_silent()
        await page.get_by_test_id("step-accepted").click()
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "accepted")
    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        await page.goto(f"{relay.url}/handset")
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "accepted")
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "1")
        relay.sound_again()
        await all_sent(page)

    assert steps(await dispatcher.order(order))["accepted"] == 1


async def test_a_cancelled_order_says_so_and_by_whom(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)

    await dispatcher.cancel(order, "false alarm")

    ended = page.get_by_test_id("order-ended")
    await expect(ended).to_contain_text("Cancelled by the dispatcher. false alarm")
    await page.get_by_test_id("understood").click()
    await expect(page.get_by_test_id("order-over")).to_contain_text("Cancelled")
    await expect(page.get_by_test_id("no-order")).to_be_visible()


async def test_an_order_that_came_and_went_without_signal_is_shown_as_missed(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    relay.fall_silent()
    order = await dispatcher.send(unit_id, note="tree across the road")

    await dispatcher.cancel(order, "somebody else went")
    relay.sound_again()

    card = page.get_by_test_id("order")
    await expect(card).to_contain_text("tree across the road")
    await expect(card.get_by_test_id("order-ended")).to_contain_text("somebody else went")
    await expect(page.get_by_test_id("step-accepted")).to_have_count(0)


async def test_an_order_done_by_voice_says_that_it_was_not_done_here(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)

    await dispatcher.report(order, "done")

    ended = page.get_by_test_id("order-ended")
    await expect(ended).to_contain_text("Done: reported by your unit's other device or by voice")


async def test_a_second_tap_does_not_take_the_next_step(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    """Within the moment that a person takes for it: the page's clock stands still meanwhile."""
    order = await dispatcher.send(unit_id)
    await shown(page)
    await expect(page.get_by_test_id("step-accepted")).to_be_enabled()
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))

    await page.get_by_test_id("step-accepted").dblclick()
    await expect(page.get_by_test_id("step-en_route")).to_be_disabled()
    await page.clock.resume()
    await expect(page.get_by_test_id("step-en_route")).to_be_enabled()
    await all_sent(page)

    assert (await dispatcher.order(order))["state"] == "accepted"


async def test_a_report_on_the_way_leaves_the_next_step_where_it_was(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await page.get_by_test_id("step-accepted").click()

    await page.get_by_test_id("step-feedback").click()
    await page.get_by_test_id("note").fill("snow on the pass")
    await page.get_by_test_id("note-send").click()
    await expect(page.get_by_test_id("reports")).to_have_text("Reports given: 1")
    await page.get_by_test_id("step-en_route").click()
    await taken(page, "en_route")

    after = await dispatcher.order(order)
    assert (after["state"], steps(after)["feedback"]) == ("en_route", 1)


async def test_unable_needs_a_reason_and_sends_it(
    page: Page, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)

    await page.get_by_test_id("step-declined").click()
    await page.get_by_test_id("reason").first.click()
    await expect(page.get_by_test_id("order-over")).to_have_attribute("data-step", "declined")
    await all_sent(page)

    after = await dispatcher.order(order)
    assert after["state"] == "unable"
    (said,) = (event for event in after["events"] if event["state"] == "unable")
    assert said["reason"] == "Road impassable"


@pytest_asyncio.fixture(loop_scope="session")
async def another_officer(house: House) -> demo.Login:
    """Of a unit of her own, with a handset."""
    call_sign, badge, password = "N-99", "B-9900", one_time_password()
    pool, passwords = await open_pool(house.database_url), Passwords()
    try:
        hashed = await passwords.hash(password)
        async with pool.acquire() as conn, conn.transaction():
            station = await conn.fetchval("SELECT name FROM station LIMIT 1")
            unit = NewUnit(call_sign=call_sign, kind="patrol_car", station=station)
            unit_id = await devices_admin.add_unit(conn, unit, by="user:test")
            officer = NewOfficer(badge=badge, name="The next", unit_id=unit_id)
            await devices_admin.add_officer(conn, officer, by="user:test")
            user = NewUser(
                username="next", display_name="Next", roles=["officer"], officer_badge=badge
            )
            await create_user(conn, user, password_hash=hashed, by="user:test", must_change=False)
    finally:
        passwords.close()
        await pool.close()
    return demo.Login(username="next", password=password, roles=["officer"], unit=call_sign)


async def test_the_next_officer_at_this_handset_does_not_see_the_orders_of_the_one_before(
    page: Page,
    dispatcher: Dispatcher,
    seeded: demo.DemoSeed,
    unit_id: str,
    another_officer: demo.Login,
) -> None:
    await dispatcher.send(unit_id)
    await shown(page)

    await page.get_by_test_id("sign-out").click()
    await page.get_by_test_id("sign-out-confirm").click()

    await page.wait_for_url("**/login?next=%2Fhandset")
    stored = await page.evaluate(
        """() => new Promise((resolve) => {
          const opening = indexedDB.open("ridgeline-handset");
          opening.onsuccess = () => {
            const read = opening.result.transaction("state").objectStore("state").get("grant");
            read.onsuccess = () => resolve(read.result ?? null);
          };
        })"""
    )
    assert stored is None, "the token of the device stays behind"

    await sign_in(page, another_officer)

    await expect(page.get_by_test_id("handset-unit")).to_have_text(str(another_officer.unit))
    await expect(page.get_by_test_id("link")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("order")).to_have_count(0)


async def test_a_handset_that_is_set_up_during_a_job_has_its_order(
    plain_browser: Browser,
    server: ServerProcess,
    seeded: demo.DemoSeed,
    dispatcher: Dispatcher,
    unit_id: str,
) -> None:
    order = await dispatcher.send(unit_id)

    async with person(plain_browser, server.url, login_of(seeded, "officer"), **PHONE) as page:
        await shown(page)

    assert (await dispatcher.order(order))["state"] == "shown"
