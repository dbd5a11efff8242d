"""A real Chromium for the browser tests, through Playwright's asynchronous API.

Asynchronous, because the synchronous one leaves its event loop running between tests, where the
database fixtures need one of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Playwright, async_playwright, expect

from tests.conftest import ROOT, missing

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
EXPECT_MS = 15_000

expect.set_options(timeout=EXPECT_MS)


@pytest.fixture(params=["with 3D", "without 3D"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """As on a PC with a GPU, and as on one without: there WebGL does not exist."""
    arguments = [*ARGUMENTS, "--disable-3d-apis"] if request.param == "without 3D" else ARGUMENTS
    if not (ROOT / "server" / "web" / "console.html").exists():
        missing("the web pages are not built: make setup")
    async with async_playwright() as playwright:
        chromium = _chromium(playwright)
        if chromium is None:
            missing("there is no Chromium: install it, or name it in RIDGELINE_CHROMIUM")
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        await browser.close()


def _chromium(playwright: Playwright) -> str | None:
    named = os.environ.get("RIDGELINE_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).exists() else None)
