"""Simulated batteries, officers, incidents and the life of a unit: seeded, in simulated time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from devices.shell.fleetfile import FleetFileError, read
from devices.sim.incidents import QUICK_TYPES, Planned, language_of, stream
from devices.sim.incidents import Kind as IncidentKind
from devices.sim.officers import ANSWER, Crew
from devices.sim.roads import Roads
from devices.sim.unit import ASKED_MAX, Activity, Job, Said, SimUnit
from geo.roadmap import RoadMap
from protocols.native import Report

KINDS = [
    IncidentKind(code="traffic_collision", priority="priority"),
    IncidentKind(code="request_for_help", priority="routine"),
    IncidentKind(code="something_new", priority="emergency"),
]


@pytest.fixture(scope="module")
def roads(small_map: RoadMap) -> Roads:
    return Roads(small_map, engine="scipy")


# -- incidents -------------------------------------------------------------------------------


def planned(roads: Roads, seed: int, *, per_hour: float = 30.0) -> Iterator[Planned]:
    def on_road(lon: float, lat: float) -> tuple[float, float]:
        place = roads.snap(lon, lat)
        return place.lon, place.lat

    return stream(
        seed=seed,
        places=roads.roadmap.places,
        kinds=KINDS,
        per_hour=per_hour,
        on_road=on_road,
        language="zh",
    )


def test_same_seed_gives_the_same_incidents(roads: Roads) -> None:
    first = list(islice(planned(roads, 7), 50))
    again = list(islice(planned(roads, 7), 50))
    other = list(islice(planned(roads, 8), 50))

    assert first == again
    assert first != other
    assert [each.number for each in first] == list(range(1, 51))
    assert all(before.at_s <= after.at_s for before, after in pairwise(first))


def test_rate_is_the_asked_one_and_the_first_are_quick(roads: Roads) -> None:
    found = list(islice(planned(roads, 3), 602))

    assert {each.type for each in found[:2]} <= set(QUICK_TYPES)
    assert (found[-1].at_s - found[1].at_s) / 600 == pytest.approx(120.0, rel=0.15)


def test_more_people_more_incidents(roads: Roads) -> None:
    town, *_ = (place for place in roads.roadmap.places if place.kind == "town")
    near = [
        abs(each.lon - town.lon) < 0.02 and abs(each.lat - town.lat) < 0.02
        for each in islice(planned(roads, 5), 300)
    ]

    assert sum(near) > 200


def test_no_incidents_when_none_are_wanted(roads: Roads) -> None:
    assert list(planned(roads, 1, per_hour=0.0)) == []


def test_map_without_villages_is_refused(roads: Roads) -> None:
    with pytest.raises(ValueError, match="village"):
        next(stream(seed=1, places=[], kinds=KINDS, per_hour=1.0, on_road=lambda lon, lat: None))


def test_language_follows_the_names(small_map: RoadMap) -> None:
    assert language_of(small_map.places) == "zh"
    assert language_of([]) == "en"


# -- officers --------------------------------------------------------------------------------


def test_answer_times_are_human() -> None:
    crews = [Crew(Random(seed)) for seed in range(300)]

    times = [crew.answers_after_s("routine") for crew in crews]

    assert 10.0 < median(times) < 20.0
    assert max(times) > 3 * median(times)
    assert all(ANSWER["routine"].low_s <= each <= ANSWER["routine"].high_s for each in times)
    assert all(0.85 <= crew.pace() <= 1.0 for crew in crews)


def test_some_decline_and_say_why() -> None:
    reasons = [Crew(Random(seed)).declines("routine") for seed in range(1000)]

    said = [reason for reason in reasons if reason is not None]
    assert 20 < len(said) < 120
    assert all(said)


# -- a unit ----------------------------------------------------------------------------------


def a_unit(roads: Roads, seed: int = 1, **more: Any) -> SimUnit:
    rng = Random(seed)
    return SimUnit(roads=roads, home=roads.random_edge_place(rng), rng=rng, **more)


def a_job(roads: Roads, name: str = "c1", seed: int = 9) -> Job:
    place = roads.random_edge_place(Random(seed))
    return Job(
        command_id=name,
        order_id=f"o-{name}",
        lon=place.lon,
        lat=place.lat,
        type="request_for_help",
        priority="routine",
    )


def live(unit: SimUnit, start_s: float, end_s: float, step_s: float = 2.0) -> list[Said]:
    said: list[Said] = []
    now_s = start_s
    while now_s < end_s:
        now_s += step_s
        said += unit.step(now_s)
    return said


def test_order_is_worked_through_step_by_step(roads: Roads) -> None:
    for seed in range(30):
        unit = a_unit(roads, seed)
        live(unit, 0.0, 100.0)
        unit.order(a_job(roads), 100.0)

        said = live(unit, 100.0, 100.0 + 4 * 3600)

        steps = [each.step for each in said]
        if Report.DECLINED in steps:
            assert steps == [Report.SHOWN, Report.DECLINED]
            assert said[-1].reason
            continue
        assert steps == [
            Report.SHOWN,
            Report.ACCEPTED,
            Report.EN_ROUTE,
            Report.ON_SCENE,
            Report.FEEDBACK,
            Report.DONE,
        ]
        assert said[4].note
        assert unit.job is None


def test_camera_records_at_the_scene_only(roads: Roads) -> None:
    unit = a_unit(roads, 3)
    unit.order(a_job(roads), 0.0)
    seen: dict[Activity, set[str]] = {}

    for now_s in range(0, 4 * 3600, 2):
        unit.step(float(now_s))
        seen.setdefault(unit.activity, set()).add(unit.camera_mode)

    assert seen.pop(Activity.ARRIVED, {"record"}) == {"record"}
    assert seen.pop(Activity.ON_SCENE) == {"record"}
    assert set().union(*seen.values()) == {"standby"}


def test_cancelled_order_is_left_at_once(roads: Roads) -> None:
    unit = a_unit(roads, 2)
    unit.order(a_job(roads), 0.0)
    live(unit, 0.0, 200.0)
    before = unit.place

    unit.cancel("c1", 200.0)

    assert unit.job is None
    assert unit.activity in (Activity.RETURNING, Activity.STANDBY)
    assert (unit.place.lon, unit.place.lat) == pytest.approx((before.lon, before.lat), abs=1e-6)
    assert live(unit, 200.0, 4000.0) == []


def test_a_crew_reads_what_it_is_asked_and_says_yes_as_a_person(roads: Roads) -> None:
    unit = a_unit(roads)
    unit.ask("recall-1", 0.0)
    unit.ask("recall-1", 1.0)

    said = live(unit, 0.0, 3600.0)

    assert [(each.command_id, each.step) for each in said] == [
        ("recall-1", Report.SHOWN),
        ("recall-1", Report.ACCEPTED),
    ]


def test_of_too_many_questions_the_newest_are_answered(roads: Roads) -> None:
    unit = a_unit(roads)
    for number in range(ASKED_MAX + 5):
        unit.ask(f"c{number}", 0.0)

    answered = {each.command_id for each in live(unit, 0.0, 3600.0)}

    assert answered == {f"c{number}" for number in range(5, ASKED_MAX + 5)}


def test_newer_order_replaces_the_one_in_hand(roads: Roads) -> None:
    unit = a_unit(roads, 4)
    unit.order(a_job(roads, "c1"), 0.0)
    live(unit, 0.0, 30.0)

    unit.order(a_job(roads, "c2", seed=11), 30.0)
    said = live(unit, 30.0, 3 * 3600.0)

    assert {each.command_id for each in said} == {"c2"}


def test_unit_whose_orders_a_person_answers_drives_there_and_stays(roads: Roads) -> None:
    unit = a_unit(roads, 4, mute=True)
    unit.order(a_job(roads), 0.0)

    assert live(unit, 0.0, 4 * 3600.0) == []
    at_scene = unit.activity
    unit.cancel("c1", 4 * 3600.0)

    assert [at_scene, unit.activity] == [Activity.ON_SCENE, Activity.RETURNING]


def test_unit_patrols_and_comes_home(roads: Roads) -> None:
    unit = a_unit(roads, 6)

    seen = set()
    for now_s in range(0, 6 * 3600, 5):
        unit.step(float(now_s))
        seen.add(unit.activity)

    assert {Activity.STANDBY, Activity.PATROL, Activity.RETURNING} <= seen
    assert unit.metres > 1000.0


def test_same_seed_lives_the_same_life(roads: Roads) -> None:
    def life(seed: int) -> list[tuple[float, float, str]]:
        unit = a_unit(roads, seed)
        unit.order(a_job(roads), 50.0)
        track: list[tuple[float, float, str]] = []
        for now_s in range(0, 3600, 10):
            unit.step(float(now_s))
            track.append((unit.place.lon, unit.place.lat, unit.activity))
        return track

    assert life(5) == life(5)
    assert life(5) != life(6)


# -- the fleet file --------------------------------------------------------------------------


def test_fleet_file_groups_devices_by_unit(tmp_path: Path) -> None:
    def device(name: str, unit: str, **more: Any) -> dict[str, Any]:
        return {"device_id": name, "token": "t", "kind": "handset", "unit_id": unit} | more

    devices = [
        device("h1", "u1", home=[1.5, 42.5], badges=["1001"]),
        device("h2", "u2"),
        device("c1", "u1", kind="body_camera"),
        device("real", "u3", simulated=False),
    ]
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps({"devices": devices}))

    units = read(path).units()

    assert [[each.device_id for each in unit] for unit in units] == [["h1", "c1"], ["h2"]]
    assert units[0][0].home == (1.5, 42.5)
    assert len(read(path).units(1)) == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"devices": []}', '{"devices": [{"device_id": "x"}]}', "\x00\x01"],
)
def test_broken_fleet_file_says_so(content: str, tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text(content)

    with pytest.raises(FleetFileError, match="fleet"):
        read(path)


def test_missing_fleet_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match="cannot be read"):
        read(tmp_path / "nowhere.json")
