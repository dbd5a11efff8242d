"""Looking back on the audit page: the review of an incident, the replay of an hour on the map."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from server import demo
from tests.browser.house import House
from tests.browser.people import dispatching, login_of, person
from tests.browser.test_accessibility import violations
from tests.patience import PATIENCE_S
from tests.server.field_rows import POSITION_COLUMNS
from tests.server_process import ServerProcess
from tests.small_county import CENTRE, crossing

pytestmark = pytest.mark.browser


@cache
def begin() -> datetime:
    """The replay looks at half an hour from here on: asked first as the tests of it begin, for they
    may have waited for their turn."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=40)


STILL = {"reduced_motion": "reduce"}
GROUND_COLOURS = 50
"""The ground and a unit on it have more."""
LATE_S = (300, 600)
"""Between these, the handset was in a dead zone: what it saw came afterwards."""


@pytest.fixture(scope="module")
def past(house: House) -> str:
    """An incident that is over, and a unit that drove east, out of sight for a while; its id."""

    async def tell() -> str:
        async with dispatching(house.server, house.seeded) as dispatcher:
            unit_id = house.seeded.fleet.devices[0].unit_id
            order = await dispatcher.send(unit_id, note="snow on the pass")
            for state in ("accepted", "en_route", "feedback", "on_scene", "done"):
                await dispatcher.report(order, state)
        conn = await asyncpg.connect(house.database_url)
        await _drive(conn, house.seeded)
        await conn.close()
        incident: str = order["incident_id"]
        return incident

    return asyncio.run(tell())


async def _drive(conn: Any, seeded: demo.DemoSeed) -> None:
    """A fix every 30 s; none after 900 s."""
    camera = next(each for each in seeded.fleet.devices if each.kind == "body_camera")
    west, south = crossing(1, 1)
    rows = []
    for seconds in range(0, 901, 30):
        observed = begin() + timedelta(seconds=seconds)
        late = LATE_S[0] <= seconds < LATE_S[1]
        received = begin() + timedelta(seconds=LATE_S[1] if late else seconds + 1)
        place = (west + seconds * 2e-5, south)
        rows.append((camera.device_id, observed, received, *place, 5.0, 12.0, 90.0, 64, False, ""))
    since, until = (begin() + timedelta(seconds=each) for each in LATE_S)
    await conn.execute(
        """INSERT INTO zone_stay (id, unit_id, silent_since, foretold_at, back_at, latest_at, place,
               lon, lat, at_scene, ended_at)
           VALUES (gen_random_uuid(), $1, $2, $4, $3, $3, '{}', $5, $6, false, $3)""",
        camera.unit_id, since, until, since + timedelta(seconds=75), west, south,
    )  # fmt: skip
    for day in {row[2].date() for row in rows}:
        await conn.execute("SELECT ensure_position_partition($1)", day)
    await conn.copy_records_to_table("position", records=rows, columns=POSITION_COLUMNS)


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, past: str
) -> AsyncIterator[Page]:
    async with person(plain_browser, server.url, login_of(seeded, "supervisor"), **STILL) as page:
        yield page


# -- the review ------------------------------------------------------------------------------


async def open_review(page: Page) -> Locator:
    await page.get_by_test_id("page-review").click()
    await page.get_by_test_id("review-open").first.click()
    await expect(page.get_by_test_id("review")).to_have_attribute("data-ready", "true")
    return page.get_by_test_id("review-host")


async def test_a_closed_incident_is_found_and_reviewed_in_both_languages(page: Page) -> None:
    await page.get_by_test_id("page-review").click()
    await expect(page.get_by_test_id("review-row")).to_have_count(1)
    await page.get_by_test_id("review-search").fill("nowhere at all")
    await expect(page.get_by_test_id("review-row")).to_have_count(0)
    await page.get_by_test_id("review-search").fill("ninghe")
    await expect(page.get_by_test_id("review-row")).to_have_count(1)

    host = await open_review(page)

    await expect(host.get_by_role("heading", level=1)).to_have_text(re.compile("Traffic collision"))
    await expect(host.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile(r"^Timeline of incident \d+: 1 orders")
    )
    await expect(host.get_by_text("Call to first order")).to_be_visible()

    await page.get_by_test_id("language").click()

    await expect(host.get_by_role("heading", level=1)).to_have_text(re.compile("交通事故"))
    await expect(host.get_by_text("接警至派警")).to_be_visible()


async def test_the_page_around_a_review_complains_of_nothing(page: Page) -> None:
    """Its style comes in without breaking the policy of the page."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    host = await open_review(page)

    width = "element => getComputedStyle(element).maxWidth"
    assert await host.locator("article").evaluate(width) == "1024px"
    assert said == []


async def test_the_review_is_read_by_keyboard_and_looks_right_to_axe(page: Page) -> None:
    await page.get_by_test_id("page-review").press("Enter")
    await page.get_by_test_id("review-open").first.press("Enter")
    await expect(page.get_by_test_id("review")).to_have_attribute("data-ready", "true")

    assert await violations(page) == []

    await page.get_by_test_id("review-back").press("Enter")
    await expect(page.get_by_test_id("review-row").first).to_be_visible()
    assert await violations(page) == []


async def test_who_looks_into_an_incident_has_its_positions_kept_and_lets_go_of_them(
    page: Page,
) -> None:
    await open_review(page)
    for step, other in (("hold", "release"), ("release", "hold")):
        await page.get_by_test_id(f"review-{step}").click()
        await page.get_by_test_id("ask-input").fill("complaint 3")
        await page.get_by_test_id("ask-confirm").click()
        await expect(page.get_by_test_id(f"review-{other}")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        if step == "hold":
            await page.get_by_test_id("review-back").click()
            await page.get_by_test_id("holds").locator("summary").click()
            await expect(page.get_by_test_id("hold-row")).to_contain_text("complaint 3")
            assert await violations(page) == []
            await page.get_by_test_id("hold-row").get_by_role("link").click()


async def test_from_a_review_one_sees_who_looked_at_it(page: Page) -> None:
    await open_review(page)

    await page.get_by_test_id("review-looked").click()

    rows = page.get_by_test_id("journal-row")
    await expect(rows.and_(page.locator('[data-kind="review.read"]')).first).to_be_visible()
    assert {await each.get_attribute("data-group") for each in await rows.all()} <= {
        *("review", "journal", "access", "replay", "measures", "history"),
    }


async def test_on_paper_the_review_is_black_on_white_without_the_page_around_it(
    page: Page,
) -> None:
    host = await open_review(page)
    await page.get_by_test_id("theme").click()
    await page.emulate_media(media="print")

    article = host.locator("article")
    await expect(article).to_have_css("background-color", "rgb(255, 255, 255)")
    await expect(article).to_have_css("color", "rgb(0, 0, 0)")
    await expect(page.locator(".audit-bar")).to_be_hidden()
    await expect(page.locator(".review-tools")).to_be_hidden()
    # the sheet: A4, with its number in the margin, and the log that it was made of as a code
    await expect(host.locator(".seal code").last).to_have_text(re.compile("^[0-9a-f]{64}$"))
    code = await host.locator(".seal svg").bounding_box()
    assert code is not None
    assert code["width"] == code["height"] > 90
    margins: str = await page.evaluate(
        "document.adoptedStyleSheets.flatMap((each) => [...each.cssRules])"
        ".map((rule) => rule.cssText).join()"
    )
    assert "Incident 1" in margins
    assert "counter(pages)" in margins
    sheets = await page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = re.findall(rb"/MediaBox ?\[0 0 (\d+)[\d.]* (\d+)", sheets)
    assert boxes != []
    assert set(boxes) == {(b"594", b"841")}
    await page.get_by_test_id("review-back").evaluate("link => link.click()")
    await expect(page.get_by_test_id("review-row").first).to_be_visible()
    await page.wait_for_function("() => document.adoptedStyleSheets.length === 0")


async def test_the_page_of_its_own_keeps_the_policy(
    page: Page, server: ServerProcess, past: str
) -> None:
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text))

    await page.goto(f"/api/incidents/{past}/review.html?lang=en&tz=Asia/Shanghai")

    await expect(page.locator("article.review")).to_have_css("max-width", "1024px")
    assert broken == []


# -- the replay ------------------------------------------------------------------------------


async def look_back(page: Page, seconds: float, *, clock: str = "real") -> None:
    """At so long after `begin`."""
    at = begin() + timedelta(seconds=seconds)
    until = f"min=30&at={iso(at)}&clock={clock}"
    await open_afresh(page, f"/audit#replay?from={iso(begin())}&{until}")
    await expect(page.get_by_test_id("replay-moment")).to_have_attribute("datetime", iso(at))


async def open_afresh(page: Page, address: str) -> None:
    """As from a bookmark: another part behind the # alone would load no page, and a reload may
    come before the page shown has put its own address right."""
    await page.goto("about:blank")
    await page.goto(address)


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def unit(page: Page) -> Locator:
    return page.get_by_test_id("replay-unit").first


async def longitude(page: Page) -> float:
    return float(await unit(page).get_attribute("data-lon") or "nan")


async def test_between_two_fixes_a_unit_is_on_the_line_between_them(page: Page) -> None:
    await look_back(page, 120)
    one = await longitude(page)
    await look_back(page, 150)
    other = await longitude(page)

    await look_back(page, 135)

    assert await longitude(page) == pytest.approx((one + other) / 2, abs=2e-5)
    assert other - one == pytest.approx(30 * 2e-5, abs=2e-5)
    await expect(unit(page)).to_have_attribute("data-stale", "false")


async def test_beyond_its_last_fix_a_unit_stands_grey_with_its_age(page: Page) -> None:
    await look_back(page, 900)
    last = await longitude(page)

    await look_back(page, 1200)

    assert await longitude(page) == last
    await expect(unit(page)).to_have_attribute("data-stale", "true")
    await expect(unit(page)).to_contain_text("seen 5 min ago")


async def test_what_arrived_late_the_room_did_not_see_then(page: Page) -> None:
    await look_back(page, 540)
    really = await longitude(page)
    await expect(unit(page)).to_have_attribute("data-stale", "false")

    await page.get_by_test_id("replay-clock-room").check()

    seen = await longitude(page)
    assert really - seen == pytest.approx((540 - 270) * 2e-5, abs=2e-5)
    await expect(unit(page)).to_have_attribute("data-stale", "true")
    await look_back(page, 601, clock="room")
    assert await longitude(page) > really


async def test_a_silence_is_known_to_the_room_once_it_was_foretold(page: Page) -> None:
    await look_back(page, 330)
    await expect(unit(page)).to_contain_text("silent in a dead zone")

    await page.get_by_test_id("replay-clock-room").check()

    await expect(unit(page)).not_to_contain_text("silent in a dead zone")
    await look_back(page, 400, clock="room")
    await expect(unit(page)).to_contain_text("silent in a dead zone")


async def test_the_keys_play_and_step_and_the_address_holds_the_moment(page: Page) -> None:
    await look_back(page, 60)
    moment = page.get_by_test_id("replay-moment")
    await page.locator(".audit-corner > span").first.click()

    await page.keyboard.press("ArrowRight")
    await expect(moment).to_have_attribute("datetime", iso(begin() + timedelta(seconds=70)))
    await page.keyboard.press("Shift+ArrowLeft")
    await expect(moment).to_have_attribute("datetime", iso(begin() + timedelta(seconds=10)))
    at = iso(begin() + timedelta(seconds=10)).replace(":", "%3A")
    await expect(page).to_have_url(re.compile(re.escape(at)))

    await page.get_by_test_id("replay-speed").select_option("2")  # it is far from its end
    await page.locator(".audit-corner > span").first.click()
    await page.keyboard.press("Space")
    await expect(page.get_by_test_id("replay-play")).to_have_attribute("aria-label", "Pause")
    await expect(moment).not_to_have_attribute("datetime", iso(begin() + timedelta(seconds=10)))
    await page.keyboard.press("Space")
    await expect(page.get_by_test_id("replay-play")).to_have_attribute("aria-label", "Play")


async def test_events_are_stepped_through_and_said_in_words(page: Page) -> None:
    now = datetime.now(UTC) - timedelta(minutes=25)
    await open_afresh(page, f"/audit#replay?from={iso(now)}&min=30")
    await expect(page.get_by_test_id("replay-event").first).to_be_visible()
    kinds = [
        await each.get_attribute("data-kind")
        for each in await page.get_by_test_id("replay-event").all()
    ]
    assert kinds[:4] == [
        "incident.opened", "recommendation.computed", "decision.taken", "order.issued",
    ]  # fmt: skip
    await page.locator(".audit-corner > span").first.click()

    for kind in kinds[:2]:
        await page.keyboard.press("j")
        current = page.locator("[aria-current=time]")
        await expect(current).to_have_attribute("data-kind", kind or "")
    await page.keyboard.press("k")
    await expect(page.locator("[aria-current=time]")).to_have_attribute("data-kind", kinds[0] or "")

    await expect(page.locator("[aria-current=time]")).to_contain_text("Ninghe Town")


async def test_the_replay_draws_its_map_and_axe_finds_nothing(
    browser: Browser, server: ServerProcess, seeded: demo.DemoSeed, past: str
) -> None:
    async with person(browser, server.url, login_of(seeded, "supervisor"), **STILL) as page:
        await look_back(page, 120)
        await expect(page.get_by_test_id("replay-map")).to_have_attribute("data-ready", "true")

        assert await violations(page) == []
        await page.get_by_test_id("language").click()
        await expect(page.locator("h1")).to_have_text("回放")
        assert await violations(page) == []


async def test_feedback_on_the_way_puts_no_unit_on_the_scene(page: Page) -> None:
    await page.get_by_test_id("page-replay").click()
    said = page.locator('[data-testid="replay-event"][data-kind="order.feedback"]')
    await expect(said).to_have_count(1)

    await said.click()

    await expect(page.get_by_test_id("replay-unit").first).to_have_attribute(
        "data-status", "en_route"
    )


async def test_another_address_is_another_moment(page: Page) -> None:
    """Sent by a colleague, and put into the bar of an open replay."""
    await page.get_by_test_id("page-replay").click()
    await expect(page.get_by_test_id("replay-slider")).to_be_visible()
    at = begin() + timedelta(seconds=75)

    await page.evaluate(
        "hash => { location.hash = hash }",
        f"replay?from={begin():%Y-%m-%dT%H:%M:%SZ}&min=15&at={at:%Y-%m-%dT%H:%M:%SZ}&clock=room",
    )

    await expect(page.get_by_test_id("replay-moment")).to_have_attribute(
        "datetime", f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    )
    await expect(page.get_by_test_id("replay-clock-room")).to_be_checked()


async def test_a_unit_is_followed_until_somebody_moves_the_map_and_the_picture_is_kept(
    page: Page, tmp_path: Path
) -> None:
    await look_back(page, 120)
    room = page.get_by_test_id("replay-map")
    await expect(room).to_have_attribute("data-ready", "true")
    unit = page.get_by_test_id("replay-unit").first

    await unit.get_by_test_id("replay-follow").click()

    places = set[str]()
    for _ in range(2):
        place = f"{await unit.get_attribute('data-lon')},{await unit.get_attribute('data-lat')}"
        await expect(room).to_have_attribute("data-middle", place)
        places.add(place)
        await page.keyboard.press("Shift+ArrowRight")
    assert len(places) == 2
    picture = await kept_picture(page, tmp_path)
    box = await room.locator(".map-canvas").bounding_box()
    assert box is not None
    assert (picture.width, picture.height) == (round(box["width"]), round(box["height"]) + 26)
    async with asyncio.timeout(PATIENCE_S):
        while colours(picture.crop((0, 0, picture.width, picture.height - 26))) <= GROUND_COLOURS:
            picture = await kept_picture(page, tmp_path)  # the ground is still being fetched
    await page.mouse.move(box["x"] + 200, box["y"] + 200)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 260, box["y"] + 240, steps=4)
    await page.mouse.up()
    await expect(unit.get_by_test_id("replay-follow")).to_have_attribute("aria-pressed", "false")


async def kept_picture(page: Page, folder: Path) -> Image.Image:
    async with page.expect_download() as waiting:
        await page.get_by_test_id("replay-picture").click()
    await (await waiting.value).save_as(folder / "moment.png")
    with Image.open(folder / "moment.png") as picture:
        return picture.convert("RGB")


def colours(picture: Image.Image) -> int:
    return len(picture.getcolors(1_000_000) or [])


async def test_the_span_is_exported_as_geojson_and_as_a_table(page: Page, tmp_path: Path) -> None:
    await look_back(page, 120)
    async with page.expect_download() as download:
        await page.get_by_test_id("replay-csv").click()
    await (await download.value).save_as(tmp_path / "replay.csv")
    with (tmp_path / "replay.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 31
    assert {row["unit"] for row in rows} == {rows[0]["unit"]}
    assert rows[0]["received_at"] > rows[0]["observed_at"]

    async with page.expect_download() as download:
        await page.get_by_test_id("replay-geojson").click()

    file = await (await download.value).path()
    found = json.loads(file.read_text(encoding="utf-8"))
    (line,) = (each for each in found["features"] if each["geometry"]["type"] == "LineString")
    assert len(line["geometry"]["coordinates"]) == 31
    assert CENTRE[0] - 1 < line["geometry"]["coordinates"][0][0] < CENTRE[0] + 1


async def test_from_a_review_one_looks_at_its_replay(page: Page) -> None:
    await open_review(page)

    await page.get_by_test_id("review-replay").click()

    await expect(page.get_by_test_id("replay-event").first).to_be_visible()
    await expect(page.locator("[aria-current=page]")).to_have_text("Replay")
