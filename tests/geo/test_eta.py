"""Travel times as distributions: closed form, what widens and what narrows, and chance itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.eta import (
    EDGE_SD,
    LEARNED_SD,
    RATIO_MAX,
    RATIO_MIN,
    ROUGH_SD,
    SD_MAX,
    SD_MIN,
    UNLEARNED_SD,
    Eta,
    Spreads,
    TripSpread,
    chance_by,
    quantile_s,
    unrouted,
)
from geo.ground import Ground
from geo.roadmap import RoadClass, RoadMap
from tests.geo.maps import Road, grid_map, make_map
from tests.geo.test_ground import random_snaps

SECONDS = st.floats(1.0, 20_000.0)
SDS = st.floats(0.05, 0.6)


@dataclass(frozen=True, kw_only=True)
class Taught:
    unknown: NDArray[np.float64]
    log_sd: NDArray[np.float64]
    spread: TripSpread


def taught(roadmap: RoadMap, trips: int, spread: TripSpread | None = None) -> Taught:
    """Every arc driven that often, with what shrinkage leaves over (tau .15, sigma .30)."""
    arcs = 2 * roadmap.edge_count
    left = 0.30**2 / (trips * EDGE_SD**2 + 0.30**2)
    return Taught(
        unknown=np.full(arcs, left),
        log_sd=np.full(arcs, EDGE_SD * np.sqrt(left)),
        spread=spread or TripSpread(),
    )


def two_roads() -> RoadMap:
    """A primary road of 3 km, then a track of 1 km."""
    nodes = [(0.0, 0.0), (3_000.0, 0.0), (4_000.0, 0.0)]
    return make_map(
        nodes,
        [
            Road(tail=0, head=1, metres=nodes[:2]),
            Road(tail=1, head=2, metres=nodes[1:], road_class=RoadClass.TRACK),
        ],
    )


ON_ROAD, ON_TRACK = 0, 2


def test_quantiles_of_a_lognormal() -> None:
    eta = Eta(median_s=1_200.0, log_sd=0.3)

    assert eta.quantile_s(0.5) == pytest.approx(1_200.0)
    assert eta.p80_s == pytest.approx(1_200.0 * np.exp(0.3 * 0.8416212))
    assert eta.p90_s == pytest.approx(1_200.0 * np.exp(0.3 * 1.2815516))
    assert eta.chance_by(1_200.0) == pytest.approx(0.5)
    assert eta.chance_by(eta.p90_s) == pytest.approx(0.9)
    assert eta.chance_by(0.0) == 0.0


def test_nine_journeys_in_ten_arrive_by_p90() -> None:
    eta = Eta(median_s=900.0, log_sd=0.25)
    rng = np.random.default_rng(4)

    journeys_s = 900.0 * np.exp(rng.normal(0.0, 0.25, 200_000))

    assert (journeys_s <= eta.p90_s).mean() == pytest.approx(0.9, abs=0.003)
    assert (journeys_s <= eta.p80_s).mean() == pytest.approx(0.8, abs=0.003)
    assert (journeys_s <= 1_100.0).mean() == pytest.approx(eta.chance_by(1_100.0), abs=0.003)


@given(median_s=SECONDS, log_sd=SDS, wider=st.floats(0.0, 0.3), share=st.floats(0.01, 0.99))
def test_quantiles_rise_with_the_share_and_spread_with_the_deviation(
    median_s: float, log_sd: float, wider: float, share: float
) -> None:
    eta, wide = Eta(median_s=median_s, log_sd=log_sd), Eta(median_s=median_s, log_sd=log_sd + wider)

    assert eta.median_s <= eta.p80_s <= eta.p90_s
    assert wide.p90_s >= eta.p90_s
    assert eta.chance_by(eta.quantile_s(share)) == pytest.approx(share, abs=1e-6)
    assert eta.chance_by(eta.quantile_s(share) * 1.01) >= share


def test_chances_of_arrays_with_no_way_and_no_distance() -> None:
    median_s = np.array([0.0, 600.0, 1_200.0, np.inf])

    chances = chance_by(median_s, np.array([0.3, 0.3, 0.2, 0.3]), 900.0)
    late_s = quantile_s(median_s, 0.3, 0.9)

    assert chances[0] == 1.0
    assert chances[1] == pytest.approx(Eta(median_s=600.0, log_sd=0.3).chance_by(900.0))
    assert chances[1] > 0.5 > chances[2]
    assert chances[3] == 0.0
    assert late_s[0] == 0.0
    assert np.isinf(late_s[3])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_of_all_or_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Eta(median_s=60.0, log_sd=0.3).quantile_s(share)


def test_road_track_and_walk_by_their_share_of_time() -> None:
    spreads = Spreads(two_roads())
    half = np.array([300.0, 300.0])

    road = spreads.eta(600.0, [ON_ROAD], np.array([600.0]))
    mixed = spreads.eta(600.0, [ON_ROAD, ON_TRACK], half)
    walked = spreads.eta(600.0, [ON_ROAD, ON_TRACK], half, walk_s=600.0)

    assert road.log_sd == pytest.approx(np.hypot(UNLEARNED_SD, EDGE_SD))
    assert mixed.log_sd == pytest.approx(np.hypot(0.35, EDGE_SD * np.sqrt(0.5)))
    assert walked.median_s == 1_200.0
    assert walked.log_sd == pytest.approx(np.hypot(0.375, EDGE_SD * np.sqrt(0.125)))


def test_many_edges_differ_less_than_one() -> None:
    spreads, legs = Spreads(two_roads()), [ON_ROAD] * 100

    long = spreads.eta(6_000.0, legs, np.full(100, 60.0))

    assert long.log_sd == pytest.approx(np.hypot(UNLEARNED_SD, EDGE_SD / 10.0))


def test_every_trip_on_a_road_makes_its_time_surer() -> None:
    roadmap = two_roads()
    by_trips = [
        Spreads(roadmap, learned=taught(roadmap, trips)).eta(600.0, [ON_ROAD], np.array([600.0]))
        for trips in (0, 1, 2, 4, 8, 20, 1_000)
    ]

    sds = [eta.log_sd for eta in by_trips]
    assert sds == sorted(sds, reverse=True)
    assert sds[0] == Spreads(roadmap).eta(600.0, [ON_ROAD], np.array([600.0])).log_sd
    assert sds[-1] == pytest.approx(LEARNED_SD, abs=0.002)


def test_a_track_stays_a_track_however_often_driven() -> None:
    roadmap = two_roads()
    spreads = Spreads(roadmap, learned=taught(roadmap, 10_000))

    eta = spreads.eta(600.0, [ON_TRACK], np.array([600.0]))

    assert eta.log_sd == pytest.approx(ROUGH_SD, abs=0.001)


def test_what_our_own_drives_differ_by_takes_the_place_of_the_starting_values() -> None:
    roadmap = two_roads()
    measured = TripSpread(learned_sd=0.15, unlearned_sd=0.4, rough_sd=0.5)

    known, unknown = (
        Spreads(roadmap, learned=taught(roadmap, trips, measured)) for trips in (100_000, 0)
    )

    for spreads, leg, sd in (
        (known, ON_ROAD, 0.15),
        (unknown, ON_ROAD, np.hypot(0.4, EDGE_SD)),
        (known, ON_TRACK, 0.5),
    ):
        eta = spreads.eta(600.0, [leg], np.array([600.0]))
        assert eta.log_sd == pytest.approx(sd, abs=0.001)


def test_half_known_roads_lie_halfway_in_variance() -> None:
    roadmap = two_roads()
    half = Taught(unknown=np.full(4, 0.5), log_sd=np.zeros(4), spread=TripSpread())

    eta = Spreads(roadmap, learned=half).eta(600.0, [ON_ROAD], np.array([600.0]))

    assert eta.log_sd**2 == pytest.approx((LEARNED_SD**2 + UNLEARNED_SD**2) / 2)


@pytest.mark.parametrize("ratio", [RATIO_MIN, RATIO_MAX])
def test_no_spread_leaves_its_bounds(ratio: float) -> None:
    roadmap = two_roads()
    spread = TripSpread(
        learned_sd=ratio * LEARNED_SD, unlearned_sd=ratio * UNLEARNED_SD, rough_sd=ratio * ROUGH_SD
    )
    for trips in (0, 100_000):
        spreads = Spreads(roadmap, learned=taught(roadmap, trips, spread))
        for leg in (ON_ROAD, ON_TRACK):
            eta = spreads.eta(600.0, [leg], np.array([600.0]))
            assert SD_MIN <= eta.log_sd <= SD_MAX


@pytest.mark.parametrize(
    "wild",
    [{"learned_sd": 0.1}, {"unlearned_sd": 0.5}, {"rough_sd": 0.9}, {"learned_sd": float("nan")}],
)
def test_a_wild_spread_is_refused(wild: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="starting value"):
        TripSpread(**wild)  # type: ignore[arg-type]  # only the standard deviations are given
    with pytest.raises(ValueError, match="do not spread less"):
        TripSpread(learned_sd=0.25, unlearned_sd=0.2)


def test_only_the_time_known_counts_as_unlearned() -> None:
    eta = unrouted(600.0)

    assert eta.median_s == 600.0
    assert eta.log_sd == UNLEARNED_SD


def test_on_foot_every_road_is_rough() -> None:
    eta = Spreads(two_roads(), on_foot=True).eta(600.0, [ON_ROAD], np.array([600.0]))

    assert eta.log_sd == pytest.approx(np.hypot(ROUGH_SD, EDGE_SD))


def test_no_way_at_all_takes_no_time() -> None:
    eta = Spreads(two_roads()).eta(0.0, [], np.empty(0))

    assert eta.p90_s == 0.0
    assert eta.chance_by(60.0) == 1.0


def test_what_was_learned_on_another_map_is_refused() -> None:
    with pytest.raises(ValueError, match="arcs"):
        Spreads(two_roads(), learned=taught(grid_map(), 3))


def test_routes_over_winding_roads_stay_between_learned_and_rough() -> None:
    ground = Ground(grid_map(island=False), engine="scipy")
    spreads = Spreads(ground.roadmap)
    snaps = random_snaps(ground, 12, seed=5)
    reached = [
        ground.route(snaps[0], target)
        for target, eta_s in zip(
            snaps[1:], ground.matrix(snaps[:1], snaps[1:])[0].tolist(), strict=True
        )
        if 0.0 < eta_s < np.inf
    ]

    etas = [spreads.eta(route.duration_s, route.legs.arc, route.leg_s) for route in reached]

    assert len(etas) >= 5
    for route, eta in zip(reached, etas, strict=True):
        assert eta.median_s == route.duration_s
        assert UNLEARNED_SD <= eta.log_sd <= np.hypot(ROUGH_SD, EDGE_SD)
