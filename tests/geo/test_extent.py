"""Which roads a dispatcher means: picked edges, a road between kilometres, a polygon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.errors import ExtentError, OffMapError
from geo.live.extent import (
    CORNERS_MAX,
    EDGES_MAX,
    NEAR_MAX,
    PICKS_MAX,
    Direction,
    ExtentIndex,
    Pick,
    Picks,
    RoadSpan,
    Zone,
)
from geo.live.outline import outline
from geo.mapmaking.build import build
from geo.roadmap import EdgeFlag, RoadMap
from tests.geo import maps
from tests.geo.sources import Nodes, a_source, a_way, lonlat

# A road G1 of 9 km from west to east in three edges, with a side road to the north at 3 km.
NODES: Nodes = {1: (0, 0), 2: (3000, 0), 3: (6000, 0), 4: (9000, 0), 5: (3000, 2000)}
WAYS = [
    a_way(1, NODES, [1, 2], ref="G1"),
    a_way(2, NODES, [3, 2], ref="G1"),
    a_way(3, NODES, [3, 4], ref="G1"),
    a_way(4, NODES, [2, 5], name="Side Lane", oneway="yes"),
]


@pytest.fixture(scope="module")
def roads() -> ExtentIndex:
    return ExtentIndex(build(a_source(WAYS)))


def edge_of(roadmap: RoadMap, way_id: int) -> int:
    return int(np.flatnonzero(roadmap.edge_way_id == way_id)[0])


def zone(west_m: float, south_m: float, east_m: float, north_m: float) -> Zone:
    corners = ((west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m))
    return Zone(corners=tuple(lonlat(*corner) for corner in corners))


def covered(roads: ExtentIndex, where: Picks | RoadSpan | Zone) -> dict[tuple[int, int], float]:
    """Share inside by (way, side); side 0 runs as drawn."""
    found = roads.cover(where)
    ways = roads.roadmap.edge_way_id[found.arcs >> 1].tolist()
    sides = (found.arcs & 1).tolist()
    return dict(zip(zip(ways, sides, strict=True), found.share.tolist(), strict=True))


def refusal(roads: ExtentIndex, where: Picks | RoadSpan | Zone) -> str:
    with pytest.raises(ExtentError) as caught:
        roads.cover(where)
    return caught.value.code


# -- picked edges ---------------------------------------------------------------------------


def test_a_picked_edge_is_meant_whole_and_both_ways(roads: ExtentIndex) -> None:
    pick = Pick(edge=edge_of(roads.roadmap, 1))

    assert covered(roads, Picks(edges=(pick,))) == {(1, 0): 1.0, (1, 1): 1.0}


def test_one_direction_of_a_picked_edge(roads: ExtentIndex) -> None:
    pick = Pick(edge=edge_of(roads.roadmap, 1), direction=Direction.BACKWARD)

    assert covered(roads, Picks(edges=(pick,))) == {(1, 1): 1.0}


def test_an_edge_picked_twice_counts_once(roads: ExtentIndex) -> None:
    edge = edge_of(roads.roadmap, 1)
    picks = (Pick(edge=edge), Pick(edge=edge, direction=Direction.FORWARD))

    assert covered(roads, Picks(edges=picks)) == {(1, 0): 1.0, (1, 1): 1.0}


def test_picks_are_bounded_and_on_the_map(roads: ExtentIndex) -> None:
    assert refusal(roads, Picks(edges=())) == "edge_count"
    assert refusal(roads, Picks(edges=(Pick(edge=0),) * (PICKS_MAX + 1))) == "edge_count"
    assert refusal(roads, Picks(edges=(Pick(edge=-1),))) == "no_such_edge"
    assert refusal(roads, Picks(edges=(Pick(edge=99),))) == "no_such_edge"


# -- a road between two kilometres -----------------------------------------------------------


def test_a_span_covers_parts_of_edges(roads: ExtentIndex) -> None:
    """G1 counts from its eastern end: way 3 is km 0 to 3, way 2 km 3 to 6, way 1 km 6 to 9."""
    found = covered(roads, RoadSpan(ref="g-1", from_km=6.6, to_km=2.4))

    assert found == pytest.approx(
        {(3, 0): 0.2, (3, 1): 0.2, (2, 0): 1.0, (2, 1): 1.0, (1, 0): 0.2, (1, 1): 0.2}, abs=0.01
    )


def test_a_span_in_one_direction_follows_the_kilometres(roads: ExtentIndex) -> None:
    """Kilometres rise westward: against ways 1 and 3 as drawn, along way 2."""
    span = RoadSpan(ref="G1", from_km=1, to_km=8, direction=Direction.FORWARD)

    assert set(covered(roads, span)) == {(1, 1), (2, 0), (3, 1)}


def test_a_single_kilometre_is_a_short_stretch(roads: ExtentIndex) -> None:
    found = covered(roads, RoadSpan(ref="G1", from_km=4.5, to_km=4.5))

    assert found == pytest.approx({(2, 0): 10 / 3000, (2, 1): 10 / 3000}, rel=0.01)


def test_a_span_ends_at_a_junction_without_touching_the_next_edge(roads: ExtentIndex) -> None:
    length_km = float(roads.roadmap.edge_length_m[edge_of(roads.roadmap, 3)]) / 1000

    assert set(covered(roads, RoadSpan(ref="G1", from_km=0, to_km=length_km))) == {(3, 0), (3, 1)}


def test_spans_of_no_road_and_beyond_its_end_are_refused(roads: ExtentIndex) -> None:
    assert refusal(roads, RoadSpan(ref="G2", from_km=0, to_km=1)) == "no_such_road"
    assert refusal(roads, RoadSpan(ref="G1", from_km=5, to_km=12)) == "km_outside"
    assert refusal(roads, RoadSpan(ref="G1", from_km=-1, to_km=1)) == "km_outside"
    assert refusal(roads, RoadSpan(ref="G1", from_km=float("nan"), to_km=1)) == "km_outside"


# -- a polygon -------------------------------------------------------------------------------


def test_a_polygon_covers_the_share_of_each_edge_inside(roads: ExtentIndex) -> None:
    found = covered(roads, zone(1500, -500, 4500, 1000))

    half = pytest.approx(0.5, abs=0.01)
    assert found == {(way, side): half for way in (1, 2, 4) for side in (0, 1)}


def test_a_polygon_that_touches_a_junction_covers_no_edge_beyond_it(roads: ExtentIndex) -> None:
    assert set(covered(roads, zone(6000, -500, 9500, 500))) == {(3, 0), (3, 1)}


def test_polygons_that_are_none_are_refused(roads: ExtentIndex) -> None:
    a, b, c, d = zone(0, -100, 1000, 100).corners

    assert refusal(roads, Zone(corners=(a, b))) == "bad_polygon"
    assert refusal(roads, Zone(corners=(a, b, a, b))) == "bad_polygon"
    assert refusal(roads, Zone(corners=(a, c, b, d))) == "bad_polygon"
    assert refusal(roads, Zone(corners=(a, b, (float("nan"), 27.0)))) == "bad_polygon"
    assert refusal(roads, Zone(corners=(a, b, (27.0, 100.0)))) == "bad_polygon"
    assert refusal(roads, Zone(corners=(a,) * (CORNERS_MAX + 1))) == "corner_count"
    assert refusal(roads, zone(0, 5000, 1000, 6000)) == "no_road_inside"


def test_a_polygon_over_too_many_edges_is_refused() -> None:
    side = 102  # 2 * 102 * 101 edges
    assert 2 * side * (side - 1) > EDGES_MAX
    nodes = [(50.0 * x, 50.0 * y) for y in range(side) for x in range(side)]
    pairs = [(n, n + 1) for n in range(side * side) if (n + 1) % side]
    pairs += [(n, n + side) for n in range(side * (side - 1))]
    lines = [maps.Road(tail=a, head=b, metres=[nodes[a], nodes[b]]) for a, b in pairs]
    crowded = ExtentIndex(maps.make_map(nodes, lines))
    ring = [(-10.0, -10.0), (6000.0, -10.0), (6000.0, 6000.0), (-10.0, 6000.0)]
    everything = Zone(corners=tuple(maps.lonlat(*corner) for corner in ring))

    assert refusal(crowded, everything) == "too_many_edges"
    assert len(crowded.inside(everything)[0]) == len(pairs)


# -- under a click ---------------------------------------------------------------------------


def test_edges_near_a_place_come_nearest_first_with_their_names(roads: ExtentIndex) -> None:
    found = roads.near(*lonlat(3040, 900), 1_000)

    assert [each.name or each.ref for each in found] == ["Side Lane", "G1", "G1"]
    assert found[0].distance_m == pytest.approx(40, abs=1)
    assert found[0].one_way
    assert found[0].km is None
    assert not found[1].one_way
    assert {round(each.km or 0, 1) for each in found[1:]} == {6.0}


def test_nothing_near_is_an_empty_answer_and_off_the_map_an_error(roads: ExtentIndex) -> None:
    assert roads.near(*lonlat(5000, 1500), 500) == []
    with pytest.raises(OffMapError):
        roads.near(110.0, 27.0, 500)


def test_a_click_in_a_town_offers_so_many_edges_and_no_more() -> None:
    ends = [(100.0, 7.0 * n) for n in range(1, 30)]
    star = [maps.Road(tail=0, head=n + 1, metres=[(0, 0), end]) for n, end in enumerate(ends)]
    town = ExtentIndex(maps.make_map([(0, 0), *ends], star))

    assert len(town.near(*maps.lonlat(0, 0), 100)) == NEAR_MAX


def test_a_road_closed_on_one_side_by_the_map_is_one_way() -> None:
    one_way = maps.one_road([(0, 0), (500, 0)], flags=EdgeFlag.CLOSED_BACKWARD)
    no_way = maps.one_road(
        [(0, 0), (500, 0)], flags=EdgeFlag.CLOSED_BACKWARD | EdgeFlag.CLOSED_FORWARD
    )

    for roadmap, said in ((one_way, True), (no_way, False)):
        (found,) = ExtentIndex(roadmap).near(*maps.lonlat(250, 5), 50)
        assert found.one_way is said


# -- another map -----------------------------------------------------------------------------


def rebuilt(ways: list[int], nodes: Nodes = NODES) -> ExtentIndex:
    """The map built anew of some of its ways, in this order; way 1 is drawn from its other end."""
    redrawn = {
        1: a_way(1, nodes, [2, 1], ref="G1"),
        2: a_way(2, nodes, [3, 2], ref="G1"),
        3: a_way(3, nodes, [3, 4], ref="G1"),
        4: a_way(4, nodes, [2, 5], name="Side Lane", oneway="yes"),
    }
    return ExtentIndex(build(a_source([redrawn[way] for way in ways])))


def test_a_pick_is_found_again_where_edges_are_numbered_and_drawn_otherwise(
    roads: ExtentIndex,
) -> None:
    """Ten metres off, and forward there is backward here."""
    pick = Pick(edge=edge_of(roads.roadmap, 1), direction=Direction.FORWARD)
    another = rebuilt([4, 3, 2, 1], {number: (x, y + 10) for number, (x, y) in NODES.items()})

    (found,) = another.reattached(Picks(edges=(roads.anchored(pick),))).edges

    assert another.roadmap.edge_way_id[found.edge] == 1
    assert found.direction is Direction.BACKWARD


def test_a_pick_whose_road_is_gone_is_left_out(roads: ExtentIndex) -> None:
    anchored = roads.anchored(Pick(edge=edge_of(roads.roadmap, 1)))

    assert rebuilt([3, 4]).reattached(Picks(edges=(anchored,))).edges == ()


def test_a_crossing_road_is_not_taken_for_the_one_picked(roads: ExtentIndex) -> None:
    anchored = roads.anchored(Pick(edge=edge_of(roads.roadmap, 1)))
    across: Nodes = {1: (1500, -800), 2: (1500, 800)}
    another = ExtentIndex(build(a_source([a_way(9, across, [1, 2])])))

    assert another.reattached(Picks(edges=(anchored,))).edges == ()


def test_an_anchor_off_the_new_map_is_left_out(roads: ExtentIndex) -> None:
    anchored = replace(roads.anchored(Pick(edge=0)), lon=10.0, lat=50.0)

    assert roads.reattached(Picks(edges=(anchored,))).edges == ()


# -- drawn -----------------------------------------------------------------------------------


def drawn_m(roads: ExtentIndex, where: Picks | RoadSpan | Zone) -> list[list[tuple[int, int]]]:
    """First and last point of each line, metres from the origin of the map's nodes, in order."""
    x0, y0 = lonlat(0, 0)
    x1, y1 = lonlat(1, 1)
    lines = [(line - (x0, y0)) / (x1 - x0, y1 - y0) for line in outline(roads, where)]
    return sorted(sorted((round(x, -1), round(y, -1)) for x, y in line[[0, -1]]) for line in lines)


def test_a_picked_edge_is_drawn_whole(roads: ExtentIndex) -> None:
    picks = Picks(edges=(Pick(edge=edge_of(roads.roadmap, 4)),) * 2)

    assert drawn_m(roads, picks) == [[(3000, 0), (3000, 2000)]]


def test_a_span_is_drawn_from_kilometre_to_kilometre(roads: ExtentIndex) -> None:
    length_km = roads.linear.length_km("G1") or 0.0
    span = RoadSpan(ref="G1", from_km=length_km / 6, to_km=length_km / 2)

    assert drawn_m(roads, span) == [[(4500, 0), (6000, 0)], [(6000, 0), (7500, 0)]]


def test_roads_in_a_polygon_are_cut_at_its_rim(roads: ExtentIndex) -> None:
    assert drawn_m(roads, zone(1500, -500, 4500, 1000)) == [
        [(1500, 0), (3000, 0)],
        [(3000, 0), (3000, 1000)],
        [(3000, 0), (4500, 0)],
    ]


def test_a_polygon_over_a_town_is_not_drawn_road_by_road(
    roads: ExtentIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geo.live.outline.ZONE_LINES_MAX", 2)

    assert outline(roads, zone(1500, -500, 4500, 1000)) == []
