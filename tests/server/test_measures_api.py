"""Measures over HTTP and on the command line: who may read them, what is refused, both forms."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.reach.coverage import settlements
from geo.roadmap import RoadMap
from server.cli.measures import asked_of, measures_command
from server.coverageviews import CoverageView
from server.coverkeeper import quarter
from server.measureviews import MeasuresView
from server.pointviews import PointsView
from server.stores import coverlooks
from server.stores.coverlooks import CoverLook
from server.stores.users import Role
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import NOW
from tests.server.field_rows import add_unit
from tests.server.review_rows import add_job


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        unit_id = await add_unit(pool, "P-31")
        await pool.execute("UPDATE shift SET on_at = $1", NOW - timedelta(hours=40))
        for hours in range(1, 31):
            await add_job(pool, unit_id, NOW - timedelta(hours=hours), drive_s=600.0 + hours)
        yield api


def span(**more: str) -> dict[str, str]:
    return {"from": (NOW - timedelta(days=7)).isoformat(), "to": NOW.isoformat(), **more}


async def test_a_supervisor_reads_measures_as_json_and_as_csv(api: Api) -> None:
    async with api.signed_in("supervisor") as client:
        answer = await client.get("/api/measures", params=span(by="daylight"))
        sheet = await client.get("/api/measures.csv", params=span(by="daylight"))

    view = convert(answer.json(), MeasuresView)
    assert (view.axes, view.incidents) == (["daylight"], 30)
    (drive,) = [
        each for each in view.rows if each.interval == "moving_to_on_scene" and not each.held
    ]
    assert (drive.n, drive.p90.estimable, drive.p90.value_s) == (30, True, 627.0)
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in sheet.headers["content-disposition"]
    lines = list(csv.DictReader(StringIO(sheet.text.removeprefix("\ufeff"))))
    assert len(lines) == len(view.rows)
    (line,) = [
        each
        for each in lines
        if (each["interval"], each["daylight"]) == ("moving_to_on_scene", "all")
    ]
    assert (line["n"], line["p90_s"], line["p50_s"]) == ("30", "627.0", "615.0")
    (whole,) = [
        each for each in lines if (each["interval"], each["daylight"]) == ("process", "all")
    ]
    assert (whole["within_limit"], whole["within_n"], whole["verdict"]) == ("30", "30", "undecided")


async def test_who_asks_while_too_many_wait_is_asked_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.measuredesk.WAITING_MAX", 0)
    async with api.signed_in("supervisor") as client:
        answer = await client.get("/api/measures", params=span())

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "routing_busy")
    assert answer.headers["retry-after"] == "1"


async def test_without_by_measures_are_by_mode_road_and_daylight(api: Api) -> None:
    async with api.signed_in("supervisor") as client:
        axes = (await client.get("/api/measures", params=span())).json()["axes"]
        together = (await client.get("/api/measures", params=span(by=""))).json()

    assert axes == ["mode", "road", "daylight"]
    assert all(each["held"] == {} for each in together["rows"])


async def test_a_supervisor_reads_points_and_coverage(api: Api) -> None:
    async with api.signed_in("supervisor") as client:
        points = await client.get("/api/measures/points", params=span(of="unit"))
        officers = await client.get("/api/measures/points", params=span(of="officer"))
        points_sheet = await client.get("/api/measures/points.csv", params=span())
        coverage = await client.get("/api/measures/coverage", params=span())
        coverage_sheet = await client.get("/api/measures/coverage.csv", params=span())

    view = convert(points.json(), PointsView)
    assert view.weights["accepted"] == 1.0
    assert [each.name for each in view.rows] == ["P-31"]
    assert convert(officers.json(), PointsView).of == "officer"
    assert points_sheet.text.startswith("\ufeffband,rank_low,rank_high,unit,")
    assert convert(coverage.json(), CoverageView).parts == []
    assert coverage_sheet.text.startswith("\ufeffplace,people,daylight,")


@pytest.mark.parametrize("role", ["dispatcher", "officer", "admin"])
@pytest.mark.parametrize("figures", ["", "/points", "/coverage"])
async def test_nobody_but_a_supervisor_reads_measures(api: Api, role: Role, figures: str) -> None:
    async with api.signed_in(role) as client:
        assert (await client.get(f"/api/measures{figures}")).status_code == 403
        assert (await client.get(f"/api/measures{figures}.csv")).status_code == 403


async def test_whose_points_must_be_said_in_a_word_that_is_known(api: Api) -> None:
    async with api.signed_in("supervisor") as client:
        answer = await client.get("/api/measures/points", params=span(of="dog"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"by": "shoe_size"}, 400, "malformed"),
        ({"from": "yesterday"}, 400, "malformed"),
        ({"from": "2026-01-01T00:00:00"}, 400, "malformed"),
        ({"from": NOW.isoformat(), "to": NOW.isoformat()}, 422, "bad_span"),
        ({"from": "2020-01-01T00:00:00Z"}, 422, "bad_span"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_a_word(
    api: Api, asked: dict[str, str], status: int, code: str
) -> None:
    async with api.signed_in("supervisor") as client:
        answer = await client.get("/api/measures", params=span() | asked)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def run(database_url: str, *arguments: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, measures_command, arguments, env={"DATABASE_URL": database_url}
    )


async def test_the_command_tells_a_table_json_and_csv(
    pool: Any, database_url: str, small_map_dir: Path
) -> None:
    unit_id = await add_unit(pool, "P-31")
    now = datetime.now(UTC)
    for hours in range(1, 6):
        await add_job(pool, unit_id, now - timedelta(hours=hours), drive_s=600.0)
    where = ("--map", str(small_map_dir), "--by", "priority")

    table, plain, sheet = [
        await run(database_url, *where, *form) for form in ((), ("--json",), ("--csv",))
    ]

    assert (table.exit_code, plain.exit_code, sheet.exit_code) == (0, 0, 0), table.output
    words = " ".join(table.stdout.split())
    assert "5 incidents opened" in words
    assert "10 min 00 s (10 min 00 s … 10 min 00 s)" in words
    assert "40.0 s (40.0 s … 40.0 s)" in words
    assert "not estimable, at least 10 min 00 s" in words
    assert convert(json.loads(plain.stdout), MeasuresView).orders == 5
    assert {each["priority"] for each in csv.DictReader(StringIO(sheet.stdout))} == {
        "all",
        "priority",
    }
    (entry, *_) = await pool.fetch("SELECT actor, kind FROM journal_entry")
    assert entry["actor"].startswith("operator:")
    assert entry["kind"] == "measures.read"


async def test_the_command_tells_points_and_coverage(
    pool: Any, database_url: str, small_map: RoadMap, small_map_dir: Path
) -> None:
    await add_unit(pool, "P-31")
    now = datetime.now(UTC)
    await pool.execute("UPDATE shift SET on_at = $1", now - timedelta(hours=30))
    counts = np.ones(len(settlements(small_map)), dtype=np.uint8)
    look = CoverLook(
        at=quarter(now), map_id=small_map.meta.map_id, limit_s=900.0, free_units=1,
        units_in_time=counts,
    )  # fmt: skip
    async with pool.acquire() as conn:
        await coverlooks.keep(conn, look)
    where = ("--map", str(small_map_dir), "--to", (now + timedelta(minutes=1)).isoformat())

    points = await run(database_url, "--show", "points")
    coverage = await run(database_url, "--show", "coverage", *where)
    mapless = await run(database_url, "--show", "coverage")

    assert (points.exit_code, coverage.exit_code, mapless.exit_code) == (0, 0, 1), coverage.output
    assert "P-31" in points.stdout
    assert "Within a band there is no order" in points.stdout
    assert re.search(r"\b1 of 268[78] quarters of an hour", " ".join(coverage.stdout.split()))
    assert "100 %" in coverage.stdout
    assert "name the map" in mapless.output


def test_a_day_on_the_command_line_is_as_long_as_its_clock_makes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That night the clocks of Andorra go forward."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Andorra")
        time.tzset()
        asked = asked_of("2026-03-29", "2026-03-30", "")
    time.tzset()

    assert asked.since == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert asked.until - asked.since == timedelta(hours=23)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--by", "shoe_size"), "--by takes some of mode, road"),
        (("--from", "yesterday"), "write 2026-01-31"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "From must lie before to"),
    ],
)
async def test_the_command_refuses_in_one_line(
    pool: Any, database_url: str, arguments: tuple[str, ...], told: str
) -> None:
    refused = await run(database_url, *arguments)

    assert refused.exit_code == 1
    assert told in refused.output
