"""War at the console and in the officer's hand, in a real browser."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.house import House
from tests.browser.people import login_of, person

pytestmark = pytest.mark.browser


async def test_a_supervisor_declares_war_and_ends_it_and_everybody_sees_it(
    plain_browser: Browser, house: House
) -> None:
    url, seeded = house.server.url, house.seeded
    supervisor = login_of(seeded, "supervisor")
    async with (
        person(plain_browser, url, supervisor) as chief,
        person(plain_browser, url, login_of(seeded, "dispatcher")) as dispatcher,
        person(plain_browser, url, login_of(seeded, "officer")) as officer,
    ):
        await chief.goto("/console")
        await expect(chief.get_by_test_id("feed-state")).to_have_attribute("data-state", "live")
        await expect(dispatcher.get_by_test_id("feed-state")).to_have_attribute(
            "data-state", "live"
        )
        await expect(officer.get_by_test_id("link")).to_have_attribute("data-state", "live")
        await expect(chief.get_by_test_id("stance-banner")).to_have_count(0)

        await chief.keyboard.press("w")
        await chief.get_by_test_id("stance-reason").fill("earthquake")
        await chief.get_by_test_id("stance-offers").check()
        await chief.get_by_test_id("stance-password").fill("not my password")
        await chief.get_by_test_id("stance-submit").click()
        await expect(chief.get_by_test_id("stance-error")).to_have_text("The password is wrong.")
        if shots := os.environ.get("RIDGELINE_SHOTS"):
            await chief.screenshot(path=Path(shots) / "stance-dialog.png")
        await chief.get_by_test_id("stance-password").fill(supervisor.password)
        before = time.monotonic()
        await chief.get_by_test_id("stance-submit").click()

        for page in (chief, dispatcher, officer):
            await expect(page.get_by_test_id("stance-banner")).to_contain_text("earthquake")
        left = dispatcher.get_by_test_id("stance-left")
        await expect(left).to_contain_text("7 h ")
        shown = re.search(r"7 h (\d\d) min left", await left.inner_text())
        assert shown
        assert 59 - (time.monotonic() - before) / 60 <= int(shown[1]) <= 59
        await expect(dispatcher.get_by_test_id("stance-open")).to_have_count(0)
        if shots:
            await chief.screenshot(path=Path(shots) / "stance-banner.png")
            await officer.screenshot(path=Path(shots) / "stance-handset.png")

        await chief.get_by_test_id("stance-open").click()
        await chief.get_by_test_id("stance-end").check()
        await chief.get_by_test_id("stance-reason").fill("over")
        await chief.get_by_test_id("stance-password").fill(supervisor.password)
        await chief.get_by_test_id("stance-submit").click()

        for page in (chief, dispatcher, officer):
            await expect(page.get_by_test_id("stance-banner")).to_have_count(0)
