"""Many kinds of travel time over one contraction, in a bounded cache."""

from __future__ import annotations

import numpy as np
import pytest

from geo import metrics as metrics_module
from geo.driving.conditions import Condition
from geo.driving.speed import ArcSpeeds, Mode, Profile, Vehicle, arc_speeds, travel_times_ms
from geo.metrics import KEPT_MAX, METRICS_MAX, Metrics
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.engine import CLOSED
from geo.routing.places import Places
from tests.geo.maps import grid_map
from tests.geo.test_ground import ENGINES
from tests.geo.test_partial import random_spots

ROUTINE, URGENT = Profile(), Profile(mode=Mode.URGENT)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineName:
    name: EngineName = request.param
    return name


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Profile]:
    """The profiles whose times were computed, in order."""
    profiles: list[Profile] = []

    def counted(roadmap: RoadMap, profile: Profile) -> ArcSpeeds:
        profiles.append(profile)
        return arc_speeds(roadmap, profile)

    monkeypatch.setattr(metrics_module, "arc_speeds", counted)
    return profiles


def some_places(roadmap: RoadMap) -> Places:
    return Places.of(random_spots(3, roadmap.edge_count - 1, 12))


def test_a_metric_is_made_once_when_first_needed(engine: EngineName, made: list[Profile]) -> None:
    metrics = Metrics(grid_map(), engine)
    assert made == []

    for _ in range(3):
        metrics.metric(ROUTINE)
        metrics.metric(URGENT)

    assert made == [ROUTINE, URGENT]
    metrics.close()


def test_a_full_cache_lets_go_of_the_one_unused_for_longest(
    engine: EngineName, made: list[Profile]
) -> None:
    metrics = Metrics(grid_map(), engine, metrics_max=1)
    roadmap = grid_map()
    places = some_places(roadmap)
    first = metrics.router(ROUTINE).matrix(places, places)

    metrics.metric(URGENT)
    assert len(metrics) == 1
    again = metrics.router(ROUTINE).matrix(places, places)

    assert made == [ROUTINE, URGENT, ROUTINE]
    assert again.tolist() == first.tolist()
    assert METRICS_MAX > 1
    metrics.close()


def test_overrides_hold_for_every_metric_whenever_it_was_made(engine: EngineName) -> None:
    roadmap = grid_map()
    metrics, fresh = Metrics(roadmap, engine), Metrics(roadmap, engine)
    places = some_places(roadmap)
    metrics.metric(ROUTINE)
    rng = np.random.default_rng(4)

    for _ in range(5):  # several changes between two questions must add up
        arcs = rng.choice(2 * roadmap.edge_count, 20, replace=False).tolist()
        table = {arc: float(rng.choice([1.5, CLOSED])) for arc in arcs}
        metrics.set_overrides(table)
        if rng.random() < 0.5:
            metrics.router(ROUTINE).matrix(places, places)
    fresh.set_overrides(table)

    for profile in (ROUTINE, URGENT):
        found = metrics.router(profile).matrix(places, places)
        assert found.tolist() == fresh.router(profile).matrix(places, places).tolist()
    metrics.close()
    fresh.close()


def test_learned_factors_hold_for_their_mode_and_not_on_foot(engine: EngineName) -> None:
    roadmap = grid_map()
    arcs = 2 * roadmap.edge_count
    metrics = Metrics(roadmap, engine)
    metrics.metric(ROUTINE)

    metrics.set_learned({Mode.ROUTINE: np.full(arcs, 1.2, dtype=np.float32)})

    on_foot = Profile(vehicle=Vehicle.FOOT)
    for profile, factor in ((ROUTINE, 1.2), (URGENT, 1.0), (on_foot, 1.0)):
        modelled = travel_times_ms(roadmap, profile)
        expected = np.where(modelled < CLOSED, np.rint(modelled * factor), CLOSED)
        found = metrics.router(profile).arc_ms
        assert np.abs(found - expected).max() <= 1
    metrics.set_learned({})
    assert (metrics.router(ROUTINE).arc_ms == travel_times_ms(roadmap, ROUTINE)).all()
    metrics.close()


def test_only_metrics_whose_learned_factors_are_others_are_worked_out_anew(
    engine: EngineName,
) -> None:
    roadmap = grid_map()
    slower = np.full(2 * roadmap.edge_count, 1.2, dtype=np.float32)
    metrics = Metrics(roadmap, engine)
    metrics.set_learned({Mode.ROUTINE: slower})
    routine, urgent = metrics.metric(ROUTINE), metrics.metric(URGENT)

    metrics.set_learned({Mode.ROUTINE: slower.copy(), Mode.URGENT: slower})

    assert routine.behind is not None
    assert not routine.behind.size
    assert urgent.behind is None
    metrics.set_learned({Mode.URGENT: slower})
    assert (metrics.router(ROUTINE).arc_ms == travel_times_ms(roadmap, ROUTINE)).all()
    metrics.close()


def test_what_is_kept_is_not_let_go_of_first(engine: EngineName) -> None:
    metrics = Metrics(grid_map(), engine, metrics_max=2)
    metrics.keep([ROUTINE])
    metrics.metric(ROUTINE)

    for vehicle in (Vehicle.FOOT, Vehicle.MOTORCYCLE, Vehicle.FOUR_BY_FOUR):
        metrics.metric(Profile(vehicle=vehicle))
        assert ROUTINE in metrics
        assert len(metrics) == 2

    metrics.keep([URGENT, Profile(vehicle=Vehicle.FOOT)])
    metrics.metric(URGENT)
    metrics.metric(Profile(vehicle=Vehicle.FOOT))
    assert ROUTINE not in metrics
    metrics.close()


def test_no_more_can_be_kept_than_there_is_room_for(engine: EngineName) -> None:
    metrics = Metrics(grid_map(), engine)
    fogs = [Condition(fog_visibility_m=10.0 + each) for each in range(KEPT_MAX + 1)]

    with pytest.raises(ValueError, match=f"at most {KEPT_MAX}"):
        metrics.keep(Profile(condition=each) for each in fogs)

    assert KEPT_MAX < METRICS_MAX
    metrics.close()
