"""The people of the browser tests: some sit before a page, the others use the HTTP API."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import uuid4

import httpx
from playwright.async_api import Browser, Page, Route
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from protocols import native
from server import demo
from tests.console_feed import ConsoleFeed, watching
from tests.http_server import client_of
from tests.patience import PATIENCE_S
from tests.server_process import ServerProcess
from tests.small_county import CENTRE

PATIENCE_MS = 1000 * PATIENCE_S
TRIES_MAX = 5
SIGNED_IN = re.compile(r"/(console|handset|audit|admin)$")
NOTE_TOASTS = """
window.toasted = new Set();
new MutationObserver(() => {
    for (const { textContent } of document.querySelectorAll("[data-testid=toast]"))
        window.toasted.add(textContent);
}).observe(document, { childList: true, subtree: true });
"""


class Served(Protocol):
    """Somebody who serves."""

    @property
    def url(self) -> str: ...


def login_of(seeded: demo.DemoSeed, role: str) -> demo.Login:
    return next(login for login in seeded.logins if role in login.roles)


@asynccontextmanager
async def person(
    browser: Browser, url: str, login: demo.Login | None, **context: Any
) -> AsyncIterator[Page]:
    """Signed in, on the page of the role, in a browser context of their own; None: not yet."""
    failures: list[str] = []
    options: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
    opened = await browser.new_context(base_url=url, **(options | context))
    try:
        opened.set_default_timeout(PATIENCE_MS)
        await opened.add_init_script(NOTE_TOASTS)
        page = await opened.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        await page.goto("/login")
        if login is not None:
            await sign_in(page, login)
        yield page
    finally:
        await opened.close()
    assert failures == []


NOTE_WHAT_IS_READ = """() => {
    window.read = [];
    const json = Response.prototype.json;
    Response.prototype.json = async function () {
        const found = await json.call(this);
        setTimeout(() => window.read.push(this.url));
        return found;
    };
}"""


class LateAnswer:
    """The server's answer to what a page asks at `url` is held back; `arrive` lets it come."""

    def __init__(self, page: Page, url: str, *, times: int | None = None) -> None:
        """`times`: of the first so many only."""
        self._page, self._url, self._times = page, url, times
        self._asked, self._may_come = asyncio.Queue[str](), asyncio.Event()

    async def hold(self) -> None:
        """From now on."""
        await self._page.evaluate(NOTE_WHAT_IS_READ)
        await self._page.route(self._url, self._late, times=self._times)

    async def arrive(self) -> None:
        """Until the page has had time to act upon it."""
        async with asyncio.timeout(PATIENCE_S):
            asked = await self._asked.get()
        self._may_come.set()
        was_read = "(url) => window.read.includes(url)"
        await self._page.wait_for_function(was_read, arg=asked)

    async def _late(self, route: Route) -> None:
        self._asked.put_nowait(route.request.url)
        response = await route.fetch()
        await self._may_come.wait()
        await route.fulfill(response=response)


async def toasted(page: Page, words: str) -> None:
    """The page has said so since it was loaded: a toast goes by itself, whoever looks too late."""
    said = "(words) => [...window.toasted].some((each) => each.includes(words))"
    await page.wait_for_function(said, arg=words)


async def sign_in(page: Page, login: demo.Login) -> None:
    """From the sign-in page to the page of the role."""
    await page.get_by_test_id("login-username").fill(login.username)
    await page.get_by_test_id("login-password").fill(login.password)
    await page.get_by_test_id("login-submit").click()
    await page.wait_for_url(SIGNED_IN)


def report_position(
    server: ServerProcess, seeded: demo.DemoSeed, number: int = 0, *, bat: int = 64, mode: str = ""
) -> None:
    """A unit's body camera says where it is; the first one's, as a rule."""
    camera = [each for each in seeded.fleet.devices if each.kind == "body_camera"][number]
    report_fix(server, camera, camera.home, bat=bat, mode=mode)


def report_fix(
    server: ServerProcess,
    device: demo.FleetDevice,
    place: tuple[float, float],
    *,
    bat: int,
    mode: str = "",
) -> None:
    """A device comes, says where it is (lon, lat) and how full, and goes when that is stored."""
    lon, lat = place
    with connect(
        server.url.replace("http", "ws", 1) + "/v1/device",
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        additional_headers={"authorization": f"Bearer {device.token}"},
        open_timeout=PATIENCE_S,
    ) as socket:
        socket.send(native.encode(native.Hello(dev=device.device_id, inst=uuid4().hex)).decode())
        assert isinstance(native.decode_server(socket.recv()), native.Welcome)
        fix = native.Location(n=1, at=int(time.time() * 1000), lon=lon, lat=lat, bat=bat, mode=mode)
        socket.send(native.encode(fix).decode())
        # Commands come down in no order with the acknowledgement, which may carry a checkpoint.
        assert any(
            isinstance(said := native.decode_server(text), native.Ack) and said.up == 1
            for text in socket
        )


class Dispatcher:
    """A dispatcher without a browser, for tests that look at somebody else's page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def open_incident(self, **details: Any) -> dict[str, Any]:
        lon, lat = CENTRE
        incident = {"type": "traffic_collision", "priority": "priority", "note": "two cars"}
        place = {"lon": lon, "lat": lat, "place": "Ninghe Town"}
        return await self._post("/api/incidents", self._request() | incident | place | details)

    async def send(self, unit_id: str, **details: Any) -> dict[str, Any]:
        """Open an incident and send the unit there; the order."""
        return (await self.send_all([unit_id], **details))[0]

    async def send_all(self, unit_ids: list[str], **details: Any) -> list[dict[str, Any]]:
        """The same with several at once: an order each, in one decision."""
        incident = await self.open_incident(**details)
        path = f"/api/incidents/{incident['id']}"
        found = await self._post(f"{path}/recommendation", None)
        wanted = {
            "recommendation_id": found["id"],
            "unit_ids": unit_ids,
            "reason": "knows the place",
        }
        orders: Any = await self._post(f"{path}/dispatch", self._request() | wanted)
        return list(orders)

    async def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as it is now, with its events."""
        response = await self._client.get(f"/api/incidents/{order['incident_id']}")
        incident = response.raise_for_status().json()
        return next(each for each in incident["orders"] if each["id"] == order["id"])

    async def cancel(self, order: dict[str, Any], reason: str) -> None:
        await self._step(order, "cancel", reason=reason)

    async def recall(self, order: dict[str, Any], reason: str) -> None:
        """Ask for it back."""
        await self._step(order, "recall", reason=reason)

    async def report(self, order: dict[str, Any], state: str, **details: Any) -> None:
        """What the unit said by voice."""
        await self._step(order, "report", state=state, **details)

    async def _step(self, order: dict[str, Any], step: str, **details: Any) -> None:
        """Look again where the unit or a timer moved the order on in between."""
        for _ in range(TRIES_MAX):
            wanted = {"ver": (await self.order(order))["ver"]} | details
            answer = await self._client.post(f"/api/orders/{order['id']}/{step}", json=wanted)
            if answer.status_code != httpx.codes.CONFLICT:
                break
        answer.raise_for_status()

    async def tick(self, incident_id: str, step: int) -> None:
        """A step of its checklist is done, by the run cards that come with Ridgeline."""
        path = f"/api/incidents/{incident_id}/checklist"
        await self._post(path, {"step": step, "ticked": True, "version": 0})

    async def set_leader(self, unit_id: str, badge: str | None) -> None:
        await self._post(f"/api/units/{unit_id}/leader", {"badge": badge})

    async def worklist(self) -> dict[str, Any]:
        """Open items by kind."""
        response = await self._client.get("/api/worklist", params={"status": "open"})
        return {item["kind"]: item for item in response.raise_for_status().json()["items"]}

    async def orders_beside(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """The other orders of its incident, oldest first."""
        response = await self._client.get(f"/api/incidents/{order['incident_id']}")
        orders = response.raise_for_status().json()["orders"]
        return [each for each in orders if each["id"] != order["id"]]

    async def close_road(self, extent: dict[str, Any]) -> dict[str, Any]:
        """Until `free_road`."""
        wanted = {"state": "closed", "extent": extent, "reason": "rockfall"}
        return await self._post("/api/roads/state", self._request() | wanted)

    async def free_road(self, state: dict[str, Any]) -> None:
        await self._post(f"/api/roads/state/{state['id']}/end", {"reason": "cleared"})

    def _request(self) -> dict[str, Any]:
        return {"request_id": uuid4().hex}

    async def whereabouts(self, unit_id: str) -> tuple[float, float]:
        """Longitude and latitude of a unit that was heard."""
        response = await self._client.get("/api/units")
        units = response.raise_for_status().json()
        position = next(each["position"] for each in units if each["id"] == unit_id)
        return position["lon"], position["lat"]

    async def free(self, unit_id: str) -> None:
        """Cancel what the unit was sent to."""
        response = await self._client.get("/api/incidents", params={"status": "open"})
        for incident in response.raise_for_status().json():
            for order in incident["orders"]:
                if order["unit_id"] == unit_id and order["closed_at"] is None:
                    await self.cancel(order, "another unit is nearer")

    async def clear(self) -> None:
        """End everything, so that the next test finds the unit free, and consoles know it."""
        response = await self._client.get("/api/incidents", params={"status": "open"})
        for incident in response.raise_for_status().json():
            for order in incident["orders"]:
                if order["closed_at"] is None:
                    await self.cancel(order, "the test is over")
            await self._post(f"/api/incidents/{incident['id']}/close", {"outcome": "resolved"})
        async with watching(str(self._client.base_url).rstrip("/"), self._client) as feed:
            await feed.wait_until(lambda: _is_quiet(feed))

    async def _post(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        response = await self._client.post(path, json=body)
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer


def _is_quiet(feed: ConsoleFeed) -> bool:
    """A page that is opened now shows no incident, and nobody under an order."""
    running = [each for each in feed.incidents.values() if each.status != "closed"]
    busy = [each for each in feed.units.values() if each.order_id is not None]
    return bool(feed.units) and not running and not busy


@asynccontextmanager
async def dispatching(server: ServerProcess, seeded: demo.DemoSeed) -> AsyncIterator[Dispatcher]:
    """The dispatcher, signed in over the API; in the end nothing is left open."""
    async with signed_in(server, login_of(seeded, "dispatcher")) as client:
        dispatcher = Dispatcher(client)
        try:
            yield dispatcher
        finally:
            await dispatcher.clear()


@asynccontextmanager
async def signed_in(server: Served, login: demo.Login) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API with this person's session."""
    async with client_of(server.url) as client:
        who = {"username": login.username, "password": login.password}
        (await client.post("/api/login", json=who)).raise_for_status()
        yield client
