"""People of the house, as an administrator keeps them: found, made, changed, shut out, let in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import login_of, person, sign_in, signed_in, toasted
from tests.browser.test_accessibility import violations
from tests.conftest import connected
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

MANY = 820
ONE_TIME = re.compile(r"^[a-z0-9]{4}(-[a-z0-9]{4}){3}$")
OWN_PASSWORD = "mountains in the morning"


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house() as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> AsyncIterator[Page]:
    calm = {"reduced_motion": "reduce"}
    async with person(plain_browser, server.url, login_of(seeded, "admin"), **calm) as page:
        await page.get_by_test_id("section-people").click()
        await expect(page.get_by_test_id("people")).to_be_visible()
        yield page


async def opened(page: Page, username: str) -> None:
    """The page of one person, found by the name that he signs in with."""
    await page.get_by_test_id("section-people").click()
    await page.get_by_test_id("people-search").fill(username)
    await expect(page.get_by_test_id("person-row")).to_have_count(1)
    await page.get_by_test_id("person-row").get_by_role("link").click()
    await expect(page.get_by_test_id("person")).to_be_visible()


async def test_somebody_is_found_among_many_page_by_page(page: Page, house: House) -> None:
    async with connected(house.database_url) as pool:
        await pool.execute(
            "INSERT INTO app_user (id, username, display_name, password_hash, roles) "
            "SELECT gen_random_uuid(), 'p' || to_char(n, 'FM0000'), 'Person ' || n, '-', "
            "'{officer}' FROM generate_series(1, $1::int) AS n",
            MANY,
        )
    await page.reload()
    shown = page.get_by_test_id("people-range")
    await expect(shown).to_have_text(re.compile(r"^1–50 of 82\d$"))
    await page.get_by_test_id("people-next").click()
    await expect(shown).to_have_text(re.compile(r"^51–100 of 82\d$"))

    await page.get_by_test_id("people-search").fill("Person 817")
    await expect(page.get_by_test_id("person-row")).to_have_count(1)
    await expect(page.get_by_test_id("person-row")).to_contain_text("p0817")
    await page.get_by_test_id("people-search").fill("")
    await page.get_by_test_id("people-role").select_option("dispatcher")
    await expect(page.get_by_test_id("person-row")).to_have_count(1)
    await page.get_by_test_id("people-role").select_option("")
    await page.get_by_test_id("people-state").select_option("disabled")
    await expect(page.get_by_test_id("people-range")).to_have_text("Nothing found")


async def test_somebody_new_signs_in_with_the_password_that_is_shown_once(
    page: Page, plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    found: list[str] = []
    await page.get_by_test_id("people-new").click()
    await page.get_by_test_id("field-username").fill("Wang Wei")
    await page.get_by_test_id("field-display_name").fill("王 伟")
    await page.get_by_test_id("field-roles-dispatcher").check()
    await page.get_by_test_id("field-roles-admin").check()
    await expect(page.get_by_test_id("may-do")).to_contain_text("Open and close incidents")
    await page.get_by_test_id("new-person-save").click()
    await expect(page.get_by_test_id("field-username-wrong")).to_be_visible()
    found += await violations(page)
    await page.get_by_test_id("field-username").fill("wang.wei")
    await page.get_by_test_id("field-officer_badge").fill("no-such")
    await page.get_by_test_id("new-person-save").click()
    await expect(page.get_by_test_id("field-officer_badge-wrong")).to_have_text(
        "Nobody has this badge."
    )

    await page.keyboard.press("Escape")
    await page.get_by_test_id("leave-stay").click()
    await page.get_by_test_id("field-officer_badge").fill("")
    await page.get_by_test_id("new-person-save").click()
    await expect(page.get_by_test_id("secret")).to_have_text(ONE_TIME)
    found += await violations(page)
    password = await page.get_by_test_id("secret").inner_text()
    await page.get_by_test_id("secret-done").click()
    await expect(page.get_by_text(password)).to_have_count(0)
    assert found == []

    async with person(plain_browser, server.url, None) as wang:
        await wang.get_by_test_id("login-username").fill("wang.wei")
        await wang.get_by_test_id("login-password").fill(password)
        await wang.get_by_test_id("login-submit").click()
        for field in ("new-password", "new-password-again"):
            await wang.get_by_test_id(field).fill(OWN_PASSWORD)
        await wang.get_by_test_id("new-password-submit").click()
        await wang.wait_for_url("**/console")
        await wang.get_by_test_id("face-admin").click()
        await wang.wait_for_url("**/admin")
        await wang.get_by_test_id("face-console").click()
        await wang.wait_for_url("**/console")


async def test_two_administrators_at_one_person_and_what_is_not_saved_is_not_lost(
    page: Page, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    found: list[str] = []
    await opened(page, "dispatcher")
    async with signed_in(server, login_of(seeded, "admin")) as other:
        listed = (await other.get("/api/people", params={"q": "dispatcher"})).json()["people"]
        (wanted,) = [each for each in listed if each["username"] == "dispatcher"]
        was = {key: wanted[key] for key in ("display_name", "roles", "officer_badge")}
        body = {"was": was, "now": {**was, "display_name": "Night Desk"}}
        (await other.post(f"/api/people/{wanted['id']}", json=body)).raise_for_status()

    await page.get_by_test_id("field-roles-supervisor").check()
    await page.get_by_test_id("person-save").click()
    await expect(page.get_by_test_id("form-conflict")).to_contain_text("Night Desk")
    found += await violations(page)
    await page.get_by_test_id("form-take").click()
    await expect(page.get_by_test_id("field-display_name")).to_have_value("Night Desk")
    await expect(page.get_by_test_id("field-roles-supervisor")).to_be_checked()
    await page.get_by_test_id("person-save").click()
    await expect(page.get_by_test_id("field-reason-wrong")).to_be_visible()
    await page.get_by_test_id("field-reason").fill("looks on at night")

    await page.get_by_test_id("section-devices").click()
    await expect(page.get_by_test_id("leave-stay")).to_be_visible()
    found += await violations(page)
    await page.get_by_test_id("leave-stay").click()
    await expect(page.get_by_test_id("field-reason")).to_have_value("looks on at night")
    await page.get_by_test_id("person-save").click()
    await toasted(page, "Saved.")
    await page.get_by_test_id("section-roles").click()
    await expect(page.get_by_test_id("roles").locator("[data-may=handset]")).to_contain_text("yes")
    found += await violations(page)
    assert found == []


async def test_the_last_administrator_cannot_lower_himself(page: Page) -> None:
    await opened(page, "admin")
    await page.get_by_test_id("field-roles-admin").uncheck()
    await page.get_by_test_id("field-roles-officer").check()
    await page.get_by_test_id("field-reason").fill("enough")
    await page.get_by_test_id("person-save").click()
    await expect(page.get_by_test_id("field-password-wrong")).to_be_visible()


async def test_access_is_taken_and_given_back_and_an_open_page_notices(
    page: Page, plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    login = login_of(seeded, "officer")
    async with person(plain_browser, server.url, login) as officer:
        await opened(page, login.username)
        await expect(page.get_by_test_id("session")).to_have_count(1)
        await page.get_by_test_id("person-disable").click()
        await page.get_by_test_id("reason-save").click()
        await expect(page.get_by_test_id("field-reason-wrong")).to_be_visible()
        assert await violations(page) == []
        await page.get_by_test_id("field-reason").fill("suspended")
        await page.get_by_test_id("reason-save").click()
        await expect(page.get_by_test_id("person-enable")).to_be_visible()
        await expect(page.get_by_test_id("session")).to_have_count(0)
        await officer.goto("/handset")
        await officer.wait_for_url("**/login**")

        await page.get_by_test_id("person-enable").click()
        await page.get_by_test_id("field-reason").fill("cleared")
        await page.get_by_test_id("reason-save").click()
        await expect(page.get_by_test_id("person-reset")).to_be_visible()
        await officer.goto("/login")
        await sign_in(officer, login)
        await page.reload()
        await page.get_by_test_id("session-end").click()
        await expect(page.get_by_test_id("session")).to_have_count(0)
        await page.get_by_test_id("person-reset").click()
        await page.get_by_test_id("field-reason").fill("forgotten")
        await page.get_by_test_id("reason-save").click()
        await expect(page.get_by_test_id("secret")).to_have_text(ONE_TIME)
