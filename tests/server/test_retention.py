"""Positions are kept exact, then coarse, then not at all, and the log says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
from click.testing import CliRunner

from server.cli.audit import audit_group
from server.envvalues import SettingsError
from server.metrics import Metrics
from server.retention import Retention, due, step
from server.retentionpolicy import Policy
from server.settings import retention as policy_of
from server.stores import logsearch, retention
from server.stores.logsearch import JournalFilter
from server.stores.pool import Pool
from tests.server.sealed_log import seal

TODAY: Final = datetime.now(UTC).date()
NOON: Final = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
"""Of that day, which stays today though midnight comes."""
POLICY: Final = Policy(exact_days=90, kept_days=365)
LON, LAT = 100.23456, 27.34567


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def add_days(database_url: str, *days: int) -> None:
    """History of so many days ago: two devices, a fix every five minutes of one hour."""
    owner = await asyncpg.connect(database_url)
    for day in map(ago, days):
        start = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
        await owner.execute(
            f"CREATE TABLE position_{day:%Y%m%d} PARTITION OF position FOR VALUES "
            f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
        )
        await owner.executemany(
            "INSERT INTO position VALUES ($1, $2, $2, $3, $4, $5, 9, 90, 80, false, 'normal')",
            [
                (device, start + timedelta(minutes=5 * n), LON + n / 5000, LAT, accuracy)
                for device, accuracy in (("c1", 5.0), ("c2", 2500.0))
                for n in range(12)
            ],
        )
    await owner.close()


async def fixes(pool: Pool, days: int) -> list[Any]:
    found: list[Any] = await pool.fetch(
        "SELECT * FROM position WHERE received_at::date = $1 ORDER BY device_id, observed_at",
        ago(days),
    )
    return found


async def run(pool: Pool, policy: Policy = POLICY) -> Metrics:
    metrics = Metrics()
    kept = Retention(pool=pool, policy=policy, clock=lambda: NOON, metrics=metrics)
    await kept.look()
    return metrics


async def said(pool: Pool) -> list[dict[str, Any]]:
    """Entries of runs, oldest first."""
    await seal(pool)
    async with pool.acquire() as conn:
        page = await logsearch.search(conn, JournalFilter(kind="retention.run"), limit=200)
    return [each.body for each in reversed(page.entries)]


async def test_after_ninety_days_one_fix_a_quarter_of_an_hour_stays_on_a_coarse_grid(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 90, 91)
    exact = await fixes(pool, 90)

    await run(pool)

    assert await fixes(pool, 90) == exact, "the ninetieth day is exact still"
    coarse = await fixes(pool, 91)
    assert [(row["device_id"], row["observed_at"].minute) for row in coarse] == [
        (device, minute) for device in ("c1", "c2") for minute in (0, 15, 30, 45)
    ]
    assert {(row["lon"], row["lat"]) for row in coarse} <= {(100.23, 27.35), (100.24, 27.35)}
    assert {row["accuracy_m"] for row in coarse} == {800.0, 2500.0}, "it says how coarse it is"
    assert {(row["speed_mps"], row["heading_deg"]) for row in coarse} == {(None, None)}
    assert {row["battery_pct"] for row in coarse} == {80}


async def test_nothing_of_what_a_device_of_another_datum_said_stays(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 91)
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        "UPDATE position SET raw_datum = 'gcj02', raw_lon = lon + 0.002, raw_lat = lat + 0.002"
    )
    await owner.close()

    await run(pool)

    coarse = await fixes(pool, 91)
    assert coarse
    raw = {(row["raw_datum"], row["raw_lon"], row["raw_lat"]) for row in coarse}
    assert raw == {(None, None, None)}


async def test_after_a_year_a_day_is_gone(pool: Pool, database_url: str) -> None:
    await add_days(database_url, 365, 366, 400)

    await run(pool)

    async with pool.acquire() as conn:
        assert [each.day for each in await retention.days(conn, before=TODAY)] == [ago(365)]


@pytest.mark.parametrize("never", ["enable_nestloop", "enable_hashjoin", "enable_mergejoin"])
async def test_days_are_found_in_whatever_order_the_planner_looks(
    pool: Pool, database_url: str, never: str
) -> None:
    await add_days(database_url, *range(400, 430))
    owner = await asyncpg.connect(database_url)
    await owner.execute("CREATE TABLE other (); CREATE TABLE something1 () INHERITS (other)")
    await owner.execute("ANALYZE")
    await owner.close()

    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(f"SET LOCAL {never} = off")
        assert len(await retention.days(conn, before=TODAY)) == 30
        assert await retention.drop(conn, before=ago(365), by="system") == 30


async def test_every_step_is_in_the_log_with_its_days_and_how_many_went(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 100, 101, 366, 400)

    metrics = await run(pool)

    def body(what: str, first: int, last: int, days: int, fixes: int, kept: int) -> dict[str, Any]:
        return {
            "retention": what,
            "first_day": ago(first).isoformat(),
            "last_day": ago(last).isoformat(),
            "days": days,
            "fixes": fixes,
            "kept": kept,
        }

    assert await said(pool) == [
        body("dropped", 400, 366, 2, 48, 0),
        body("coarsened", 101, 101, 1, 24, 8),
        body("coarsened", 100, 100, 1, 24, 8),
    ]
    assert metrics.value("retention_steps") == 3


async def test_what_is_done_is_not_done_again(pool: Pool, database_url: str) -> None:
    await add_days(database_url, 100)
    await run(pool)
    before = await fixes(pool, 100)

    await run(pool)

    assert await fixes(pool, 100) == before
    assert len(await said(pool)) == 1


async def test_more_days_than_one_step_takes_go_in_several(pool: Pool, database_url: str) -> None:
    await add_days(database_url, *range(400, 435))

    await run(pool)

    assert [body["days"] for body in await said(pool)] == [30, 5]


@pytest.mark.parametrize("days", [100, 400])
async def test_a_step_that_is_broken_off_has_done_nothing_and_is_done_again(
    pool: Pool, database_url: str, days: int
) -> None:
    await add_days(database_url, days)
    before = await fixes(pool, days)

    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await retention.drop(conn, before=ago(365), by="system")
        if days == 100:
            await retention.coarsen(conn, ago(days), by="system")
        await transaction.rollback()  # as when the server is killed here

    assert (await fixes(pool, days), await said(pool)) == (before, [])
    await run(pool)
    assert len(await said(pool)) == 1


async def test_one_server_at_a_time_does_it(pool: Pool, database_url: str) -> None:
    await add_days(database_url, 100)

    async with pool.acquire() as conn, conn.transaction():
        assert await retention.try_lock(conn)
        assert not await step(pool, POLICY, TODAY, by="system")
    await asyncio.gather(*(run(pool) for _ in range(3)))

    assert len(await said(pool)) == 1


async def test_whoever_reads_a_day_for_long_delays_it_and_is_not_disturbed(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 100)

    async with pool.acquire() as conn, conn.transaction():
        before = await conn.fetch("SELECT * FROM position")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await step(pool, POLICY, TODAY, by="system")
        assert await conn.fetch("SELECT * FROM position") == before
    await run(pool)

    assert len(await said(pool)) == 1


async def test_a_step_that_waits_for_a_reader_keeps_no_writer_waiting(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 400)
    await pool.execute("SELECT ensure_position_partition($1)", TODAY)
    now = datetime.now(UTC)

    async with pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT * FROM position")
        tried = asyncio.create_task(step(pool, POLICY, TODAY, by="system"))
        while not tried.done() and not await reader.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        ):
            pass
        await pool.execute(
            "INSERT INTO position VALUES ('c9', $1, $1, 1, 1, 9, 9, 9, 80, false, 'x')", now
        )
        with pytest.raises(asyncpg.LockNotAvailableError):
            await tried

    waits = await pool.fetch(
        "SELECT proconfig FROM pg_proc WHERE proname IN ('coarsen_positions', 'drop_positions')"
    )
    assert ["lock_timeout=250ms" in row["proconfig"] for row in waits] == [True, True], (
        "a writer behind it waits no longer"
    )
    await run(pool)
    assert len(await said(pool)) == 1


async def test_for_ever_is_for_ever(pool: Pool, database_url: str) -> None:
    await add_days(database_url, 100, 4000)

    await run(pool, Policy(exact_days=0, kept_days=0))
    assert await said(pool) == []
    await run(pool, Policy(exact_days=90, kept_days=0))

    assert (len(await fixes(pool, 100)), len(await fixes(pool, 4000))) == (8, 8)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE position SET lon = 0",
        "DELETE FROM position",
        "TRUNCATE position",
        "DROP TABLE position",
        "DELETE FROM position_coarse",
        "SELECT coarsen_positions(current_date - 1, 'system')",
        "SELECT drop_positions(current_date, 'system')",
        "SELECT drop_positions(NULL, 'system')",
        "SELECT drop_positions('infinity', 'system')",
    ],
)
async def test_the_application_can_do_no_more_than_the_doors_and_they_keep_the_last_week(
    pool: Pool, database_url: str, statement: str
) -> None:
    await add_days(database_url, 3)
    before = await fixes(pool, 3)

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
        await pool.execute(statement)

    assert await fixes(pool, 3) == before


def test_a_policy_is_checked() -> None:
    assert policy_of({}) == POLICY
    assert policy_of({"RIDGELINE_POSITIONS_KEPT_DAYS": "0"}).kept_days == 0
    for text in ("6", "-1", "1.5", "many", "36501"):
        with pytest.raises(SettingsError, match="or 0 for ever"):
            policy_of({"RIDGELINE_POSITIONS_EXACT_DAYS": text})


def test_the_command_says_what_is_due_and_does_it_when_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    asyncio.run(add_days(database_url, 100, 101, 400))

    def command(*options: str) -> str:
        done = CliRunner().invoke(audit_group, ["retention", *options])
        assert done.exit_code == 0, done.output
        return done.output

    waiting = (
        "exact for 90 days, kept for 365 days\n"
        f"to be made coarse: 2 days, {ago(101)} to {ago(100)}\n"
        f"to be dropped: 1 days, {ago(400)} to {ago(400)}\n"
        "held: nothing\n"
    )
    nothing = "to be made coarse: nothing\nto be dropped: nothing\nheld: nothing\n"
    assert command() == waiting
    assert command("--dry-run") == waiting, "saying what is due does nothing"
    assert command("--run").endswith(nothing)
    assert command().endswith(nothing)


async def test_what_is_due_is_told_oldest_first(pool: Pool, database_url: str) -> None:
    await add_days(database_url, 90, 91, 365, 366, 500)

    async with pool.acquire() as conn:
        found = await due(conn, POLICY, TODAY)

    assert (found.coarsen, found.drop) == ([ago(365), ago(91)], [ago(500), ago(366)])
    assert found.held == []
