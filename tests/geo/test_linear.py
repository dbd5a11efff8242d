"""Road number + kilometre ↔ point, and a point in words."""

from __future__ import annotations

import numpy as np
import pytest

from geo.describe import Describer
from geo.linear import LinearIndex, point_at
from geo.mapmaking.build import build
from geo.roadmap import Place, RoadMap
from tests.geo.sources import LAT, LON, Nodes, a_source, a_way, lonlat

EAST_WEST: Nodes = {1: (-5000, 0), 2: (0, 0), 3: (2000, 1000), 4: (5000, 0), 5: (0, 3000)}


def a_map(*ways: tuple[list[int], str], nodes: Nodes = EAST_WEST) -> RoadMap:
    drawn = [a_way(n, nodes, ids, ref=ref) for n, (ids, ref) in enumerate(ways)]
    return build(a_source(drawn, places=[Place(name="石鼓", kind="village", lon=LON, lat=LAT)]))


def test_east_west_road_counts_from_its_eastern_end() -> None:
    index = LinearIndex(a_map(([1, 2], "G320"), ([2, 4], "G320")))

    start, end = index.locate("G320", 0), index.locate("G320", 10)

    assert start is not None
    assert end is not None
    assert (start.lon, start.lat) == pytest.approx(lonlat(5000, 0), abs=1e-5)
    assert (end.lon, end.lat) == pytest.approx(lonlat(-5000, 0), abs=1e-3)


def test_north_south_road_counts_from_its_northern_end() -> None:
    index = LinearIndex(a_map(([5, 2], "G214"), nodes={**EAST_WEST, 2: (0, -3000)}))

    start = index.locate("g214", 0)

    assert start is not None
    assert start.lat == pytest.approx(lonlat(0, 3000)[1])


def test_direction_of_drawing_does_not_matter() -> None:
    roads = [a_map(([1, 2], "X7"), ([2, 4], "X7")), a_map(([4, 2], "X7"), ([1, 2], "X7"))]

    points = [LinearIndex(road).locate("X7", 3.3) for road in roads]

    assert points[0] is not None
    assert points[1] is not None
    assert (points[0].lon, points[0].lat) == pytest.approx((points[1].lon, points[1].lat))


def test_kilometre_is_the_inverse_of_locate() -> None:
    roadmap = a_map(([1, 2, 3], "S2"), ([3, 4], "S2"), ([2, 5], "S2"), ([1, 5], "S9"))
    index = LinearIndex(roadmap)

    for km in np.arange(0, index.length_km("S2") or 0, 0.7):
        point = index.locate("S2", km)
        assert point is not None
        ref, back_km = index.kilometre(point.edge, point.fraction) or ("", 0.0)
        assert ref == "S2"
        assert back_km == pytest.approx(km, abs=1e-6)


def test_kilometres_run_on_across_a_gap() -> None:
    nodes = {1: (4000, 0), 2: (2000, 0), 3: (1000, 0), 4: (-2000, 0)}
    index = LinearIndex(a_map(([1, 2], "S1"), ([4, 3], "S1"), nodes=nodes))

    after = index.locate("S1", 4)
    within = index.locate("S1", 2.3)

    assert index.length_km("S1") == pytest.approx(6, rel=0.01)
    assert after is not None
    assert after.lon == pytest.approx(lonlat(0, 0)[0], abs=5e-4)
    assert within is not None
    assert within.lon == pytest.approx(lonlat(2000, 0)[0], abs=1e-6)


@pytest.mark.parametrize(
    ("ref", "km"), [("G999", 1), ("G320", 99), ("G320", -1), ("", 1), ("G320", float("nan"))]
)
def test_point_off_the_road_is_none(ref: str, km: float) -> None:
    assert LinearIndex(a_map(([1, 4], "G320"))).locate(ref, km) is None


def test_unnumbered_road_has_no_kilometre() -> None:
    assert LinearIndex(a_map(([1, 4], ""))).kilometre(0, 0.5) is None


def test_numbers_are_compared_without_case_spaces_and_hyphens() -> None:
    index = LinearIndex(a_map(([1, 4], "CS-340")))

    assert {index.known(text) for text in ("CS-340", "cs340", "CS 340", "ｃｓ３４０")} == {"CS-340"}


def test_point_at_shares_the_length() -> None:
    roadmap = a_map(([1, 4], ""))

    assert point_at(roadmap, 0, 0.5) == pytest.approx(lonlat(0, 0), abs=1e-9)


# -- words --------------------------------------------------------------------------------


def test_point_on_a_numbered_road_names_place_and_kilometre() -> None:
    describer = Describer(a_map(([1, 4], "G320")))

    assert describer.describe(*lonlat(1000, 20)) == "石鼓, G320 km 4.0"


def test_point_far_from_the_place_names_distance_and_direction() -> None:
    describer = Describer(a_map(([1, 4], "")))

    assert describer.describe(*lonlat(2000, 2000)) == "石鼓 2.8 km NE"
    assert describer.describe(*lonlat(0, -3000)) == "石鼓 3.0 km S"


def test_map_without_names_has_no_words() -> None:
    bare = build(a_source([a_way(1, EAST_WEST, [1, 4])]))

    assert Describer(bare).describe(LON, LAT) == ""
