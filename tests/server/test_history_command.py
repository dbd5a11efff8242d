"""`ridgeline history export` on a real database, and its file lived through by `evaluate`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from geo.roadmap import RoadMap
from server import historydesk
from server.cli.evaluate import evaluate_command
from server.cli.history import history_group
from server.evaluation.compare import AS_IT_WAS
from server.evaluation.history import parse, plain
from server.ids import new_id
from server.stores.pool import open_pool
from tests.conftest import TestServers, fresh_database
from tests.server.field_rows import add_unit
from tests.server.review_rows import add_incident, add_job, add_order, tell
from tests.small_county import CENTRE, crossing

MORNING = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
RESPONSE_S = 20.0 + 40.0 + 2.0 + 10.0 + 30.0 + 600.0
"""Of a call of the inbox; see `add_job`."""
SPAN = ("--from", "2026-03-01T00:00Z", "--to", "2026-03-05T00:00Z")
SECRET = "Mrs Huang, third door"


@dataclass(frozen=True)
class County:
    url: str
    empty_url: str


@pytest.fixture(scope="module")
def county(servers: TestServers, template_database: str) -> Iterator[County]:
    with (
        fresh_database(servers, template_database) as url,
        fresh_database(servers, template_database) as empty_url,
    ):
        asyncio.run(_fill(url))
        yield County(url, empty_url)


@pytest.fixture
def here(county: County, monkeypatch: pytest.MonkeyPatch) -> County:
    monkeypatch.setenv("DATABASE_URL", county.url)
    return county


async def _fill(url: str) -> None:
    """Two days: a call every two hours, done by P-01, who is on duty all along; P-02 by day."""
    pool = await open_pool(url)
    home = new_id()
    await pool.execute(
        "INSERT INTO station (id, name, lon, lat) VALUES ($1, 'Centre', $2, $3)", home, *CENTRE
    )
    units = [await add_unit(pool, sign, on_duty=False) for sign in ("P-01", "P-02", "P-03")]
    await pool.execute("UPDATE unit SET station_id = $1 WHERE id = $2", home, units[0])
    await _shift(pool, units[0], MORNING - timedelta(days=1), None)
    for day in (0, 1):
        begins = MORNING + timedelta(days=day, hours=1)
        await _shift(pool, units[1], begins, begins + timedelta(hours=8))
    for number in range(24):
        opened_at = MORNING + timedelta(hours=2 * number)
        called_at = opened_at - timedelta(seconds=20)
        await add_job(pool, units[0], opened_at, called_at=called_at, place=crossing(6, 1))
    left_open = await add_incident(pool, MORNING + timedelta(minutes=30), priority="emergency")
    order = await add_order(pool, left_open, units[1], MORNING + timedelta(minutes=31))
    await tell(pool, order, "on_scene", MORNING + timedelta(minutes=40))
    await add_incident(pool, MORNING + timedelta(minutes=45), type_code="standby")
    await pool.execute("UPDATE incident SET note = $1, place = $1", SECRET)
    await pool.close()


async def _shift(pool: Any, unit_id: str, on_at: datetime, off_at: datetime | None) -> None:
    await pool.execute(
        "INSERT INTO shift (id, unit_id, on_at, off_at) VALUES ($1, $2, $3, $4)",
        new_id(),
        unit_id,
        on_at,
        off_at,
    )


def export(*arguments: object) -> Result:
    words = ["export", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(history_group, words)


def rows(url: str, query: str) -> list[Any]:
    async def work() -> list[Any]:
        conn = await asyncpg.connect(url)
        try:
            found: list[Any] = await conn.fetch(query)
            return found
        finally:
            await conn.close()

    return asyncio.run(work())


def test_calls_units_and_shifts_come_out_as_they_were(here: County, tmp_path: Path) -> None:
    file = tmp_path / "past.json"

    result = export(*SPAN, "--out", file)
    past = parse(file.read_text())

    assert result.exit_code == 0, result.output
    told = f"25 calls on {past.days} days, 25 of them with when somebody came, and 2 units"
    assert told in result.stdout
    first, left_open, *_ = past.calls
    assert first.at == MORNING - timedelta(seconds=20)
    assert (first.type, first.priority) == ("theft", "priority")
    assert first.response_min == round(RESPONSE_S / 60.0, 1)
    assert first.scene_min == (60.0 + 900.0) / 60.0
    assert (left_open.priority, left_open.response_min, left_open.scene_min) == (
        "emergency",
        10.0,
        None,
    )
    one, other = past.units
    assert (one.call_sign, one.kind) == ("P-01", "patrol_car")
    assert one.station is not None
    assert (one.station.name, one.station.lon, one.station.lat) == ("Centre", *CENTRE)
    assert one.shifts == ((MORNING - timedelta(days=1), None),)
    assert other.station is None
    assert [off - on for on, off in other.shifts or () if off] == [timedelta(hours=8)] * 2


def test_no_name_note_or_word_of_a_place_comes_out(here: County) -> None:
    result = export(*SPAN)

    assert result.exit_code == 0, result.output
    assert SECRET not in result.stdout
    assert "wang" not in result.stdout
    assert set(json.loads(result.stdout)["calls"][0]) == {
        "at", "lon", "lat", "type", "priority", "scene_min", "response_min",
    }  # fmt: skip


def test_the_file_goes_through_reading_and_writing_unchanged(here: County) -> None:
    text = export(*SPAN).stdout

    assert plain(parse(text)) == json.loads(text)


def test_that_the_past_was_taken_out_is_logged(here: County) -> None:
    export(*SPAN)

    (last,) = rows(here.url, "SELECT kind, body FROM journal_entry ORDER BY id DESC LIMIT 1")
    body = json.loads(last["body"])
    assert last["kind"] == "history.exported"
    assert (body["calls"], body["units"]) == (25, 2)


def test_what_came_out_is_lived_through_with_the_countys_own_units_and_one_moved(
    here: County, small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "past.json"
    export(*SPAN, "--out", file)
    lon, lat = crossing(6, 1)
    options = ["--map", str(small_map_dir), "--seeds", "2", "--policy", "full", "--json"]

    result = CliRunner().invoke(
        evaluate_command, [*options, "--history", str(file), "--move", f"P-01={lon},{lat}"]
    )

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["units"], answer["days"]) == (2, parse(file.read_text()).days)
    plain_, moved, was = answer["policies"]
    assert [plain_["policy"], moved["policy"], was["policy"]] == [
        "full",
        "full, P-01 moved",
        AS_IT_WAS,
    ]
    assert plain_["calls"] == moved["calls"] == 50
    assert moved["figures"]["mean_response"]["value"] < plain_["figures"]["mean_response"]["value"]
    assert was["calls"] == 25
    mean = was["figures"]["mean_response"]["value"]
    assert mean == pytest.approx((24 * round(RESPONSE_S / 60.0, 1) + 10.0) / 25)
    assert was["figures"]["wrong_unit_share"]["value"] is None
    assert was["against"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "2025-01-01", "--to", "2025-01-02"), "Nobody called from 2025-01-01"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "From must lie before to"),
        (("--from", "2020-01-01", "--to", "2026-01-01"), "by at most 366 days"),
        (("--from", "yesterday"), "--from is 'yesterday'"),
    ],
)
def test_a_span_without_calls_or_that_cannot_be_is_said(
    arguments: tuple[str, ...], says: str, here: County
) -> None:
    result = export(*arguments)

    assert result.exit_code == 1
    assert says in result.stderr


def test_a_county_that_never_had_a_call_is_said(
    here: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", here.empty_url)

    result = export()

    assert result.exit_code == 1
    assert "Nobody called" in result.stderr


def test_more_calls_than_can_be_rehearsed_are_refused_before_they_are_read(
    here: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(historydesk, "CALLS_MAX", 24)

    result = export(*SPAN)

    assert result.exit_code == 1
    assert "There are 25 calls, and at most 24 can be rehearsed" in result.stderr


def test_a_file_that_cannot_be_written_leaves_nothing_behind(here: County, tmp_path: Path) -> None:
    result = export(*SPAN, "--out", tmp_path / "nowhere" / "past.json")

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_page_by_page(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.stores.histories.PAGE_LEN", 10)
    told: list[float] = []

    async def work() -> int:
        pool = await open_pool(county.url)
        begin, end = MORNING - timedelta(days=1), MORNING + timedelta(days=3)
        found = await historydesk.history(pool, begin, end, by="user:li", tell=told.append)
        await pool.close()
        return len(found.calls)

    assert asyncio.run(work()) == 25
    assert told == [0.4, 0.8, 1.0]
