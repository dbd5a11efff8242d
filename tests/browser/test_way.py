"""The way to a scene on an officer's phone, driven for real while the network is gone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Geolocation, Page, Request, Route, expect

from server import demo
from tests.browser.people import Dispatcher, login_of, person, sign_in, signed_in
from tests.browser.phones import PHONE, phone, ready
from tests.browser.test_handset import taken
from tests.patience import PATIENCE_S
from tests.relay import Relay
from tests.server_process import ServerProcess
from tests.small_county import crossing

pytestmark = pytest.mark.browser

SCENE = crossing(5, 3)
ASIDE_DEG = 0.004
"""Some 390 m east, of a street that leads north."""
FAR_ASIDE = re.compile(r"^3\d\d$")
TILES = re.compile(r"/(tiles|hillshade)/")


@pytest_asyncio.fixture(loop_scope="session")
async def room(server: ServerProcess, seeded: demo.DemoSeed) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(server, login_of(seeded, "dispatcher")) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(room: httpx.AsyncClient) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(room)
    yield dispatcher
    await dispatcher.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def relay(server: ServerProcess) -> AsyncIterator[Relay]:
    async with Relay.before(server.port) as relay:
        yield relay


class Drive:
    """A phone in a car that follows a way."""

    def __init__(self, context: BrowserContext, page: Page, way: dict[str, Any]) -> None:
        self._context, self.page, self.way = context, page, way

    async def to(self, at_m: float, *, aside_deg: float = 0.0) -> None:
        """Be so many metres along, or beside it to the east."""
        lon, lat, along_m = np.array(self.way["line"]).T
        place: Geolocation = {
            "longitude": float(np.interp(at_m, along_m, lon)) + aside_deg,
            "latitude": float(np.interp(at_m, along_m, lat)),
            "accuracy": 8,
        }
        await self._context.set_geolocation(place)

    async def reaches(self, at_m: float) -> None:
        """Be there, and the page knows it."""
        await self.to(at_m)
        await self.page.wait_for_function(f"() => Math.abs({SHOWN_AT_M} - {at_m}) < 15")


SHOWN_AT_M = "Number(document.querySelector('[data-testid=route]')?.dataset.atM || NaN)"


async def opened(page: Page) -> None:
    await page.get_by_test_id("way-open").click()
    await expect(page.get_by_test_id("route-map")).to_have_attribute("data-ready", "true")


async def test_a_way_is_driven_turn_by_turn_without_signal_and_after_the_phone_has_died(
    tmp_path: Path,
    relay: Relay,
    room: httpx.AsyncClient,
    dispatcher: Dispatcher,
    seeded: demo.DemoSeed,
) -> None:
    unit_id = seeded.fleet.devices[0].unit_id
    asked: list[str] = []

    def note(request: Request) -> None:
        if TILES.search(request.url):
            asked.append(request.url)

    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        await page.goto(f"{relay.url}/login")
        await sign_in(page, login_of(seeded, "officer"))
        await ready(page)
        order = await dispatcher.send(unit_id, lon=SCENE[0], lat=SCENE[1])
        await page.get_by_test_id("step-accepted").click()
        kept = page.get_by_test_id("way-map")
        await expect(kept).to_have_attribute("data-state", "done")
        await expect(kept).to_have_attribute("data-got", str(await kept.get_attribute("data-of")))
        await taken(page, "accepted")
        way = (await room.get(f"/api/orders/{order['id']}/route")).json()
        drive = Drive(context, page, way)
        relay.fall_silent()
        page.on("request", note)

        await opened(page)
        route, next_turn = page.get_by_test_id("route"), page.get_by_test_id("route-next")
        first, second = [step for step in way["steps"] if step["at_m"] > 0][:2]
        await drive.reaches(first["at_m"] - 300)
        await expect(next_turn).to_contain_text(first["act"]["en"])
        await page.get_by_test_id("route-step-en_route").click()
        await drive.reaches(first["at_m"] + 40)
        await expect(next_turn).to_contain_text(second["act"]["en"])

        await drive.to(first["at_m"] + 60, aside_deg=ASIDE_DEG)
        await expect(page.get_by_test_id("route")).to_have_attribute("data-off-m", FAR_ASIDE)
        await drive.to(first["at_m"] + 80, aside_deg=ASIDE_DEG)
        await expect(route).to_have_attribute("data-off", "true")
        await expect(page.get_by_test_id("route-alert")).to_contain_text("No connection")
        await drive.reaches(second["at_m"] - 100)
        await expect(route).to_have_attribute("data-off", "false")

    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        page.on("request", note)
        drive = Drive(context, page, way)
        await drive.to(second["at_m"] - 50)
        await page.goto(f"{relay.url}/handset")
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "en_route")
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "1")
        await opened(page)
        await drive.reaches(second["at_m"] - 50)

        shown = page.get_by_test_id("route-map")
        assert int(await shown.get_attribute("data-kept") or 0) > 0
        assert await shown.get_attribute("data-none") == "0"
        assert asked == []

        await drive.to(way["distance_m"])
        await expect(page.get_by_test_id("route")).to_have_attribute("data-arrived", "true")
        await page.get_by_test_id("route-step-on_scene").click()
        await page.get_by_test_id("route-close").click()
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "on_scene")
        relay.sound_again()
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "0")

    assert (await dispatcher.order(order))["state"] == "on_scene"


PACK = re.compile(r"/tiles/pack\?of=([0-9/,]+)$")
PACK_LEN = 16
"""Tiles that a handset asks for at once."""
TOO_LARGE = 2_000_000
"""Bytes of a tile of which a way has no room for six."""
KEEP_AN_OLD_WAY = """([mapId, bytes]) => new Promise((resolve, reject) => {
  const opening = indexedDB.open("ridgeline-map");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const tx = opening.result.transaction(["ways", "tiles"], "readwrite");
    const sizes = {};
    for (const name of ["9/1/1", "9/1/2", "9/1/3"]) {
      sizes[name] = bytes / 3;
      tx.objectStore("tiles").put(new ArrayBuffer(bytes / 3), `${mapId}/${name}`);
    }
    tx.objectStore("ways").put({ id: "old", mapId, at: 1, names: Object.keys(sizes), sizes });
    tx.oncomplete = () => { opening.result.close(); resolve(); };
    tx.onerror = () => reject(tx.error);
  };
})"""
KEPT = """() => new Promise((resolve) => {
  const opening = indexedDB.open("ridgeline-map");
  opening.onsuccess = () => {
    const tx = opening.result.transaction(["ways", "tiles"]);
    const ways = tx.objectStore("ways").getAllKeys(), tiles = tx.objectStore("tiles").getAllKeys();
    tx.oncomplete = () => { opening.result.close(); resolve([ways.result, tiles.result]); };
  };
})"""
BYTES_MAX = 24 << 20
NOTE_STATES = """() => {
  window.states = [];
  new MutationObserver(() => {
    const { state, got } = document.querySelector("[data-testid=way-map]")?.dataset ?? {};
    window.states.push(`${state} ${got}`);
  }).observe(document.body, { attributes: true, childList: true, subtree: true });
}"""
"""It goes on by itself after a while, and at once where there is news of an order."""


class Packs:
    """What becomes of the packs that a page asks for, in turn; those after come as they are, once
    that may go on."""

    def __init__(self, *fates: str) -> None:
        self._fates = list(fates)
        self.may_go_on = asyncio.Event()
        self.delivered: list[str] = []
        """Names of tiles that came as they are."""

    async def handle(self, route: Route) -> None:
        found = PACK.search(route.request.url)
        assert found, route.request.url
        names = found[1].split(",")
        fate = self._fates.pop(0) if self._fates else "later"
        if fate == "later":
            await self.may_go_on.wait()
        match fate:
            case "cut":
                await route.abort("connectionreset")
            case "too large":
                tile = TOO_LARGE.to_bytes(4) + bytes(TOO_LARGE)
                await route.fulfill(body=tile * len(names), content_type="application/octet-stream")
            case _:
                self.delivered += names
                await route.continue_()


async def test_the_map_for_a_way_is_fetched_on_from_where_it_was_cut_within_its_room(
    tmp_path: Path,
    server: ServerProcess,
    room: httpx.AsyncClient,
    dispatcher: Dispatcher,
    seeded: demo.DemoSeed,
) -> None:
    packs = Packs("cut", "", "too large")
    map_id = (await room.get("/api/map")).json()["id"]
    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        await page.route(PACK, packs.handle)
        await page.goto(f"{server.url}/login")
        await sign_in(page, login_of(seeded, "officer"))
        await ready(page)
        await page.evaluate(KEEP_AN_OLD_WAY, [map_id, BYTES_MAX])
        await page.evaluate(NOTE_STATES)
        order = await dispatcher.send(seeded.fleet.devices[0].unit_id, lon=SCENE[0], lat=SCENE[1])
        kept = page.get_by_test_id("way-map")
        for state in ("waiting 0", f"full {PACK_LEN}"):
            await page.wait_for_function("(state) => window.states.includes(state)", arg=state)
        ways, tiles = await page.evaluate(KEPT)
        assert "old" not in ways, "the oldest way makes room"
        assert set(tiles) == {f"{map_id}/{name}" for name in packs.delivered}

        packs.may_go_on.set()
        await page.get_by_test_id("step-accepted").click()
        await expect(kept).to_have_attribute("data-state", "done")
        ways, tiles = await page.evaluate(KEPT)
        assert len(packs.delivered) == len(set(packs.delivered)), "nothing is fetched twice"
        assert set(tiles) == {f"{map_id}/{name}" for name in packs.delivered}

        way = (await room.get(f"/api/orders/{order['id']}/route")).json()
        drive = Drive(context, page, way)
        first = next(step for step in way["steps"] if step["at_m"] > 0)
        await opened(page)
        await drive.reaches(first["at_m"] - 200)
        await drive.to(first["at_m"] + 60, aside_deg=ASIDE_DEG)
        await expect(page.get_by_test_id("route")).to_have_attribute("data-off-m", FAR_ASIDE)
        async with page.expect_response("**/api/orders/*/route"):
            await drive.to(first["at_m"] + 80, aside_deg=ASIDE_DEG)
        await expect(page.get_by_test_id("route")).to_have_attribute("data-off", "false")
        await expect(page.get_by_test_id("route-said")).to_have_text("Another way from here")


BATTERY = """([level]) => {
  const manager = Object.assign(new EventTarget(), { level, charging: false });
  Object.defineProperty(navigator, "getBattery", { value: async () => manager });
}"""
NO_BATTERY = "() => Object.defineProperty(navigator, 'getBattery', { value: undefined })"


class Sent:
    """What a page has said on its links, whichever of them lives."""

    def __init__(self, page: Page) -> None:
        self.frames: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        page.on("websocket", lambda link: link.on("framesent", self._take))

    async def has(self, **fields: Any) -> None:
        """Wait for a frame with these."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(fields.items() <= frame.items() for frame in self.frames):
                self._news.clear()
                await self._news.wait()

    def _take(self, frame: str | bytes) -> None:
        self.frames.append(json.loads(frame))
        self._news.set()


async def test_positions_are_spared_with_the_battery_and_told_why(
    plain_browser: Browser,
    server: ServerProcess,
    dispatcher: Dispatcher,
    seeded: demo.DemoSeed,
) -> None:
    unit_id, officer = seeded.fleet.devices[0].unit_id, login_of(seeded, "officer")
    async with person(plain_browser, server.url, officer, **PHONE) as page:
        await page.add_init_script(f"({BATTERY})([0.12])")
        await page.reload()
        status = page.get_by_test_id("device-open")
        await expect(status).to_have_attribute("data-every", "110")
        await expect(status).to_contain_text("battery 12 %")
        await dispatcher.send(unit_id, lon=SCENE[0], lat=SCENE[1])
        await expect(status).to_have_attribute("data-every", "60")

        await status.click()
        panel = page.get_by_test_id("device")
        await expect(panel).to_contain_text("battery below 15 %")
        await page.get_by_test_id("wish-often").click()
        await expect(status).to_have_attribute("data-every", "5")
        await expect(panel).to_contain_text("you asked for it, until")
        await page.get_by_test_id("wish-auto").click()
        await page.keyboard.press("Escape")
        await page.get_by_test_id("step-accepted").click()
        await page.get_by_test_id("step-en_route").click()
        await expect(status).to_have_attribute("data-every", "20")
        await dispatcher.clear()

    async with person(plain_browser, server.url, officer, **PHONE) as page:
        await page.add_init_script(f"({NO_BATTERY})()")
        sent = Sent(page)
        await page.reload()
        await expect(status := page.get_by_test_id("device-open")).to_contain_text("not known")
        await status.click()
        await page.get_by_test_id("battery-entry").fill("41")
        await page.get_by_test_id("battery-send").click()
        await sent.has(bat=41)
        await expect(page.get_by_test_id("device-battery")).to_contain_text("41 %, entered")
        await page.get_by_test_id("wish-often").click()
        await page.context.set_geolocation({"longitude": 100.26, "latitude": 27.52})
        await sent.has(lat=27.52)
        told = {frame["at"] for frame in sent.frames if "bat" in frame}
        assert len(told) == 1, "a level that never falls is no level"

        await page.keyboard.press("Escape")
        await page.context.clear_cookies()
        await dispatcher.send(unit_id, lon=SCENE[0], lat=SCENE[1])
        await expect(page.get_by_test_id("session-banner")).to_contain_text("sign-in is over")
        await page.get_by_test_id("step-accepted").click()
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "accepted")
        await expect(page.get_by_test_id("unsent")).to_have_attribute("data-steps", "0")


UPDATE = """async () => {
  const registration = await navigator.serviceWorker.ready;
  await registration.update();
  const coming = registration.installing ?? registration.waiting;
  while (coming.state !== "installed")
    await new Promise((done) => coming.addEventListener("statechange", done, { once: true }));
}"""
OWN_CACHES = "async () => (await caches.keys()).length"


async def test_another_build_waits_for_a_free_moment_and_the_page_says_where_it_cannot_work(
    tmp_path: Path,
    relay: Relay,
    room: httpx.AsyncClient,
    dispatcher: Dispatcher,
    seeded: demo.DemoSeed,
) -> None:
    officer, unit_id = login_of(seeded, "officer"), seeded.fleet.devices[0].unit_id
    async with phone(tmp_path / "profile") as context:
        page = await context.new_page()
        await page.goto(f"{relay.url}/login")
        await sign_in(page, officer)
        await ready(page)
        order = await dispatcher.send(unit_id, lon=SCENE[0], lat=SCENE[1])
        await expect(page.get_by_test_id("order")).to_be_visible()
        relay.answers["/sw.js"] = another_build((await room.get("/sw.js")).text)
        await page.evaluate(UPDATE)
        assert await page.evaluate(OWN_CACHES) == 2, "both builds are whole"
        await expect(page.get_by_test_id("build-banner")).to_have_count(0)

        await dispatcher.cancel(order, "false alarm")
        await page.get_by_test_id("understood").click()
        async with page.expect_navigation():
            await page.get_by_test_id("build-load").click()
        await ready(page)
        await page.wait_for_function(f"async () => await ({OWN_CACHES})() === 1")
        relay.fall_silent()
        await page.reload()
        await expect(page.get_by_test_id("no-order")).to_be_visible()
        await page.get_by_test_id("device-open").click()
        await expect(page.get_by_test_id("device")).to_be_visible()

    relay.sound_again()
    plain = relay.url.replace("127.0.0.1", "ridgeline.test")
    here = "--host-resolver-rules=MAP ridgeline.test 127.0.0.1"
    async with phone(tmp_path / "plain", here, permissions=[]) as context:
        page = await context.new_page()
        await page.goto(f"{plain}/login")
        await sign_in(page, officer)
        await expect(page.get_by_test_id("link")).to_have_attribute("data-state", "live")
        await page.get_by_test_id("insecure").locator("summary").click()
        await expect(page.get_by_test_id("insecure")).to_contain_text("no start without signal")
        await expect(page.get_by_test_id("device-open")).to_contain_text("No position")
        await page.get_by_test_id("device-open").click()
        await expect(page.get_by_test_id("install-how")).to_contain_text("without HTTPS")


def another_build(script: str) -> bytes:
    """The service worker of a later build, as a whole answer."""
    body = re.sub(r'"handset-[0-9a-f]+"', '"handset-later"', script)
    assert body != script
    head = [
        "HTTP/1.1 200 OK",
        "content-type: text/javascript",
        f"content-length: {len(body.encode())}",
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
