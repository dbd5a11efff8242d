"""A real Chromium for the browser tests, through Playwright's asynchronous API.

Asynchronous, because the synchronous one leaves its event loop running between tests, where the
database fixtures need one of their own. A worker starts a browser once: tests and asynchronous
fixtures of this folder share the session's loop (`loop_scope="session"`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect

from geo.roadmap import RoadMap
from server import demo
from server.stores.pool import Pool
from tests.browser.house import House, NewHouse, open_house
from tests.browser.people import PATIENCE_MS
from tests.conftest import ROOT, TestServers, connected, missing
from tests.server_process import ServerProcess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browsers live on the session's loop, and so must whoever talks to them."""
    for each in items:
        ours = Path(__file__).parent in each.path.parents
        if ours and isinstance(each, pytest.Function) and iscoroutinefunction(each.function):
            each.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Browsers:
    """One process of each kind, started when it is first asked for."""

    def __init__(self, playwright: Playwright, path: str) -> None:
        self._playwright = playwright
        self._path = path
        self._started: dict[tuple[str, ...], Browser] = {}

    async def with_arguments(self, *more: str) -> Browser:
        """Started anew where it has crashed: that is the failure of one test."""
        found = self._started.get(more)
        if found is None or not found.is_connected():
            found = await self._playwright.chromium.launch(
                executable_path=self._path, args=[*ARGUMENTS, *more], timeout=PATIENCE_MS
            )
            self._started[more] = found
        return found

    async def close(self) -> None:
        for each in self._started.values():
            await each.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    """Of all tests of a worker; people are kept apart by their contexts."""
    async with chromium() as (playwright, path):
        browsers = Browsers(playwright, path)
        yield browsers
        await browsers.close()


@pytest_asyncio.fixture(loop_scope="session", params=["with 3D", "without 3D"])
async def browser(request: pytest.FixtureRequest, browsers: Browsers) -> AsyncIterator[Browser]:
    """As on a PC with a GPU, and as on one without: there WebGL does not exist."""
    without_3d = ["--disable-3d-apis"] if request.param == "without 3D" else []
    browser = await browsers.with_arguments(*without_3d)
    yield browser
    assert browser.contexts == []


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """As everywhere, on the loop of the browsers."""
    async with connected(database_url) as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def plain_browser(browsers: Browsers) -> AsyncIterator[Browser]:
    """For pages that draw no map."""
    browser = await browsers.with_arguments()
    yield browser
    assert browser.contexts == []


@pytest.fixture(scope="session")
def new_house(
    servers: TestServers,
    template_database: str,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> NewHouse:
    def new(*, units: int = 1, idle: int = 0) -> AbstractContextManager[House]:
        return open_house(
            servers,
            template_database,
            small_map,
            small_map_dir,
            tmp_path_factory.mktemp("house"),
            units=units,
            idle=idle,
        )

    return new


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    """Shared by the tests of a module, which leave its unit without an order."""
    with new_house() as house:
        yield house


@pytest.fixture
def server(house: House) -> ServerProcess:
    return house.server


@pytest.fixture
def seeded(house: House) -> demo.DemoSeed:
    return house.seeded


@asynccontextmanager
async def chromium() -> AsyncIterator[tuple[Playwright, str]]:
    """Playwright and the path of a Chromium that it may start."""
    if not (ROOT / "server" / "web" / "console.html").exists():
        missing("the web pages are not built: make setup")
    async with async_playwright() as playwright:
        yield playwright, _chromium(playwright)


def _chromium(playwright: Playwright) -> str:
    named = os.environ.get("RIDGELINE_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    own = playwright.chromium.executable_path
    if not found and not Path(own).exists():
        missing("there is no Chromium: install it, or name it in RIDGELINE_CHROMIUM")
    return found or own
