"""Browsers in a pocket: small, touched, with a position, and with a memory of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import ARGUMENTS, chromium
from tests.browser.people import PATIENCE_MS

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "locale": "en-GB",
    "has_touch": True,
    "geolocation": {"longitude": 100.262, "latitude": 27.541},
    "permissions": ["geolocation"],
}


@asynccontextmanager
async def phone(profile: Path, *more: str, **context: Any) -> AsyncIterator[BrowserContext]:
    """A browser over a folder that outlives it; `more`: further arguments of the program."""
    async with chromium() as (playwright, path):
        opened = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            args=[*ARGUMENTS, *more],
            timeout=PATIENCE_MS,
            **(PHONE | context),
        )
        opened.set_default_timeout(PATIENCE_MS)
        try:
            yield opened
        finally:
            await opened.close()


async def ready(page: Page) -> None:
    """The link lives, the service worker has what an offline start needs, and types have names."""
    await expect(page.get_by_test_id("link")).to_have_attribute("data-state", "live")
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    await page.wait_for_function("() => localStorage.getItem('ridgeline.incident_types') !== null")
