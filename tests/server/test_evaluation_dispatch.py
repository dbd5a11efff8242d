"""The county in virtual time: all open calls at once, units called off, silence, and the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from geo.roadmap import RoadMap
from server.evaluation import scenario as scenarios
from server.evaluation.compare import Asked, compare
from server.evaluation.county import County
from server.evaluation.figures import Table, savings
from server.evaluation.history import History, PastCall, PastUnit, parse
from server.evaluation.policies import POLICIES
from server.evaluation.run import Run
from server.evaluation.scenario import DAY_S, Scenario, Traffic, make, replay
from server.evaluation.units import Doing, Job
from server.views import UnitStatus
from tests.small_county import CENTRE, crossing

FLOOD = Traffic(name="flood", per_day=40.0, surge_per_hour=8.0, surge_h=3.0)


@pytest.fixture(scope="module")
def county(small_map: RoadMap) -> Iterator[County]:
    made = County(small_map)
    yield made
    made.close()


@pytest.fixture(scope="module")
def flood(county: County) -> Scenario:
    return make(county, seed=5, days=1, units=4, traffic=FLOOD)


def lived(county: County, scenario: Scenario, name: str) -> list[Job]:
    return Run(county, scenario, POLICIES[name]).live()


# -- all at once ---------------------------------------------------------------------------------


def test_units_are_called_off_only_by_the_policy_that_may(county: County, flood: Scenario) -> None:
    full = lived(county, flood, "full")

    assert sum(job.released for job in full) > 0
    assert all(job.released <= 1 for job in full)
    assert not any(job.released for job in lived(county, flood, "all_at_once"))
    assert not any(job.released for job in lived(county, flood, "one_by_one"))


def test_whoever_is_called_off_for_another_call_leaves_nobody_without_a_unit(
    county: County, flood: Scenario
) -> None:
    for job in lived(county, flood, "full"):
        assert job.unit is not None
        assert job.call.at_s < job.arrived_s < job.done_s


def test_the_same_seed_plans_the_same_day(county: County, flood: Scenario) -> None:
    @cache
    def again(turn: int) -> list[tuple[str | None, float, int]]:
        return [(job.unit, job.done_s, job.released) for job in lived(county, flood, "full")]

    assert again(1) == again(2)


# -- people and signal ---------------------------------------------------------------------------


def test_an_order_that_nobody_notices_goes_to_somebody_else(
    county: County, flood: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = lived(county, flood, "road")
    monkeypatch.setattr(scenarios, "SILENT_SHARE", 0.4)

    silent = lived(county, flood, "road")

    def asked(jobs: list[Job]) -> float:
        return sum(job.attempts for job in jobs) / len(jobs)

    assert asked(silent) > asked(heard) + 0.4
    assert sum(job.response_s for job in silent) > sum(job.response_s for job in heard)


def test_an_order_waits_while_the_unit_has_no_signal(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = make(county, seed=2, days=1, units=2, traffic=Traffic(name="few", per_day=6.0))
    heard = lived(county, quiet, "road")
    run = Run(county, quiet, POLICIES["road"])
    dark_s = quiet.calls[0].at_s + quiet.calls[0].handling_s + 25.0
    monkeypatch.setattr(run._movement, "in_contact", lambda unit: run._agenda.now_s > dark_s)

    waited = run.live()

    assert waited[0].unit == heard[0].unit
    assert waited[0].arrived_s >= heard[0].arrived_s + 25.0


# -- the county's own calls ----------------------------------------------------------------------

AT = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)


def past(*hours: float, units: tuple[PastUnit, ...] = (), **more: Any) -> History:
    lon, lat = CENTRE
    call = PastCall(row=1, at=AT, lon=lon, lat=lat, type="theft", priority=None, scene_min=None)
    calls = [
        replace(call, row=n, at=AT + timedelta(hours=hour), **more)
        for n, hour in enumerate(hours, start=1)
    ]
    return History(calls=calls, units=units)


def test_the_past_is_lived_through_as_it_was(county: County) -> None:
    found = replay(county, past(0.0, 26.0, scene_min=12.0, priority="emergency"), seed=1, units=3)

    assert found.days == 2
    assert [call.at_s for call in found.calls] == [8.25 * 3600.0, 34.25 * 3600.0]
    assert [call.scene_s for call in found.calls] == [720.0, 720.0]
    assert {call.priority for call in found.calls} == {"emergency"}
    assert all(job.unit for job in lived(county, found, "full"))


def test_what_is_not_known_of_a_past_call_comes_from_its_run_card(county: County) -> None:
    calls = [*past(0.0).calls, *past(1.0, type="nobody_knows").calls]

    theft, odd = replay(county, History(calls=calls, units=()), seed=1, units=2).calls

    assert (theft.priority, theft.type.code) == ("routine", "theft")
    assert theft.scene_s != odd.scene_s
    assert odd.type.scene_min == 45


def test_a_unit_posted_where_the_calls_come_from_is_there_sooner(county: County) -> None:
    lon, lat = crossing(3, 2)
    calls = past(*(3.0 * n for n in range(12)), lon=lon, lat=lat)
    asked = Asked(
        policies=[POLICIES["road"]],
        traffic=FLOOD,
        seed=1,
        seeds=2,
        days=1,
        units=1,
        past=calls,
        moves={replay(county, calls, seed=1, units=1).posts[0].call_sign: (lon, lat)},
    )

    as_it_was, moved = compare(county, asked)

    assert moved.policy.endswith("moved")
    assert as_it_was.calls == moved.calls == 24
    assert moved.against is not None
    gained = moved.against["mean_response"].value
    assert gained is not None
    assert gained < -1.0


def a_unit(call_sign: str, *shifts: tuple[float, float]) -> PastUnit:
    """With shifts from and to so many hours after AT; none: always on duty."""
    times = tuple((AT + timedelta(hours=on), AT + timedelta(hours=off)) for on, off in shifts)
    return PastUnit(call_sign=call_sign, kind="off_road", station=None, shifts=times or None)


def test_only_who_is_on_duty_is_sent_and_a_job_is_ended_after_the_shift(county: County) -> None:
    units = (a_unit("X-01", (-2.0, 0.5)), a_unit("X-02", (3.0, 9.0)))
    quiet = past(0.4, 1.0, 4.0, units=units, scene_min=30.0)
    found = replay(county, quiet, seed=1, units=9)
    run = Run(county, found, POLICIES["full"])

    jobs = run.live()

    by_time = {round((job.call.at_s - 8.25 * 3600.0) / 3600.0, 1): job for job in jobs}
    assert [by_time[hour].unit for hour in (0.4, 1.0, 4.0)] == ["X-01", "X-02", "X-02"]
    assert by_time[0.4].done_s > (8.25 + 0.5) * 3600.0
    assert by_time[1.0].arrived_s > (8.25 + 3.0) * 3600.0


def test_who_goes_off_duty_on_patrol_drives_home_and_stays(county: County) -> None:
    quiet = past(0.0, units=(a_unit("X-01", (-8.0, 0.0)), a_unit("X-02")))
    run = Run(county, replay(county, quiet, seed=3, units=9), POLICIES["road"])

    run.live()
    (unit, _) = run._units
    patrols = 0
    while run._agenda.now_s < 2 * DAY_S and run._agenda.step():
        patrols += unit.doing is Doing.PATROL and run._agenda.now_s > 0.5 * DAY_S

    assert unit.status is UnitStatus.OFF_DUTY
    assert patrols == 0
    assert unit.at.snap == unit.post.station.snap


def test_a_unit_that_is_not_there_and_a_place_without_a_road_are_named(county: County) -> None:
    with pytest.raises(ValueError, match="no unit Z-99; there are"):
        replay(county, past(0.0), seed=1, units=1, moves={"Z-99": CENTRE})
    with pytest.raises(ValueError, match="row 1: no road of the map leads to 0, 0"):
        replay(county, past(0.0, lon=0.0, lat=0.0), seed=1, units=1)
    with pytest.raises(ValueError, match="no road of the map joins 0, 0"):
        county.post_at(0.0, 0.0)


EIGHT, NINE = "2026-03-01T08:00:00+08:00", "2026-03-01T09:00:00+08:00"
UNIT = {"call_sign": "P-01", "kind": "patrol_car", "station": None}


def with_unit(**more: Any) -> str:
    return json.dumps({"calls": [GOOD], "units": [{**UNIT, **more}]})


GOOD = {"at": "2026-03-01T08:15:00+08:00", "lon": 100.2, "lat": 27.5, "type": "theft"}


def test_csv_and_json_tell_the_same_past() -> None:
    rows = [GOOD, {**GOOD, "at": "2026-03-01T07:00:00+08:00", "priority": "priority"}]
    head = "at,lon,lat,type,priority,caller\n"
    lines = [
        ",".join(str(row.get(name, "")) for name in ("at", "lon", "lat", "type", "priority")) + ",X"
        for row in rows
    ]

    found = parse(head + "\n".join(lines) + "\n")

    assert found.calls == parse(json.dumps(rows)).calls == parse(json.dumps({"calls": rows})).calls
    assert [call.row for call in found.calls] == [2, 1]
    assert found.calls[0].priority == "priority"
    assert found.calls[1].priority is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line must name the columns at, lon, lat, type"),
        ("[]", "no calls in it"),
        ("[1]", "list of objects"),
        ("[{", "no JSON"),
        (json.dumps([{**GOOD, "at": "2026-03-01 08:15"}]), "row 1: at is no ISO 8601"),
        (json.dumps([GOOD, {**GOOD, "lat": "north"}]), "row 2: lat is a number from -90 to 90"),
        (json.dumps([{**GOOD, "lon": float("inf")}]), "row 1: lon is a number"),
        (json.dumps([{**GOOD, "priority": "high"}]), "row 1: priority is routine, priority"),
        (json.dumps([{**GOOD, "scene_min": -1}]), "row 1: scene_min is a number from 0"),
        (json.dumps([{**GOOD, "type": ""}]), "row 1: type is empty"),
        (json.dumps([{**GOOD, "response_min": "soon"}]), "row 1: response_min is a number"),
        (json.dumps({"units": []}), "calls must be a list"),
        (json.dumps({"calls": [GOOD], "units": [1]}), "units must be a list of objects"),
        (with_unit(kind="tank"), "unit 1: kind is patrol_car, off_road"),
        (with_unit(call_sign=""), "unit 1: call_sign is empty"),
        (with_unit(call_sign="P" * 65), "unit 1: call_sign has at most 64"),
        (with_unit(station="Centre"), "unit 1: station is name, lon and lat"),
        (with_unit(station={"name": "C", "lon": 200, "lat": 1}), "unit 1: lon is a number"),
        (with_unit(shifts=3), r"unit 1: shifts is a list of \[on, off\]"),
        (with_unit(shifts=[["2026-03-01T08:00", None]]), "unit 1: shifts is no ISO 8601"),
        (with_unit(shifts=[[NINE, EIGHT]]), "unit 1: a shift ends before it begins"),
        (with_unit(shifts=[[EIGHT, None], [NINE, None]]), "unit 1: two shifts overlap"),
        (json.dumps({"calls": [GOOD], "units": [UNIT, UNIT]}), "a call sign is there twice"),
    ],
)
def test_a_past_that_cannot_be_read_says_which_row_and_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_more_calls_than_a_run_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.evaluation.history.CALLS_MAX", 1)

    with pytest.raises(ValueError, match="at most 1 calls, not 2"):
        parse(json.dumps([GOOD, GOOD]))


# -- figures -------------------------------------------------------------------------------------


def test_savings_are_shares_of_what_the_other_policy_took(county: County, flood: Scenario) -> None:
    table = Table.of([lived(county, flood, "road")], 1)
    half = replace(table, response_s=table.response_s / 2.0)

    found = savings(half, table, 1, 1)

    assert found["mean_response"].value == pytest.approx(0.5)
    assert found["swaps"].value is None
    assert table.response_s.max() < DAY_S
