"""`ridgeline decision` on a real database: list, show, replay; and records that were changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from geo import mapfolder
from geo.live import kept as keptroads
from geo.live.extent import Pick, Picks
from geo.roadmap import RoadMap
from server import recheck
from server.cli.decision import decision_group
from server.dispatch.premises import canonical
from server.ports import Footing
from server.replay import Replayer
from server.roaddesk import NewRoadState
from server.stores import learning, records
from server.stores.pool import Pool, open_pool
from server.stores.roadstate import STATES
from tests.conftest import TestServers, fresh_database
from tests.decision_county import NOW, some_factors
from tests.redrawn_county import redrawn_county
from tests.server.dispatch_room import BY, Room, a_room
from tests.small_county import crossing

RECOMMENDATIONS = 24
TYPES = ("assault", "theft", "mountain_rescue")


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A database with recommendations under many states of the roads."""

    url: str
    ids: list[str]
    """Of recommendations, oldest first."""
    decision_id: str
    """Taken on the last one."""


@pytest.fixture(scope="module")
def filled(servers: TestServers, template_database: str, small_map: RoadMap) -> Iterator[Filled]:
    with fresh_database(servers, template_database) as url:
        yield asyncio.run(_fill(url, small_map))


async def _fill(url: str, roadmap: RoadMap) -> Filled:
    pool = await open_pool(url)
    async with a_room(pool, roadmap) as room:
        units = [
            await room.add_unit(
                f"P-{number:02d}", crossing(number % 7, number % 5), battery_pct=20 + 9 * number
            )
            for number in range(8)
        ]
        incidents = [
            await room.open(type=code, priority=priority)
            for code in TYPES
            for priority in ("routine", "emergency")
        ]
        chance, ids = Random(7), []
        for number in range(RECOMMENDATIONS):
            if number % 6 == 0:
                await _another_state(room, pool, chance, learned=number % 12 == 0)
            incident = incidents[number % len(incidents)]
            ids.append((await room.pipeline.recommend(incident.id, by=BY)).id)
        incident = await room.open(type="robbery")
        found = await room.pipeline.recommend(incident.id, by=BY)
        await room.send(incident, units[0], found=found)
        (decision,) = await room.fetch("SELECT id FROM decision")
    await pool.close()
    return Filled(url=url, ids=[*ids, found.id], decision_id=decision["id"])


async def _another_state(room: Room, pool: Pool, chance: Random, *, learned: bool) -> None:
    """Another road closed or slow; another version of learned times, or the model alone."""
    edge = chance.randrange(room.roadmap.edge_count)
    factor = chance.choice([None, 2.5])
    wanted = NewRoadState(
        request_id=f"r-{chance.random()}",
        state="closed" if factor is None else "slow",
        factor=factor,
        where=Picks(edges=(Pick(edge=edge),)),
        reason="rockfall",
    )
    row, _ = await room.road_desk.set_state(wanted, by=BY)
    if chance.random() < 0.4:
        await room.road_desk.end(STATES, row.id, reason="cleared", by=BY)
    if not learned:
        await room.routing.set_learned(None)
        return
    async with pool.acquire() as conn, conn.transaction():
        version = await learning.insert_version(
            conn,
            map_id=room.roadmap.meta.map_id,
            at=NOW,
            by=BY,
            reason="drives",
            trip_count=4,
            newest_at=None,
            learned=some_factors(room.roadmap, chance),
        )
        factors = await learning.factors(conn, version.version)
    await room.routing.set_learned(factors, version=version.version)


@pytest.fixture
def here(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> Filled:
    monkeypatch.setenv("DATABASE_URL", filled.url)
    return filled


def run(*arguments: object) -> Result:
    return CliRunner().invoke(decision_group, [str(argument) for argument in arguments])


def replayed(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("replay", "--json", *arguments).stdout)
    return found


@contextmanager
def changed(url: str, table: str, statement: str, *values: object) -> Iterator[None]:
    """By somebody who owns the database and passes by its triggers; undone afterwards."""

    async def work(*todo: tuple[str, tuple[object, ...]]) -> list[Any]:
        conn = await asyncpg.connect(url)
        try:
            await conn.execute("SET session_replication_role = replica")
            return [await conn.fetch(text, *given) for text, given in todo]
        finally:
            await conn.close()

    asyncio.run(work((f"CREATE TABLE before_{table} AS TABLE {table}", ()), (statement, values)))
    try:
        yield
    finally:
        asyncio.run(
            work(
                (f"DELETE FROM {table}", ()),
                (f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE before_{table}", ()),
                (f"DROP TABLE before_{table}", ()),
            )
        )


def test_dozens_of_recommendations_come_out_again_from_the_database(
    here: Filled, small_map: RoadMap
) -> None:
    """Batteries, closed and slow roads, learned versions: all read back."""

    async def replay_all() -> tuple[int, set[int | None]]:
        pool, same, learned_versions = await open_pool(here.url, connections_max=1), 0, set()
        footing = Footing(engine="scipy", against_one_ways=False)
        async with Replayer(small_map, footing) as replayer, pool.acquire() as conn:
            for each in reversed(here.ids):
                found = await records.load(conn, each)
                assert found is not None
                kept, reckoned = found
                record = recheck.record_of(kept)
                version = record.circumstances.learned_version
                learned = None if version is None else await learning.factors(conn, version)
                roads = keptroads.unpack(kept.roads or b"", small_map.edge_count)
                view = await replayer.again(record, reckoned, roads, learned)
                assert recheck.damages_of(kept, reckoned) == []
                same += canonical(view) == canonical(kept.answer)
                learned_versions.add(version)
        await pool.close()
        return same, learned_versions

    same, learned_versions = asyncio.run(replay_all())

    assert same == len(here.ids) == RECOMMENDATIONS + 1
    assert len(learned_versions) > 2


def test_with_the_map_travel_times_are_found_anew(here: Filled, small_map_dir: Path) -> None:
    done = run("replay", here.ids[7], "--map", small_map_dir)

    assert done.exit_code == 0
    assert "Travel times, batteries and ranking computed again: identical" in done.stdout
    assert "Note" not in done.stdout


def test_without_the_map_the_ranking_alone_is_computed_again(here: Filled) -> None:
    done = run("replay", here.ids[0])

    assert done.exit_code == 0
    assert "was not given (--map): travel times as recorded were used" in done.stdout
    assert "The ranking computed again: identical" in done.stdout


def test_on_another_map_travel_times_are_taken_as_recorded(here: Filled, tmp_path: Path) -> None:
    mapfolder.save(redrawn_county(), tmp_path / "other")

    done = run("replay", here.ids[0], "--map", tmp_path / "other")

    assert done.exit_code == 0
    assert "is not here (this is map" in done.stdout
    assert "identical" in done.stdout


def test_a_learned_version_that_is_gone_is_said(here: Filled, small_map_dir: Path) -> None:
    with_learned = here.ids[0]

    with changed(here.url, "learned_version", "DELETE FROM learned_version"):
        found = replayed(with_learned, "--map", small_map_dir)

    assert found["identical"]
    assert found["recomputed"] == "ranking"
    assert "of learned travel times is not here" in found["notes"][0]


def test_a_decision_is_replayed_by_its_own_id(here: Filled) -> None:
    found = replayed(here.decision_id)

    assert found["recommendation"] == here.ids[-1]
    assert found["identical"]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE recommendation SET body = jsonb_set(body, '{candidates,0,eta_s}', '60.5')"
            " WHERE id = $1",
            "what was shown is not what the command log names",
        ),
        (
            "UPDATE recommendation_record SET body = body || '\\x00' WHERE recommendation_id = $1",
            "the record is not the one that the command log names",
        ),
        (
            "UPDATE recommendation_record SET body = body || '\\x00',"
            " sha256 = encode(sha256(body || '\\x00'), 'hex') WHERE recommendation_id = $1",
            "the record is not the one that the command log names",
        ),
        (
            "UPDATE recommendation_battery SET numbers = overlay(numbers placing '\\x99' from 9)"
            " WHERE recommendation_id = $1",
            "the batteries are not those that were reckoned with",
        ),
        (
            "UPDATE road_picture SET body = body || '\\x00' WHERE sha256 ="
            " (SELECT roads FROM recommendation_record WHERE recommendation_id = $1)",
            "the closed roads and conditions are not those of then",
        ),
        (
            "DELETE FROM recommendation_record WHERE recommendation_id = $1",
            "the record that the command log names is gone",
        ),
        (
            "DELETE FROM road_picture WHERE sha256 ="
            " (SELECT roads FROM recommendation_record WHERE recommendation_id = $1)",
            "the closed roads and conditions are not those of then",
        ),
    ],
    ids=["answer", "record", "record and its hash", "batteries", "roads", "gone", "roads gone"],
)
def test_what_was_changed_afterwards_is_found(
    statement: str, says: str, here: Filled, small_map_dir: Path
) -> None:
    wanted = here.ids[4]

    table = statement.removeprefix("UPDATE ").removeprefix("DELETE FROM ").split()[0]

    with changed(here.url, table, statement, wanted):
        done = run("replay", wanted, "--map", small_map_dir)
        shown = run("show", wanted)

    assert done.exit_code == shown.exit_code == 4
    assert says in done.stdout
    assert "Nothing was computed from it" in done.stdout
    assert says in shown.stdout
    assert run("replay", wanted).exit_code == 0, "put back"


def test_the_program_may_not_change_a_record(here: Filled) -> None:
    async def try_it() -> None:
        pool = await open_pool(here.url)
        try:
            for table in ("recommendation_record", "road_picture"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await pool.execute(f"UPDATE {table} SET body = body")
        finally:
            await pool.close()

    asyncio.run(try_it())


def test_a_recommendation_from_before_records_is_shown_and_not_replayed(here: Filled) -> None:
    wanted = here.ids[2]
    unlogged = "UPDATE journal_entry SET body = body - 'record_sha256' - 'answer_sha256'"

    with (
        changed(here.url, "journal_entry", unlogged),
        changed(here.url, "recommendation_record", "DELETE FROM recommendation_record"),
    ):
        shown, done = run("show", wanted), run("replay", wanted)

    assert shown.exit_code == 0
    assert "P-0" in shown.stdout
    assert done.exit_code == 1
    assert "was made before records were kept" in done.stderr


def test_rules_that_changed_since_are_said_with_what_differs(
    here: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program would be in which batteries of unknown worth count as dead."""
    monkeypatch.setattr("server.recheck.RULES", 99)
    monkeypatch.setattr("server.dispatch.reasons.P_GOOD", 1.1)

    done = run("replay", here.ids[0])

    assert done.exit_code == 3
    assert "computed again by rules 99 of this program" in done.stdout
    assert "values differ" in done.stdout
    assert " then, " in done.stdout


def test_what_is_shown_says_what_the_choice_hung_on(here: Filled) -> None:
    shown = run("show", here.ids[-1])

    assert shown.exit_code == 0
    assert "Second: P-0" in shown.stdout
    assert " would be first if " in shown.stdout


def test_the_list_has_the_newest_first_and_says_who_was_sent(here: Filled) -> None:
    lines = json.loads(run("list", "--json", "--limit", 5).stdout)

    assert lines[0]["id"] == here.ids[-1]
    assert lines[0]["sent"] == ["P-00"]
    assert len(lines) == 5
    assert run("list").exit_code == 0
    one = json.loads(run("list", "--json", "--incident", 2).stdout)
    assert {each["incident_number"] for each in one} == {2}


def test_show_names_every_version_and_every_unit(here: Filled) -> None:
    found = json.loads(run("show", "--json", here.ids[0]).stdout)

    assert found["damages"] == []
    assert found["versions"]["roads"] >= 1
    assert found["versions"]["learned"] is not None
    assert {"rules", "map", "conditions", "batteries", "engine", "run_cards", "stance"} <= set(
        found["versions"]
    )
    units = found["answer"]["candidates"] + found["answer"]["excluded"]
    assert len(units) == 8
    assert "P-07" in run("show", here.ids[0]).stdout


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("P-07", "is no id"),
        ("0193e3a0-0000-7000-8000-000000000000", "no recommendation and no decision"),
    ],
)
def test_what_is_no_recommendation_is_refused(wanted: str, says: str, here: Filled) -> None:
    for command in ("show", "replay"):
        done = run(command, wanted)
        assert done.exit_code == 1
        assert says in done.stderr
