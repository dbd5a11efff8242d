"""Coverage over a span: kept once a quarter of an hour, told by people, village, day and night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from geo.eta import LIKELY, Eta
from geo.reach.coverage import settlements
from geo.roadmap import RoadMap
from server.coverageviews import CoverageView
from server.coverkeeper import CoverKeeper, quarter, quarters
from server.coverwatch import STALE, CoverPicture
from server.dispatch.cover import Floats, Rules, residents
from server.dispatch.errors import Impossible
from server.measuredesk import Asked, MeasureDesk
from server.measuresheet import coverage_csv
from server.metrics import Metrics
from server.review.coverage import DAYS_MIN, CoverGathering, in_time
from server.stores import coverlooks
from server.stores.coverlooks import KEPT, CoverLook
from server.stores.pool import Pool

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in the county."""
MIDNIGHT = NOON + timedelta(hours=12)
LIMIT_S = 900.0


def a_look(
    at: datetime, counts: Sequence[int], *, map_id: str = "m", limit_s: float = LIMIT_S
) -> CoverLook:
    return CoverLook(
        at=at,
        map_id=map_id,
        limit_s=limit_s,
        free_units=4,
        units_in_time=np.array(counts, dtype=np.uint8),
    )


async def keep(pool: Pool, *looks: CoverLook) -> None:
    async with pool.acquire() as conn:
        for look in looks:
            assert await coverlooks.keep(conn, look)


# -- who is likely there -------------------------------------------------------------------


def test_a_unit_counts_where_its_chance_is_at_least_nine_in_ten() -> None:
    log_sd = 0.3
    edge = next(
        seconds
        for seconds in range(900, 0, -1)
        if Eta(median_s=float(seconds), log_sd=log_sd).chance_by(LIMIT_S) >= LIKELY
    )
    times_s = np.array([[edge, edge + 1, np.inf], [edge - 5, 5_000.0, np.inf]])

    assert in_time(times_s, LIMIT_S, log_sd).tolist() == [2, 0, 0]


def test_nobody_free_reaches_nothing() -> None:
    assert in_time(np.zeros((0, 3)), LIMIT_S, 0.3).tolist() == [0, 0, 0]


# -- keeping -------------------------------------------------------------------------------


@dataclass
class Watch:
    """What the last look at cover saw, as a test says."""

    picture: CoverPicture | None = None
    rules: Rules = field(default_factory=lambda: Rules(limit_s=LIMIT_S))


def seen(at: datetime, times_s: Floats) -> CoverPicture:
    return CoverPicture(
        at=at, covered=1.0, villages=[], posts=[], units=["u"] * len(times_s), unheard=[],
        times_s=times_s,
        losses=[], move_ups=[],
    )  # fmt: skip


@dataclass
class Keeping:
    keeper: CoverKeeper
    watch: Watch
    pool: Pool
    now: datetime = NOON

    async def look(self) -> list[Any]:
        await self.keeper.look()
        rows: list[Any] = await self.pool.fetch("SELECT * FROM cover_look ORDER BY at")
        return rows


@pytest.fixture
def keeping(pool: Pool) -> Keeping:
    watch: Any = Watch()
    kept = Keeping(
        keeper=CoverKeeper(
            pool=pool,
            watch=watch,
            map_id="m",
            log_sd=lambda: 0.3,
            clock=lambda: kept.now,
            metrics=Metrics(),
        ),
        watch=watch,
        pool=pool,
    )
    return kept


async def test_each_quarter_of_an_hour_has_one_look(keeping: Keeping) -> None:
    for seconds in (5, 40, 600, 905):
        keeping.now = NOON + timedelta(seconds=seconds)
        keeping.watch.picture = seen(keeping.now, np.array([[60.0, 5_000.0], [90.0, 6_000.0]]))
        rows = await keeping.look()

    assert [row["at"] for row in rows] == [NOON, NOON + timedelta(minutes=15)]
    assert [bytes(row["units_in_time"]) for row in rows] == [b"\x02\x00"] * 2
    assert (rows[0]["free_units"], rows[0]["limit_s"]) == (2, LIMIT_S)


async def test_of_two_servers_one_keeps_the_look(keeping: Keeping, pool: Pool) -> None:
    await keep(pool, a_look(NOON, [1, 1]))
    keeping.watch.picture = seen(NOON, np.array([[60.0, 5_000.0]]))

    (row,) = await keeping.look()

    assert bytes(row["units_in_time"]) == b"\x01\x01"


async def test_a_picture_that_is_old_is_no_look(keeping: Keeping) -> None:
    assert await keeping.look() == []
    keeping.watch.picture = seen(NOON, np.array([[60.0]]))
    keeping.now = NOON + STALE + timedelta(seconds=1)

    assert await keeping.look() == []


async def test_looks_are_forgotten_as_drives_are(keeping: Keeping, pool: Pool) -> None:
    await keep(pool, a_look(NOON - KEPT - timedelta(minutes=15), [1]), a_look(NOON - KEPT, [1]))
    keeping.watch.picture = seen(NOON, np.array([[60.0]]))

    rows = await keeping.look()

    assert [row["at"] for row in rows] == [NOON - KEPT, NOON]


@pytest.mark.parametrize(
    ("since_s", "until_s", "count"),
    [(0, 0, 0), (0, 1, 1), (0, 900, 1), (1, 900, 0), (1, 901, 1), (0, 86_400, 96), (900, 0, 0)],
)
def test_quarters_of_an_hour_are_counted_by_their_beginnings(
    since_s: int, until_s: int, count: int
) -> None:
    since, until = (NOON + timedelta(seconds=each) for each in (since_s, until_s))

    assert quarters(since, until) == count
    assert quarter(NOON + timedelta(minutes=29, seconds=3)) == NOON + timedelta(minutes=15)


# -- shares --------------------------------------------------------------------------------


def test_people_count_and_not_villages() -> None:
    gathering = CoverGathering(np.array([900.0, 100.0]))
    gathering.add(NOON, "day", 3, np.array([2, 0], dtype=np.uint8))
    gathering.add(NOON, "day", 1, np.array([1, 1], dtype=np.uint8))

    whole, by_day = gathering.parts()

    assert whole.people is not None
    assert (whole.people.once.value, whole.people.twice.value) == (0.95, 0.45)
    assert [each.once.value for each in whole.villages] == [1.0, 0.5]
    assert (whole.free_units, whole.looks, whole.days) == (2.0, 2, 1)
    assert (by_day.daylight, by_day.people) == ("day", whole.people)


def test_limits_are_over_days_and_need_a_week_of_them() -> None:
    def gathered(days: int) -> Any:
        gathering = CoverGathering(np.array([10.0]))
        for day in range(days):
            for minutes in (0, 15, 30):
                at = NOON + timedelta(days=day, minutes=minutes)
                gathering.add(at, "day", 1, np.array([day % 2], dtype=np.uint8))
        return gathering.parts()[0].villages[0].once

    few, many = gathered(DAYS_MIN - 1), gathered(40)

    assert (few.value, few.low, few.high) == (0.5, None, None)
    assert many.value == 0.5
    # Of 40 days, half of them covered: the limits of 40 draws, not of 120 looks.
    assert (many.low, many.high) == pytest.approx((0.35, 0.65), abs=0.03)


def test_where_nobody_knows_who_lives_where_no_share_of_people_is_told() -> None:
    gathering = CoverGathering(np.zeros(2))
    gathering.add(NOON, "day", 1, np.array([1, 0], dtype=np.uint8))

    assert gathering.parts()[0].people is None


# -- the answer ----------------------------------------------------------------------------


async def covered(pool: Pool, roadmap: RoadMap | None, **span: datetime) -> CoverageView:
    now = NOON + timedelta(days=2)
    desk = MeasureDesk(pool=pool, roadmap=roadmap, clock=lambda: now)
    asked: dict[str, Any] = {"since": NOON - timedelta(days=1), "until": now}
    return await desk.coverage(Asked(**(asked | span)), by="user:li")


async def test_coverage_is_told_by_day_and_by_night_and_by_village(
    pool: Pool, small_map: RoadMap
) -> None:
    places, map_id = settlements(small_map), small_map.meta.map_id
    all_but_last = [2] * (len(places) - 1) + [0]
    await keep(
        pool,
        a_look(NOON, [1] * len(places), map_id=map_id),
        a_look(MIDNIGHT, all_but_last, map_id=map_id),
        a_look(NOON + timedelta(minutes=15), [0], map_id="another"),
        a_look(NOON + timedelta(minutes=30), [0] * len(places), map_id=map_id, limit_s=60.0),
    )

    view = await covered(pool, small_map)

    assert [(each.daylight, each.looks) for each in view.parts] == [
        ("all", 2), ("day", 1), ("night", 1),
    ]  # fmt: skip
    assert (view.limit_min, view.looks_left_out, view.looks_possible) == (15.0, 2, 3 * 96)
    assert (view.villages[0].name, view.villages[0].covered.once.value) == (places[-1].name, 0.5)
    sizes = residents([(each.kind, each.population) for each in places])
    assert view.people == round(sizes.sum())
    by_day = view.parts[1].people
    assert by_day is not None
    assert (by_day.once.value, by_day.twice.value) == (1.0, 0.0)
    sheet = coverage_csv(view).splitlines()
    assert len(sheet) == 1 + 3 + len(places)
    assert sheet[1].startswith(f"all,{view.people},all,2,")
    (entry,) = await pool.fetch("SELECT body FROM journal_entry")
    assert entry["body"]["figures"] == "coverage"


async def test_a_span_without_looks_says_so(pool: Pool, small_map: RoadMap) -> None:
    view = await covered(pool, small_map)

    assert (view.limit_min, view.parts, view.villages) == (None, [], [])
    assert view.looks_possible == 3 * 96
    assert len(coverage_csv(view).splitlines()) == 1


async def test_without_a_map_there_are_no_villages(pool: Pool) -> None:
    with pytest.raises(Impossible) as refused:
        await covered(pool, None)

    assert refused.value.code == "no_map"


async def test_pages_hold_every_look_once(
    pool: Pool, small_map: RoadMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverlooks, "PAGE_LEN", 3)
    counts = [1] * len(settlements(small_map))
    await keep(
        pool,
        *(
            a_look(NOON + timedelta(minutes=15 * each), counts, map_id=small_map.meta.map_id)
            for each in range(10)
        ),
    )

    assert (await covered(pool, small_map)).parts[0].looks == 10
