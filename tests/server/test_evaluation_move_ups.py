"""The county in virtual time: units that wait at another post, and come from there when called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from geo.driving.vehicles import Mode
from geo.roadmap import RoadMap
from server.dispatch.cover import BACK_SOON_S, STEADY_S, Rules
from server.dispatch.runcards import STANDBY_AT_POST
from server.evaluation import moveups
from server.evaluation.county import County
from server.evaluation.policies import POLICIES
from server.evaluation.posts import Posts
from server.evaluation.run import Run
from server.evaluation.scenario import DAY_S, Scenario, Traffic, make
from server.evaluation.units import Doing, Unit

NARROW = Rules(limit_s=180.0, horizon_s=3_600.0)
"""In so small a county; of one that is larger the limit is 25 min."""


@pytest.fixture(scope="module")
def county(small_map: RoadMap) -> Iterator[County]:
    made = County(small_map)
    snaps = [each.snap for each in made.stations]
    made.__dict__["posts"] = Posts(made.ground, made.approach, snaps, NARROW)
    yield made
    made.close()


@pytest.fixture
def hole(county: County) -> Scenario:
    """All units at one station, and calls late in the day."""
    day = make(county, seed=4, days=1, units=6, traffic=Traffic(name="few", per_day=6.0))
    at_one = tuple(replace(post, station=county.stations[0]) for post in day.posts)
    late = tuple(
        replace(call, at_s=DAY_S / 2 + 600.0 * call.number, number=call.number)
        for call in day.calls
    )
    return replace(day, posts=at_one, calls=late)


def a_run(county: County, scenario: Scenario, policy: str = "full") -> Run:
    run = Run(county, scenario, POLICIES[policy])
    for unit in run._units:
        run._patrols.begin(unit)
    if run._lookout is not None:
        run._look(run._lookout)
    return run


def until(run: Run, found: Callable[[], Unit | None]) -> Unit:
    while run._agenda.now_s < DAY_S:
        if (unit := found()) is not None:
            return unit
        assert run._agenda.step()
    raise AssertionError("it did not come to that within a day")


def who(run: Run, doing: Doing) -> Callable[[], Unit | None]:
    def found() -> Unit | None:
        return next((unit for unit in run._units if unit.doing is doing and unit.trip), None)

    return found


def test_units_move_up_where_a_post_is_left_empty_and_only_by_the_policy_that_may(
    county: County, hole: Scenario
) -> None:
    full, without = (Run(county, hole, POLICIES[name]) for name in ("full", "full_no_move_ups"))

    jobs = full.live()
    without.live()

    assert full.move_ups.moves > 0
    assert without.move_ups.moves == 0
    assert all(job.answered for job in jobs)


def test_a_unit_drives_to_its_post_at_road_speed_waits_and_goes_home(
    county: County, hole: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.evaluation.scenario.SCENE_SIGMA", 0.0)
    run = a_run(county, hole)

    unit = until(run, who(run, Doing.MOVING_UP))
    began_s, start = run._agenda.now_s, unit.at.snap
    post = county.posts.snaps[unit.standby or 0]
    least_s = county.least_s(start, post, unit.profile(Mode.ROUTINE))
    until(run, lambda: unit if unit.doing is Doing.AT_POST else None)
    there_s = run._agenda.now_s
    assert unit.at.snap == post
    until(run, lambda: unit if unit.doing is Doing.RETURNING else None)

    assert there_s - began_s >= least_s - 0.5
    stay_min = hole.cards.card(STANDBY_AT_POST).scene_min
    assert run._agenda.now_s - there_s == pytest.approx(60.0 * stay_min)
    assert unit.standby is None


def test_a_unit_on_its_way_to_a_post_is_called_from_where_it_is(
    county: County, hole: Scenario
) -> None:
    run = a_run(county, hole)
    unit = until(run, who(run, Doing.MOVING_UP))
    half_s = (run._agenda.now_s + (unit.trip.ends_s if unit.trip else 0.0)) / 2.0
    until(run, lambda: unit if run._agenda.now_s >= half_s else None)
    assert unit.doing is Doing.MOVING_UP
    (job, *_) = run.jobs
    job.call = replace(job.call, at_s=run._agenda.now_s)
    here = run._movement.place(unit).snap

    choice = run._room.choose(job, [unit])
    assert choice is not None
    run._open.append(job)
    run._order(choice, job)
    until(run, lambda: unit if unit.doing is Doing.EN_ROUTE else None)

    assert unit.standby is None
    assert here not in (unit.post.station.snap, *county.posts.snaps)
    until(run, lambda: unit if job.answered else None)
    assert job.unit == unit.call_sign


def test_who_waits_at_a_post_or_drives_there_covers_what_the_post_covers(
    county: County, hole: Scenario
) -> None:
    run = a_run(county, hole)
    assert run._lookout is not None
    before = run._lookout.look(run._units, 0.0, 0)
    best = before.move_ups[0]

    before.units[best.unit].standby = best.post
    after = run._lookout.look(run._units, 0.0, 0)

    assert all(each.unit != best.unit for each in after.move_ups)
    again = [each.gain for each in after.move_ups if each.post == best.post]
    assert max(again, default=0.0) <= NARROW.busy_share * best.gain + 1e-9


def test_nobody_moves_up_while_as_many_calls_wait_as_units_are_free(
    county: County, hole: Scenario
) -> None:
    run = a_run(county, hole)
    assert run._lookout is not None
    free = len(run._units)

    assert run._lookout.look(run._units, 0.0, free - 1).move_ups
    assert not run._lookout.look(run._units, 0.0, free).move_ups


def test_nobody_moves_up_for_whoever_is_soon_back(county: County, hole: Scenario) -> None:
    run = a_run(county, hole)
    assert run._lookout is not None
    (move, *_) = run._lookout.look(run._units, 0.0, 0).move_ups
    away, (job, *_) = run._units[-1], run.jobs
    away.at = replace(away.at, snap=county.posts.snaps[move.post])
    away.job, away.doing, job.eta_s = job, Doing.ON_SCENE, 0.0
    free_s = 60.0 * job.call.type.scene_min
    assert away.free_s == free_s

    def posts(now_s: float) -> set[int]:
        assert run._lookout is not None
        return {each.post for each in run._lookout.look(run._units, now_s, 0).move_ups}

    assert move.post in posts(free_s - BACK_SOON_S - 1.0)
    assert move.post not in posts(free_s - BACK_SOON_S)
    assert move.post in posts(free_s)


def test_what_is_proposed_for_a_moment_only_is_no_item(county: County, hole: Scenario) -> None:
    run = a_run(county, hole)
    assert run._lookout is not None
    seen = run._lookout.look(run._units, 0.0, 0)
    assert seen.move_ups
    raised: list[Any] = []
    run.move_ups._raise = lambda *what: raised.append(what)  # type: ignore[method-assign]

    for moment_s, picture in ((0.0, seen), (90.0, replace(seen, move_ups=())), (180.0, seen)):
        run._agenda.now_s = moment_s
        run.move_ups.consider(picture)
    assert not raised
    run._agenda.now_s = 180.0 + STEADY_S
    run.move_ups.consider(seen)

    assert len(raised) == len(seen.move_ups)


@pytest.mark.parametrize("why", ["settled", "silent", "no signal"])
def test_nobody_moves_whom_no_person_sent_or_who_does_not_hear(
    why: str, county: County, hole: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(county, hole)
    if why == "settled":
        monkeypatch.setattr(moveups, "TAKEN_SHARE", 0.0)
    elif why == "silent":
        monkeypatch.setattr("server.evaluation.scenario.SILENT_SHARE", 1.0)
    else:
        monkeypatch.setattr(run._movement, "in_contact", lambda unit: False)

    while run._agenda.now_s < DAY_S / 4 and run._agenda.step():
        pass

    assert run.move_ups.moves == 0
