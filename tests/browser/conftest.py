"""A real Chromium for the browser tests, through Playwright's asynchronous API.

Asynchronous, because the synchronous one leaves its event loop running between tests, where the
database fixtures need one of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright, async_playwright, expect

from geo.roadmap import RoadMap
from server import demo
from tests.browser.house import House, NewHouse, open_house
from tests.browser.people import PATIENCE_MS
from tests.conftest import ROOT, TestServers, missing
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


@pytest.fixture(params=["with 3D", "without 3D"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """As on a PC with a GPU, and as on one without: there WebGL does not exist."""
    without_3d = ["--disable-3d-apis"] if request.param == "without 3D" else []
    async with chromium() as (playwright, path):
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, *without_3d]
        )
        yield browser
        await browser.close()


@pytest.fixture
async def plain_browser() -> AsyncIterator[Browser]:
    """For pages that draw no map."""
    async with chromium() as (playwright, path):
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def new_house(
    servers: TestServers,
    template_database: str,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> NewHouse:
    def new(*, units: int = 1) -> AbstractContextManager[House]:
        folder = tmp_path_factory.mktemp("house")
        return open_house(servers, template_database, small_map, small_map_dir, folder, units=units)

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
