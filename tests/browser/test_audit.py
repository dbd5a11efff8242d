"""The supervisor's page: the command log searched and filtered, in words of both languages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from server import demo
from tests.browser.house import House
from tests.browser.people import dispatching, login_of, person
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

RAW = re.compile(r"[{}\[\]]|[a-z]_[a-z]|[0-9a-f]{8}-[0-9a-f]{4}|undefined|null|NaN")
"""What is not for people: placeholders, codes, ids."""


@pytest.fixture(scope="module")
def story(house: House) -> None:
    """Two orders: one done by voice, one cancelled."""

    async def tell() -> None:
        async with dispatching(house.server, house.seeded) as dispatcher:
            unit_id = house.seeded.fleet.devices[0].unit_id
            done = await dispatcher.send(unit_id, note="snow on the pass")
            await dispatcher.report(done, "accepted")
            await dispatcher.report(done, "done", note="road is free")
            cancelled = await dispatcher.send(unit_id)
            await dispatcher.cancel(cancelled, "false alarm")

    asyncio.run(tell())


@pytest.fixture
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, story: None
) -> AsyncIterator[Page]:
    async with person(plain_browser, server.url, login_of(seeded, "supervisor")) as page:
        await expect(rows(page).first).to_be_visible()
        yield page


def rows(page: Page, kind: str = "") -> Locator:
    found = page.get_by_test_id("journal-row")
    return found.and_(page.locator(f'[data-kind="{kind}"]')) if kind else found


def details(page: Page, kind: str) -> Locator:
    return rows(page, kind).last.get_by_test_id("journal-details")


async def search(page: Page, text: str) -> None:
    await page.get_by_test_id("audit-text").fill(text)
    await page.get_by_test_id("audit-search").click()
    await page.wait_for_url("**/audit?*")


async def test_details_are_sentences_in_both_languages(page: Page) -> None:
    await expect(details(page, "incident.opened")).to_have_text(
        "Traffic collision, Priority, Ninghe Town. snow on the pass"
    )
    await expect(details(page, "order.done")).to_have_text(
        re.compile(r"^.-01 is done, told by voice\. road is free$")
    )
    await expect(details(page, "order.cancelled")).to_have_text(
        re.compile(r"^Taken back from .-01: false alarm$")
    )

    await page.get_by_test_id("language").click()

    await expect(details(page, "incident.opened")).to_have_text(
        "交通事故，优先，Ninghe Town。snow on the pass"
    )
    await expect(details(page, "order.done")).to_have_text(
        re.compile(r"^.-01 已完成，由语音告知。road is free$")
    )


@pytest.mark.parametrize("switch", [False, True], ids=["English", "Chinese"])
async def test_no_row_shows_a_code_or_an_id(page: Page, switch: bool) -> None:
    if switch:
        await page.get_by_test_id("language").click()

    texts = await rows(page).all_inner_texts()

    assert len(texts) > 20
    assert [text for text in texts if RAW.search(text)] == []


async def test_the_text_is_searched_on_the_server_and_kept_in_the_address(page: Page) -> None:
    await search(page, "false alarm")
    await expect(rows(page, "incident.opened")).to_have_count(0)
    await expect(rows(page, "order.cancelled")).to_have_count(1)

    await page.reload()

    await expect(rows(page, "order.cancelled")).to_have_count(1)
    await expect(page.get_by_test_id("audit-text")).to_have_value("false alarm")


async def test_a_kind_and_a_time_narrow_the_log(page: Page) -> None:
    await page.get_by_test_id("audit-kind").select_option("order")
    await page.get_by_test_id("audit-search").click()
    await expect(rows(page, "incident.opened")).to_have_count(0)
    kinds = await rows(page).evaluate_all("rows => rows.map((row) => row.dataset.kind)")

    await page.get_by_test_id("audit-until").fill("2020-01-01T00:00")
    await page.get_by_test_id("audit-search").click()

    assert {kind.split(".")[0] for kind in kinds} == {"order"}
    await expect(rows(page)).to_have_count(0)


async def test_a_click_on_an_order_shows_its_whole_story(page: Page) -> None:
    await rows(page, "order.cancelled").get_by_test_id("journal-subject").click()

    await expect(rows(page)).to_have_count(2)
    await expect(rows(page, "order.issued")).to_have_count(1)
    await rows(page, "order.issued").get_by_test_id("journal-open").click()
    await expect(page.get_by_test_id("journal-recorded")).to_contain_text('"call_sign"')


async def test_what_was_searched_for_is_itself_in_the_log(page: Page) -> None:
    await search(page, "road is free")
    await expect(rows(page, "incident.opened")).to_have_count(0)

    await page.get_by_test_id("audit-clear").click()

    read = rows(page, "journal.read").first.get_by_test_id("journal-details")
    await expect(read).to_have_text("Entries shown: 1; Free text: road is free")


async def test_the_fields_of_the_search_do_not_overlap(page: Page) -> None:
    boxes = await page.locator(".audit-search .input, .audit-search .button").evaluate_all(
        "fields => fields.map((field) => field.getBoundingClientRect().toJSON())"
    )

    left_to_right = sorted(boxes, key=lambda box: box["left"])
    overlaps = [
        (one["right"], other["left"])
        for one, other in pairwise(left_to_right)
        if one["right"] > other["left"] and one["bottom"] > other["top"]
    ]
    assert overlaps == []
