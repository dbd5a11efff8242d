"""A new order is heard and felt until somebody answers it; the screen stays on meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.house import House
from tests.browser.people import dispatching, login_of, person
from tests.browser.phones import PHONE, ready
from tests.browser.test_handset import taken

pytestmark = pytest.mark.browser

ALLOWED = {"permissions": ["geolocation", "notifications"]}
EMERGENCY_MS = [400, 100, 400, 100, 400, 100, 900]

EARS = """
// A headless browser has no voice, no motor and no battery: what is asked of them is written down.
let hidden = false;
window.hide = (yes) => {
  hidden = yes;
  document.dispatchEvent(new Event("visibilitychange"));
};
Object.defineProperty(document, "visibilityState", { get: () => (hidden ? "hidden" : "visible") });
window.heard = { said: [], felt: [], hushed: 0, awake: 0 };
const voice = { lang: "en-GB", localService: true, name: "test" };
class Utterance { constructor(text) { this.text = text; } }
window.SpeechSynthesisUtterance = Utterance;
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => [voice, { lang: "en-US", localService: false, name: "of another host" }],
  speak: ({ text, volume, voice: { name } }) => window.heard.said.push({ text, volume, name }),
  cancel: () => { window.heard.hushed += 1; },
} });
navigator.vibrate = (pattern) => { window.heard.felt.push(pattern); return true; };
window.cell = Object.assign(new EventTarget(), { level: 0.8, charging: false });
navigator.getBattery = async () => window.cell;
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
  const lock = { released: false, release: async () => {
    if (!lock.released) window.heard.awake -= 1;
    lock.released = true;
  } };
  window.heard.awake += 1;
  return lock;
} } });
"""


async def battery(page: Page, level: float, *, charging: bool = False) -> None:
    await page.evaluate(
        """([level, charging]) => {
          Object.assign(window.cell, { level, charging });
          window.cell.dispatchEvent(new Event("levelchange"));
        }""",
        [level, charging],
    )


LOCK_SCREEN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.getNotifications()).map(({ title, body }) => [title, body]);
}"""


async def until(page: Page, condition: str) -> None:
    await page.wait_for_function(f"() => {condition}")


async def shows_on_the_lock_screen(page: Page, *expected: tuple[str, str]) -> None:
    """Title and text of each; a notice comes and goes in its own time."""
    same = f"async (all) => JSON.stringify(await ({LOCK_SCREEN})()) === JSON.stringify(all)"
    await page.wait_for_function(same, arg=expected)


async def test_an_order_is_said_until_it_is_answered_and_the_officer_chooses_how(
    house: House, plain_browser: Browser
) -> None:
    unit_id = house.seeded.fleet.devices[0].unit_id
    officer = login_of(house.seeded, "officer")
    async with (
        dispatching(house.server, house.seeded) as dispatcher,
        person(plain_browser, house.server.url, officer, **PHONE | ALLOWED) as page,
    ):
        await page.add_init_script(EARS)
        await page.reload()
        await ready(page)
        assert await page.evaluate("window.heard.awake") == 0

        await dispatcher.send(unit_id, priority="emergency")
        await until(page, "window.heard.said.length >= 2")  # said again: nobody has answered

        heard: dict[str, Any] = await page.evaluate("window.heard")
        for said in heard["said"][:2]:
            assert said["text"].startswith(f"{officer.unit}. New order. Emergency. Traffic")
            assert "Ninghe Town" in said["text"]
            assert said["name"] == "test", "no word leaves the device"
        assert heard["felt"][0] == EMERGENCY_MS
        await page.get_by_test_id("step-accepted").click()
        await until(page, "window.heard.hushed === 1 && window.heard.felt.at(-1).length === 0")
        await taken(page, "accepted")

        # The screen: on with the order, not on a battery that is needed for other things.
        await until(page, "window.heard.awake === 1")
        await battery(page, 0.19)
        await until(page, "window.heard.awake === 0")
        await battery(page, 0.19, charging=True)
        await until(page, "window.heard.awake === 1")
        await battery(page, 0.19)
        await until(page, "window.heard.awake === 0")
        await page.get_by_test_id("settings").click()
        await page.get_by_test_id("settings-awake-pct").select_option("10")
        await until(page, "window.heard.awake === 1")
        await page.get_by_test_id("settings-awake").uncheck()
        await until(page, "window.heard.awake === 0")

        # The voice: its volume, off, and what was chosen is kept.
        await page.get_by_test_id("settings-volume").fill("0.5")
        await page.get_by_test_id("settings-test").click()
        await until(
            page, "window.heard.said.at(-1).text.endsWith('This is how a new order sounds.')"
        )
        assert await page.evaluate("window.heard.said.at(-1).volume") == 0.5
        await page.get_by_test_id("settings-voice").uncheck()
        await page.get_by_test_id("settings-vibration").uncheck()
        await page.get_by_test_id("settings-sunlight").check()
        before = await page.evaluate("window.heard")
        await page.get_by_test_id("settings-test").click()
        await expect(page.get_by_text("No voice here")).to_be_visible()
        after = await page.evaluate("window.heard")
        assert (after["said"], after["felt"]) == (before["said"], before["felt"])
        await page.get_by_test_id("settings-notify").check()
        await until(page, "JSON.parse(localStorage['ridgeline.handset']).notify === true")
        await page.reload()
        await ready(page)
        await expect(page.locator("html[data-sunlight]")).to_have_count(1)

        # Behind another app: on the lock screen, and gone from there with the order.
        await dispatcher.clear()
        await page.get_by_test_id("understood").click()
        await page.evaluate("window.hide(true)")
        order = await dispatcher.send(unit_id, priority="emergency")
        await expect(page.get_by_test_id("order")).to_have_attribute("data-step", "received")
        await shows_on_the_lock_screen(
            page, ("Emergency · Traffic collision", f"Order {order['number']} · Ninghe Town")
        )
        await page.evaluate("window.hide(false)")
        await page.get_by_test_id("step-accepted").click()
        await taken(page, "accepted")
        await shows_on_the_lock_screen(page)
        await page.get_by_test_id("settings").click()
        await expect(page.get_by_test_id("settings-voice")).not_to_be_checked()
