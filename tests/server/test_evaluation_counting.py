"""The county in virtual time: what happens in it, who knows what, and that nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from devices.sim.incidents import WEIGHTS
from geo.roadmap import RoadMap
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import ROOM_TASKS
from server.evaluation.compare import Asked, lived
from server.evaluation.county import County
from server.evaluation.figures import Table, figures
from server.evaluation.history import History, PastCall
from server.evaluation.inspection import InvariantBroken
from server.evaluation.policies import POLICIES
from server.evaluation.room import Choice
from server.evaluation.run import CONTACT_S, Run
from server.evaluation.scenario import DAY_S, Scenario, Traffic, make
from server.evaluation.units import Doing, Job, Unit
from tests.small_county import CENTRE

FEW = Traffic(name="few", per_day=6.0)


@pytest.fixture(scope="module")
def county(small_map: RoadMap) -> Iterator[County]:
    made = County(small_map)
    yield made
    made.close()


@pytest.fixture(scope="module")
def few(county: County) -> Scenario:
    return make(county, seed=2, days=1, units=3, traffic=FEW)


def a_run(county: County, scenario: Scenario, policy: str = "full") -> Run:
    """Nothing has happened yet."""
    return Run(county, scenario, POLICIES[policy])


def a_choice(run: Run, job: Job, unit: Unit) -> Choice:
    found = run._room.choose(job, [unit])
    assert found is not None
    return found


# -- what happens --------------------------------------------------------------------------------


def test_whatever_people_call_about_happens_as_often_as_it_is_supposed_to(county: County) -> None:
    called_about = set(shipped().by_code) - set(ROOM_TASKS)
    days = make(county, seed=1, days=40, units=1, traffic=Traffic(name="test", per_day=400.0))

    codes = [call.type.code for call in days.calls]

    assert set(codes) == called_about
    assert called_about <= set(WEIGHTS)
    share = WEIGHTS["fraud"] / sum(WEIGHTS[code] for code in called_about)
    assert codes.count("fraud") / len(codes) == pytest.approx(share, rel=0.15)


def test_a_call_before_midnight_is_one_of_its_day_whenever_somebody_comes(county: County) -> None:
    evening = make(county, seed=2, days=2, units=1, traffic=FEW)
    late = replace(evening.calls[0], at_s=DAY_S - 60.0)

    jobs = a_run(county, replace(evening, calls=(late,)), "road").live()

    assert jobs[0].arrived_s > DAY_S
    assert Table.of([jobs], 2).block.tolist() == [0]


# -- whom one might have sent instead ------------------------------------------------------------


def a_near_and_a_far_unit(run: Run, county: County) -> list[Job]:
    """And two calls, where the near one is."""
    near, far = county.stations[0].snap, county.stations[1].snap
    for unit, snap in zip(run._units, (near, far), strict=True):
        unit.at = replace(unit.at, snap=snap)
    return [Job(call=replace(job.call, lon=near.lon, lat=near.lat)) for job in run.jobs[:2]]


def test_whoever_said_no_was_not_passed_over(county: County) -> None:
    run = a_run(county, make(county, seed=2, days=1, units=2, traffic=FEW))
    near, far = run._units
    job, _ = a_near_and_a_far_unit(run, county)
    job.refused.add(near.call_sign)

    plan, choices = run._room.plan([job], run._units)
    (sent,) = plan.assignments
    choice, _ = choices.of(sent.unit_id, sent.incident_id)

    assert choice.unit is far
    assert choice.later_s <= 0.0


def test_whoever_goes_to_another_call_was_not_passed_over(county: County) -> None:
    run = a_run(county, make(county, seed=2, days=1, units=2, traffic=FEW))
    jobs = a_near_and_a_far_unit(run, county)

    plan, choices = run._room.plan(jobs, run._units)
    later_s = [choices.of(each.unit_id, each.incident_id)[0].later_s for each in plan.assignments]

    assert len(later_s) == 2
    assert max(later_s) <= 0.0


def test_a_unit_that_may_be_asked_again_is_asked_with_what_is_known_of_its_camera(
    county: County, few: Scenario
) -> None:
    run = a_run(county, few, "one_by_one")
    job = run.jobs[0]
    refused = run._units[0]
    job.refused.add(refused.call_sign)
    run._room.choose(job, run._units)
    job.refused.clear()

    sight = run._room._look(run._units, [job])
    question = run._room._question(sight, 0, range(len(run._units)))

    assert all(one.batteries for one in question.contenders)


# -- without signal ------------------------------------------------------------------------------


def two_under_way(county: County, few: Scenario) -> tuple[Run, Job, list[Unit]]:
    """To one call: by chance the second was sent, too."""
    alone = replace(few, calls=(replace(few.calls[0], at_s=60.0),))
    run = a_run(county, alone, "road")
    (job,) = run.jobs
    run._open.append(job)
    units = run._units[:2]
    for unit in units:
        run._order(a_choice(run, job, unit), job)
    while not all(unit.drives_to_job for unit in units) and run._agenda.step():
        pass
    assert all(unit.drives_to_job for unit in units)
    return run, job, units


def test_who_has_no_signal_does_not_hear_that_it_is_not_needed(
    county: County, few: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, job, (first, second) = two_under_way(county, few)
    signal = False
    monkeypatch.setattr(run._movement, "in_contact", lambda unit: signal)

    run._not_needed(second, job)
    assert second.drives_to_job
    signal = True
    until_s = run._agenda.now_s + 2 * CONTACT_S
    while run._agenda.now_s < until_s and second.job is job and run._agenda.step():
        pass

    assert second.job is None
    assert second.doing is Doing.RETURNING
    assert first.job is job


def test_who_comes_second_without_having_heard_changes_nothing_of_the_first(
    county: County, few: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, job, units = two_under_way(county, few)
    monkeypatch.setattr(run._movement, "in_contact", lambda unit: not unit.drives_to_job)

    while run._left and run._agenda.step():
        pass
    there = next(unit for unit in units if unit.call_sign == job.unit)
    (other,) = (unit for unit in units if unit is not there)

    assert job.arrived_s > 0.0
    assert other.job is None
    assert job.done_s - job.arrived_s >= job.call.scene_s


def test_a_plan_leaves_alone_who_has_not_heard_that_it_is_not_needed(
    county: County, few: Scenario
) -> None:
    run, job, (_, second) = two_under_way(county, few)
    job.arrived_s = run._agenda.now_s  # by the first
    run._open.remove(job)
    other = Job(call=replace(job.call, number=99, priority="emergency"))

    plan, _ = run._room.plan([other], run._units)

    assert second.job is job
    sent = {each.unit_id for each in plan.assignments} | {each.unit_id for each in plan.diversions}
    assert second.call_sign not in sent


def test_who_turns_back_is_not_asked_any_more_to_go_elsewhere(
    county: County, few: Scenario
) -> None:
    run, job, (_, second) = two_under_way(county, few)
    second.asked = Job(call=replace(job.call, number=99))

    run._not_needed(second, job)

    assert second.doing is Doing.RETURNING
    assert second.asked is None


def test_who_walks_already_is_not_back_at_its_car_at_once(county: County, few: Scenario) -> None:
    run, job, (_, second) = two_under_way(county, few)
    run._movement.halt(second)  # and gets out

    run._not_needed(second, job)

    assert second.doing is Doing.EN_ROUTE
    assert second.job is job


# -- nobody is left out --------------------------------------------------------------------------


def test_calls_that_nobody_comes_to_are_counted_and_not_dropped(county: County) -> None:
    flood = make(county, seed=3, days=1, units=1, traffic=Traffic(name="flood", per_day=150.0))

    jobs = a_run(county, flood, "road").live()
    waiting = [job for job in jobs if not job.answered]
    found = figures(Table.of([jobs], 1), 1, 1)

    assert len(jobs) == len(flood.calls)
    assert 0 < len(waiting) < len(jobs)
    assert min(job.response_s for job in waiting) > DAY_S
    assert found["unanswered_share"].value == pytest.approx(len(waiting) / len(jobs))
    assert found["p90_response"].n == len(jobs)
    assert found["camera_alive_share"].n == sum(job.done_s > 0.0 for job in jobs)


def test_whoever_said_no_a_moment_before_the_end_does_not_stand_idle(
    county: County, few: Scenario
) -> None:
    run = a_run(county, few, "road")
    job = run.jobs[0]
    run._open.append(job)
    job.refused.update(unit.call_sign for unit in run._units)

    run._give_up()

    assert not job.answered


def test_a_county_whose_units_stand_idle_while_people_wait_is_stopped(
    county: County, few: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(county, few, "road")
    monkeypatch.setattr(run, "_dispatch", lambda: None)

    with pytest.raises(InvariantBroken, match="free"):
        run.live()


# -- days of the past ----------------------------------------------------------------------------


def test_more_draws_of_the_same_days_make_no_more_days(county: County) -> None:
    lon, lat = CENTRE
    begins = datetime(2026, 3, 1, 8, tzinfo=UTC)
    calls = [
        PastCall(
            row=n,
            at=begins + timedelta(hours=6 * n),
            lon=lon,
            lat=lat,
            type="theft",
            priority=None,
            scene_min=None,
        )
        for n in range(1, 13)
    ]
    asked = Asked(
        policies=[POLICIES["road"]],
        traffic=FEW,
        seed=1,
        seeds=5,
        days=1,
        units=2,
        past=History(calls=calls, units=()),
    )

    table = lived(county, asked)["road"]

    assert asked.blocks == asked.days_each == 4
    assert sorted(np.bincount(table.block).tolist()) == [10, 10, 20, 20]
