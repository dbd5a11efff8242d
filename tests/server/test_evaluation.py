"""The county in virtual time: what cannot happen, what is the same for all, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest

from devices.battery.model import Load
from devices.sim.climate import is_dark, outdoors_c
from devices.sim.packs import Use
from geo.driving.speed import Profile
from geo.driving.vehicles import Vehicle
from geo.errors import NoRouteError
from geo.roadmap import RoadMap
from geo.snap import Snap
from server.dispatch.endurance import Work
from server.dispatch.mitigation import Mitigation
from server.dispatch.orders import OrderState
from server.evaluation import agenda as agendas
from server.evaluation.agenda import Agenda
from server.evaluation.cameras import TICK_S, Cameras
from server.evaluation.compare import Asked, compare
from server.evaluation.county import County
from server.evaluation.figures import P90_N_MIN, Table, differences, figures
from server.evaluation.inspection import Inspector, InvariantBroken
from server.evaluation.movement import Movement
from server.evaluation.patrols import AT_GOAL_S_MEAN
from server.evaluation.policies import POLICIES
from server.evaluation.remedies import Need, taken, under_way
from server.evaluation.run import Run
from server.evaluation.scenario import DAY_S, TRAFFIC, Scenario, Traffic, make
from server.evaluation.trips import Trip, Way
from server.evaluation.units import Doing, Job, Unit
from tests.small_county import CENTRE

BUSY = Traffic(name="test", per_day=60.0)


@pytest.fixture(scope="module")
def county(small_map: RoadMap) -> Iterator[County]:
    made = County(small_map)
    yield made
    made.close()


@pytest.fixture(scope="module")
def scenario(county: County) -> Scenario:
    return make(county, seed=7, days=1, units=4, traffic=BUSY)


def a_way(county: County) -> Way:
    one, other = county.stations[0].snap, county.stations[1].snap
    return county.way(one, other, Profile())


# -- time ----------------------------------------------------------------------------------------


def test_things_happen_in_order_of_time_then_of_planning() -> None:
    agenda = Agenda()
    seen: list[str] = []
    for at_s, name in ((5.0, "late"), (1.0, "one"), (1.0, "two")):
        agenda.at(at_s, partial(seen.append, name))

    while agenda.step():
        pass

    assert (seen, agenda.now_s) == (["one", "two", "late"], 5.0)


def test_nothing_is_planned_for_the_past_or_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    agenda = Agenda()
    agenda.at(10.0, lambda: None)
    agenda.step()
    monkeypatch.setattr(agendas, "PLANNED_MAX", 2)

    with pytest.raises(ValueError, match="too late"):
        agenda.at(9.0, lambda: None)
    agenda.after(1.0, lambda: None)
    agenda.after(1.0, lambda: None)
    with pytest.raises(OverflowError, match="2 events"):
        agenda.after(1.0, lambda: None)


# -- moving --------------------------------------------------------------------------------------


def test_a_trip_passes_every_place_when_the_road_allows(county: County) -> None:
    way = a_way(county)
    trip = Trip(way=way, began_s=100.0, pace=0.9)

    assert trip.ends_s == pytest.approx(100.0 + way.duration_s / 0.9)
    for share in np.linspace(0.0, 1.0, 25).tolist():
        at_s = 100.0 + share * (trip.ends_s - 100.0)
        place = trip.place(at_s, county.roadmap).snap
        least_s = county.least_s(way.source, place, Profile())
        assert at_s - 100.0 >= least_s - 0.5
    assert trip.place(trip.ends_s, county.roadmap).snap == way.target


def test_a_unit_sent_elsewhere_goes_on_as_it_is_headed(county: County) -> None:
    trip = Trip(way=a_way(county), began_s=0.0, pace=1.0)

    on_the_way = trip.place(trip.ends_s / 2.0, county.roadmap)

    assert on_the_way.ahead in (0, 1)
    back = county.way(on_the_way, trip.way.source, Profile())
    assert back.duration_s >= county.least_s(on_the_way.snap, trip.way.source, Profile())


def test_nobody_outruns_the_model(county: County) -> None:
    with pytest.raises(ValueError, match="outrun"):
        Trip(way=a_way(county), began_s=0.0, pace=1.01)


# -- what cannot happen --------------------------------------------------------------------------


def inspector(least_s: float = 60.0) -> Inspector:
    return Inspector(lambda source, target, profile: least_s)


def a_place(lon: float) -> Snap:
    return Snap(edge=0, fraction=0.5, lon=lon, lat=27.5, distance_m=0.0)


def test_a_unit_faster_than_its_road_is_seen() -> None:
    watch = inspector(least_s=60.0)
    watch.sets_off("P-01", a_place(100.20), 0.0)

    with pytest.raises(InvariantBroken, match=r"took 59\.0 s .* takes 60\.0 s"):
        watch.stands("P-01", a_place(100.21), Profile(), 59.0)


def test_a_leap_between_two_drives_is_seen() -> None:
    watch = inspector()
    watch.sets_off("P-01", a_place(100.20), 0.0)
    watch.stands("P-01", a_place(100.21), Profile(), 60.0)

    with pytest.raises(InvariantBroken, match="stood at"):
        watch.sets_off("P-01", a_place(100.25), 90.0)


def test_two_jobs_at_once_are_seen() -> None:
    watch = inspector()
    watch.takes("P-01", 1)

    with pytest.raises(InvariantBroken, match="still has 1"):
        watch.takes("P-01", 2)
    with pytest.raises(InvariantBroken, match="does not have"):
        watch.leaves("P-01", 2)


def test_time_does_not_go_back() -> None:
    watch = inspector()
    watch.time(10.0)

    with pytest.raises(InvariantBroken, match="went back"):
        watch.time(9.0)


def test_a_battery_that_gains_without_a_charger_is_seen() -> None:
    watch = inspector()
    before, after = np.array([50.0, 50.0]), np.array([49.0, 51.0])

    watch.charges(before, after, np.array([False, True]))
    with pytest.raises(InvariantBroken, match="battery 1"):
        watch.charges(before, after, np.array([True, False]))


def test_a_run_whose_units_fly_is_stopped(
    county: County, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(*asked: object) -> Way:
        way = honest(*asked)
        return replace(way, begins_s=way.begins_s / 2.0, ends_s=way.ends_s / 2.0)

    honest = county.way
    monkeypatch.setattr(county, "way", half)

    with pytest.raises(InvariantBroken, match="where the road takes"):
        Run(county, scenario, POLICIES["road"]).live()


# -- a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POLICIES)
def test_every_call_ends_as_a_job_of_one_unit(
    name: str, county: County, scenario: Scenario
) -> None:
    run = Run(county, scenario, POLICIES[name])

    jobs = run.live()

    assert [job.call for job in jobs] == list(scenario.calls)
    assert len(jobs) > 40
    assert run.inspector.stretches > len(jobs)
    for job in jobs:
        assert job.unit is not None
        assert job.call.at_s + job.call.handling_s <= job.ordered_s < job.arrived_s < job.done_s
        assert job.done_s - job.arrived_s >= job.call.scene_s - 1e-6


def test_the_same_seed_gives_the_same_jobs(county: County, scenario: Scenario) -> None:
    def lived(seed: int) -> list[tuple[str | None, float]]:
        again = make(county, seed=seed, days=1, units=4, traffic=BUSY)
        jobs = Run(county, again, POLICIES["battery_blind"]).live()
        return [(job.unit, job.done_s) for job in jobs]

    assert lived(7) == lived(7)
    assert lived(7) != lived(8)


def test_who_knows_all_sends_the_first_to_be_there(county: County, scenario: Scenario) -> None:
    jobs = Run(county, scenario, POLICIES["battery_blind"]).live()
    crows = Run(county, scenario, POLICIES["straight_line"]).live()

    assert all(job.later_s < 1.0 for job in jobs)
    assert any(job.later_s > 60.0 for job in crows)


def test_calls_wait_for_a_unit_and_the_urgent_ones_not_as_long(county: County) -> None:
    flood = make(county, seed=3, days=1, units=1, traffic=Traffic(name="flood", per_day=40.0))

    jobs = Run(county, flood, POLICIES["road"]).live()

    def mean_s(*priorities: str) -> float:
        return float(np.mean([job.response_s for job in jobs if job.call.priority in priorities]))

    assert mean_s("emergency", "priority") < 0.7 * mean_s("routine")


def test_calls_come_as_often_as_they_should_and_from_roads_too(county: County) -> None:
    found = make(county, seed=1, days=10, units=1, traffic=BUSY).calls

    assert len(found) == pytest.approx(600, rel=0.15)
    assert all(0.0 <= call.at_s < 10 * DAY_S for call in found)
    places = {(call.lon, call.lat) for call in found if call.type.code == "traffic_collision"}
    assert len(places) > 40


def test_a_surge_adds_calls_from_noon_on(county: County) -> None:
    found = make(county, seed=1, days=1, units=1, traffic=TRAFFIC["surge"]).calls

    at_h = np.array([call.at_s for call in found]) / 3600.0
    assert 60 < ((at_h >= 12.0) & (at_h < 15.0)).sum() < 140
    assert [call.number for call in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize(("days", "traffic"), [(0, BUSY), (366, Traffic(name="much", per_day=1e6))])
def test_a_county_too_long_or_too_full_is_refused(
    days: int, traffic: Traffic, county: County
) -> None:
    with pytest.raises(ValueError, match=r"days are|at most"):
        make(county, seed=1, days=days, units=1, traffic=traffic)


# -- cameras -------------------------------------------------------------------------------------


def some_cameras(scenario: Scenario, *, heard: bool = True) -> Cameras:
    return Cameras(scenario, inspector(), heard=heard)


def test_a_camera_that_streams_dies_in_its_job_and_one_at_rest_does_not(
    scenario: Scenario,
) -> None:
    cameras = some_cameras(scenario)
    for unit in (0, 1):
        cameras.watch(unit, 0.0)
    cameras.does(0, Use(loads=frozenset({Load.STREAM_HIGH}), temp_c=-10.0, weak=1.0), 0.0)
    cameras.does(1, Use(charging=True), 0.0)

    for tick in range(1, 60):
        cameras.tick(tick * TICK_S)

    assert not cameras.lived(0, 60 * TICK_S)
    assert cameras.lived(1, 60 * TICK_S)


def test_a_fresh_pack_is_no_answer_for_the_one_that_died(scenario: Scenario) -> None:
    cameras = some_cameras(scenario)
    cameras.watch(0, 0.0)
    cameras.does(0, Use(loads=frozenset({Load.STREAM_HIGH})), 0.0)
    cameras.live(DAY_S)

    cameras.does(0, Use(), DAY_S, fresh_pack=True)

    assert cameras.charge_pct[0] > 50.0
    assert not cameras.lived(0, DAY_S)
    cameras.watch(0, DAY_S)
    assert cameras.lived(0, DAY_S + 60.0)


def test_use_wanders_alike_whatever_cameras_do(scenario: Scenario) -> None:
    busy, idle = some_cameras(scenario), some_cameras(scenario, heard=False)
    for tick in range(1, 30):
        busy.does(0, Use(loads=frozenset({Load.RECORD}), temp_c=float(tick)), (tick - 0.5) * TICK_S)
        busy.does(1, Use(temp_c=float(tick)), (tick - 0.5) * TICK_S, fresh_pack=tick == 3)
        for cameras in (busy, idle):
            cameras.tick(tick * TICK_S)

    assert busy.charge_pct[0] < idle.charge_pct[0]
    assert busy.charge_pct[2:] == pytest.approx(idle.charge_pct[2:], rel=1e-9)


def test_the_product_hears_of_cameras_only_what_their_gauges_show(scenario: Scenario) -> None:
    cameras = some_cameras(scenario)
    for tick in range(1, 13):
        cameras.tick(tick * TICK_S)

    ahead = cameras.outlook(0)

    assert ahead is not None
    foreseen = float(ahead.charge_pct @ ahead.weight)
    assert foreseen == pytest.approx(float(cameras.charge_pct[0]), abs=2.0)
    assert some_cameras(scenario, heard=False).outlook(0) is None


def test_cameras_meet_the_cold_of_the_heights_and_the_dark(county: County) -> None:
    assert outdoors_c(3000.0, 3.0) < outdoors_c(0.0, 3.0) - 15.0
    assert outdoors_c(0.0, 15.0) > outdoors_c(0.0, 3.0) + 10.0
    assert [hour for hour in range(24) if is_dark(hour)] == [*range(6), *range(20, 24)]
    assert county.height_m(*CENTRE) > 0.0
    assert county.height_m(0.0, 0.0) == 0.0


# -- what is done for cameras --------------------------------------------------------------------


def a_need(scenario: Scenario, hours: float, **more: Any) -> Need:
    """Of a camera that has recorded for so long and is to stream for an hour, 20 min away."""
    cameras = some_cameras(scenario)
    cameras.does(0, Use(loads=frozenset({Load.RECORD})), 0.0)
    for tick in range(1, round(hours * 6) + 1):
        cameras.tick(tick * TICK_S)
    outlook = cameras.outlook(0)
    assert outlook is not None
    asked = Need(
        outlook=outlook,
        work=Work(
            state=OrderState.ISSUED, en_route_at=None, on_scene_at=None, eta_s=1200.0, scene_s=3600
        ),
        present=frozenset({Load.RECORD}),
        scene=frozenset({Load.STREAM_HIGH}),
        temp_c=0.0,
        weak=0.0,
        vehicle=Vehicle.PATROL_CAR,
        spare_here=False,
        evidence=True,
    )
    return replace(asked, **more)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_nothing_is_done_for_a_camera_that_lasts(scenario: Scenario) -> None:
    lasting = a_need(scenario, 0.2, scene=frozenset({Load.RECORD}), temp_c=20.0)

    assert taken(lasting, frozenset(), NOW, Random(1)) == set()


def test_a_stream_is_stopped_and_a_camera_charged_on_the_way(scenario: Scenario) -> None:
    done = taken(a_need(scenario, 4.0), frozenset(), NOW, Random(1))

    assert done & {Mitigation.RECORD_LOCALLY, Mitigation.LOWER_BITRATE}
    assert Mitigation.SNIPPETS not in done
    streaming = Use(loads=frozenset({Load.STREAM_HIGH, Load.INFRARED}), weak=1.0)
    use = under_way(streaming, frozenset(done), driving=False)
    assert Load.STREAM_HIGH not in use.loads


def test_only_who_is_still_at_the_station_takes_a_charged_pack(scenario: Scenario) -> None:
    worn = a_need(scenario, 6.0)

    here = taken(replace(worn, spare_here=True), frozenset(), NOW, Random(1))
    away = taken(worn, frozenset(), NOW, Random(1))

    assert Mitigation.SPARE_AT_STATION in here
    assert Mitigation.SPARE_AT_STATION not in away


def test_a_motorcycle_charges_nothing_on_the_way(scenario: Scenario) -> None:
    needs = a_need(scenario, 5.5, scene=frozenset({Load.RECORD}))

    by_car = taken(needs, frozenset(), NOW, Random(1))
    by_motorcycle = taken(replace(needs, vehicle=Vehicle.MOTORCYCLE), frozenset(), NOW, Random(1))

    assert Mitigation.CHARGE_IN_CAR in by_car
    assert Mitigation.CHARGE_IN_CAR not in by_motorcycle
    driving = under_way(Use(), frozenset(by_car), driving=True)
    assert driving.charging
    assert not under_way(Use(), frozenset(by_car), driving=False).charging


@pytest.mark.parametrize(
    ("done", "loads"),
    [
        (Mitigation.RECORD_LOCALLY, {Load.RECORD, Load.INFRARED}),
        (Mitigation.LOWER_BITRATE, {Load.STREAM_LOW, Load.INFRARED}),
        (Mitigation.NO_WEAK_STREAM, {Load.RECORD, Load.INFRARED}),
        (Mitigation.LIGHTS_OFF, {Load.STREAM_HIGH}),
        (Mitigation.SELDOM_FIXES, {Load.STREAM_HIGH, Load.INFRARED}),
    ],
)
def test_a_camera_does_what_it_is_told(done: Mitigation, loads: set[Load]) -> None:
    streaming = Use(loads=frozenset({Load.STREAM_HIGH, Load.INFRARED}), weak=1.0)

    use = under_way(streaming, frozenset({done}), driving=False)

    assert use.loads == loads
    assert use.seldom == (done is Mitigation.SELDOM_FIXES)


def test_minding_cameras_keeps_more_of_them_alive(county: County) -> None:
    days = make(county, seed=11, days=1, units=6, traffic=BUSY, sea_level_c=-10.0)

    blind, full = (Run(county, days, POLICIES[name]) for name in ("battery_blind", "full"))
    lived = [sum(job.camera_alive for job in run.live()) for run in (blind, full)]

    assert lived[1] > lived[0]
    assert not any(job.measures for job in blind.jobs)
    assert any(job.measures for job in full.jobs)


# -- figures -------------------------------------------------------------------------------------


def a_table(count: int, blocks: int, *, later_s: float = 0.0) -> Table:
    rng = Random(1)
    return Table(
        block=np.arange(count) % blocks,
        response_s=np.array([rng.expovariate(1 / 600.0) + later_s for _ in range(count)]),
        answered=np.ones(count, np.bool_),
        priority=np.arange(count) % 2 == 0,
        wrong=(np.arange(count) % 4 == 0).astype(np.float64),
        camera_alive=(np.arange(count) % 5 != 0).astype(np.float64),
        swaps=(np.arange(count) % 10 == 0).astype(np.float64),
    )


def test_figures_have_intervals_over_days() -> None:
    found = figures(a_table(400, 10), 10, 1)

    mean = found["mean_response"]
    assert mean.value is not None
    assert mean.value == pytest.approx(10.0, rel=0.2)
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < mean.value < mean.high
    assert found["wrong_unit_share"].value == 0.25
    assert found["camera_alive_share"].value == 0.8
    assert found["priority_mean"].n == 200


def test_few_jobs_have_no_p90_and_one_day_no_interval() -> None:
    few = figures(a_table(P90_N_MIN - 1, 1), 1, 1)

    assert few["p90_response"].value is None
    assert few["mean_response"].value is not None
    assert few["mean_response"].low is None
    assert figures(a_table(P90_N_MIN, 1), 1, 1)["p90_response"].value is not None


def test_what_lies_between_two_policies_is_reckoned_day_by_day() -> None:
    between = differences(a_table(400, 10, later_s=60.0), a_table(400, 10), 10, 1)["mean_response"]

    assert between.value == pytest.approx(1.0)
    assert between.low == pytest.approx(1.0)
    assert between.high == pytest.approx(1.0)


def test_policies_are_held_against_the_first(county: County) -> None:
    asked = Asked(
        policies=[POLICIES["road"], POLICIES["straight_line"]],
        traffic=Traffic(name="test", per_day=30.0),
        seed=1,
        seeds=2,
        days=1,
        units=4,
    )
    told: list[tuple[str, float]] = []

    road, crow = compare(county, asked, lambda name, share: told.append((name, share)))

    assert road.against is None
    assert crow.against is not None
    assert crow.calls == road.calls
    difference = crow.against["mean_response"].value
    assert difference is not None
    theirs, ours = (each.figures["mean_response"].value or 0.0 for each in (road, crow))
    assert difference == pytest.approx(ours - theirs)
    assert told[-1] == ("straight_line", 1.0)
    assert [share for _, share in told[:3]] == [0.0, 0.5, 1.0]


def test_a_job_is_answered_when_somebody_is_there(scenario: Scenario) -> None:
    call = scenario.calls[0]

    assert Job(call=call, arrived_s=call.at_s + 90.0).response_s == 90.0


def test_a_unit_that_no_road_leads_home_from_stands_there_and_tries_again(
    county: County, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive, tried = Movement.drive, dict[str, list[float]]()

    def shut_in_twice(self: Movement, unit: Unit, *rest: Any) -> None:
        if unit.doing is Doing.RETURNING:
            at_s = tried.setdefault(unit.call_sign, [])
            at_s.append(self._agenda.now_s)
            if len(at_s) <= 2:
                raise NoRouteError("no road leads home")
        drive(self, unit, *rest)

    monkeypatch.setattr(Movement, "drive", shut_in_twice)

    jobs = Run(county, scenario, POLICIES["road"]).live()

    assert len(jobs) == len(scenario.calls)
    waited_s = [at_s[1] - at_s[0] for at_s in tried.values() if len(at_s) > 2]
    assert waited_s  # refused twice, and home in the end; sooner where a call came meanwhile
    assert pytest.approx(AT_GOAL_S_MEAN) in waited_s
