"""Coverage against the long way round: every road of every pair, and what must hold of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import pytest

from geo.driving.foot import OFF_PATH_FACTOR, tobler_mps
from geo.errors import NoRouteError
from geo.eta import LIKELY, Eta, Spreads
from geo.ground import Ground
from geo.reach.coverage import (
    LIMIT_S_MAX,
    SETTLEMENTS,
    VILLAGES_MAX,
    Coverage,
    Survey,
    Village,
    cover,
    eta_to,
    feature,
    times_to,
    villages_of,
)
from geo.reach.times import SOURCES_MAX, Reach
from geo.roadmap import Place, RoadMap
from geo.routing.engine import CLOSED
from geo.snap import Snap
from tests.geo.maps import grid_map, lonlat
from tests.geo.test_ground import random_snaps

LIMIT_S = 420.0


def a_place(name: str, east_m: float, north_m: float, people: int = 0) -> Place:
    lon, lat = lonlat(east_m, north_m)
    return Place(name=name, kind="village", lon=lon, lat=lat, population=people)


def with_villages(seed: int = 3, count: int = 60) -> RoadMap:
    """The winding grid with villages on it and beside it, a third of unknown size."""
    rng = np.random.default_rng(seed)
    places = [
        a_place(f"V{number}", east_m, north_m, int(rng.choice([0, 80, 500])))
        for number, (east_m, north_m) in enumerate(rng.uniform(-300.0, 4_800.0, (count, 2)))
    ]
    return dataclasses.replace(grid_map(), places=tuple(places))


@pytest.fixture(scope="module")
def ground() -> Ground:
    return Ground(with_villages(), engine="scipy")


@pytest.fixture(scope="module")
def villages(ground: Ground) -> list[Village]:
    return villages_of(ground.roadmap, ground.approach)


def survey_of(ground: Ground, villages: Sequence[Village], sources: Sequence[Snap]) -> Survey:
    reaches = [Reach.of(ground, [each], 7_200.0) for each in sources]
    return Survey(villages, np.array([times_to(villages, each) for each in reaches]), LIMIT_S)


def chances(ground: Ground, village: Village, sources: Sequence[Snap]) -> list[float]:
    """Of every source by its own road, best first: the definition, without any short cut."""
    found = []
    for source in sources:
        try:
            eta = eta_to(ground, Spreads(ground.roadmap), source, village)
        except NoRouteError:
            continue
        found.append(eta.chance_by(LIMIT_S))
    return sorted(found, reverse=True)


def test_a_village_is_judged_as_if_every_road_had_been_looked_at(
    ground: Ground, villages: list[Village]
) -> None:
    sources = random_snaps(ground, 3, seed=6)

    coverage = cover(ground, Spreads(ground.roadmap), villages, sources, LIMIT_S)

    for each in coverage.reached:
        found = chances(ground, each.village, sources)
        once = any(chance >= LIKELY for chance in found)
        assert (each.units_in_time >= 1) == once
        if each.units_in_time == 2:
            assert sum(chance >= LIKELY for chance in found) >= 2
    counts = [sum(each.units_in_time == units for each in coverage.reached) for units in range(3)]
    assert min(counts) >= 3, counts


def test_only_where_it_decides_the_road_is_asked_for(
    ground: Ground, villages: list[Village]
) -> None:
    sources = random_snaps(ground, 3, seed=6)
    survey = survey_of(ground, villages, sources)

    undecided = survey.undecided()

    assert 0 < len(undecided) < len(villages)
    spreads = Spreads(ground.roadmap)
    roads = {
        (source, village): eta_to(ground, spreads, sources[source], villages[village])
        for source in range(3)
        for village in range(len(villages))
        if (place := villages[village].approach) is not None
        and np.isfinite(ground.arrivals([sources[source]], place)[0][0])
    }
    some, everything = (
        survey.verdict({pair: roads[pair] for pair in undecided}),
        survey.verdict(roads),
    )
    assert units_in_time(some) == units_in_time(everything)


def units_in_time(coverage: Coverage) -> list[int]:
    return [each.units_in_time for each in coverage.reached]


@pytest.mark.parametrize("seed", range(3))
def test_more_units_and_more_time_never_cover_less(seed: int) -> None:
    ground = Ground(with_villages(seed, 40), engine="scipy")
    villages, spreads = villages_of(ground.roadmap, ground.approach), Spreads(ground.roadmap)
    sources = random_snaps(ground, 4, seed=seed)

    one = cover(ground, spreads, villages, sources[:1], LIMIT_S)
    more = cover(ground, spreads, villages, sources, LIMIT_S)
    longer = cover(ground, spreads, villages, sources, 2 * LIMIT_S)

    for few, many in ((one, more), (more, longer)):
        assert few.villages.covered <= many.villages.covered
        assert few.people.covered <= many.people.covered
        assert few.villages.covered_twice <= many.villages.covered_twice
        for before, after in zip(few.reached, many.reached, strict=True):
            assert (before.units_in_time >= 1) <= (after.units_in_time >= 1)
    assert one.villages.covered_twice == 0


def test_a_closed_road_never_covers_more(villages: list[Village]) -> None:
    ground = Ground(with_villages(), engine="scipy")
    sources, spreads = random_snaps(ground, 3, seed=6), Spreads(ground.roadmap)
    before = cover(ground, spreads, villages, sources, LIMIT_S)

    rng = np.random.default_rng(1)
    arcs = rng.choice(2 * ground.roadmap.edge_count, 40, replace=False).tolist()
    ground.set_overrides(dict.fromkeys(arcs, CLOSED))
    after = cover(ground, spreads, villages, sources, LIMIT_S)

    assert after.villages.covered < before.villages.covered
    assert after.people.covered <= before.people.covered


def test_people_are_counted_where_they_are_known() -> None:
    places = (
        a_place("near", 40.0, 0.0, 500),
        a_place("near and unknown", 20.0, 0.0),
        a_place("far", 4_500.0, 4_500.0, 300),
        a_place("far and unknown", 4_500.0, 4_400.0),
        dataclasses.replace(a_place("post", 0.0, 0.0, 9), kind="station"),
    )
    ground = Ground(dataclasses.replace(grid_map(), places=places), engine="scipy")
    found = villages_of(ground.roadmap, ground.approach)

    coverage = cover(
        ground, Spreads(ground.roadmap), found, [ground.snap(*lonlat(0.0, 0.0))], 120.0
    )

    assert {each.village.place.kind for each in coverage.reached} <= SETTLEMENTS
    assert (coverage.villages.total, coverage.villages.covered) == (4, 2)
    assert (coverage.people.total, coverage.people.covered) == (800, 500)
    assert (coverage.unknown.total, coverage.unknown.covered) == (2, 1)
    assert coverage.people.share == 0.625
    assert coverage.people.share_twice == 0.0
    assert {each.village.place.name for each in coverage.worst()} == {"far", "far and unknown"}


def test_villages_nobody_reaches_are_the_worst(ground: Ground, villages: list[Village]) -> None:
    source = random_snaps(ground, 1, seed=6)[0]
    lost = Village(place=a_place("lost", 0.0, 90_000.0, 40), approach=None)

    coverage = cover(ground, Spreads(ground.roadmap), [*villages, lost], [source], LIMIT_S)

    worst = coverage.worst(len(villages) + 1)
    lateness = [np.inf if each.first is None else each.first.eta.p90_s for each in worst]
    assert worst[0].first is None
    assert lost in [each.village for each in worst]
    assert lateness == sorted(lateness, reverse=True)
    assert all(each.units_in_time == 0 for each in worst)
    assert feature(worst[0])["properties"]["median_s"] is None
    assert coverage.worst(2) == worst[:2]


def test_a_village_off_the_road_adds_the_walk() -> None:
    places = (a_place("on it", 450.0, 0.0, 10), a_place("above it", 450.0, -900.0, 10))
    ground = Ground(dataclasses.replace(grid_map(), places=places), engine="scipy")
    near, far = villages_of(ground.roadmap, ground.approach)
    source = ground.snap(*lonlat(0.0, 0.0))

    coverage = cover(ground, Spreads(ground.roadmap), [near, far], [source], 3_600.0)

    assert near.walk_s == 0.0
    assert far.approach is not None
    nearest = far.approach.nearest
    assert nearest.walk.distance_m > 800.0
    level_mps = OFF_PATH_FACTOR * float(tobler_mps(np.array([0.0]))[0])
    assert far.walk_s == pytest.approx(nearest.walk.distance_m / level_mps)
    first = coverage.reached[1].first
    assert first is not None
    ways_s = [
        float(ground.etas([source], each.snap)[0]) + each.walk.duration_s
        for each in far.approach.drop_offs
    ]
    assert first.eta.median_s == pytest.approx(min(ways_s), abs=0.01)
    assert min(ways_s) > min(each.walk.duration_s for each in far.approach.drop_offs)


def test_without_anybody_nothing_is_covered(villages: list[Village]) -> None:
    coverage = Survey(villages, np.empty((0, len(villages))), LIMIT_S).verdict({})

    assert coverage.villages.covered == 0
    assert coverage.villages.share == 0.0
    assert Survey([], np.empty((3, 0)), LIMIT_S).verdict({}).villages.share is None


def test_the_likelier_of_two_comes_first(ground: Ground, villages: list[Village]) -> None:
    sources = random_snaps(ground, 2, seed=6)
    survey = survey_of(ground, villages, sources)
    number = next(n for n, each in enumerate(survey.verdict({}).reached) if each.second is not None)

    sure, unsure = Eta(median_s=400.0, log_sd=0.2), Eta(median_s=390.0, log_sd=0.4)
    judged = survey.verdict({(0, number): unsure, (1, number): sure}).reached[number]

    assert judged.first is not None
    assert judged.second is not None
    assert judged.first.chance == max(sure.chance_by(LIMIT_S), unsure.chance_by(LIMIT_S))
    assert judged.first.chance >= judged.second.chance


def test_geojson_of_a_village(ground: Ground, villages: list[Village]) -> None:
    coverage = cover(
        ground, Spreads(ground.roadmap), villages, random_snaps(ground, 2, seed=6), LIMIT_S
    )

    written = [json.loads(json.dumps(feature(each))) for each in coverage.reached]

    for each, read in zip(coverage.reached, written, strict=True):
        about = read["properties"]
        assert about["name"] == each.village.place.name
        assert about["population"] != 0
        assert about["units_in_time"] == each.units_in_time
        assert read["geometry"]["coordinates"] == pytest.approx(
            [each.village.place.lon, each.village.place.lat], abs=1e-5
        )


def test_what_is_too_much_is_refused(ground: Ground, villages: list[Village]) -> None:
    times_s = np.zeros((1, len(villages)))

    for limit_s in (0.0, LIMIT_S_MAX + 1.0):
        with pytest.raises(ValueError, match="the limit"):
            Survey(villages, times_s, limit_s)
    with pytest.raises(ValueError, match="places to start from"):
        Survey(villages, np.zeros((SOURCES_MAX + 1, len(villages))), LIMIT_S)
    with pytest.raises(ValueError, match="villages"):
        Survey(villages[:1] * (VILLAGES_MAX + 1), times_s, LIMIT_S)
