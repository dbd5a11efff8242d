"""The officer's handset in a network that lets plain HTTP pass and no WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from server import demo
from server.stores.pool import Pool
from tests.browser.house import House
from tests.browser.people import Dispatcher, dispatching, login_of, person
from tests.browser.phones import PHONE
from tests.browser.test_handset import shown, steps, taken
from tests.conftest import connected
from tests.patience import PATIENCE_S
from tests.relay import Relay
from tests.server.field_rows import until
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

KEPT = """() => new Promise((resolve) => {
  const opening = indexedDB.open("ridgeline-handset");
  opening.onsuccess = () => {
    const read = opening.result.transaction("state").objectStore("state").get("checkpoints");
    read.onsuccess = () => resolve((read.result ?? []).map((each) => each.note));
  };
})"""
"""Checkpoints of the command log, oldest first."""
SHOWN = "SELECT note FROM journal_receipt WHERE fits"
RETRY = "05:05"
"""After which a WebSocket is tried again."""


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(server: ServerProcess, seeded: demo.DemoSeed) -> AsyncIterator[Dispatcher]:
    async with dispatching(server, seeded) as dispatcher:
        yield dispatcher


@pytest_asyncio.fixture(loop_scope="session")
async def relay(server: ServerProcess) -> AsyncIterator[Relay]:
    async with Relay.before(server.port) as relay:
        relay.lets_websockets_pass = False
        yield relay


@pytest_asyncio.fixture(loop_scope="session")
async def page(plain_browser: Browser, relay: Relay, seeded: demo.DemoSeed) -> AsyncIterator[Page]:
    """The officer's, which has found out that no WebSocket passes."""
    async with person(plain_browser, relay.url, login_of(seeded, "officer"), **PHONE) as page:
        await live(page, "http")
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def pool_of_house(house: House) -> AsyncIterator[Pool]:
    async with connected(house.database_url) as pool:
        yield pool


@pytest.fixture
def unit_id(seeded: demo.DemoSeed) -> str:
    return seeded.fleet.devices[0].unit_id


async def live(page: Page, door: str) -> None:
    link = page.get_by_test_id("link")
    await expect(link).to_have_attribute("data-door", door)
    await expect(link).to_have_attribute("data-state", "live")


async def test_an_order_is_answered_without_a_websocket(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    await page.get_by_test_id("step-accepted").click()
    await taken(page, "accepted")
    relay.fall_silent()
    await page.get_by_test_id("step-en_route").click()
    await expect(page.get_by_test_id("link-banner")).to_be_visible()
    relay.sound_again()
    await live(page, "http")
    await taken(page, "en_route")

    await dispatcher.cancel(order, "the caller rang again")

    await expect(page.get_by_test_id("order-ended")).to_contain_text("the caller rang again")
    after = await dispatcher.order(order)
    assert steps(after) == {
        "issued": 1, "delivered": 1, "shown": 1, "accepted": 1, "en_route": 1, "cancelled": 1,
    }  # fmt: skip
    await page.get_by_test_id("understood").click()


async def test_another_network_is_tried_by_websocket_at_once(
    page: Page, relay: Relay, dispatcher: Dispatcher, unit_id: str
) -> None:
    order = await dispatcher.send(unit_id)
    await shown(page)
    relay.lets_websockets_pass = True

    await page.evaluate("() => window.dispatchEvent(new Event('online'))")

    await live(page, "websocket")
    await page.get_by_test_id("step-accepted").click()
    await taken(page, "accepted")
    assert steps(await dispatcher.order(order))["accepted"] == 1


async def test_the_websocket_is_tried_again_after_a_while_and_refused_goes_on_over_http(
    page: Page, relay: Relay
) -> None:
    await page.clock.install()
    await page.reload()
    await live(page, "http")

    refused = relay.websockets_refused
    await page.clock.fast_forward(RETRY)
    await until(lambda: relay.websockets_refused > refused)
    await live(page, "http")
    relay.lets_websockets_pass = True
    await page.clock.fast_forward(RETRY)

    await live(page, "websocket")


async def shown_to_the_server(pool: Pool) -> set[str]:
    return {row["note"] for row in await pool.fetch(SHOWN)}


async def test_a_handset_keeps_what_it_saw_of_the_log_and_shows_it_again(
    page: Page, relay: Relay, pool_of_house: Pool
) -> None:
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    await page.wait_for_function(f"({KEPT})().then((kept) => kept.length > 0)")
    relay.fall_silent()
    *_, seen = await page.evaluate(KEPT)

    await page.reload()

    kept = await page.evaluate(KEPT)
    assert seen in kept, "it outlives the page"
    newest = kept[-1]  # what came before the silence may have been kept since
    relay.sound_again()
    async with asyncio.timeout(PATIENCE_S):
        while newest not in await shown_to_the_server(pool_of_house):  # noqa: ASYNC110 (a table)
            await asyncio.sleep(0.1)
