"""Measures of histories written by hand, whose answers are known; on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from geo.roadmap import RoadClass, RoadMap
from server.dispatch.errors import Impossible
from server.dispatch.orders import OrderState
from server.measuredesk import SPAN_MAX, WAITING_MAX, Asked, MeasureDesk, MeasuresBusy
from server.measuresheet import measures_csv
from server.measureviews import MeasuresView, MeasureView, ProcessView
from server.metrics import Metrics
from server.review.circumstances import road_of, weather_of
from server.review.history import ORDER, Milestone, Moment, OrderPast, Told, steps_of
from server.review.intervals import Interval, Outcome, of_order
from server.review.measures import AXES_DEFAULT, Axis
from server.stores.pool import Pool
from tests.server.field_rows import add_unit
from tests.server.review_rows import (
    add_drive,
    add_incident,
    add_job,
    add_order,
    add_stance,
    tell,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in the county, by its clock."""
NOW = NOON + timedelta(days=30)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def at_a_desk(pool: Pool, roadmap: RoadMap | None = None) -> MeasureDesk:
    return MeasureDesk(pool=pool, roadmap=roadmap, clock=lambda: NOW)


async def measured(
    pool: Pool, *axes: Axis, roadmap: RoadMap | None = None, **span: datetime
) -> MeasuresView:
    asked = Asked(**{"since": NOON - timedelta(days=1), "until": NOW, "axes": axes} | span)  # type: ignore[arg-type]
    return await at_a_desk(pool, roadmap).measures(asked, by="user:li")


def row(view: MeasuresView, interval: str, **held: str) -> MeasureView:
    (found,) = [each for each in view.rows if (each.interval, each.held) == (interval, held)]
    return found


def process(view: MeasuresView, **held: str) -> ProcessView:
    (found,) = [each for each in view.process if each.held == held]
    return found


# -- intervals -----------------------------------------------------------------------------


async def test_every_interval_of_a_job_is_told_apart(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number in range(5):
        opened_at = after(3_600.0 * number)
        called_at = opened_at - timedelta(seconds=20)
        await add_job(pool, unit_id, opened_at, drive_s=600.0, called_at=called_at)

    view = await measured(pool)

    medians = {each.interval: each.p50.value_s for each in view.rows}
    assert medians == {
        "call_to_created": 20.0,
        "created_to_issued": 40.0,
        "issued_to_delivered": 2.0,
        "delivered_to_accepted": 10.0,
        "accepted_to_moving": 30.0,
        "moving_to_on_scene": 600.0,
        "on_scene_to_feedback": 60.0,
        "feedback_to_clear": 900.0,
        "clear_to_closed": 0.0,
        "process": 60.0,
        "moving_to_place": None,
        "response": 20.0 + 40.0 + 2.0 + 10.0 + 30.0 + 600.0,
    }
    assert (view.incidents, view.orders) == (5, 5)
    assert row(view, "moving_to_place").skipped == 5


@pytest.mark.parametrize(("jobs", "p90_s"), [(28, None), (29, 627.0)])
async def test_a_p90_is_told_from_29_jobs_on(pool: Pool, jobs: int, p90_s: float | None) -> None:
    unit_id = await add_unit(pool)
    for number in range(jobs):
        await add_job(pool, unit_id, after(3_600.0 * number), drive_s=601.0 + number)

    view = await measured(pool)

    drive = row(view, "moving_to_on_scene")
    assert (drive.n, drive.finished) == (jobs, jobs)
    assert (drive.p90.estimable, drive.p90.value_s) == (p90_s is not None, p90_s)
    assert drive.p90.high_s == (601.0 + 28 if jobs == 29 else None)
    assert drive.p90.low_s is not None
    line = next(each for each in measures_csv(view).splitlines() if "moving_to_on" in each)
    assert ("not estimable" in line) is (p90_s is None)


async def test_an_order_that_runs_counts_for_as_long_as_it_has_lasted(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number in range(12):
        await add_job(pool, unit_id, after(3_600.0 * number), drive_s=600.0)
    for number in range(2):
        waiting = await add_incident(pool, after(60.0 * number))
        order_id = await add_order(
            pool, waiting, await add_unit(pool, f"P-2{number}"), after(60.0 * number + 30)
        )
        await tell(pool, order_id, "accepted", after(60.0 * number + 40))
        await tell(pool, order_id, "en_route", after(60.0 * number + 50))

    drive = row(await measured(pool), "moving_to_on_scene")

    assert (drive.n, drive.finished, drive.open, drive.ended) == (14, 12, 2, 0)
    assert drive.p50.value_s == 600.0
    assert not drive.p90.estimable


async def test_a_median_is_not_told_where_too_many_run(pool: Pool) -> None:
    incident_id = await add_incident(pool, NOON)
    for number in range(10):
        unit_id = await add_unit(pool, f"P-3{number}")
        order_id = await add_order(pool, incident_id, unit_id, NOON)
        if number < 6:
            await tell(pool, order_id, "delivered", after(4))

    found = row(await measured(pool), "issued_to_delivered")

    assert (found.finished, found.open) == (6, 4)
    assert (found.p50.estimable, found.p50.value_s, found.p50.low_s) == (False, None, 4.0)


async def test_orders_that_were_over_before_are_counted_apart(pool: Pool) -> None:
    incident_id = await add_incident(pool, NOON)
    for number, state in enumerate(("unable", "recalled", "expired", "cancelled")):
        unit_id = await add_unit(pool, f"P-1{number}")
        order_id = await add_order(
            pool, incident_id, unit_id, after(10), state=state, closed_at=after(100)
        )
        await tell(pool, order_id, "delivered", after(12), actor="device:handset-1")

    view = await measured(pool)

    accepted = row(view, "delivered_to_accepted")
    assert (accepted.n, accepted.ended, accepted.open, accepted.finished) == (4, 4, 0, 0)
    assert (accepted.p50.estimable, accepted.p50.low_s) == (False, None)
    assert row(view, "response").open == 1


async def test_acknowledgement_counts_from_delivered_not_from_issued(pool: Pool) -> None:
    unit_id, incident_id = await add_unit(pool), await add_incident(pool, NOON)
    order_id = await add_order(pool, incident_id, unit_id, NOON)
    out_of_the_gorge, taken = after(1_200), after(1_215)
    await tell(pool, order_id, "delivered", out_of_the_gorge, actor="device:handset-1")
    await tell(pool, order_id, "accepted", taken, device_at=taken)

    view = await measured(pool)

    assert row(view, "issued_to_delivered").finished == 1
    found = row(view, "delivered_to_accepted")
    assert (found.finished, found.p50.low_s) == (1, None)


async def test_a_step_that_nobody_told_is_not_a_time_of_0(pool: Pool) -> None:
    unit_id, incident_id = await add_unit(pool), await add_incident(pool, NOON)
    order_id = await add_order(pool, incident_id, unit_id, after(5))
    await tell(pool, order_id, "accepted", after(30))
    await tell(pool, order_id, "on_scene", after(900))

    view = await measured(pool)

    assert row(view, "issued_to_delivered").skipped == 1
    assert row(view, "delivered_to_accepted").no_beginning == 1
    assert row(view, "accepted_to_moving").skipped == 1
    assert row(view, "moving_to_on_scene").no_beginning == 1
    assert row(view, "response").finished == 1


async def test_of_two_units_the_first_there_ends_the_response(pool: Pool) -> None:
    for number in range(5):
        start = after(7_200.0 * number)
        incident_id = await add_incident(pool, start)
        for call_sign, issued_s, there_s in (("A", 30, 900), ("B", 90, 600)):
            unit_id = await add_unit(pool, f"{call_sign}-{number}")
            issued_at = start + timedelta(seconds=issued_s)
            order_id = await add_order(pool, incident_id, unit_id, issued_at)
            await tell(pool, order_id, "on_scene", start + timedelta(seconds=there_s))

    view = await measured(pool)

    assert row(view, "response").p50.value_s == 600.0
    assert row(view, "process").p50.value_s == 30.0
    assert (view.incidents, view.orders) == (5, 10)


@given(
    st.lists(st.floats(0, 5_000), min_size=6, max_size=6),
    st.sets(st.sampled_from(ORDER[3:9])),
    st.booleans(),
)
def test_every_order_is_counted_once_in_each_interval_and_its_parts_add_up(
    seconds: list[float], told: set[Milestone], over: bool
) -> None:
    moments = dict(zip(ORDER[3:9], np.cumsum(seconds).tolist(), strict=True))
    ended_at = after(moments[Milestone.CLEAR] + 1)
    order = OrderPast(
        id="o",
        unit_id="u",
        issued_at=NOON,
        ended_at=ended_at if over or Milestone.CLEAR in told else None,
        steps={each: Moment(at=after(moments[each])) for each in told},
    )

    spans = list(of_order(order, NOW))

    assert len({span.interval for span in spans}) == len(spans)
    assert all(span.seconds >= 0.0 for span in spans)
    chain = [span for span in spans if span.interval is not Interval.MOVING_TO_PLACE]
    if all(span.outcome is Outcome.FINISHED for span in chain) and len(told) == 6:
        whole = moments[Milestone.CLEAR]
        assert sum(span.seconds for span in chain) == pytest.approx(whole, abs=1e-3)
    if not told:
        (only,) = spans
        lasted = ended_at if over else NOW
        assert only.outcome is (Outcome.ENDED if over else Outcome.OPEN)
        assert only.seconds == (lasted - NOON).total_seconds()


# -- clocks --------------------------------------------------------------------------------


async def test_a_report_out_of_a_dead_zone_counts_when_it_was_made(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number in range(5):
        start = after(7_200.0 * number)
        order_id = await add_order(pool, await add_incident(pool, start), unit_id, start,
                                   state="done", closed_at=start + timedelta(hours=1))  # fmt: skip
        moving, there = start + timedelta(seconds=60), start + timedelta(seconds=960)
        heard = start + timedelta(seconds=2_400)
        await tell(pool, order_id, "en_route", moving, device_at=moving)
        await tell(pool, order_id, "on_scene", heard, device_at=there)

    drive = row(await measured(pool), "moving_to_on_scene")

    assert (drive.p50.value_s, drive.late, drive.moved) == (900.0, 5, 0)


def told(state: str, at: float, device: float | None = None, offset_s: float | None = None) -> Told:
    return Told(
        state=OrderState(state),
        device_at=None if device is None else after(device),
        clock_offset_s=offset_s,
        server_at=after(at),
    )


def test_a_clock_that_is_known_to_be_wrong_is_put_right() -> None:
    steps = steps_of([told("on_scene", 600, 720, 120.0)], issued_at=NOON, ended_at=None)

    moment = steps[Milestone.ON_SCENE]
    assert (moment.at, moment.late, moment.moved) == (after(600), False, False)


@pytest.mark.parametrize(("device", "kept"), [(-500.0, 0.0), (9_000.0, 600.0)])
def test_a_clock_cannot_put_a_step_before_its_order_or_after_we_heard_of_it(
    device: float, kept: float
) -> None:
    steps = steps_of([told("on_scene", 600, device)], issued_at=NOON, ended_at=None)

    moment = steps[Milestone.ON_SCENE]
    assert (moment.at, moment.moved) == (after(kept), True)


def test_of_two_devices_and_a_voice_the_earliest_word_counts() -> None:
    said = [told("on_scene", 700), told("on_scene", 800, 650), told("on_scene", 900, 690)]

    steps = steps_of(said, issued_at=NOON, ended_at=None)

    assert steps[Milestone.ON_SCENE].at == after(650)


def test_feedback_on_the_way_is_no_feedback_from_the_scene() -> None:
    said = [told("feedback", 100), told("on_scene", 700), told("feedback", 760)]

    steps = steps_of(said, issued_at=NOON, ended_at=None)

    assert steps[Milestone.FEEDBACK].at == after(760)


def test_feedback_counts_though_the_arrival_was_told_after_it() -> None:
    """By the handset that was first there; the word of it came out of the gorge later."""
    said = [told("feedback", 760), told("on_scene", 2_000, 700)]

    steps = steps_of(said, issued_at=NOON, ended_at=None)

    assert steps[Milestone.FEEDBACK].at == after(760)


@pytest.mark.parametrize("state", ["accepted", "done"])
def test_what_is_said_of_an_order_that_was_over_tells_nothing_of_it(state: str) -> None:
    steps = steps_of([told(state, 900, 890)], issued_at=NOON, ended_at=after(300))

    assert steps == {}


async def test_who_is_done_with_an_order_that_was_called_off_before_earns_nothing(
    pool: Pool,
) -> None:
    unit_id, incident_id = await add_unit(pool), await add_incident(pool, NOON)
    order_id = await add_order(
        pool, incident_id, unit_id, after(5), state="cancelled", closed_at=after(60)
    )
    await tell(pool, order_id, "done", after(300), applied=False)

    found = row(await measured(pool), "issued_to_delivered")

    assert (found.skipped, found.ended) == (0, 1)


async def test_a_refused_report_of_a_stranger_counts_for_nothing(pool: Pool) -> None:
    unit_id, incident_id = await add_unit(pool), await add_incident(pool, NOON)
    order_id = await add_order(pool, incident_id, unit_id, after(5))
    await tell(pool, order_id, "delivered", after(7), actor="device:handset-1")
    await tell(pool, order_id, "accepted", after(9), actor="device:handset-9", applied=False)

    found = row(await measured(pool), "delivered_to_accepted")

    assert (found.open, found.finished) == (1, 0)


# -- what held -----------------------------------------------------------------------------


async def test_war_holds_from_its_order_until_its_end(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    await add_stance(pool, 1, "war", after(1_000), after(20_000), ended_at=after(10_000))
    await add_stance(pool, 2, "war", after(30_000), after(40_000))
    for seconds in (0.0, 2_000.0, 12_000.0, 31_000.0, 50_000.0):
        await add_job(pool, unit_id, after(seconds))

    view = await measured(pool, Axis.MODE)

    assert row(view, "moving_to_on_scene", mode="war").n == 2
    assert row(view, "moving_to_on_scene", mode="peace").n == 3
    assert row(view, "moving_to_on_scene").n == 5


async def test_a_war_given_before_the_span_holds_within_it(pool: Pool) -> None:
    await add_stance(pool, 1, "war", NOON - timedelta(days=3), NOON + timedelta(days=3))
    await add_job(pool, await add_unit(pool), NOON)

    assert row(await measured(pool, Axis.MODE), "response", mode="war").n == 1


async def test_day_and_night_are_the_suns_not_the_clocks(pool: Pool) -> None:
    """That day the sun is 6 degrees under the county's horizon at 19:44 by its clock."""
    unit_id, county = await add_unit(pool), ZoneInfo("Asia/Shanghai")
    for hour, minute in ((12, 0), (19, 40), (19, 48), (3, 0)):
        at = datetime(2026, 3, 2, hour, minute, tzinfo=county)
        await add_job(pool, unit_id, at)

    view = await measured(pool, Axis.DAYLIGHT, since=NOON - timedelta(days=2))

    assert row(view, "moving_to_on_scene", daylight="day").n == 2
    assert row(view, "moving_to_on_scene", daylight="night").n == 2


async def test_a_span_over_the_change_to_summer_time_has_no_hour_twice_or_never(
    pool: Pool,
) -> None:
    unit_id, andorra = await add_unit(pool), ZoneInfo("Europe/Andorra")
    begins = datetime(2026, 3, 29, tzinfo=andorra)
    ends = datetime(2026, 3, 30, tzinfo=andorra)
    for hour in range(-1, 25):
        await add_job(pool, unit_id, begins.astimezone(UTC) + timedelta(hours=hour))

    view = await measured(pool, since=begins, until=ends)

    assert view.incidents == 23


async def test_a_drive_belongs_to_the_roads_that_most_of_its_metres_went_over(
    pool: Pool, small_map: RoadMap
) -> None:
    unit_id = await add_unit(pool)
    trunk = int(np.flatnonzero(small_map.edge_class == RoadClass.TRUNK)[0])
    other = int(np.flatnonzero(small_map.edge_class > RoadClass.TERTIARY)[0])
    for number, arcs in enumerate(([2 * trunk, 2 * trunk + 1, 2 * other], [2 * other])):
        order_id = await add_job(pool, unit_id, after(7_200.0 * number))
        await add_drive(pool, order_id, unit_id, NOON, map_id=small_map.meta.map_id, arcs=arcs,
                        condition="rain,night,fog=60")  # fmt: skip
    elsewhere = await add_job(pool, unit_id, after(40_000))
    await add_drive(pool, elsewhere, unit_id, NOON, map_id="another", arcs=[0])

    view = await measured(pool, Axis.ROAD, Axis.WEATHER, roadmap=small_map)

    held = {tuple(each.held.values()): each.n for each in view.rows if each.interval == "response"}
    assert held == {
        (): 3,
        ("main", "rain+fog"): 1,
        ("village", "rain+fog"): 1,
        ("unknown", "dry"): 1,
    }


async def test_groups_stand_in_the_order_people_expect(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number, priority in enumerate(("routine", "emergency", "priority")):
        for hours in (0, 12):
            at = NOON + timedelta(days=number, hours=hours)
            await add_job(pool, unit_id, at, priority=priority)

    view = await measured(pool, Axis.DAYLIGHT, Axis.PRIORITY)

    groups = [tuple(each.held.values()) for each in view.rows if each.interval == "response"]
    named = ("emergency", "priority", "routine")
    assert groups == [(), *((hour, each) for hour in ("day", "night") for each in named)]
    assert [tuple(each.held.values()) for each in view.process] == groups


def test_a_drive_over_nothing_belongs_to_no_road(small_map: RoadMap) -> None:
    nothing = np.array([], dtype=np.int64), np.array([], dtype=np.float64)

    assert road_of(small_map, *nothing) == (None, 0.0)


@pytest.mark.parametrize(
    ("condition", "weather"),
    [("dry", "dry"), ("night", "dry"), ("snow,ice>1800,night", "snow+ice"), ("fog=50", "fog")],
)
def test_weather_is_told_without_its_hour_and_its_figures(condition: str, weather: str) -> None:
    assert weather_of(condition) == weather


# -- the process ---------------------------------------------------------------------------


async def test_the_first_order_is_held_against_a_minute_apart_from_the_drive(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number in range(9):
        await add_job(pool, unit_id, after(3_600.0 * number))
    slow = after(50_000)
    await add_job(pool, unit_id, slow, called_at=slow - timedelta(seconds=30))

    found = process(await measured(pool))

    assert (found.hits, found.n, found.calls_known, found.verdict) == (9, 10, 1, "undecided")
    assert (found.low, found.high) == pytest.approx((0.596, 0.982), abs=1e-3)


async def test_who_waits_for_the_first_order_is_late_only_after_the_minute(pool: Pool) -> None:
    await add_incident(pool, NOW - timedelta(seconds=30))
    await add_incident(pool, NOW - timedelta(seconds=300))
    await add_incident(pool, NOON, closed_at=after(500))

    found = process(await measured(pool))

    assert (found.hits, found.n, found.verdict) == (0, 1, "missed")


async def test_what_was_closed_unsent_is_counted_beside_the_share(pool: Pool) -> None:
    """Within the minute it needed nobody; later, nobody knows."""
    await add_incident(pool, NOON, closed_at=after(40))
    await add_incident(pool, after(100), closed_at=after(900))

    view = await measured(pool)

    found = process(view)
    assert (found.n, found.share, found.closed_unsent) == (0, None, 1)
    (line,) = [each for each in measures_csv(view).splitlines() if each.startswith("process,")]
    assert line.endswith(",undecided,1")


# -- the answer ----------------------------------------------------------------------------


async def test_an_empty_span_is_an_answer_without_rows(pool: Pool) -> None:
    view = await measured(pool, *AXES_DEFAULT)

    assert (view.incidents, view.orders, view.rows, view.process) == (0, 0, [], [])
    assert len(measures_csv(view).splitlines()) == 1


async def test_tasks_of_the_room_are_no_calls(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    await add_job(pool, unit_id, NOON)
    await add_job(pool, unit_id, after(4_000), type_code="standby")
    await add_job(pool, unit_id, after(8_000), type_code="patrol_task")

    view = await measured(pool)

    assert (view.incidents, view.tasks_left_out) == (1, 2)


async def test_a_span_takes_its_first_moment_and_not_its_last(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for number in range(3):
        await add_job(pool, unit_id, after(3_600.0 * number))

    assert (await measured(pool, since=NOON, until=after(7_200))).incidents == 2


async def test_incidents_a_day_are_of_the_time_that_has_passed(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    await add_job(pool, unit_id, NOW - timedelta(days=9))
    for number in range(4):
        await add_job(pool, unit_id, NOW - timedelta(hours=10 * number + 5))

    view = await measured(pool, since=NOW - timedelta(days=2), until=NOW + timedelta(days=30))

    posterior = stats.gamma(4.5, scale=1 / 2)
    found = view.per_day
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx((posterior.ppf(0.025), posterior.ppf(0.975)))


async def test_nobody_counted_before_the_first_incident_of_all(pool: Pool) -> None:
    unit_id = await add_unit(pool)
    for hours in (48, 30, 20, 10):
        await add_job(pool, unit_id, NOW - timedelta(hours=hours))

    view = await measured(pool, since=NOW - timedelta(days=28), until=NOW)

    assert view.per_day.value == 2.0


async def test_pages_hold_every_incident_once(pool: Pool, monkeypatch: Any) -> None:
    monkeypatch.setattr("server.stores.histories.PAGE_LEN", 3)
    unit_id = await add_unit(pool)
    for number in range(8):
        await add_job(pool, unit_id, after(3_600.0 * number))

    view = await measured(pool)

    assert (view.incidents, row(view, "response").finished) == (8, 8)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(-1), SPAN_MAX + timedelta(seconds=1)])
async def test_a_span_that_cannot_be_is_refused(pool: Pool, length: timedelta) -> None:
    with pytest.raises(Impossible) as refused:
        await measured(pool, since=NOON, until=NOON + length)

    assert refused.value.code == "bad_span"


async def test_too_many_incidents_are_refused_before_they_are_read(
    pool: Pool, monkeypatch: Any
) -> None:
    monkeypatch.setattr("server.measuredesk.INCIDENTS_MAX", 1)
    for seconds in (0, 10):
        await add_incident(pool, after(seconds))

    with pytest.raises(Impossible) as refused:
        await measured(pool)

    assert refused.value.code == "too_many"


async def test_of_many_who_ask_at_once_some_are_asked_to_come_back(pool: Pool) -> None:
    import asyncio

    metrics = Metrics()
    desk = MeasureDesk(pool=pool, roadmap=None, clock=lambda: NOW, metrics=metrics)
    asked = Asked(since=NOON, until=NOW)

    answers = await asyncio.gather(
        *(desk.measures(asked, by="user:li") for _ in range(WAITING_MAX + 2)),
        return_exceptions=True,
    )

    assert sum(isinstance(each, MeasuresBusy) for each in answers) == 2
    assert sum(isinstance(each, MeasuresView) for each in answers) == WAITING_MAX
    assert metrics.value("measures_refused") == 2


async def test_whoever_reads_measures_is_in_the_command_log(pool: Pool) -> None:
    await measured(pool)

    (entry,) = await pool.fetch("SELECT actor, kind, body FROM journal_entry")
    assert (entry["actor"], entry["kind"]) == ("user:li", "measures.read")
    assert entry["body"]["figures"] == "times"
