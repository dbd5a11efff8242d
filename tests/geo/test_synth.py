"""A small synthetic county: the same from the same seed, connected, drivable, and mountainous."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from geo.mapmaking.build import build
from geo.mapmaking.progress import silent
from geo.roadmap import Barrier, EdgeFlag, RoadMap, SourceMap
from geo.synth import county, mosaic

Points: TypeAlias = NDArray[np.float64]

SMALL_KM2 = 150.0


@pytest.fixture(scope="module")
def small() -> SourceMap:
    return county(11, area_km2=SMALL_KM2)


@pytest.fixture(scope="module")
def built(small: SourceMap) -> RoadMap:
    return build(small, progress=silent)


def networks(source: SourceMap) -> int:
    """How many networks, joined by shared node ids, the ways form."""
    ids, index = np.unique(
        np.concatenate([way.node_ids for way in source.ways]), return_inverse=True
    )
    ends = np.cumsum([len(way.node_ids) for way in source.ways]) - 1
    step = np.setdiff1d(np.arange(len(index) - 1), ends)
    graph = csr_matrix(
        (np.ones(len(step)), (index[step], index[step + 1])), shape=(len(ids), len(ids))
    )
    return int(connected_components(graph, directed=False)[0])


def metres(source: SourceMap, lonlat: Points) -> Points:
    west, south, _, north = source.bounds
    scale = [111_320 * np.cos(np.radians((south + north) / 2)), 110_780]
    return np.asarray((lonlat - [west, south]) * scale)


def test_same_seed_gives_the_same_map(small: SourceMap) -> None:
    again = county(11, area_km2=SMALL_KM2)

    assert again.places == small.places
    assert [way.tags for way in again.ways] == [way.tags for way in small.ways]
    for one, other in zip(small.ways, again.ways, strict=True):
        np.testing.assert_array_equal(one.node_ids, other.node_ids)
        np.testing.assert_array_equal(one.lonlat, other.lonlat)
    assert small.elevation is not None
    assert again.elevation is not None
    np.testing.assert_array_equal(small.elevation.height_m, again.elevation.height_m)


def test_another_seed_gives_another_map(small: SourceMap) -> None:
    other = county(12, area_km2=SMALL_KM2)

    assert {place.name for place in other.places} != {place.name for place in small.places}


def test_is_labelled_synthetic(small: SourceMap) -> None:
    assert small.synthetic
    assert "synthetic" in small.name
    assert small.licence == "CC0-1.0"


def test_nothing_is_not_a_number(small: SourceMap) -> None:
    assert small.elevation is not None
    assert np.isfinite(small.elevation.height_m).all()
    assert all(np.isfinite(way.lonlat).all() for way in small.ways)
    assert all(np.isfinite(river.lonlat).all() for river in small.waterways)
    assert all(np.isfinite(ring).all() for area in small.areas for ring in area.rings)


def test_everything_lies_within_the_bounds(small: SourceMap) -> None:
    west, south, east, north = small.bounds
    lonlat = np.concatenate([way.lonlat for way in small.ways])

    assert (lonlat >= np.array([west, south]) - 1e-9).all()
    assert (lonlat <= np.array([east, north]) + 1e-9).all()
    assert all(west < p.lon < east and south < p.lat < north for p in small.places)


def test_roads_form_one_network(small: SourceMap) -> None:
    assert networks(small) == 1


def test_every_settlement_lies_on_a_road(small: SourceMap) -> None:
    roads = metres(small, np.concatenate([way.lonlat for way in small.ways]))

    for place in small.places:
        spot = metres(small, np.array([[place.lon, place.lat]]))
        away_m = float(np.hypot(*(roads - spot).T).min())
        assert away_m < (90 if place.kind == "station" else 10), place


def test_a_point_shared_by_roads_is_one_spot(small: SourceMap) -> None:
    ids = np.concatenate([way.node_ids for way in small.ways])
    lonlat = np.concatenate([way.lonlat for way in small.ways])
    _, first, index = np.unique(ids, return_index=True, return_inverse=True)

    assert np.abs(lonlat - lonlat[first[index]]).max() < 1e-12


def test_names_are_unique(small: SourceMap) -> None:
    names = Counter(place.name for place in small.places)

    assert max(names.values()) == 1
    assert all(place.latin.isascii() and place.latin for place in small.places)


def test_tags_are_those_of_a_county(small: SourceMap) -> None:
    highways = Counter(way.tags["highway"] for way in small.ways)

    assert {"trunk", "tertiary", "unclassified", "track", "residential", "service"} <= set(highways)
    assert any(way.tags.get("ref", "").startswith("G3") for way in small.ways)
    assert any(way.tags.get("bridge") == "yes" for way in small.ways)
    assert {"8.5", "6", "3"} <= {way.tags.get("width") for way in small.ways}
    assert {"bad", "very_bad"} <= {way.tags.get("smoothness") for way in small.ways}
    assert {"gravel", "earth", "asphalt"} <= {way.tags.get("surface") for way in small.ways}


def test_signs_hold_some_up_and_cut_nobody_off(small: SourceMap, built: RoadMap) -> None:
    one_ways = [way for way in small.ways if way.tags.get("oneway") == "yes"]
    winter = [way for way in small.ways if way.tags.get("seasonal") == "winter"]
    flags = built.edge_flags.astype(np.int64)
    open_there, open_back = (
        (flags & int(flag)) == 0 for flag in (EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)
    )
    tail = np.concatenate((built.edge_tail[open_there], built.edge_head[open_back]))
    head = np.concatenate((built.edge_head[open_there], built.edge_tail[open_back]))
    graph = csr_matrix((np.ones(len(tail)), (tail, head)), shape=(built.node_count,) * 2)

    assert one_ways
    assert winter
    assert small.barriers
    assert {each.only for each in small.restrictions} == {False}
    assert (built.node_barrier == Barrier.GATE).sum() == len(small.barriers)
    assert len(built.ban_leave) == len(small.restrictions) > 0
    assert connected_components(graph, connection="strong")[0] == 1
    assert {way.tags["highway"] for way in winter} <= {"track", "unclassified"}
    assert {way.tags["highway"] for way in one_ways} == {"residential"}


def test_points_are_close_enough_to_draw_a_bend(small: SourceMap) -> None:
    steps = np.concatenate(
        [np.hypot(*np.diff(metres(small, way.lonlat), axis=0).T) for way in small.ways]
    )

    assert np.percentile(steps, 99) < 115
    assert np.percentile(steps, 1) > 1


def test_passes_are_climbed_by_hairpins(small: SourceMap) -> None:
    hairpins = sum(hairpins_of(metres(small, way.lonlat)) for way in small.ways)

    assert hairpins > 30


def hairpins_of(xy: Points) -> int:
    """Bends that turn a road around (more than 130°) within 75 m, with a radius of 5..25 m."""
    step = np.diff(xy, axis=0)
    length = np.hypot(*step.T)
    heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    middle = np.cumsum(length) - length / 2
    found, until = 0, -1.0
    for k in range(len(heading)):
        if middle[k] < until:
            continue
        ahead = np.flatnonzero((middle > middle[k]) & (middle < middle[k] + 75))
        turned = np.abs(heading[ahead] - heading[k])
        around = ahead[turned > np.radians(130)]
        if not len(around):
            continue
        arc_m = middle[around[0]] - middle[k] - (length[k] + length[around[0]]) / 2
        radius_m = arc_m / np.abs(heading[around[0]] - heading[k])
        if 4 <= radius_m <= 25:
            found, until = found + 1, middle[around[0]] + 20
    return found


def test_grades_can_be_driven(built: RoadMap) -> None:
    first = built.edge_first_point
    along_m = np.hypot(*np.diff(metres_of(built), axis=0).T)
    grade = np.abs(np.diff(built.point_ele_m)) / np.maximum(along_m, 1)
    within = np.ones(len(grade), dtype=np.bool_)
    within[first[1:-1] - 1] = False
    order = np.argsort(grade[within])
    share = np.cumsum(along_m[within][order]) / along_m[within].sum()
    sorted_grade = grade[within][order]

    p90 = sorted_grade[np.searchsorted(share, 0.90)]
    above_15 = 1 - share[np.searchsorted(sorted_grade, 0.15)]

    assert 0.05 < p90 < 0.125
    assert above_15 < 0.02


def metres_of(roadmap: RoadMap) -> Points:
    lat = np.radians(roadmap.point_lonlat[:, 1].mean())
    return np.asarray(roadmap.point_lonlat * [111_320 * np.cos(lat), 110_780])


def test_counties_of_a_mosaic_are_joined_at_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosaic, "_WINDOW_KM2", 45.0)

    source = county(3, area_km2=SMALL_KM2)

    assert sum(place.name.endswith("县城") for place in source.places) == 4
    assert networks(source) == 1


def test_progress_is_told_by_phase() -> None:
    told: list[tuple[str, float]] = []

    county(1, area_km2=60, progress=lambda phase, share: told.append((phase, share)))

    assert list(dict.fromkeys(phase for phase, _ in told)) == [
        "terrain",
        "water",
        "roads",
        "land cover",
    ]
    assert all(0 <= share <= 1 for _, share in told)


@pytest.mark.parametrize("area_km2", [0, -5, 59, 1e9, float("nan")])
def test_an_area_out_of_reach_is_refused(area_km2: float) -> None:
    with pytest.raises(ValueError, match="area_km2"):
        county(1, area_km2=area_km2)
