"""The administrator's page: who knocks is made ours, what is set up by hand gets its token once."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from devices.jt808.terminal_events import Refused
from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import login_of, person, report_position, signed_in, toasted
from tests.browser.test_accessibility import violations
from tests.conftest import connected
from tests.http_server import client_of
from tests.patience import PATIENCE_S
from tests.server.terminal_room import PHONE, a_fix, a_terminal
from tests.server_process import ServerProcess, free_port
from tests.small_county import CENTRE

pytestmark = pytest.mark.browser

TABS_MAX = 30
TERMINAL = PHONE.rjust(12, "0")
TOKEN_OF_ALL = "a-token-of-all-phone-apps"


@pytest.fixture(scope="module")
def terminal_port() -> int:
    """Where the house hears JT/T 808."""
    return free_port()


@pytest.fixture(scope="module")
def house(new_house: NewHouse, terminal_port: int) -> Iterator[House]:
    """One that hears terminals, and phone apps under everybody's token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIDGELINE_GUEST_TOKEN", TOKEN_OF_ALL)
        patch.setenv("RIDGELINE_JT808_PORT", str(terminal_port))
        patch.setenv("RIDGELINE_TAK_PORT", str(free_port()))
        with new_house() as house:
            yield house


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> AsyncIterator[Page]:
    async with person(plain_browser, server.url, login_of(seeded, "admin")) as page:
        await expect(page.get_by_test_id("devices")).to_be_visible()
        yield page


async def phone_says(server: ServerProcess, name: str) -> int:
    """What an app gets for a point, as Traccar Client sends it."""
    lon, lat = CENTRE
    said: dict[str, str | float] = {
        "id": name,
        "timestamp": int(time.time()),
        "lat": lat,
        "lon": lon,
        "batt": 73.0,
    }
    async with client_of(server.url) as client:
        return (await client.post(f"/o/{TOKEN_OF_ALL}", params=said)).status_code


def device(page: Page, name: str) -> Locator:
    return page.get_by_test_id("device-row").and_(page.locator(f'[data-device="{name}"]'))


def stranger(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stranger").and_(page.locator(f'[data-name="{name}"]'))


async def test_signing_in_leads_to_the_devices(page: Page, seeded: demo.DemoSeed) -> None:
    await expect(page).to_have_title("Ridgeline · Devices")
    for each in seeded.fleet.devices:
        await expect(device(page, each.device_id)).to_contain_text("Ridgeline")


async def test_a_phone_that_knocks_is_made_ours_and_its_points_count(
    page: Page, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    assert await phone_says(server, "48213377") == 404
    await page.reload()
    await expect(page.get_by_test_id("waiting-unknown")).to_contain_text("1")
    await page.get_by_test_id("section-unknown").click()
    row = stranger(page, "48213377")
    await expect(row).to_contain_text("OsmAnd / Traccar")
    await expect(row).to_contain_text("127.0.0.1")

    await row.get_by_test_id("provision").click()
    await expect(page.get_by_test_id("field-device-id")).to_have_value("osmand-48213377")
    await expect(page.get_by_test_id("field-kind")).to_have_value("handset")
    await page.get_by_test_id("field-unit_id").select_option(index=1)
    await page.get_by_test_id("field-badge").fill("nobody-1")
    await page.get_by_test_id("register-submit").click()
    await expect(page.get_by_test_id("form-error")).to_have_text("Nobody has this badge.")
    badge = (await badges(server, seeded))[0]
    await page.get_by_test_id("field-badge").fill(badge)
    await page.get_by_test_id("register-submit").click()

    await toasted(page, "osmand-48213377 is registered.")
    await expect(page.get_by_test_id("no-strangers")).to_be_visible()
    assert await phone_says(server, "48213377") == 200
    await page.get_by_test_id("section-devices").click()
    await page.reload()
    ours = device(page, "osmand-48213377")
    await expect(ours).to_contain_text(f"carried by {badge}")
    await expect(ours).to_contain_text("73%")
    await expect(ours.locator("time")).to_contain_text("ago")


async def test_a_camera_of_808_that_knocks_comes_in_once_it_is_ours(
    page: Page, terminal_port: int
) -> None:
    await page.get_by_test_id("section-unknown").click()
    async with a_terminal(terminal_port) as terminal:
        await terminal.saw(Refused)
        await page.reload()
        row = stranger(page, TERMINAL)
        await expect(row).to_contain_text("JT/T 808")
        await expect(row).to_contain_text("云P00007")
        await row.get_by_test_id("provision").click()
        await expect(page.get_by_test_id("field-kind")).to_have_value("body_camera")
        await expect(page.get_by_test_id("field-model")).to_have_value("SIM")
        await page.get_by_test_id("field-device-id").fill("cam-808")
        await page.get_by_test_id("field-unit_id").select_option(index=1)
        await page.get_by_test_id("register-submit").click()
        await toasted(page, "cam-808 is registered.")

        await terminal.let_in()
        terminal.report(a_fix(items=((0xE4, bytes((1, 63))),)))
        await terminal.all_taken()

    await page.get_by_test_id("section-devices").click()
    await page.reload()
    await expect(device(page, "cam-808")).to_contain_text("JT/T 808")
    await expect(device(page, "cam-808")).to_contain_text("63%")


async def test_a_phone_that_is_set_up_by_hand_reports_to_the_address_that_is_shown_once(
    page: Page, server: ServerProcess
) -> None:
    await page.get_by_test_id("register").click()
    await page.get_by_test_id("field-protocol").select_option("owntracks")
    await page.get_by_test_id("field-external-id").fill("li/phone")
    await page.get_by_test_id("field-device-id").fill("phone-li")
    await page.get_by_test_id("register-submit").click()
    address = await page.get_by_test_id("token").inner_text()
    await expect(page.get_by_test_id("token-code")).to_be_visible()
    await page.get_by_test_id("token-done").click()

    assert address.startswith(f"{server.url}/owntracks/")
    lon, lat = CENTRE
    said = {"_type": "location", "lat": lat, "lon": lon, "tst": int(time.time()), "batt": 55}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        answer = await client.post(address, json=said)
    assert answer.status_code == 200
    await page.reload()
    await expect(device(page, "phone-li")).to_contain_text("55%")
    await expect(page.get_by_text(address)).to_have_count(0)


async def test_a_camera_is_enrolled_and_its_token_shown_once(page: Page) -> None:
    await page.get_by_test_id("register").click()
    await page.get_by_test_id("field-device-id").fill("cam-by-hand")
    await page.get_by_test_id("field-model").fill("C2")
    await page.get_by_test_id("register-submit").click()
    await expect(page.get_by_test_id("token")).to_have_text(re.compile(r"^[\w-]{40,}$"))
    await page.get_by_test_id("token-done").click()

    await page.get_by_test_id("device-filter").fill("by-hand")

    await expect(page.get_by_test_id("device-row")).to_have_count(1)
    await expect(device(page, "cam-by-hand")).to_contain_text("C2")


async def test_a_name_is_changed_and_taken_away(page: Page, server: ServerProcess) -> None:
    await page.get_by_test_id("register").click()
    await page.get_by_test_id("field-protocol").select_option("osmand")
    await page.get_by_test_id("field-external-id").fill("car-7")
    await page.get_by_test_id("field-device-id").fill("car-7")
    await page.get_by_test_id("field-own_token").uncheck()
    await page.get_by_test_id("register-submit").click()
    await device(page, "car-7").get_by_test_id("name").click()
    await page.get_by_test_id("field-datum").select_option("gcj02")
    await page.get_by_test_id("name-submit").click()
    await expect(page.get_by_test_id("name-form")).to_be_hidden()
    await expect(device(page, "car-7")).to_contain_text("GCJ-02")

    await device(page, "car-7").get_by_test_id("name").click()
    await expect(page.get_by_test_id("field-datum")).to_have_value("gcj02")
    await page.get_by_test_id("name-remove").click()
    await page.get_by_test_id("name-remove-sure").click()

    await expect(device(page, "car-7")).to_contain_text("nothing yet")


async def test_a_tak_client_gets_a_data_package_until_its_certificate_is_revoked(
    page: Page, seeded: demo.DemoSeed
) -> None:
    officer = login_of(seeded, "officer").username
    await page.get_by_test_id("section-tak").click()
    await page.get_by_test_id("tak-issue").click()
    await page.get_by_test_id("tak-user").select_option(officer)
    await page.get_by_test_id("tak-submit").click()
    async with page.expect_download() as download:
        await page.get_by_test_id("tak-download").click()
    with zipfile.ZipFile(await (await download.value).path()) as package:
        names = package.namelist()
    await expect(page.get_by_test_id("tak-password")).to_have_text(re.compile(r"^\S{8,}$"))
    await page.get_by_test_id("tak-done").click()

    row = page.get_by_test_id("certificate").and_(page.locator(f'[data-user="{officer}"]'))
    await row.get_by_test_id("tak-revoke").click()
    await row.get_by_test_id("tak-revoke-sure").click()

    assert any(name.endswith("manifest.xml") for name in names)
    assert sum(name.endswith(".p12") for name in names) == 2
    await expect(row).to_contain_text("revoked")
    await expect(row.get_by_role("button")).to_have_count(0)


async def test_who_is_dismissed_waits_no_longer(page: Page, server: ServerProcess) -> None:
    assert await phone_says(server, "somebody-elses") == 404
    await page.get_by_test_id("section-unknown").click()
    await page.reload()

    await stranger(page, "somebody-elses").get_by_test_id("dismiss").click()

    await expect(page.get_by_test_id("no-strangers")).to_be_visible()
    await expect(stranger(page, "somebody-elses")).to_be_hidden()
    await page.get_by_text("Dismissed: 1").click()
    await expect(stranger(page, "somebody-elses")).to_be_visible()


async def test_a_long_list_is_narrowed_by_searching(page: Page, house: House) -> None:
    async with connected(house.database_url) as pool:
        await pool.execute(
            "INSERT INTO device (id, kind, model, epoch)"
            " SELECT 'many-' || n, 'vehicle', 'V', 'e' FROM generate_series(1, 301) AS n"
        )
        await page.reload()
        await expect(page.get_by_test_id("devices-more")).to_be_visible()
        await expect(page.get_by_test_id("device-row")).to_have_count(300)

        await page.get_by_test_id("device-filter").fill("many-30")

        await expect(page.get_by_test_id("device-row")).to_have_count(3)
        await expect(page.get_by_test_id("devices-more")).to_have_count(0)
        await pool.execute("DELETE FROM device WHERE id LIKE 'many-%'")


async def test_no_mouse_is_needed(page: Page, server: ServerProcess) -> None:
    assert await phone_says(server, "by-keys") == 404
    await page.reload()
    await expect(page.get_by_test_id("waiting-unknown")).to_be_visible()
    await page.get_by_test_id("section-unknown").focus()
    await page.keyboard.press("Enter")
    await expect(stranger(page, "by-keys")).to_be_visible()
    await tab_to(page, "provision")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("field-device-id")).to_be_focused()

    await page.keyboard.press("Enter")

    await toasted(page, "osmand-by-keys is registered.")


async def test_axe_finds_nothing(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    report_position(server, seeded)
    assert await phone_says(server, "for-axe") == 404
    found: list[str] = []
    for locale in ("en-GB", "zh-CN"):
        options = {"locale": locale, "reduced_motion": "reduce"}
        login = login_of(seeded, "admin")
        async with person(plain_browser, server.url, login, **options) as page:
            async for state in states(page):
                found += [f"{locale}, {state}, {each}" for each in await violations(page)]

    assert found == []


async def states(page: Page) -> AsyncIterator[str]:
    await expect(page.get_by_test_id("device-row").first).to_be_visible()
    yield "devices"
    await page.get_by_test_id("register").click()
    await page.get_by_test_id("field-protocol").select_option("jt808")
    yield "a device set up by hand"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("section-unknown").click()
    await expect(page.get_by_test_id("stranger").first).to_be_visible()
    yield "unknown devices"
    await page.get_by_test_id("provision").first.click()
    await page.get_by_test_id("field-badge").fill("nobody-1")
    await page.get_by_test_id("register-submit").click()
    await expect(page.get_by_test_id("form-error")).to_be_visible()
    yield "one of them made ours, with an error"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("section-devices").click()
    await page.get_by_test_id("register").click()
    name = uuid4().hex
    await page.get_by_test_id("field-protocol").select_option("osmand")
    await page.get_by_test_id("field-external-id").fill(name)
    await page.get_by_test_id("field-device-id").fill(name)
    await page.get_by_test_id("register-submit").click()
    await expect(page.get_by_test_id("token-code")).to_be_visible()
    yield "a token"
    await page.get_by_test_id("token-done").click()
    await device(page, name).get_by_test_id("name").click()
    await expect(page.get_by_test_id("name-form")).to_be_visible()
    yield "a name"
    await page.keyboard.press("Escape")
    await page.get_by_test_id("section-tak").click()
    await page.get_by_test_id("tak-issue").click()
    await expect(page.get_by_test_id("tak-user")).to_be_visible()
    yield "a data package"
    await page.get_by_test_id("tak-submit").click()
    await page.get_by_test_id("tak-done").click()
    await expect(page.get_by_test_id("certificate").first).to_be_visible()
    yield "certificates"


async def tab_to(page: Page, test_id: str) -> None:
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.testid") == test_id:
            return
    pytest.fail(f"{test_id} is not reached by {TABS_MAX} tabs")


async def badges(server: ServerProcess, seeded: demo.DemoSeed) -> list[str]:
    async with signed_in(server, login_of(seeded, "admin")) as client:
        answer = await client.get("/api/roster")
    return [each["badge"] for each in answer.json()["officers"]]


async def test_a_device_is_changed_lost_and_found_again_and_how_the_server_is_can_be_seen(
    page: Page, seeded: demo.DemoSeed
) -> None:
    name = next(each.device_id for each in seeded.fleet.devices if each.kind == "body_camera")
    await page.emulate_media(reduced_motion="reduce")
    await device(page, name).get_by_test_id("device-open").click()
    await page.get_by_test_id("field-model").fill("DSJ-2")
    assert await violations(page) == []
    await page.get_by_test_id("device-form-save").click()
    await expect(device(page, name)).to_contain_text("DSJ-2")

    await device(page, name).get_by_test_id("device-open").click()
    await page.get_by_test_id("device-disable").click()
    await page.get_by_test_id("reason-save").click()
    await expect(page.get_by_text("it stands in the command log")).to_be_visible()
    await page.get_by_test_id("field-reason").fill("lost")
    await page.keyboard.press("Enter")
    await expect(device(page, name)).to_have_count(0)
    await page.get_by_test_id("devices-disabled").check()
    await expect(device(page, name)).to_contain_text("out of service")
    await device(page, name).get_by_test_id("device-open").click()
    await page.get_by_test_id("device-enable").click()
    await page.get_by_test_id("field-reason").fill("found")
    await page.get_by_test_id("reason-save").click()
    await expect(device(page, name)).not_to_contain_text("out of service")

    await page.get_by_test_id("section-health").click()
    rows = page.get_by_test_id("health-row")
    await expect(rows.and_(page.locator('[data-name="database"]'))).to_contain_text("GiB")
    await expect(rows.and_(page.locator('[data-name="map"]'))).to_have_attribute(
        "data-mark", "look"
    )
    assert await violations(page) == []

    await page.get_by_test_id("section-runcards").click()
    await expect(page.get_by_test_id("runcard").first).to_be_visible()
    assert await violations(page) == []
    await page.get_by_test_id("section-ground").click()
    await page.get_by_test_id("ground-learning").get_by_test_id("ground-learn").click()
    await page.get_by_test_id("field-reason").fill("after the flood")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("form-error")).to_contain_text("drive")
    assert await violations(page) == []
