"""What people see at their work, state by state, as they come to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.people import Dispatcher, login_of, person
from tests.screenshots.county import County
from tests.screenshots.gallery import Gallery

WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "has_touch": True,
    "permissions": ["geolocation"],
    "reduced_motion": "reduce",
}
HERE = {"timezone_id": "Asia/Shanghai"}
BESIDE_DEG = 0.02
"""From a station to an incident: two kilometres."""
OLDER = 4
"""Which of the closed incidents is reviewed, from the newest."""
HOLD_MS = 4_000
"""Longer than the button of a call for help must be held."""

Scene = Callable[[Browser, County, Dispatcher, Gallery], Awaitable[None]]


@asynccontextmanager
async def sitting(browser: Browser, county: County, role: str, **more: Any) -> AsyncIterator[Page]:
    login = login_of(county.seeded, role)
    async with person(browser, county.url, login, **(WIDE | HERE | more)) as page:
        yield page


def officers_camera(county: County) -> demo.FleetDevice:
    """Of the unit whose handset is in a person's hand."""
    return county.seeded.fleet.devices[-2]


async def sign_in(browser: Browser, county: County, _: Dispatcher, gallery: Gallery) -> None:
    async with person(browser, county.url, None, **(WIDE | HERE)) as page:
        await expect(page.get_by_test_id("login-submit")).to_be_visible()
        await gallery.take(page, "login", "night")
        await page.goto("/styleguide")
        await expect(page.get_by_test_id("theme-pane")).to_have_count(2)
        await gallery.take(page, "styleguide")


async def console(
    browser: Browser, county: County, dispatcher: Dispatcher, gallery: Gallery
) -> None:
    lon, lat = county.seeded.fleet.devices[0].home
    incident = await dispatcher.open_incident(
        lon=lon + BESIDE_DEG, lat=lat, place="", priority="emergency", note="lorry across the road"
    )
    async with sitting(browser, county, "dispatcher") as page:
        await drawn(page)
        await gallery.take(page, "console-watch", "night")
        await (
            page.get_by_test_id("incident-row")
            .filter(has_text=f"#{incident['number']}")
            .first.click()
        )
        await expect(page.get_by_test_id("recommendation-row").first).to_be_visible()
        await gallery.take(page, "console")
        await page.get_by_test_id("dispatch").click()
        await expect(page.locator("[data-testid=order-event][data-state=en_route]")).to_be_visible()
        await gallery.take(page, "console-order", "night", "zh")
        await page.keyboard.press("Escape")
        await page.keyboard.press("i")
        await expect(page.get_by_test_id("reach-band").first).to_contain_text("km²")
        await gallery.take(page, "console-reach")
        await page.keyboard.press("i")
        await page.keyboard.press("b")
        await expect(page.get_by_test_id("battery-row").first).to_be_visible()
        await gallery.take(page, "console-batteries")
        await page.keyboard.press("b")
        await page.keyboard.press("4")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await gallery.take(page, "console-help", "day", "zh")
        await page.keyboard.press("Escape")
        await page.keyboard.press("1")
        await page.keyboard.press("/")
        await page.get_by_test_id("bar-input").fill("P-0")
        await expect(page.get_by_test_id("search-hit").first).to_be_visible()
        await gallery.take(page, "console-bar", "night")
        await page.keyboard.press("Escape")
        await page.keyboard.press("2")
        await page.get_by_test_id("unit-row").first.click()
        await page.keyboard.press("x")
        await page.keyboard.press("y")
        await expect(page.get_by_test_id("layers")).to_be_visible()
        await gallery.take(page, "console-layers", "day", "zh")
        await page.goto("/console?screen=wall")
        await expect(page.get_by_test_id("wall-incident").first).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await gallery.take(page, "wall", "night", "zh")


async def drawn(page: Page) -> None:
    await expect(page.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
    await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
    await page.wait_for_load_state("networkidle")


async def war(browser: Browser, county: County, _: Dispatcher, gallery: Gallery) -> None:
    """Declared and ended again."""
    password = login_of(county.seeded, "supervisor").password
    async with sitting(browser, county, "supervisor") as page:
        await page.goto("/console")
        await drawn(page)
        await page.keyboard.press("w")
        await page.get_by_test_id("stance-reason").fill("earthquake")
        await page.get_by_test_id("stance-offers").check()
        await page.get_by_test_id("stance-password").fill(password)
        await page.get_by_test_id("stance-submit").click()
        await expect(page.get_by_test_id("stance-banner")).to_contain_text("earthquake")
        await gallery.take(page, "console-war", "night")
        await page.get_by_test_id("stance-open").click()
        await page.get_by_test_id("stance-end").check()
        await page.get_by_test_id("stance-reason").fill("over")
        await page.get_by_test_id("stance-password").fill(password)
        await page.get_by_test_id("stance-submit").click()
        await expect(page.get_by_test_id("stance-banner")).to_have_count(0)


async def handset(
    browser: Browser, county: County, dispatcher: Dispatcher, gallery: Gallery
) -> None:
    unit = officers_camera(county)
    await dispatcher.free(unit.unit_id)
    lon, lat = await dispatcher.whereabouts(unit.unit_id)
    phone = PHONE | {"geolocation": {"longitude": lon, "latitude": lat}}
    async with sitting(browser, county, "officer", **phone) as page:
        await expect(page.get_by_test_id("link")).to_have_attribute("data-state", "live")
        order = await dispatcher.send(
            unit.unit_id, lon=lon + BESIDE_DEG, lat=lat, place="", note="two cars, one in the ditch"
        )
        await expect(page.get_by_test_id("order")).to_be_visible()
        await expect(page.get_by_test_id("step-accepted")).to_be_enabled()
        await gallery.take(page, "handset-order")
        await page.get_by_test_id("step-accepted").click()
        await page.get_by_test_id("step-en_route").click()
        await expect(page.get_by_test_id("step-on_scene")).to_be_enabled()
        await gallery.take(page, "handset-way", "night", "zh")
        await page.get_by_test_id("way-open").click()
        await expect(page.get_by_test_id("route-map")).to_have_attribute("data-ready", "true")
        await expect(page.get_by_test_id("route-next")).to_be_visible()
        way = await (await page.request.get(f"/api/orders/{order['id']}/route")).json()
        (lon, lat, _), *_ = way["line"]
        await page.context.set_geolocation({"longitude": lon, "latitude": lat})
        await expect(page.get_by_test_id("route")).to_have_attribute("data-off", "false")
        await page.wait_for_load_state("networkidle")
        await gallery.take(page, "handset-route")
        await page.get_by_test_id("route-close").click()
        await page.get_by_test_id("sos").hover()
        await page.mouse.down()
        await expect(page.get_by_test_id("sos-state")).to_be_visible(timeout=2 * HOLD_MS)
        await page.mouse.up()
        await expect(page.get_by_test_id("sos-state")).to_have_attribute("data-state", "sent")
        await gallery.take(page, "handset-sos")
        async with sitting(browser, county, "dispatcher") as desk:
            await drawn(desk)
            await expect(desk.get_by_test_id("sos-call")).to_be_visible()
            await gallery.take(desk, "console-sos")
            await desk.get_by_test_id("sos-acknowledge").click()
        await dispatcher.report(order, "on_scene")
        await dispatcher.report(order, "done")
    gallery.side_by_side(
        "handset", [f"handset-{each}" for each in ("order", "route", "way", "sos")]
    )


async def audit(browser: Browser, county: County, _: Dispatcher, gallery: Gallery) -> None:
    async with sitting(browser, county, "supervisor") as page:
        await expect(page.get_by_test_id("journal-row").first).to_be_visible()
        await page.get_by_test_id("journal-row").first.get_by_role("button").first.click()
        await gallery.take(page, "audit-search")
        await page.get_by_test_id("page-measures").click()
        await expect(page.get_by_test_id("measure").first).to_be_visible()
        await gallery.take(page, "audit-measures")
        await page.get_by_test_id("page-review").click()
        await page.get_by_test_id("review-status").select_option("closed")
        await page.get_by_test_id("review-open").nth(OLDER).click()
        await expect(page.get_by_test_id("review")).to_have_attribute("data-ready", "true")
        await gallery.take(page, "audit-review", "day", "zh")
        await page.get_by_test_id("review-replay").click()
        await expect(page.get_by_test_id("replay-map")).to_have_attribute("data-ready", "true")
        await page.get_by_test_id("replay-next").click()
        await gallery.take(page, "audit-replay", "night")


async def admin(browser: Browser, county: County, _: Dispatcher, gallery: Gallery) -> None:
    async with sitting(browser, county, "admin") as page:
        await expect(page.get_by_test_id("device-row").first).to_be_visible()
        await gallery.take(page, "admin")
        await page.get_by_test_id("section-people").click()
        await expect(page.get_by_test_id("person-row").first).to_be_visible()
        await gallery.take(page, "admin-people", "night")
        await page.get_by_test_id("section-shifts").click()
        await expect(page.get_by_test_id("shifts")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await gallery.take(page, "admin-shifts")
        await page.get_by_test_id("section-health").click()
        await expect(page.get_by_test_id("health")).to_be_visible()
        await gallery.take(page, "admin-health", "day", "zh")


SCENES: dict[str, Scene] = {
    "login": sign_in,
    "console": console,
    "handset": handset,
    "war": war,
    "audit": audit,
    "admin": admin,
}
