"""Reach and isochrones against the router and against plain buffers of the roads reached."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import shapely

from geo.driving.speed import Mode, Profile
from geo.eta import UNROUTED_SD, quantile_s
from geo.ground import Ground
from geo.projection import projection
from geo.reach.isochrone import (
    BANDS_LEN_MAX,
    BESIDE_M,
    CELL_M_MIN,
    CELLS_MAX,
    MINUTES_MAX,
    Band,
    feature,
    isochrones,
)
from geo.reach.times import SOURCES_MAX, Reach
from geo.roadmap import RoadClass, RoadMap
from geo.routing.engine import CLOSED
from geo.snap import Snap
from tests.geo.maps import CRS, Road, grid_map, lonlat, make_map, one_road
from tests.geo.test_ground import random_snaps

LIMITS_S = (120.0, 240.0, 480.0)


@pytest.fixture(scope="module")
def ground() -> Ground:
    return Ground(grid_map(), engine="scipy")


def reach_from(ground: Ground, seed: int = 8, limit_s: float = LIMITS_S[-1]) -> Reach:
    return Reach.of(ground, random_snaps(ground, 1, seed=seed), limit_s)


def in_metres(band: Band) -> shapely.MultiPolygon:
    return shapely.MultiPolygon(list(shapely.transform(band.area, projection(CRS).to_metres).geoms))


def columns(snaps: list[Snap]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([each.edge for each in snaps]), np.array([each.fraction for each in snaps])


@pytest.mark.parametrize("seed", range(6))
def test_reach_gives_the_times_of_the_router(ground: Ground, seed: int) -> None:
    source, *places = random_snaps(ground, 120, seed=seed)
    on_the_same_edge = [
        Snap(edge=source.edge, fraction=share, lon=0.0, lat=0.0, distance_m=0.0)
        for share in (0.0, 0.3, source.fraction, 0.9, 1.0)
    ]
    places += on_the_same_edge

    found = Reach.of(ground, [source], 3_600.0).at(*columns(places))

    expected = ground.matrix([source], places)[0]
    inside = np.isin([place.fraction for place in places], (0.0, 1.0), invert=True)
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.002)
    assert (found >= expected - 0.002).all()  # at a junction the router need not turn into the edge
    assert np.isfinite(found).sum() > 60


@pytest.mark.parametrize("heading_deg", [0.0, 90.0, 180.0, 270.0])
def test_a_unit_sets_off_on_its_heading_after_its_turnout(
    ground: Ground, heading_deg: float
) -> None:
    snap, *places = random_snaps(ground, 60, seed=9)
    start = ground.departure(snap, heading_deg=heading_deg, speed_mps=9.0, turnout_s=75.0)
    places += [
        Snap(edge=snap.edge, fraction=share, lon=0.0, lat=0.0, distance_m=0.0)
        for share in (0.0, 0.2, 0.8, 1.0)
    ]

    found = Reach.of(ground, [start], 3_600.0).at(*columns(places))

    np.testing.assert_allclose(found, ground.matrix([start], places)[0], atol=0.002)


def test_another_profile_has_a_reach_of_its_own(ground: Ground) -> None:
    snap, *places = random_snaps(ground, 60, seed=9)
    urgent = Profile(mode=Mode.URGENT)

    found = Reach.of(ground, [snap], 3_600.0, profile=urgent).at(*columns(places))

    expected = ground.matrix([snap], places, profile=urgent)[0]
    np.testing.assert_allclose(found, expected, atol=0.002)
    assert (found <= Reach.of(ground, [snap], 3_600.0).at(*columns(places))).all()


def test_beyond_the_limit_nothing_is_reached(ground: Ground) -> None:
    snaps = random_snaps(ground, 80, seed=2)
    near = Reach.of(ground, snaps[:1], 200.0)

    times_s = near.at(*columns(snaps))

    expected = ground.matrix(snaps[:1], snaps)[0]
    assert (np.isfinite(times_s) == (expected <= 200.0)).all()
    assert 1 < np.isfinite(times_s).sum() < 80


def test_a_band_is_the_ground_beside_the_roads_that_are_reached(ground: Ground) -> None:
    reach = reach_from(ground)
    plane = projection(CRS)

    (band,) = isochrones(reach, [300.0])

    stretches = []
    share = np.linspace(0.0, 1.0, 401)
    for edge in range(ground.roadmap.edge_count):
        times_s = reach.at(np.full(401, edge), share)
        line = shapely.LineString(plane.to_metres(ground.roadmap.shape(edge)))
        near = shapely.line_interpolate_point(line, share, normalized=True)[times_s <= 300.0]
        stretches += [point.buffer(BESIDE_M) for point in near]
    expected = shapely.union_all(stretches)
    drawn = in_metres(band)
    assert drawn.is_valid
    assert drawn.symmetric_difference(expected).area < 0.06 * expected.area
    assert drawn.buffer(CELL_M_MIN).contains(expected)
    assert expected.buffer(1.5 * CELL_M_MIN).contains(drawn)
    assert band.area_km2 == pytest.approx(expected.area / 1e6, rel=0.04)


def test_longer_bands_hold_shorter_ones(ground: Ground) -> None:
    bands = isochrones(reach_from(ground), LIMITS_S)

    assert [band.limit_s for band in bands] == list(LIMITS_S)
    for small, large in itertools.pairwise(map(in_metres, bands)):
        assert small.area < large.area
        assert large.buffer(CELL_M_MIN / 2).contains(small)


@pytest.mark.parametrize("seed", range(4))
def test_a_closed_road_never_makes_a_band_larger(seed: int) -> None:
    ground = Ground(grid_map(seed=seed), engine="scipy")
    source = random_snaps(ground, 1, seed=seed)[0]
    before = isochrones(Reach.of(ground, [source], 480.0), LIMITS_S)
    rng = np.random.default_rng(seed)

    arcs = rng.choice(2 * ground.roadmap.edge_count, 30, replace=False)
    ground.set_overrides(dict.fromkeys(arcs.tolist(), CLOSED))
    after = isochrones(Reach.of(ground, [source], 480.0), LIMITS_S)

    assert after[-1].area_km2 < before[-1].area_km2
    for with_closures, without in zip(after, before, strict=True):
        outside = in_metres(with_closures).difference(in_metres(without).buffer(CELL_M_MIN / 2))
        assert outside.area < 1.0


def test_several_sources_reach_what_any_of_them_reaches(ground: Ground) -> None:
    one, other = reach_from(ground, seed=1), reach_from(ground, seed=4)
    alone = [in_metres(isochrones(each, [120.0])[0]) for each in (one, other)]

    (both,) = isochrones(one.joined(other), [120.0])

    joined = shapely.union_all(alone)
    assert in_metres(both).symmetric_difference(joined).area < 0.03 * joined.area


def test_what_nine_journeys_in_ten_reach_is_what_a_shorter_median_does(ground: Ground) -> None:
    reach = reach_from(ground)
    (median,) = isochrones(reach, [400.0])

    for asked, log_sd in (({}, UNROUTED_SD), ({"log_sd": 0.2}, 0.2)):
        (sure,) = isochrones(reach, [400.0], share=0.9, **asked)
        sure_s = 400.0 / float(quantile_s(np.float64(1.0), log_sd, 0.9))
        (shorter,) = isochrones(reach, [sure_s])
        assert sure.area.equals(shorter.area)
        assert sure.area_km2 < median.area_km2


def test_within_one_road_the_band_ends_on_the_road() -> None:
    ground = Ground(one_road([(0.0, 0.0), (20_000.0, 0.0)]), engine="scipy")
    reach = Reach.of(ground, [ground.snap(*lonlat(10_000.0, 0.0))], 60.0)

    (band,) = isochrones(reach, [60.0])

    speed_mps = 20_000.0 / ground.arc_s[0]
    west, south, east, north = (in_metres(band)).bounds
    assert east - west == pytest.approx(2 * (60.0 * speed_mps + BESIDE_M), abs=2 * CELL_M_MIN)
    assert north - south == pytest.approx(2 * BESIDE_M, abs=CELL_M_MIN)


def wide_map() -> RoadMap:
    """Two fast roads of 60 km at a right angle: far more than CELLS_MAX small cells."""
    nodes = [(0.0, 0.0), (60_000.0, 0.0), (0.0, 60_000.0)]
    return make_map(
        nodes,
        [
            Road(tail=0, head=head, metres=[nodes[0], nodes[head]], road_class=RoadClass.MOTORWAY)
            for head in (1, 2)
        ],
    )


def test_a_wide_raster_gets_larger_cells_instead_of_more() -> None:
    ground = Ground(wide_map(), engine="scipy")
    reach = Reach.of(ground, [ground.snap(*lonlat(0.0, 0.0))], 7_200.0)
    assert (60_000.0 / CELL_M_MIN) ** 2 > CELLS_MAX

    (band,) = isochrones(reach, [7_200.0])

    west, south, east, north = in_metres(band).bounds
    assert east - west == pytest.approx(60_000.0 + 2 * BESIDE_M, abs=300.0)
    assert north - south == pytest.approx(60_000.0 + 2 * BESIDE_M, abs=300.0)
    assert band.area.geom_type == "MultiPolygon"
    assert len(band.area.geoms) == 1


def test_geojson_of_a_band(ground: Ground) -> None:
    (band,) = isochrones(reach_from(ground), [480.0])

    written = json.loads(json.dumps(feature(band, unit="P-07")))

    assert written["properties"]["minutes"] == 8.0
    assert written["properties"]["unit"] == "P-07"
    assert written["properties"]["area_km2"] == pytest.approx(band.area_km2, abs=0.01)
    read = shapely.from_geojson(json.dumps(written["geometry"]))
    assert read.is_valid
    assert read.symmetric_difference(band.area).area < 0.005 * band.area.area


@pytest.mark.parametrize(
    ("limits_s", "words"),
    [
        ((), "time bands"),
        ((60.0,) * (BANDS_LEN_MAX + 1), "time bands"),
        ((0.0,), "more than 0"),
        ((MINUTES_MAX * 60.0 + 1.0,), "at most"),
        ((481.0,), "as far as"),
    ],
)
def test_bands_that_cannot_be_drawn_are_refused(
    ground: Ground, limits_s: tuple[float, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        isochrones(reach_from(ground), limits_s)


def test_one_reach_from_several_places_is_the_nearest_of_each(ground: Ground) -> None:
    *sources, last = random_snaps(ground, 4, seed=5)
    edge, fraction = columns([*random_snaps(ground, 100, seed=6), *sources, last])

    together = Reach.of(ground, sources, 1_800.0).joined(Reach.of(ground, [last], 1_800.0))

    alone = [Reach.of(ground, [each], 1_800.0).at(edge, fraction) for each in (*sources, last)]
    assert together.sources == (*sources, last)
    np.testing.assert_allclose(together.at(edge, fraction), np.min(alone, axis=0))


@pytest.mark.parametrize("count", [0, SOURCES_MAX + 1])
def test_nowhere_or_too_much_to_start_from_is_refused(ground: Ground, count: int) -> None:
    source = random_snaps(ground, 1, seed=1)

    with pytest.raises(ValueError, match="places to start from"):
        Reach.of(ground, source * count, 60.0)
    with pytest.raises(ValueError, match="places to start from"):
        Reach.of(ground, source * SOURCES_MAX, 60.0).joined(Reach.of(ground, source, 60.0))
