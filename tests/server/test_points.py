"""Work points: the rule, whom work is credited to, ranks as intervals and bands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.dispatch.errors import Impossible
from server.envvalues import SettingsError
from server.ids import new_id
from server.measuredesk import Asked, MeasureDesk
from server.measuresheet import points_csv
from server.pointviews import PointsView, StandingView
from server.review.history import Milestone, Moment, OrderPast
from server.review.ledger import Who
from server.review.points import Job, Weights, Worker, standings
from server.settings import from_env
from server.stores.pool import Pool
from tests.server.field_rows import add_unit
from tests.server.review_rows import add_incident, add_job, add_order, tell
from tests.server.test_measures import NOON, NOW, after


def a_job(*told: Milestone, night: bool = False, km: float = 0.0) -> Job:
    order = OrderPast(
        id="o", unit_id="u", issued_at=NOON, ended_at=None,
        steps={each: Moment(at=NOON) for each in told},
    )  # fmt: skip
    return Job.of(order, night=night, km=km)


@pytest.mark.parametrize(
    ("told", "points"),
    [
        ((), 0.0),
        ((Milestone.DELIVERED,), 0.0),
        ((Milestone.ACCEPTED,), 1.0),
        ((Milestone.MOVING,), 1.0),
        ((Milestone.ACCEPTED, Milestone.ON_SCENE), 3.0),
        ((Milestone.ACCEPTED, Milestone.ON_SCENE, Milestone.FEEDBACK), 4.0),
        ((Milestone.ACCEPTED, Milestone.ON_SCENE, Milestone.FEEDBACK, Milestone.CLEAR), 6.0),
        ((Milestone.CLEAR,), 3.0),
    ],
)
def test_an_order_earns_for_what_was_told_of_it(told: tuple[Milestone, ...], points: float) -> None:
    assert a_job(*told).worth(Weights()) == points


def test_the_dark_and_the_way_earn_more_where_the_order_was_taken_on() -> None:
    there = (Milestone.ACCEPTED, Milestone.ON_SCENE)

    assert a_job(*there, night=True, km=40.0).worth(Weights()) == 3.0 + 1.0 + 2.0
    assert a_job(Milestone.DELIVERED, night=True, km=40.0).worth(Weights()) == 0.0
    assert a_job(Milestone.ACCEPTED, km=40.0).worth(Weights()) == 1.0


def test_nobody_earns_by_being_quick() -> None:
    names = Weights.__dataclass_fields__

    assert set(names) == {"accepted", "arrived", "feedback", "cleared", "night", "km", "hour"}


def worker(name: str, hours: float, jobs: int) -> Worker:
    done = a_job(Milestone.ACCEPTED, Milestone.ON_SCENE, Milestone.CLEAR)
    return Worker(id=name, name=name, hours=hours, jobs=[done] * jobs)


def test_within_a_band_units_stand_by_name_whatever_they_earned() -> None:
    found = standings([worker("P-03", 160, 41), worker("P-01", 160, 40)], Weights())

    assert [each.name for each in found] == ["P-01", "P-03"]
    assert [each.rank and each.rank.band for each in found] == [1, 1]
    assert [(each.rank and (each.rank.low, each.rank.high)) for each in found] == [(1, 2), (1, 2)]


def test_who_was_hardly_on_duty_is_listed_and_not_ranked() -> None:
    found = standings([worker("P-09", 23.9, 30), worker("P-01", 160, 4)], Weights())

    assert [(each.name, each.rank is None) for each in found] == [("P-01", False), ("P-09", True)]
    assert found[1].points == 30 * 5.0 + 23.9 * 0.5
    assert (found[1].per_100h, found[1].low) == (None, None)


def test_points_per_hour_lie_within_their_interval() -> None:
    (found,) = standings([worker("P-01", 200.0, 40)], Weights())

    assert found.per_100h == pytest.approx(100 * (40 * 5 + 100) / 200)
    assert found.per_100h is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.per_100h
    assert found.per_100h < found.high


# -- on the database -----------------------------------------------------------------------


async def pointed(pool: Pool, who: Who = Who.UNIT) -> PointsView:
    asked = Asked(since=NOON - timedelta(days=1), until=NOW)
    desk = MeasureDesk(pool=pool, roadmap=None, clock=lambda: NOW)
    return await desk.points(asked, who, by="user:li")


async def add_shift(
    pool: Pool, unit_id: str, hours: float, *, at_s: float = 0.0, crew: tuple[str, ...] = ()
) -> None:
    await pool.execute(
        "INSERT INTO shift (id, unit_id, on_at, off_at, crew) VALUES ($1, $2, $3, $4, "
        "ARRAY(SELECT id FROM officer WHERE badge = ANY($5::text[])))",
        new_id(),
        unit_id,
        after(at_s),
        after(at_s + 3_600 * hours),
        list(crew),
    )


def named(view: PointsView, name: str) -> StandingView:
    (found,) = [each for each in view.rows if each.name == name]
    return found


async def test_a_unit_is_credited_with_its_hours_and_its_orders(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False)
    await add_shift(pool, unit_id, 48.0)
    for number in range(3):
        await add_job(pool, unit_id, after(3_600.0 * number))
    incident_id = await add_incident(pool, after(20_000))
    refused = await add_order(pool, incident_id, unit_id, after(20_010), state="unable",
                              closed_at=after(20_030))  # fmt: skip
    await tell(pool, refused, "delivered", after(20_012), actor="device:handset-1")

    found = named(await pointed(pool), "P-01")

    assert (found.hours, found.accepted, found.cleared, found.night) == (48.0, 3, 3, 0)
    assert found.points == 3 * 6.0 + 48 * 0.5


async def test_only_hours_within_the_span_and_until_now_count(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False)
    await add_shift(pool, unit_id, 48.0, at_s=-2 * 86_400.0)
    await pool.execute(
        "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, $3)",
        new_id(), unit_id, NOW - timedelta(hours=5),
    )  # fmt: skip

    assert named(await pointed(pool), "P-01").hours == 24.0 + 5.0


async def test_both_of_a_crew_are_credited_with_all_of_a_job(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False, badge="B-1")
    await add_unit(pool, "P-02", on_duty=False, badge="B-2")
    await add_shift(pool, unit_id, 30.0, crew=("B-1", "B-2"))
    await add_shift(pool, unit_id, 30.0, at_s=120_000, crew=("B-2",))
    await add_job(pool, unit_id, after(3_600))
    await add_job(pool, unit_id, after(123_600))

    view = await pointed(pool, Who.OFFICER)

    assert (named(view, "B-1").cleared, named(view, "B-2").cleared) == (1, 2)
    assert (named(view, "B-1").hours, named(view, "B-2").hours) == (30.0, 60.0)


async def test_orders_of_a_crew_that_nobody_kept_are_counted_as_such(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False)
    await add_shift(pool, unit_id, 30.0)
    await add_job(pool, unit_id, after(3_600))

    view = await pointed(pool, Who.OFFICER)

    assert (view.rows, view.uncredited) == ([], 1)


async def test_an_order_belongs_to_the_shift_it_was_issued_in(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False, badge="B-1")
    await add_shift(pool, unit_id, 8.0, crew=("B-1",))
    await add_job(pool, unit_id, after(9 * 3_600))

    view = await pointed(pool, Who.OFFICER)

    assert (named(view, "B-1").accepted, view.uncredited) == (0, 1)


async def test_a_shift_that_runs_on_is_credited_with_what_it_did_after_the_span(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False)
    await pool.execute(
        "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, $3)", new_id(), unit_id, NOON
    )
    await add_job(pool, unit_id, after(3_600 - 20))
    desk = MeasureDesk(pool=pool, roadmap=None, clock=lambda: NOW)

    view = await desk.points(Asked(since=NOON, until=after(3_600)), Who.UNIT, by="user:li")

    found = named(view, "P-01")
    assert (found.cleared, found.hours, view.uncredited) == (1, 1.0, 0)


async def test_tasks_of_the_room_are_work_too(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", on_duty=False)
    await add_shift(pool, unit_id, 30.0)
    await add_job(pool, unit_id, NOON, type_code="standby")

    assert named(await pointed(pool), "P-01").cleared == 1


async def test_an_empty_span_has_no_points_and_a_bad_one_is_refused(pool: Pool) -> None:
    assert (await pointed(pool)).rows == []
    desk = MeasureDesk(pool=pool, roadmap=None, clock=lambda: NOW)
    with pytest.raises(Impossible):
        await desk.points(Asked(since=NOW, until=NOON), Who.UNIT, by="user:li")


async def test_a_call_sign_that_looks_like_a_formula_is_text_in_a_spreadsheet(pool: Pool) -> None:
    unit_id = await add_unit(pool, "=HYPERLINK(1)", on_duty=False)
    await add_shift(pool, unit_id, 30.0)

    sheet = points_csv(await pointed(pool))

    assert "'=HYPERLINK(1)" in sheet
    assert sheet.splitlines()[0].startswith("band,rank_low,rank_high,unit,hours x0.5,accepted x1")


@pytest.mark.parametrize("text", ["-1", "many", "1001", "nan"])
def test_a_weight_that_cannot_be_is_refused(tmp_path: Any, text: str) -> None:
    with pytest.raises(SettingsError, match="RIDGELINE_POINTS_NIGHT"):
        from_env(data_dir=tmp_path, map_dir=tmp_path, env={"RIDGELINE_POINTS_NIGHT": text})


def test_a_county_sets_its_own_weights(tmp_path: Any) -> None:
    settings = from_env(data_dir=tmp_path, map_dir=tmp_path, env={"RIDGELINE_POINTS_NIGHT": "3"})

    assert settings.points == Weights(night=3.0)
