"""Reports with photos from a handset without signal: nothing is lost, and it arrives once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image
from playwright.async_api import Browser, Page, Route, expect

from server import demo
from tests.browser.house import House
from tests.browser.people import Dispatcher, dispatching, login_of, person
from tests.browser.phones import PHONE, ready
from tests.browser.test_handset import all_sent, steps, taken
from tests.patience import PATIENCE_S
from tests.relay import Relay
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

NARROW: dict[str, Any] = PHONE | {"viewport": {"width": 360, "height": 640}}
WIDE, HIGH = 2400, 1200


def camera_photo(colour: str = "red") -> bytes:
    """As a phone held upright writes it: lying on its side, and it says when and where."""
    image = Image.new("RGB", (WIDE, HIGH), colour)
    image.paste("blue", (0, 0, 400, 400))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "a phone that tells its name"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = "2026:01:31 16:05:09"
    inner[ExifTags.Base.OffsetTimeOriginal] = "+08:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
    gps[ExifTags.GPS.GPSLatitude] = (27.0, 30.0, 36.0)
    gps[ExifTags.GPS.GPSLongitude] = (100.0, 15.0, 0.0)
    out = BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


@asynccontextmanager
async def field(
    house: House, browser: Browser
) -> AsyncIterator[tuple[Page, Relay, Dispatcher, str]]:
    """An officer over a relay, at the scene of his order."""
    unit_id = house.seeded.fleet.devices[0].unit_id
    async with (
        Relay.before(house.server.port) as relay,
        dispatching(house.server, house.seeded) as dispatcher,
        person(browser, relay.url, login_of(house.seeded, "officer"), **NARROW) as page,
    ):
        await ready(page)
        yield page, relay, dispatcher, unit_id


async def to_the_scene(page: Page) -> None:
    for step in ("accepted", "en_route", "on_scene"):
        await page.get_by_test_id(f"step-{step}").click()
    await taken(page, "on_scene")


async def attach(page: Page, *images: bytes) -> None:
    files: Any = [
        {"name": f"IMG_{n}.jpg", "mimeType": "image/jpeg", "buffer": image}
        for n, image in enumerate(images)
    ]
    await page.get_by_test_id("photo-files").set_input_files(files)


async def test_a_report_with_photos_survives_whatever_happens_and_arrives_once(
    house: House, server: ServerProcess, seeded: demo.DemoSeed, plain_browser: Browser
) -> None:
    lost: list[str] = []

    async def lose_the_answer(route: Route) -> None:
        """The server has it, and the handset never hears so."""
        if not lost:
            lost.append(route.request.url)
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    async with field(house, plain_browser) as (page, relay, dispatcher, unit_id):
        order = await dispatcher.send(unit_id)
        await to_the_scene(page)
        relay.fall_silent()

        # The page dies after each thing that is said.
        await page.get_by_test_id("step-feedback").click()
        await page.locator("[data-result=controlled]").click()
        await page.get_by_test_id("note").fill("one car in the ditch")
        await expect(page.get_by_test_id("draft")).to_have_count(1)
        await page.wait_for_function(HAS_DRAFT, arg="one car in the ditch")
        await page.reload()
        await page.get_by_test_id("draft-continue").click()
        await expect(page.get_by_test_id("note")).to_have_value("one car in the ditch")
        pressed = page.locator("[data-result=controlled]")
        await expect(pressed).to_have_attribute("aria-pressed", "true")
        await attach(page, camera_photo(), camera_photo("green"))
        await expect(page.get_by_test_id("photo")).to_have_count(2)
        await page.reload()
        await page.get_by_test_id("draft-continue").click()
        await expect(page.get_by_test_id("photo")).to_have_count(2)
        await attach(page, b"no picture at all")
        await expect(page.get_by_test_id("report-trouble")).to_contain_text("IMG_0.jpg")
        await page.get_by_test_id("note-send").click()
        await expect(page.get_by_test_id("reports")).to_have_text("Reports given: 1")
        await page.reload()

        # It says exactly what waits, and since when.
        unsent = page.get_by_test_id("unsent")
        await expect(unsent).to_have_attribute("data-steps", "1")
        await expect(unsent).to_have_attribute("data-photos", "2")
        await unsent.click()
        rows = page.get_by_test_id("unsent-panel").get_by_test_id("unsent-row")
        await expect(rows).to_have_count(3)
        await expect(rows.first).to_contain_text("Feedback · order")
        await expect(rows.first).to_contain_text("one car in the ditch")
        await expect(rows.first).to_have_attribute("data-why", "no_link")
        await expect(rows.last).to_have_attribute("data-kind", "photo")
        await page.keyboard.press("Escape")
        await page.get_by_test_id("step-done").click()
        await page.get_by_test_id("note").fill("never mind")
        await page.keyboard.press("Escape")
        await unsent.click()
        await expect(rows).to_have_count(4)
        await page.get_by_test_id("unsent-drop").click()
        await expect(rows).to_have_count(3)
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("draft")).to_have_count(0)
        await page.get_by_test_id("sign-out").click()
        await expect(page.get_by_test_id("sign-out-confirm")).to_be_disabled()
        await page.keyboard.press("Escape")

        await page.route("**/v1/photos/*", lose_the_answer)
        relay.sound_again()
        await all_sent(page)
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-photos", "0")
        await page.unroute("**/v1/photos/*")

        after = await dispatcher.order(order)
        assert steps(after)["feedback"] == 1
        note = next(each["note"] for each in after["events"] if each["state"] == "feedback")
        assert note == "Scene under control; one car in the ditch"
        assert len(lost) == 1
        async with person(plain_browser, server.url, login_of(seeded, "dispatcher")) as console:
            await console.get_by_test_id("incident-row").first.click()
            photos = console.get_by_test_id("photos").get_by_test_id("photo")
            await expect(photos).to_have_count(2)
            await photos.first.get_by_role("button").click()
            large = console.get_by_test_id("photo-large")
            await expect(large).to_contain_text("27.51000, 100.25000")
            await expect(large.get_by_role("img")).to_have_js_property("naturalWidth", 960)
            await console.get_by_test_id("photo-next").click()
            shown = large.get_by_role("img")
            answer = await console.request.get(str(await shown.get_attribute("src")))
            body, headers = await answer.body(), answer.headers
        assert headers["content-type"] == "image/jpeg"
        assert "sandbox" in headers["content-security-policy"]
        with Image.open(BytesIO(body)) as image:
            assert image.size == (960, 1920), "upright, and no larger than it need be"
            assert len(image.getexif()) == 0
        await dispatcher.clear()


PHOTOS_KEPT_MAX, QUEUE_LEN_MAX = 60, 5_000
"""As web/src/handset has them."""
WITH_STORE = """async (name, use) => {
  const db = await new Promise((resolve, reject) => {
    const opening = indexedDB.open("ridgeline-handset");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const transaction = db.transaction(name, "readwrite");
  const result = use(transaction.objectStore(name));
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  db.close();
  return result;
}"""
FILL_QUEUE = f"""(limit) => ({WITH_STORE})("queue", (queue) => {{
  const begin = Date.now() - 3 * 3_600_000;
  const counting = queue.count();
  counting.onsuccess = () => {{
    for (let n = counting.result; n < limit; n++)
      queue.add({{ t: "up", k: "loc", at: begin + n, lat: 27.5, lon: 100.2 }});
  }};
}})"""
ALL = f"""async (name) => (await ({WITH_STORE})(name, (store) => store.getAll())).result"""
QUEUE_LEN = f"""async () => (await ({ALL})("queue")).length"""
FIXES = f"""(await ({ALL})("queue")).filter(({{ k }}) => k === "loc")"""
OLDEST_FIX = f"async () => Math.min(...{FIXES}.map(({{ at }}) => at))"
HAS_DRAFT = f"""async (words) => (await ({ALL})("drafts")).some(({{ note }}) => note === words)"""


def thumbnail() -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), "grey").save(out, "PNG")
    return out.getvalue()


async def test_a_full_phone_says_so_and_drops_nothing_that_a_person_did(
    house: House, plain_browser: Browser
) -> None:
    async with field(house, plain_browser) as (page, relay, dispatcher, unit_id):
        await dispatcher.send(unit_id)
        await to_the_scene(page)
        relay.fall_silent()

        # Its own limits: of photos the next is refused, of positions the oldest goes.
        await page.get_by_test_id("step-feedback").click()
        await attach(page, *[thumbnail()] * (PHOTOS_KEPT_MAX + 1))
        trouble = page.get_by_test_id("report-trouble")
        await expect(trouble).to_contain_text(f"{PHOTOS_KEPT_MAX} photos wait")
        await expect(page.get_by_test_id("photo")).to_have_count(PHOTOS_KEPT_MAX)
        await page.get_by_test_id("report-drop").click()
        await page.get_by_test_id("step-feedback").click()
        await page.get_by_test_id("note").fill("all quiet")
        await page.get_by_test_id("note-send").click()
        await expect(page.get_by_test_id("reports")).to_be_visible()
        # Until then records leave the queue: they were sent, as far as the handset knows.
        await expect(page.get_by_test_id("link")).not_to_have_attribute("data-state", "live")
        await page.evaluate(FILL_QUEUE, QUEUE_LEN_MAX)
        oldest = await page.evaluate(OLDEST_FIX)
        await page.reload()
        async with asyncio.timeout(PATIENCE_S):
            while await page.evaluate(OLDEST_FIX) == oldest:  # noqa: ASYNC110 (a browser's store)
                await asyncio.sleep(0.1)
        assert await page.evaluate(QUEUE_LEN) == QUEUE_LEN_MAX
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "1")

        # The browser's, and the disk's.
        await page.get_by_test_id("step-feedback").click()
        await attach(page, camera_photo())
        await expect(page.get_by_test_id("photo")).to_have_count(1)
        await quota(page, 1)
        await page.reload()
        await expect(page.get_by_test_id("room-low")).to_be_visible()
        await page.get_by_test_id("unsent").click()
        storage = page.get_by_test_id("unsent-storage")
        await expect(storage).to_contain_text("Storage nearly full")
        await page.get_by_role("dialog").get_by_role("button", name="Back").click()
        await expect(storage).to_have_count(0)

        await page.get_by_test_id("draft-continue").click()
        await expect(page.get_by_test_id("photo")).to_have_count(1)
        await attach(page, camera_photo("green"))
        await expect(trouble).to_contain_text("storage is full")
        await expect(page.get_by_test_id("photo")).to_have_count(1)

        await page.get_by_test_id("note-send").click()
        await expect(trouble).to_contain_text("Say it by radio")
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "1")

        await quota(page, 50_000_000)
        await attach(page, camera_photo("green"))
        await expect(page.get_by_test_id("photo")).to_have_count(2)
        await page.get_by_test_id("note-send").click()
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-photos", "2")
        relay.sound_again()
        await all_sent(page)
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-photos", "0")


async def quota(page: Page, size: int) -> None:
    """Of the browser for this page, bytes; where it is more, it says that it is full."""
    session = await page.context.new_cdp_session(page)
    origin = await page.evaluate("location.origin")
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": size})
