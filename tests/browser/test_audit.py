"""The supervisor's page: the command log searched and filtered, in words of both languages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from urllib.parse import urljoin

import pytest
import pytest_asyncio
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


@pytest_asyncio.fixture(loop_scope="session")
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
    # Names of types come by themselves, as the words of another language do.
    named = "交通事故" if switch else "Traffic collision"
    await expect(details(page, "incident.opened")).to_contain_text(named)

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

    await expect(rows(page)).to_have_count(3)
    for kind in ("order.issued", "order.queued", "order.cancelled"):
        await expect(rows(page, kind)).to_have_count(1)
    await rows(page, "order.issued").get_by_test_id("journal-open").click()
    await expect(page.get_by_test_id("journal-recorded")).to_contain_text('"call_sign"')


async def test_what_was_searched_for_is_itself_in_the_log(page: Page) -> None:
    await search(page, "road is free")
    await expect(rows(page, "incident.opened")).to_have_count(0)

    await page.get_by_test_id("audit-clear").click()

    read = rows(page, "journal.read").first.get_by_test_id("journal-details")
    await expect(read).to_have_text("Entries shown: 1; Free text: road is free")


async def test_who_was_refused_is_said_in_words(page: Page) -> None:
    answer = await page.request.get(urljoin(page.url, "/api/users"))
    assert answer.status == 403

    await page.get_by_test_id("audit-kind").select_option("access")
    await page.get_by_test_id("audit-search").click()

    refused = rows(page, "access.refused").first.get_by_test_id("journal-details")
    await expect(refused).to_have_text("users, the role does not allow it, from 127.0.0.1")


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


async def test_how_the_log_is_held_and_the_proof_of_an_entry_to_take_along(page: Page) -> None:
    held = page.get_by_test_id("log-held")
    await expect(held.locator("summary")).to_contain_text("all signed")

    await held.locator("summary").click()

    code = held.get_by_role("img")
    await expect(code).to_have_js_property("complete", value=True)
    assert await code.evaluate("image => image.naturalWidth") > 100
    await rows(page, "order.issued").first.get_by_test_id("journal-open").click()
    async with page.expect_download() as waiting:
        await page.get_by_test_id("journal-proof").click()
    download = await waiting.value
    assert re.fullmatch(r"entry-\d+\.jsonl", download.suggested_filename)


async def test_a_unit_and_an_incident_are_searched_and_kept_in_the_address(page: Page) -> None:
    sentence = await rows(page, "order.cancelled").get_by_test_id("journal-details").inner_text()
    call_sign = re.sub(r"^Taken back from (\S+): .*$", r"\1", sentence)

    await page.get_by_test_id("audit-incident").fill("1")
    await page.get_by_test_id("audit-search").click()
    await expect(rows(page, "order.cancelled")).to_have_count(0)
    await expect(rows(page, "order.done")).to_have_count(1)
    await expect(rows(page, "decision.taken")).to_have_count(1)

    await page.get_by_test_id("audit-incident").fill("")
    await page.get_by_test_id("audit-unit").fill(call_sign)
    await page.get_by_test_id("audit-search").click()
    await expect(rows(page, "order.cancelled")).to_have_count(1)
    await expect(rows(page, "incident.opened")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_test_id("audit-unit")).to_have_value(call_sign)
    await expect(rows(page, "incident.opened")).to_have_count(0)
    await page.get_by_test_id("audit-clear").click()

    read = rows(page, "journal.read").first.get_by_test_id("journal-details")
    await expect(read).to_contain_text(f"Unit: {call_sign}")


async def test_a_supervisor_redacts_a_field_and_the_page_says_that_it_is_gone(page: Page) -> None:
    await search(page, "snow on the pass")
    await expect(rows(page, "incident.opened")).to_have_count(1)
    opened = rows(page, "incident.opened").first
    seq = await opened.get_by_test_id("journal-open").inner_text()
    await opened.get_by_test_id("journal-open").click()
    await page.get_by_test_id("redact").click()
    confirm = page.get_by_test_id("redact-confirm")
    await expect(confirm).to_be_disabled()
    for name in ("body.note", "actor"):
        await page.get_by_test_id(f"redact-{name}").check()
    await confirm.click()
    await expect(page.get_by_role("dialog")).to_be_visible()  # without a reason nothing is done
    await page.get_by_test_id("redact-reason").fill("file 12")
    await confirm.click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(rows(page, "incident.opened")).to_have_count(0)

    await page.get_by_test_id("audit-clear").click()

    row = rows(page).filter(has=page.get_by_role("button", name=re.compile(rf"entry {seq}$")))
    await expect(row.get_by_test_id("journal-details")).to_contain_text("(redacted)")
    await expect(row.locator(".audit-link").first).to_have_text("(redacted)")
    await expect(page.get_by_test_id("entry")).to_have_attribute("data-seq", seq)  # open still
    await expect(page.get_by_test_id("journal-verdict").last).to_have_text("proved")
    await expect(page.get_by_test_id("journal-redacted")).to_have_text("Redacted: actor, body.note")
    said = rows(page, "journal.redacted").get_by_test_id("journal-details")
    await expect(said).to_have_text(
        re.compile(rf"^Entry {seq}: actor, body\.note, and \d+ records\. file 12$")
    )
    await rows(page, "journal.redacted").get_by_test_id("journal-open").click()
    await expect(page.get_by_test_id("journal-recorded")).to_contain_text("journal.redacted")
    await expect(page.get_by_test_id("redact")).to_have_count(0)  # of this one nothing is
