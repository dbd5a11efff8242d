"""The supervisor's browser as a witness of the command log: every row is proved in it, what
somebody does to the database shows in the row, and another log than it remembers is an alarm."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from click.testing import CliRunner
from playwright.async_api import Browser, Locator, Page, Route, expect

from server import keychange, signingkey
from server.cli.audit import audit_group
from server.journal.notes import Signer
from server.stores.pool import use_codecs
from tests.browser.house import House, NewHouse
from tests.browser.people import LateAnswer, dispatching, login_of, person, toasted
from tests.conftest import connected
from tests.server.test_tampering import Log

pytestmark = pytest.mark.browser

PROOFS: Final = "**/api/journal/proofs?*"


def rows(page: Page, verdict: str = "") -> Locator:
    found = page.get_by_test_id("journal-row")
    return found.filter(has=page.locator(f'[data-verdict="{verdict}"]')) if verdict else found


def row(page: Page, seq: int) -> Locator:
    return page.locator(f'[data-testid="journal-row"][data-seq="{seq}"]')


async def standing(page: Page, wanted: str) -> None:
    held = page.get_by_test_id("log-standing")
    await expect(held).to_have_attribute("data-standing", wanted)
    await expect(held).to_have_attribute("aria-busy", "false")


async def newest(page: Page) -> None:
    await page.get_by_test_id("audit-refresh").click()


@asynccontextmanager
async def owner_of(house: House) -> AsyncIterator[Log]:
    """Who owns the database takes our triggers out of the way first."""
    owner = await asyncpg.connect(house.database_url)
    try:
        await use_codecs(owner)
        await owner.execute("SET session_replication_role = replica")
        yield Log(pool=None, owner=owner)
    finally:
        await owner.close()


async def tell(house: House) -> None:
    async with dispatching(house.server, house.seeded) as dispatcher:
        unit_id = house.seeded.fleet.devices[0].unit_id
        done = await dispatcher.send(unit_id, note="snow on the pass")
        await dispatcher.report(done, "done", note="road is free")


@pytest.fixture
def told(new_house: NewHouse) -> Any:
    """A house of its own: what is done to its database is done for good."""
    with new_house() as house:
        asyncio.run(tell(house))
        yield house


async def test_a_supervisor_reads_proves_and_passes_on_what_the_log_says(
    plain_browser: Browser, house: House, tmp_path: Path
) -> None:
    await tell(house)
    async with person(
        plain_browser, house.server.url, login_of(house.seeded, "supervisor")
    ) as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await standing(page, "well")
        await expect(rows(page, "proved")).to_have_count(await rows(page).count())

        # by keyboard to an entry, through it, and back
        await page.keyboard.press("/")
        await page.keyboard.type("snow on the pass")
        await page.keyboard.press("Enter")
        await expect(rows(page)).to_have_count(1)
        seq = int(await rows(page).get_attribute("data-seq") or 0)
        await page.get_by_test_id("audit-clear").click()
        await page.goto(f"/audit#log/{seq}")  # as a colleague was sent it
        await page.reload()
        entry = page.get_by_test_id("entry")
        await expect(entry.get_by_test_id("journal-verdict")).to_have_text("proved")
        await expect(entry).to_contain_text(f"{seq} of")
        await expect(entry.get_by_test_id("entry-review")).to_have_attribute(
            "href", re.compile("^#review/[0-9a-f-]{36}$")
        )
        await page.keyboard.press("k")
        await expect(entry).to_have_attribute("data-seq", str(seq + 1))
        await page.keyboard.press("j")
        await expect(entry).to_have_attribute("data-seq", str(seq))
        await page.get_by_test_id("entry-copy").click()
        await toasted(page, "copied")
        copied: str = await page.evaluate("navigator.clipboard.readText()")
        assert copied.endswith(f"/audit#log/{seq}")

        # its proof is checked without the server
        async with page.expect_download() as waiting:
            await page.get_by_test_id("journal-proof").click()
        await (await waiting.value).save_as(tmp_path / "entry.jsonl")
        async with page.expect_download() as waiting:
            await page.get_by_test_id("log-standing").locator("summary").click()
            await page.get_by_test_id("standing-keep").click()
        await (await waiting.value).save_as(tmp_path / "held.txt")
        key: str = json.loads(await page.evaluate("localStorage['ridgeline.witness']"))["key"]
        (tmp_path / "signing.pub").write_text(key)
        files = [str(tmp_path / name) for name in ("entry.jsonl", "signing.pub", "held.txt")]
        command = ["verify", files[0], "--key", files[1], "--checkpoint", files[2]]
        ended = CliRunner().invoke(audit_group, command)
        assert ended.exit_code == 0, ended.output
        await page.keyboard.press("Escape")
        await expect(entry).to_have_count(0)

        # a search that is kept, and its result as a file
        await page.get_by_test_id("audit-kind").select_option("order")
        await page.get_by_test_id("audit-search").click()
        await expect(rows(page).and_(page.locator(':not([data-group="order"])'))).to_have_count(0)
        await page.get_by_test_id("saved-keep").click()
        await page.get_by_test_id("ask-input").fill("Orders")
        await page.get_by_test_id("ask-confirm").click()
        orders = await rows(page).count()
        async with page.expect_download() as waiting:
            await page.get_by_test_id("export-json").click()
        await (await waiting.value).save_as(tmp_path / "found.json")
        found = json.loads((tmp_path / "found.json").read_text())
        assert found["asked"] == {"kind": "order"}
        assert len(found["entries"]) == orders
        await page.get_by_test_id("audit-clear").click()
        await page.reload()
        await page.get_by_test_id("saved-search").click()
        await expect(rows(page)).to_have_count(orders)
        await page.get_by_test_id("audit-clear").click()
        exported = page.locator('[data-kind="journal.exported"]').get_by_test_id("journal-details")
        await expect(exported.first).to_contain_text("Kind: Orders")


async def test_the_answer_to_an_earlier_search_does_not_take_the_place_of_a_later_one(
    plain_browser: Browser, house: House
) -> None:
    async with person(
        plain_browser, house.server.url, login_of(house.seeded, "supervisor")
    ) as page:
        await standing(page, "well")
        earlier = LateAnswer(page, "**/api/journal?*q=*")
        await earlier.hold()
        await page.get_by_test_id("audit-text").fill("nothing of the kind")
        await page.get_by_test_id("audit-search").click()
        await expect(page.get_by_test_id("audit-search")).to_be_disabled()
        await page.get_by_test_id("audit-clear").click()
        await expect(page.get_by_test_id("audit-search")).to_be_enabled()
        await earlier.arrive()

        await expect(page.get_by_test_id("audit-text")).to_have_value("")
        await expect(rows(page)).not_to_have_count(0)


async def test_what_is_done_to_the_database_shows_in_the_row_and_a_log_cut_short_is_noticed(
    plain_browser: Browser, told: House
) -> None:
    async with (
        owner_of(told) as log,
        person(plain_browser, told.server.url, login_of(told.seeded, "supervisor")) as page,
    ):
        await standing(page, "well")
        seqs = [int(await each.get_attribute("data-seq") or 0) for each in await rows(page).all()]
        changed, gone = seqs[-3], seqs[-5]

        # a word is changed behind the program's back, and a row taken out
        at = "(SELECT entry_id FROM journal_leaf WHERE seq = $1)"
        await log.sql(
            f"UPDATE journal_entry SET body = body || '{{\"x\": 1}}' WHERE id = {at}", changed
        )
        await log.sql(f"DELETE FROM journal_entry WHERE id = {at}", gone)
        await newest(page)
        await expect(rows(page, "broken")).to_have_count(1)
        broken = row(page, changed).get_by_test_id("journal-verdict")
        await expect(broken).to_have_attribute("data-why", "changed")
        await expect(rows(page, "proved")).to_have_count(await rows(page).count() - 1)
        await expect(page.get_by_test_id("standing-alarm")).to_contain_text("1 of the entries")
        await page.get_by_test_id("standing-alarm").get_by_role("button").click()
        await expect(page.get_by_test_id("entry")).to_contain_text("changed after they were sealed")
        await page.get_by_test_id("journal-gap").get_by_role("button").click()
        await expect(page.get_by_test_id("entry")).to_contain_text("somebody took it out")
        await page.keyboard.press("Escape")

        # the log is set back to an older state, with all that was signed of it since
        size = seqs[4]
        for table in ("journal_leaf", "journal_word"):
            await log.sql(f"DELETE FROM {table} WHERE seq > $1", size)
        await log.sql("DELETE FROM journal_checkpoint WHERE size > $1", size)
        await log.sql("DELETE FROM journal_node WHERE (number + 1) << level > $1", size)
        await log.sql("DELETE FROM journal_pending")
        await log.sql(
            "DELETE FROM journal_entry e WHERE NOT EXISTS "
            "(SELECT FROM journal_leaf l WHERE l.entry_id = e.id)"
        )
        await newest(page)
        await standing(page, "rewound")
        await expect(page.get_by_test_id("standing-alarm").first).to_contain_text("CUT OFF")
        await expect(rows(page, "proved")).to_have_count(0)
        await page.reload()
        await standing(page, "rewound")
        await page.get_by_test_id("standing-anew").click()
        await page.get_by_test_id("standing-anew-confirm").click()
        await standing(page, "well")
        await expect(row(page, seqs[-1]).get_by_test_id("journal-verdict")).to_have_text("proved")

        # whoever has the key as well writes history anew, and every hash of it fits
        secret = (told.server.log.parent / "keys" / "signing.key").read_text()
        async with log.owner.transaction():
            await log.sql(
                f"UPDATE journal_entry SET actor = 'user:nobody' WHERE id = {at}", seqs[-1]
            )
            await log.leaf(seqs[-1])
            await log.sign(Signer.parse(secret.splitlines()[0]))
        await newest(page)
        await standing(page, "forked")
        await expect(rows(page, "proved")).to_have_count(0)
        await expect(page.get_by_test_id("standing-alarm").first).to_contain_text("ANOTHER HISTORY")


async def test_the_browser_follows_keys_that_were_announced_and_no_other(
    plain_browser: Browser, told: House
) -> None:
    folder = told.server.log.parent

    async def key_held(page: Page) -> str:
        held: str = json.loads(await page.evaluate("localStorage['ridgeline.witness']"))["key"]
        return held

    async with (
        connected(told.database_url) as pool,
        person(plain_browser, told.server.url, login_of(told.seeded, "supervisor")) as page,
    ):
        await standing(page, "well")
        first = await key_held(page)
        for _ in range(2):  # one more than the browser has seen, when it looks again
            await keychange.change(pool, folder, by="operator:root")
        await page.reload()
        await standing(page, "well")
        await expect(rows(page, "proved")).to_have_count(await rows(page).count())
        second = await key_held(page)
        assert second != first

        await asyncio.to_thread(signingkey.secret_path(folder).unlink)
        await keychange.replace_lost(pool, folder, by="operator:root")
        await page.reload()
        await standing(page, "unknown_key")
        await expect(page.get_by_test_id("standing-alarm")).to_contain_text("UNKNOWN KEY")
        assert await key_held(page) == second


def other_words(answer: dict[str, Any]) -> None:
    salt, _ = answer["entries"][0]["fields"]["actor"]
    answer["entries"][0]["fields"]["actor"] = [salt, '"user:nobody"']


def no_path(answer: dict[str, Any]) -> None:
    answer["entries"][0]["path"] = None


def another_leaf(answer: dict[str, Any]) -> None:
    other_words(answer)
    answer["entries"][0]["leaf"] = answer["entries"][-1]["leaf"]


def no_hash(answer: dict[str, Any]) -> None:
    answer["entries"][0]["path"][0] = "AAAA"


def another_size(answer: dict[str, Any]) -> None:
    lines = answer["note"].split("\n")
    lines[1] = str(int(lines[1]) + 1)
    answer["note"] = "\n".join(lines)


def no_consistency(answer: dict[str, Any]) -> None:
    answer["consistency"] = ["A" * 43 + "="]


def another_name(answer: dict[str, Any]) -> None:
    answer["origin"] = "ridgeline/another"


LIES: Final[dict[str, tuple[Callable[[dict[str, Any]], None], str, str]]] = {
    "other words": (other_words, "well", "changed"),
    "no path": (no_path, "well", "unproved"),
    "another leaf": (another_leaf, "well", "unfit"),
    "what is no hash": (no_hash, "well", "unfit"),
    "a size that was not signed": (another_size, "unknown_key", "doubt"),
    "no consistency": (no_consistency, "forked", "doubt"),
    "another name": (another_name, "other_log", "doubt"),
}
"""What a server may answer with, how the log stands then, and the row."""


def answering(lie: Callable[[dict[str, Any]], None]) -> Callable[[Route], Awaitable[None]]:
    async def answered(route: Route) -> None:
        response = await route.fetch()
        answer = await response.json()
        lie(answer)
        await route.fulfill(response=response, json=answer)

    return answered


async def test_an_answer_that_lies_about_proofs_is_not_believed(
    plain_browser: Browser, house: House
) -> None:
    async with person(
        plain_browser, house.server.url, login_of(house.seeded, "supervisor")
    ) as page:
        await standing(page, "well")
        held: str = await page.evaluate("localStorage['ridgeline.witness']")
        for name, (lie, stands, verdict) in LIES.items():
            await page.evaluate("held => localStorage.setItem('ridgeline.witness', held)", held)
            await page.route(PROOFS, answering(lie))
            await newest(page)

            await standing(page, stands)
            first = rows(page).last.get_by_test_id("journal-verdict")
            await expect(first, name).to_have_attribute("data-why", verdict)
            await page.unroute(PROOFS)
        await newest(page)
        await standing(page, "well")


NO_CRYPTO: Final = "Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })"
"""As on a page that came over plain HTTP from another machine."""
NO_ED25519: Final = """SubtleCrypto.prototype.importKey = async () => {
    throw new DOMException("Unrecognized name.", "NotSupportedError");
};"""


@pytest.mark.parametrize(
    ("browser_has", "said"), [(NO_CRYPTO, "insecure"), (NO_ED25519, "old_browser")]
)
async def test_a_browser_that_cannot_check_says_so_and_calls_nothing_proved(
    plain_browser: Browser, house: House, browser_has: str, said: str
) -> None:
    async with person(
        plain_browser, house.server.url, login_of(house.seeded, "supervisor")
    ) as page:
        await page.add_init_script(browser_has)
        await page.reload()

        await standing(page, said)
        await expect(page.get_by_test_id("log-standing")).to_contain_text("Nothing is checked")
        await expect(rows(page, "unchecked")).to_have_count(await rows(page).count())
        await rows(page).first.get_by_test_id("journal-open").click()
        await expect(page.get_by_test_id("entry")).to_contain_text("cannot check it")
