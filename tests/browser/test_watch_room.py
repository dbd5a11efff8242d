"""The room of one dispatcher in a browser: reminders, what comes in, change of shift, cover."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.house import House
from tests.browser.people import dispatching, login_of, person, signed_in
from tests.browser.test_accessibility import violations
from tests.small_county import CENTRE

pytestmark = pytest.mark.browser

ROUND_MS = 60_000
"""In which what is due has rung, and cover was looked at."""


@pytest_asyncio.fixture(loop_scope="session")
async def console(plain_browser: Browser, house: House) -> AsyncIterator[Page]:
    login = login_of(house.seeded, "dispatcher")
    async with (
        dispatching(house.server, house.seeded),
        person(plain_browser, house.server.url, login, reduced_motion="reduce") as page,
    ):
        await ready(page)
        yield page


async def ready(page: Page) -> None:
    """The feed runs, and the page knows the map and who sits before it."""
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("search")).to_be_visible()


async def looked_at(page: Page, name: str) -> None:
    """Nothing bars anybody, in both languages, by day and by night; with pictures if wanted."""
    for language in ("en", "zh"):
        await pictured(page, f"{name}-{language}-day")
        assert await violations(page) == [], f"{name}, {language}"
        await pictured(page, f"{name}-{language}-night")
        await page.evaluate("document.documentElement.dataset.theme = 'day'")
        await other_language(page)


async def other_language(page: Page) -> None:
    """Its words come over the line; behind a dialog no mouse reaches the button."""
    html = page.locator("html")
    spoken = str(await html.get_attribute("lang"))
    await page.evaluate("document.querySelector('[data-testid=language]').click()")
    await expect(html).not_to_have_attribute("lang", spoken)


async def pictured(page: Page, name: str) -> None:
    if shots := os.environ.get("RIDGELINE_SHOTS"):
        await page.screenshot(path=Path(shots) / f"{name}.png")


async def pick(page: Page, place: str) -> None:
    await page.keyboard.press("/")
    await page.keyboard.type(place)
    await expect(page.locator("[data-hit=place-0]")).to_be_visible()
    await page.keyboard.press("Enter")


async def everything_is_due(house: House) -> None:
    owner = await asyncpg.connect(house.database_url)
    try:
        await owner.execute("UPDATE reminder SET due_at = now() WHERE ended_at IS NULL")
    finally:
        await owner.close()


async def test_what_one_wants_to_hear_of_again_comes_back_to_the_worklist(
    console: Page, house: House
) -> None:
    await console.keyboard.press("l")
    await expect(console.get_by_test_id("remind-text")).to_be_focused()
    await console.keyboard.type("call the bridge master")
    await console.keyboard.press("Enter")
    waiting = console.get_by_test_id("reminder")
    await expect(waiting).to_contain_text("call the bridge master")
    await console.get_by_test_id("remind-text").fill("a second thing")
    await console.get_by_test_id("remind-in-60").check()
    await console.get_by_test_id("remind-submit").click()
    await expect(waiting).to_have_count(2)
    await looked_at(console, "remind")
    await waiting.nth(1).get_by_test_id("reminder-drop").click()
    await expect(waiting).to_have_count(1)
    await console.keyboard.press("Escape")
    await everything_is_due(house)

    await console.keyboard.press("4")
    row = console.locator("[data-testid=work-row][data-kind=reminder]")
    await expect(row).to_contain_text("call the bridge master", timeout=ROUND_MS)


async def test_a_task_from_outside_becomes_an_incident_and_the_next_shift_reads_of_it(
    console: Page,
) -> None:
    await pick(console, "Ninghe")
    await console.keyboard.press("o")
    await console.get_by_test_id("receive-kind-task").check()
    await console.get_by_test_id("receive-source").fill("Water office")
    await console.get_by_test_id("receive-text").fill("look at the weir")
    await console.get_by_test_id("receive-until").fill("2020-01-01T00:00")
    await console.get_by_test_id("receive-submit").click()
    await expect(console.get_by_test_id("receive-error")).to_contain_text("in the past")
    await looked_at(console, "receive")
    await console.get_by_test_id("receive-until").fill("")
    await console.get_by_test_id("receive-submit").click()

    row = console.locator("[data-testid=work-row][data-kind=intake]")
    await expect(row).to_contain_text("look at the weir")
    await expect(row).to_contain_text("No. ")
    await console.keyboard.press("h")
    handover = console.get_by_test_id("handover")
    await expect(handover.get_by_test_id("handover-intake")).to_contain_text("Water office")
    await console.keyboard.press("h")
    await row.get_by_test_id("work-open").focus()
    await console.keyboard.press("m")
    await expect(console.get_by_test_id("incident-where")).to_have_attribute("data-set", "true")
    await console.get_by_test_id("incident-submit").click()
    await expect(console.get_by_test_id("detail")).to_contain_text("look at the weir")

    await console.keyboard.press("Escape")
    await console.keyboard.press("h")
    await expect(handover.get_by_test_id("handover-incident")).to_have_attribute(
        "data-status", "open"
    )
    await expect(handover.get_by_test_id("handover-intake")).to_have_count(0)
    await looked_at(console, "handover")
    await handover.get_by_test_id("handover-note").fill("quiet so far")
    await console.keyboard.press("Enter")
    await expect(handover.get_by_test_id("handover-since")).to_contain_text(
        "has had the room since then “quiet so far”"
    )
    await expect(handover.get_by_test_id("handover-done")).to_contain_text("incidents opened 0")


async def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_comes_twice(
    console: Page,
) -> None:
    async def heard_and_lost(route: Route) -> None:
        if route.request.method != "POST":
            await route.fallback()
            return
        await route.fetch()
        await route.abort()

    for path in ("reminders", "inbox"):
        await console.route(f"**/api/{path}", heard_and_lost)
    await console.keyboard.press("l")
    await console.get_by_test_id("remind-text").fill("call the ferryman")
    await console.get_by_test_id("remind-submit").click()
    await expect(console.get_by_role("alert").filter(has_text="nobody knows")).to_be_visible()
    await console.unroute("**/api/reminders")
    await console.get_by_test_id("remind-submit").click()
    mine = console.get_by_test_id("reminder").filter(has_text="ferryman")
    await expect(mine).to_have_count(1)
    await mine.get_by_test_id("reminder-drop").click()
    await expect(mine).to_have_count(0)
    await console.keyboard.press("Escape")
    await expect(console.get_by_role("dialog")).to_have_count(0)

    await console.keyboard.press("o")
    await console.get_by_test_id("receive-source").fill("Ferryman")
    await console.get_by_test_id("receive-text").fill("the rope is torn")
    await console.get_by_test_id("receive-submit").click()
    await expect(console.get_by_test_id("receive-error")).to_contain_text("nobody knows")
    await console.unroute("**/api/inbox")
    await console.get_by_test_id("receive-submit").click()
    row = console.locator("[data-testid=work-row][data-kind=intake]")
    await expect(row).to_contain_text("the rope is torn")
    await expect(row).not_to_contain_text("times")
    await row.get_by_test_id("work-settle").click()
    await console.get_by_test_id("ask-input").fill("passed on")
    await console.keyboard.press("Enter")
    await expect(row).to_have_count(0)


async def test_what_somebody_is_writing_stays_when_a_task_comes_in(console: Page) -> None:
    await console.keyboard.press("o")
    await console.get_by_test_id("receive-source").fill("Water office")
    await console.get_by_test_id("receive-text").fill("look at the sluice")
    await console.get_by_test_id("receive-place").fill("below the mill")
    await console.get_by_test_id("receive-submit").click()
    row = console.locator("[data-testid=work-row][data-kind=intake]")
    await expect(row).to_contain_text("look at the sluice")
    await console.keyboard.press("n")
    await console.get_by_test_id("incident-note").fill("two cars in the ditch")
    await console.get_by_test_id("work-tab").click()

    await console.keyboard.press("m")
    await expect(row.get_by_test_id("work-open-for")).to_be_focused()
    await console.keyboard.press("m")

    note = console.get_by_test_id("incident-note")
    await expect(note).to_have_value("two cars in the ditch")
    await note.press("Escape")
    await console.get_by_test_id("work-tab").click()
    await row.get_by_test_id("work-open-for").click()
    await expect(note).to_have_value("Water office: “look at the sluice” · below the mill")
    await note.press("Escape")
    await console.get_by_test_id("work-tab").click()
    await row.get_by_test_id("work-settle").click()
    await console.get_by_test_id("ask-input").fill("passed on")
    await console.keyboard.press("Enter")
    await expect(row).to_have_count(0)


async def test_the_handover_is_one_sheet_of_white_paper_to_sign_also_at_night(
    console: Page,
) -> None:
    await console.keyboard.press("h")
    await expect(console.get_by_test_id("handover-since")).to_be_visible()
    await console.evaluate("document.documentElement.dataset.theme = 'night'")
    await console.emulate_media(media="print")

    for language, words in (("en", "Takes over"), ("zh", "接班人")):
        await expect(console.get_by_text(words, exact=True)).to_be_visible()
        await expect(console.get_by_test_id("handover-take")).to_be_hidden()
        scheme = "getComputedStyle(document.documentElement).colorScheme"
        assert await console.evaluate(scheme) == "light", language
        paper = await console.pdf(format="A4", prefer_css_page_size=True)
        assert len(re.findall(rb"/Type ?/Page\b", paper)) == 1, language
        await other_language(console)


async def test_a_supervisor_sees_what_waits_and_no_button_that_is_not_his(
    plain_browser: Browser, house: House
) -> None:
    chief = login_of(house.seeded, "supervisor")
    async with person(plain_browser, house.server.url, chief, reduced_motion="reduce") as page:
        await page.goto("/console")
        await ready(page)
        await page.keyboard.press("4")
        await expect(page.get_by_test_id("work-remind")).to_have_count(0)
        await page.keyboard.press("l")
        await expect(page.get_by_test_id("remind-text")).to_have_count(0)
        await pick(page, "Ninghe")
        await page.keyboard.press("o")
        await expect(page.get_by_test_id("receive-spot")).to_be_checked()
        await page.get_by_test_id("receive-source").fill("Water office")
        await page.get_by_test_id("receive-text").fill("look at the dam")
        await page.get_by_test_id("receive-submit").click()
        row = page.locator("[data-testid=work-row][data-kind=intake]")
        await expect(row).to_contain_text("look at the dam")
        await expect(row.locator("[data-act]")).to_have_count(0)

        await row.get_by_test_id("work-settle").click()
        await page.get_by_test_id("ask-input").fill("passed on")
        await page.keyboard.press("Enter")

        await expect(row).to_have_count(0)


async def test_every_order_can_be_found_by_its_number(console: Page, house: House) -> None:
    async with dispatching(house.server, house.seeded) as dispatcher:
        order = await dispatcher.send(house.seeded.fleet.devices[0].unit_id)
        await console.keyboard.press("h")
        await console.get_by_test_id("handover-orders").click()

        line = console.get_by_test_id("outlet-order").first
        await expect(line).to_have_attribute("data-number", str(order["number"]))
        await expect(line).to_contain_text(order["call_sign"])
        await looked_at(console, "orders")


async def test_a_supervisor_sees_the_cover_and_says_where_nobody_need_wait_any_more(
    plain_browser: Browser, house: House
) -> None:
    chief = login_of(house.seeded, "supervisor")
    weir = dict(zip(("lon", "lat"), CENTRE, strict=True)) | {"name": "Weir"}
    async with (
        signed_in(house.server, chief) as client,
        person(plain_browser, house.server.url, chief, reduced_motion="reduce") as page,
    ):
        (await client.post("/api/standby-points", json=weir)).raise_for_status()
        await page.goto("/console")
        await ready(page)
        await page.keyboard.press("i")
        await page.get_by_test_id("reach-cover").click()
        await expect(page.get_by_test_id("cover-share")).to_contain_text(
            "of all calls", timeout=ROUND_MS
        )
        point = page.locator("[data-testid=cover-post][data-name=Weir]")
        await expect(point).to_be_visible()
        await looked_at(page, "cover")

        await point.get_by_test_id("cover-retire").click()

        await expect(point).to_have_count(0)


OPEN_ONCE_THERE = """() => new Promise((done) => {
    const watch = new MutationObserver(() => {
        const dialog = document.querySelector("dialog");
        if (dialog) done(dialog.open);
    });
    watch.observe(document.body, { childList: true, subtree: true });
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "l", bubbles: true }));
})"""
"""Whether a dialog can be typed into from the moment on that it is there."""


async def test_a_dialog_has_the_keys_as_soon_as_it_is_there(console: Page) -> None:
    assert await console.evaluate(OPEN_ONCE_THERE)
    await console.keyboard.press("Escape")
    await expect(console.get_by_role("dialog")).to_have_count(0)


async def test_a_dialog_opened_while_another_closes_stays(console: Page) -> None:
    await console.keyboard.press("l")
    await expect(console.get_by_test_id("remind-text")).to_be_visible()
    await console.keyboard.press("Escape")
    await expect(console.get_by_role("dialog")).to_have_count(0)
    await console.keyboard.press("o")
    await expect(console.get_by_test_id("receive-source")).to_be_visible()
    # In one task of the page the browser has no time to say that the first one closed.
    await console.evaluate(
        """() => {
            document.querySelector("dialog").close();
            const press = (key) =>
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            press("l");
        }"""
    )
    await expect(console.get_by_test_id("remind-text")).to_be_visible()
    await console.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")
    await expect(console.get_by_test_id("remind-text")).to_be_visible()
