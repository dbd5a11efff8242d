"""Dead zones and units silent in one, on the console in a real browser."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from msgspec import json
from playwright.async_api import Browser, Page, expect

from geo.radio.evidence import Outlook
from geo.radio.pieces import Pieces
from geo.roadmap import RoadMap
from server.ids import new_id
from server.stores import deadzones as store
from server.stores.pool import open_pool
from tests.browser.house import House
from tests.browser.people import login_of, person, report_position, signed_in

pytestmark = pytest.mark.browser

PASSAGES, SILENCES = 14, 12


async def learn(house: House, roadmap: RoadMap) -> None:
    """Somebody put a version in force: ten pieces of the trunk road have no radio."""
    pieces = Pieces.of(roadmap)
    refs = np.array([roadmap.names[each] if each >= 0 else "" for each in roadmap.edge_ref])
    edge = int(np.flatnonzero(refs == "G320")[2])
    dead = np.arange(2 * int(pieces.first[edge]), 2 * int(pieces.first[edge + 1]))
    share = np.zeros(2 * pieces.count, np.float32)
    counts = np.zeros((2, 2 * pieces.count), np.int32)
    share[dead], counts[0, dead], counts[1, dead] = 0.85, PASSAGES // 2, SILENCES // 2
    outlook = Outlook(silent_share=share, passages=counts[0], silences=counts[1])
    pool = await open_pool(house.database_url)
    async with pool.acquire() as conn, conn.transaction():
        row = await store.insert_version(
            conn,
            outlook,
            map_id=roadmap.meta.map_id,
            at=datetime.now(UTC),
            by="system",
            reason="drives",
            drive_count=PASSAGES,
        )
        roles = ["dispatcher", "supervisor"]  # who leads the room himself
        supervisor = login_of(house.seeded, "supervisor").username
        await conn.execute("UPDATE app_user SET roles = $1 WHERE username = $2", roles, supervisor)
    await pool.close()
    async with signed_in(house.server, login_of(house.seeded, "supervisor")) as client:
        wanted = {"version": row.version, "reason": "looks right"}
        (await client.post("/api/dead-zones/activate", json=wanted)).raise_for_status()


async def fall_silent(house: House, **changed: Any) -> str:
    """Another process foretold when the first unit is back; returns its call sign."""
    now = datetime.now(UTC)
    values = {
        "silent_since": now,
        "back_at": now + timedelta(minutes=9),
        "latest_at": now + timedelta(minutes=14),
    } | changed
    conn = await asyncpg.connect(house.database_url)
    row = await conn.fetchrow("SELECT id, call_sign FROM unit ORDER BY call_sign LIMIT 1")
    await conn.execute(
        "INSERT INTO zone_stay (id, unit_id, silent_since, foretold_at, back_at, latest_at, place, "
        "lon, lat, at_scene) VALUES ($1, $2, $3, $3, $4, $5, $6, 100.25, 27.53, false)",
        new_id(),
        row["id"],
        values["silent_since"],
        values["back_at"],
        values["latest_at"],
        json.encode({"en": "G320 km 23.1", "zh": "G320 23.1 公里"}).decode(),
    )
    await conn.close()
    return str(row["call_sign"])


async def look(page: Page, name: str) -> None:
    """Keep what is seen in the folder that RIDGELINE_SCREENSHOTS names."""
    if folder := os.environ.get("RIDGELINE_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_zones_are_shown_with_their_passages_and_a_person_judges_them(
    plain_browser: Browser, house: House, small_map: RoadMap, locale: str
) -> None:
    await learn(house, small_map)
    who = login_of(house.seeded, "supervisor")
    words = {"en-GB": "12 of 14 passages silent", "zh-CN": "14 次通过中 12 次无信号"}[locale]

    async with person(plain_browser, house.server.url, who, locale=locale) as page:
        await page.goto("/console")
        await expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "true")
        await page.keyboard.press("z")
        row = page.get_by_test_id("zone-row")
        await expect(row).to_contain_text(words)
        await row.click()
        await expect(page.get_by_test_id("zone-detail")).to_contain_text("G320")
        await look(page, f"zones-{locale}")

        await page.get_by_test_id("zone-reason").fill("a mast was built")
        await page.get_by_test_id("zone-dismissed").click()
        await expect(row).to_have_attribute("data-standing", "dismissed")
        await page.get_by_test_id("zone-reason").fill("it was not")
        await page.get_by_test_id("zone-withdrawn").click()
        await expect(row).to_have_attribute("data-standing", "learned")


async def test_a_silent_unit_is_expected_back_in_the_list_and_in_its_detail(
    plain_browser: Browser, house: House
) -> None:
    await asyncio.to_thread(report_position, house.server, house.seeded)
    await fall_silent(house)
    who = login_of(house.seeded, "dispatcher")

    for locale, words in (("en-GB", "expected back"), ("zh-CN", "恢复联系")):
        async with person(plain_browser, house.server.url, who, locale=locale) as page:
            await page.get_by_test_id("units-tab").click()
            contact = page.get_by_test_id("unit-contact").first
            await expect(contact).to_contain_text(words)
            await expect(contact).to_contain_text("23.1")
            await expect(contact).to_have_attribute("data-alarm", "false")
            await page.get_by_test_id("unit-row").first.click()
            await look(page, f"silent-{locale}")
