"""axe finds nothing on any page, in both languages, by day and by night; and no mouse is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from server import demo
from tests.browser.people import SIGNED_IN, dispatching, login_of, person, report_position
from tests.conftest import ROOT, missing
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
    const { violations } = await axe.run(document, {resultTypes: ["violations"]});
    const words = ({id, help, nodes}) => nodes.map((node) => `${id}: ${help}: ${node.target}`);
    return violations.flatMap(words);
}"""

TABS_MAX = 30
OPTIONS_MAX = 100

States = AsyncIterator[str]


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), "green").save(out, "PNG")
    return out.getvalue()


async def login_states(page: Page) -> States:
    yield "empty"
    await page.get_by_test_id("login-username").fill("nobody")
    await page.get_by_test_id("login-password").fill("wrong")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("login-error")).to_be_visible()
    yield "refused"


async def console_states(page: Page) -> States:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    yield "nothing selected"
    await page.keyboard.press("n")
    await expect(page.get_by_test_id("incident-type")).to_be_focused()
    yield "a new incident"
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("search").click()
    await expect(page.get_by_test_id("search-hit").first).to_be_visible()
    yield "commands"
    await page.keyboard.type("Ninghe")
    await expect(page.locator("[data-hit=place-0]")).to_be_visible()
    yield "search"
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("search")).to_be_focused()
    for row in (0, 1):
        chosen = page.get_by_test_id("incident-row").nth(row)
        await chosen.click()
        await expect(chosen).to_have_attribute("aria-current", "true")
        await expect(page.get_by_test_id("detail")).to_contain_text("two cars")
        yield f"incident {row}"
    await page.get_by_test_id("units-tab").click()
    await page.get_by_test_id("unit-row").first.click()
    await expect(page.get_by_test_id("unit-row").first).to_have_attribute("aria-current", "true")
    yield "unit"
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    yield "help"


async def handset_states(page: Page) -> States:
    await expect(page.get_by_test_id("order")).to_be_visible()
    await expect(page.get_by_test_id("step-declined")).to_be_enabled()
    yield "an order"
    await page.get_by_test_id("step-declined").click()
    await expect(page.get_by_test_id("reason").first).to_be_visible()
    yield "why not"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("sign-out").click()
    await expect(page.get_by_test_id("sign-out-confirm")).to_be_visible()
    yield "sign out"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("unsent").click()
    await expect(page.get_by_test_id("unsent-panel")).to_be_visible()
    yield "what is unsent"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("device-open").click()
    await expect(page.get_by_test_id("device")).to_be_visible()
    yield "about the handset"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("way-open").click()
    await expect(page.get_by_test_id("route-map")).to_have_attribute("data-ready", "true")
    yield "the way on the map"
    await page.get_by_test_id("route-list").click()
    yield "the way as a list"
    await page.get_by_test_id("route-close").click()
    await page.get_by_test_id("step-accepted").click()
    await page.get_by_test_id("step-feedback").click()
    await page.get_by_test_id("photo-files").set_input_files(
        {"name": "IMG.png", "mimeType": "image/png", "buffer": picture()}
    )
    await expect(page.get_by_test_id("photo")).to_be_visible()
    yield "a report with a photo"
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("draft")).to_be_visible()
    yield "a report that is not sent"
    await page.get_by_test_id("settings").click()
    await page.get_by_test_id("settings-sunlight").check()
    yield "settings, in bright sun"
    await page.keyboard.press("Escape")
    yield "an order, in bright sun"


REMEMBER_A_LONGER_LOG = """() => {
    const held = JSON.parse(localStorage["ridgeline.witness"]);
    held.newest.note = held.newest.note.replace(/\\n[0-9]+\\n/, "\\n999999\\n");
    localStorage["ridgeline.witness"] = JSON.stringify(held);
}"""


async def audit_states(page: Page) -> States:
    await page.get_by_test_id("journal-row").first.get_by_role("button").first.click()
    await expect(page.get_by_test_id("entry-leaf")).to_be_visible()
    await page.get_by_test_id("log-standing").locator("summary").click()
    await page.get_by_test_id("log-held").locator("summary").click()
    yield "rows, one of them open, and how the log is held"
    await page.evaluate(REMEMBER_A_LONGER_LOG)
    await page.get_by_test_id("audit-refresh").click()
    await expect(page.get_by_test_id("log-standing")).to_have_attribute("data-standing", "rewound")
    yield "a log cut off"
    await page.get_by_test_id("standing-anew").click()
    yield "whether to believe it again"
    await page.get_by_test_id("standing-anew-confirm").click()
    await expect(page.get_by_test_id("log-standing")).to_have_attribute("data-standing", "well")
    await page.get_by_test_id("audit-text").fill(uuid4().hex)
    await page.get_by_test_id("audit-search").click()
    await expect(page.get_by_test_id("journal-row")).to_have_count(0)
    yield "nothing found"
    await page.get_by_test_id("page-measures").click()
    await expect(page.get_by_test_id("measure").first).to_be_visible()
    yield "measures"
    await page.get_by_test_id("figures-points").check()
    await expect(page.get_by_test_id("measure-standing").first).to_be_visible()
    yield "work points"
    await page.get_by_test_id("figures-coverage").check()
    await expect(page.get_by_test_id("measure").first).to_be_hidden()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    yield "coverage"


FACES: dict[str, tuple[str | None, Callable[[Page], States]]] = {
    "login": (None, login_states),
    "console": ("dispatcher", console_states),
    "handset": ("officer", handset_states),
    "audit": ("supervisor", audit_states),
}


@pytest.mark.parametrize("face", FACES)
async def test_axe_finds_nothing(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, face: str
) -> None:
    role, states = FACES[face]
    report_position(server, seeded)
    login = login_of(seeded, role) if role else None
    found: list[str] = []
    async with dispatching(server, seeded) as dispatcher:
        await dispatcher.send(seeded.fleet.devices[0].unit_id)
        await dispatcher.open_incident(priority="emergency")
        for locale in ("en-GB", "zh-CN"):
            options = {"locale": locale, "reduced_motion": "reduce"}
            async with person(plain_browser, server.url, login, **options) as page:
                async for state in states(page):
                    found += [f"{locale}, {state}, {each}" for each in await violations(page)]

    assert found == []


async def violations(page: Page) -> list[str]:
    """What axe has to say of the page as it stands, by day and by night."""
    if not AXE.exists():
        missing("there is no axe-core: sh web/npm.sh ci")
    await page.evaluate(AXE.read_text())
    found: list[str] = []
    for theme in ("day", "night"):
        await page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found += [f"{theme}: {each}" for each in await page.evaluate(RUN_AXE)]
    return found


async def test_the_main_job_needs_no_mouse(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    report_position(server, seeded)
    async with keyboard_only(plain_browser, server, login_of(seeded, "dispatcher")) as page:
        await open_incident_by_keys(page)
        await page.keyboard.press("u")
        await expect(page.get_by_test_id("recommendation-chosen").first).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("order-state")).to_be_visible()
    async with keyboard_only(plain_browser, server, login_of(seeded, "officer")) as page:
        await finish_by_keys(page)
    async with keyboard_only(plain_browser, server, login_of(seeded, "supervisor")) as page:
        await find_by_keys(page)


@asynccontextmanager
async def keyboard_only(
    browser: Browser, server: ServerProcess, login: demo.Login
) -> AsyncIterator[Page]:
    """Signed in by typing; a click would be an error."""
    async with person(browser, server.url, None) as page:
        await expect(page.get_by_test_id("login-username")).to_be_focused()
        await page.keyboard.type(login.username)
        await page.keyboard.press("Tab")
        await page.keyboard.type(login.password)
        await page.keyboard.press("Enter")
        await page.wait_for_url(SIGNED_IN)
        yield page


async def open_incident_by_keys(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    await page.keyboard.press("n")
    await expect(page.get_by_test_id("incident-type")).to_be_focused()
    await choose_by_arrows(page, "incident-type", "traffic_collision")
    await page.keyboard.press("/")
    await page.keyboard.type("Ninghe")
    await expect(page.locator("[data-hit=place-0]")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("incident-note")).to_be_focused()
    await page.keyboard.type("a truck across the road")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("recommendation-row").first).to_be_visible()


async def finish_by_keys(page: Page) -> None:
    for step in ("accepted", "en_route", "on_scene"):
        await tab_to(page, f"step-{step}")
        await page.keyboard.press("Enter")
    await tab_to(page, "step-done")
    await page.keyboard.press("Enter")
    await tab_to(page, "note-send")
    await page.keyboard.press("Space")
    await expect(page.get_by_test_id("order-over")).to_have_attribute("data-step", "done")


async def find_by_keys(page: Page) -> None:
    await expect(page.get_by_test_id("journal-row").first).to_be_visible()
    await tab_to(page, "audit-text")
    await page.keyboard.type("a truck across")
    await page.keyboard.press("Enter")
    rows = page.get_by_test_id("journal-row")
    await expect(rows).to_have_count(1)
    await tab_to(page, "journal-open")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("journal-recorded")).to_contain_text("a truck across")


async def choose_by_arrows(page: Page, test_id: str, value: str) -> None:
    """In a list of choices that has the focus; letters would have to come within a second."""
    for _ in range(OPTIONS_MAX):
        await page.keyboard.press("ArrowDown")
        if await page.get_by_test_id(test_id).input_value() == value:
            return
    raise AssertionError(f"{test_id} has no {value}")


async def tab_to(within: Page | Locator, test_id: str) -> None:
    """As many presses of Tab as it takes; far more than it should is a failure."""
    page = within.page if isinstance(within, Locator) else within
    wanted = within.get_by_test_id(test_id).first
    await expect(wanted).to_be_enabled()
    for _ in range(TABS_MAX):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{test_id} was not reached with {TABS_MAX} presses of Tab")
