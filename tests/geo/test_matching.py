"""Map matching: the right road, the right times, and honesty about what is not known."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest

from benchmarks._drivers import Driven, Way, drive, random_ways, way_of
from benchmarks.matching import Field as Benchmarked
from geo import mapfolder
from geo.driving.speed import Profile, travel_times_ms
from geo.errors import TrackError
from geo.learning.candidates import CANDIDATES_MAX, RoadPlaces
from geo.learning.matching import GAP_S_MAX, TUNNEL_GAP_S_MAX, Match, Why
from geo.learning.nearways import NearWays
from geo.learning.passages import STAND_S
from geo.learning.track import FIXES_MAX, Track
from geo.roadmap import EdgeFlag, RoadMap
from geo.routing.engine import UNREACHABLE, Graph, Seeds
from geo.routing.scipy_engine import ScipyEngine
from tests.geo.maps import Road, degrees, grid_map, lonlat, make_map

SPEED_MPS = 10.0


class Field(Benchmarked):
    """On hand-made maps, too."""

    def way(self, start: tuple[float, float], end: tuple[float, float]) -> Way:
        """The way between two places in metres of the hand-made map."""
        snaps = (self.ground.snap(*lonlat(*place)) for place in (start, end))
        return way_of(self.roadmap, self.ground.route(*snaps))

    def match(self, driven: Driven | Track) -> Match:
        track = driven if isinstance(driven, Track) else driven.track
        return self.matcher.match(track, self.prior_ms)


def a_track(places: list[tuple[float, float]], at_s: list[float] | None = None) -> Track:
    """Fixes at places in metres of the hand-made map, ten seconds apart unless said otherwise."""
    times = np.arange(len(places)) * 10.0 if at_s is None else np.array(at_s)
    return Track.of(times.astype(np.float64), degrees(places))


def arcs_of(match: Match) -> list[int]:
    return [arc for run in match.runs for arc in run.arc.tolist()]


@pytest.mark.parametrize("interval_s", [5.0, 15.0, 30.0, 60.0])
@pytest.mark.parametrize("noise_m", [6.0, 10.0, 15.0])
def test_fixes_come_to_the_right_road(
    small_map: RoadMap, interval_s: float, noise_m: float
) -> None:
    field = Field(small_map)
    ways = random_ways(field.ground, 12, np.random.default_rng(3), 3.0)

    found = field.shares(ways, interval_s=interval_s, noise_m=noise_m)

    assert found.same_edge >= 0.95 * found.fixes
    assert found.road_driven >= 0.98 * found.fixes
    assert found.metres_right >= 0.99
    assert found.metres_found >= 0.99


@pytest.fixture(scope="module")
def andorra(andorra_dir: Path) -> tuple[Field, list[Way]]:
    field = Field(mapfolder.load(andorra_dir))
    return field, random_ways(field.ground, 40, np.random.default_rng(3), 3.0)


@pytest.mark.data
@pytest.mark.parametrize(("interval_s", "drives"), [(5.0, 12), (15.0, 24), (60.0, 40)])
@pytest.mark.parametrize(("noise_m", "edge_min"), [(6.0, 0.95), (10.0, 0.93), (15.0, 0.90)])
def test_fixes_come_to_the_right_road_in_andorra(
    andorra: tuple[Field, list[Way]],
    interval_s: float,
    drives: int,
    noise_m: float,
    edge_min: float,
) -> None:
    """Half of its edges are under 70 m: which of two a fix near their junction was on, not even
    somebody who knew the way could tell."""
    field, ways = andorra
    field.rng = np.random.default_rng(1)

    found = field.shares(ways[:drives], interval_s=interval_s, noise_m=noise_m)

    assert found.same_edge >= edge_min * found.fixes
    assert found.same_edge >= found.edge_limit - 0.025 * found.fixes
    assert found.road_driven >= 0.98 * found.fixes
    assert found.metres_right >= 0.98
    assert found.metres_found >= 0.98


def parallel_roads(apart_m: float = 30.0) -> RoadMap:
    """Two roads of 3 km side by side, joined at their ends."""
    nodes = [(0.0, 0.0), (3_000.0, 0.0), (0.0, apart_m), (3_000.0, apart_m)]
    along = np.linspace(0.0, 3_000.0, 31).tolist()
    return make_map(
        nodes,
        [
            Road(tail=0, head=1, metres=[(x, 0.0) for x in along]),
            Road(tail=2, head=3, metres=[(x, apart_m) for x in along]),
            Road(tail=0, head=2, metres=[nodes[0], nodes[2]]),
            Road(tail=1, head=3, metres=[nodes[1], nodes[3]]),
        ],
    )


@pytest.mark.parametrize("interval_s", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("road", [0, 1])
def test_of_two_parallel_roads_the_driven_one_is_chosen(road: int, interval_s: float) -> None:
    field = Field(parallel_roads())
    right = fixes = 0

    for _ in range(20):
        way = field.way((100.0, 30.0 * road), (2_900.0, 30.0 * road))
        driven = field.drive(way, interval_s=interval_s, noise_m=12.0)
        match = field.match(driven)
        right += int((match.edge == road).sum())
        fixes += len(match.edge)

    assert right / fixes >= 0.95


def test_times_at_junctions_are_those_driven() -> None:
    field = Field(grid_map(island=False))
    for way in random_ways(field.ground, 10, np.random.default_rng(6), 3.0):
        assert (field.roadmap.edge_length_m[way.arcs >> 1] * way.arc_share > 5.0).all()
        driven = field.drive(way, interval_s=5.0, noise_m=0.1)
        last_pieces = np.append(np.flatnonzero(way.new_leg)[1:] - 1, len(way.arc) - 1)
        true_s = np.cumsum(way.piece_s(field.prior_ms / 1000.0))[last_pieces]

        match = field.match(driven)

        (run,) = match.runs
        assert run.arc.tolist() == way.arcs.tolist()
        np.testing.assert_allclose(run.leave_s, true_s, atol=1.0)
        np.testing.assert_allclose(run.enter_s[1:], true_s[:-1], atol=1.0)
        np.testing.assert_allclose(run.end - run.start, way.arc_share, atol=0.01)
        assert match.unmatched == ()


def test_time_between_two_fixes_is_shared_out_by_the_model() -> None:
    """300 m of road and 300 m of track between two fixes: the track takes its share."""
    nodes = [(0.0, 0.0), (300.0, 0.0), (600.0, 0.0)]
    roads = [
        Road(tail=0, head=1, metres=nodes[:2]),
        Road(tail=1, head=2, metres=nodes[1:]),
    ]
    field = Field(make_map(nodes, roads))
    field.prior_ms = np.array([20_000, 20_000, 60_000, 60_000], dtype=np.uint32)

    match = field.match(a_track([(0.0, 5.0), (600.0, -5.0)], [0.0, 100.0]))

    (run,) = match.runs
    assert run.arc.tolist() == [0, 2]
    assert run.leave_s.tolist() == pytest.approx([25.0, 100.0], abs=0.1)
    assert run.reach_m.tolist() == pytest.approx([600.0, 600.0], abs=1.0)


def hairpin() -> RoadMap:
    """One edge of three legs of 400 m, 40 m apart."""
    shape = [(0.0, 0.0)]
    for leg in range(3):
        x = np.linspace(20.0, 380.0, 19)
        shape += [(float(each), 40.0 * leg) for each in (x if leg % 2 == 0 else x[::-1])]
        shape.append((400.0 if leg % 2 == 0 else 0.0, 40.0 * leg + 20.0))
    return make_map([shape[0], shape[-1]], [Road(tail=0, head=1, metres=shape)])


def test_the_legs_of_a_hairpin_are_told_apart() -> None:
    field = Field(hairpin())
    way = field.way((0.0, 0.0), (400.0, 100.0))
    for _ in range(20):
        driven = field.drive(way, interval_s=5.0, noise_m=8.0)

        match = field.match(driven)

        place_m = match.fraction * float(field.roadmap.edge_length_m[0])
        assert arcs_of(match) == [0]
        assert np.abs(place_m - driven.way_m).max() < 60.0


def test_a_wrong_way_down_a_one_way_road_is_not_matched() -> None:
    nodes = [(0.0, 0.0), (1_000.0, 0.0)]
    one_way = make_map(nodes, [Road(tail=0, head=1, metres=nodes, flags=EdgeFlag.CLOSED_BACKWARD)])

    match = Field(one_way).match(a_track([(900.0, 0.0), (500.0, 0.0), (100.0, 0.0)]))

    assert match.runs == ()
    assert [span.why for span in match.unmatched] == [Why.NO_WAY]


def a_road(length_m: float = 8_000.0, flags: EdgeFlag = EdgeFlag.NONE) -> RoadMap:
    """A straight road in three edges; the middle one has the flags."""
    nodes = [(share * length_m, 0.0) for share in (0.0, 0.25, 0.75, 1.0)]
    roads = [
        Road(tail=k, head=k + 1, metres=nodes[k : k + 2], flags=flags if k == 1 else EdgeFlag.NONE)
        for k in range(3)
    ]
    return make_map(nodes, roads)


@pytest.mark.parametrize(
    ("flags", "gap_s", "whys"),
    [
        (EdgeFlag.NONE, GAP_S_MAX, []),
        (EdgeFlag.NONE, GAP_S_MAX + 60.0, [Why.SILENT]),
        (EdgeFlag.TUNNEL, GAP_S_MAX + 60.0, []),
        (EdgeFlag.TUNNEL, TUNNEL_GAP_S_MAX + 1.0, [Why.SILENT]),
    ],
)
def test_a_silence_breaks_the_drive_unless_it_was_in_a_tunnel(
    flags: EdgeFlag, gap_s: float, whys: list[Why]
) -> None:
    before = [(x, 0.0) for x in (1_700.0, 1_800.0, 1_900.0)]
    after = [(x, 0.0) for x in (6_100.0, 6_200.0, 6_300.0)]
    at_s = [0.0, 10.0, 20.0, 20.0 + gap_s, 30.0 + gap_s, 40.0 + gap_s]

    match = Field(a_road(flags=flags)).match(a_track(before + after, at_s))

    assert [span.why for span in match.unmatched] == whys
    assert len(match.runs) == 1 + len(whys)
    assert (match.edge >= 0).all()


def test_fixes_off_the_road_are_a_span_without_road() -> None:
    places = [(100.0 * k, 0.0) for k in range(1, 6)]
    places += [(600.0, 300.0 + 10.0 * k) for k in range(30)]
    places += [(100.0 * k, 0.0) for k in range(7, 12)]

    match = Field(a_road()).match(a_track(places))

    (span,) = match.unmatched
    assert (span.from_s, span.to_s, span.why) == (40.0, 350.0, Why.NO_ROAD)
    assert (match.edge[5:35] == -1).all()
    assert np.isnan(match.distance_m[5:35]).all()


def test_one_fix_far_off_is_passed_over() -> None:
    field = Field(parallel_roads(apart_m=400.0))
    places = [(100.0 * k, 0.0) for k in range(1, 11)]
    places[5] = (600.0, 400.0)

    match = field.match(a_track(places))

    assert arcs_of(match) == [0]
    assert match.edge.tolist() == [0, 0, 0, 0, 0, -1, 0, 0, 0, 0]
    assert match.unmatched == ()


def test_turning_round_is_two_passages() -> None:
    out = [(100.0 * k, 0.0) for k in range(2, 13)]

    match = Field(a_road()).match(a_track(out + out[-2::-1]))

    (run,) = match.runs
    assert run.arc.tolist() == [0, 1]
    assert run.leave_s[0] == pytest.approx(100.0, abs=1.0)
    assert run.end[0] == pytest.approx(0.6, abs=0.01)


def test_standing_is_marked_and_does_not_move_the_rest() -> None:
    field = Field(a_road())
    way = field.way((100.0, 0.0), (7_900.0, 0.0))
    piece_s = way.piece_s(field.prior_ms / 1000.0)
    driving = drive(field.roadmap, way, piece_s, field.rng, interval_s=10.0, noise_m=8.0)
    stop = (piece_s[0] + piece_s[1] / 2, STAND_S + 60.0)
    stopping = drive(
        field.roadmap, way, piece_s, field.rng, interval_s=10.0, noise_m=8.0, stops=[stop]
    )

    free, stood = field.match(driving), field.match(stopping)

    assert [run.stood.tolist() for run in free.runs] == [[False, False, False]]
    assert [run.stood.tolist() for run in stood.runs] == [[False, True, False]]
    took_s = [(run.leave_s - run.enter_s)[[0, 2]] for run in (*free.runs, *stood.runs)]
    np.testing.assert_allclose(took_s[0], took_s[1], atol=5.0)


def test_a_junction_is_no_stop() -> None:
    field = Field(a_road())
    way = field.way((100.0, 0.0), (7_900.0, 0.0))
    piece_s = way.piece_s(field.prior_ms / 1000.0)
    pause = [(piece_s[0], STAND_S / 2)]
    driven = drive(
        field.roadmap, way, piece_s, field.rng, interval_s=10.0, noise_m=4.0, stops=pause
    )

    match = field.match(driven)

    assert not any(run.stood.any() for run in match.runs)


def test_a_parked_car_drives_nowhere() -> None:
    rng = np.random.default_rng(2)
    places = [(4_000.0 + x, y) for x, y in rng.normal(0.0, 6.0, (60, 2)).tolist()]

    match = Field(a_road()).match(a_track(places))

    assert all(run.stood.all() for run in match.runs)
    assert sum(float((run.end - run.start).sum()) for run in match.runs) < 0.02


def test_limits_of_a_track() -> None:
    for count, words in ((1, "two different times"), (FIXES_MAX + 1, f"at most {FIXES_MAX}")):
        with pytest.raises(TrackError, match=words):
            a_track([(float(k), 0.0) for k in range(count)])
    with pytest.raises(TrackError, match="fix 2"):
        Track.of(np.array([0.0, 1.0, 2.0]), np.array([[1.0, 42.0], [np.nan, 42.0], [1.0, 42.0]]))
    shuffled = Track.of(np.array([20.0, 0.0, 20.0]), np.array([[1.2, 42.0], [1.0, 42.0], [9, 9]]))
    assert shuffled.lonlat.tolist() == [[1.0, 42.0], [1.2, 42.0]]


def test_near_ways_are_those_of_the_exact_engine() -> None:
    roadmap = grid_map()
    prior_ms = travel_times_ms(roadmap, Profile())
    graph = Graph(
        node_count=roadmap.node_count,
        tail=np.column_stack((roadmap.edge_tail, roadmap.edge_head)).ravel().astype(np.int64),
        head=np.column_stack((roadmap.edge_head, roadmap.edge_tail)).ravel().astype(np.int64),
        order=np.arange(roadmap.node_count, dtype=np.uint32),
    )
    ways, exact = NearWays(roadmap), ScipyEngine(graph, prior_ms)
    ways.use(prior_ms)

    for node in range(roadmap.node_count):
        tree = ways.tree(node, inf)
        totals = exact.one_to_all(Seeds.at(node))
        assert set(np.flatnonzero(totals < UNREACHABLE).tolist()) == set(tree.distance_m)
        for head, total_m in tree.distance_m.items():
            arcs = ways.arcs_to(tree, head)
            assert tree.model_s[head] == pytest.approx(totals[head] / 1000.0)
            assert ways.prior_s[arcs].sum() == pytest.approx(tree.model_s[head])
            assert ways.arc_m[arcs].sum() == pytest.approx(total_m)


def test_a_search_ends_at_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    roadmap = grid_map()
    ways = NearWays(roadmap)
    ways.use(travel_times_ms(roadmap, Profile()))

    near = ways.tree(14, 2_000.0)
    monkeypatch.setattr("geo.learning.nearways.NODES_MAX", 5)
    monkeypatch.setattr("geo.learning.nearways.TREES_MAX", 3)
    few = [ways.tree(node, 20_000.0) for node in range(6)]

    assert 1 < len(near.distance_m) < roadmap.node_count
    assert max(near.distance_m.values()) <= 2_000.0
    assert [len(tree.distance_m) for tree in few] == [5] * 6
    assert ways.trees_len == 3


def test_a_fix_has_at_most_so_many_candidates() -> None:
    nodes = [(0.0, 2.0 * k) for k in range(12)] + [(900.0, 2.0 * k) for k in range(12)]
    roads = [Road(tail=k, head=12 + k, metres=[nodes[k], nodes[12 + k]]) for k in range(12)]
    places = RoadPlaces(make_map(nodes, roads))
    fix = places.projection.to_metres(degrees([(450.0, 7.0)]))

    found = places.near(fix, np.array([50.0]))

    assert found.first.tolist() == [0, CANDIDATES_MAX]
    assert sorted(found.edge.tolist()) == list(range(CANDIDATES_MAX))
    assert found.distance_m.tolist() == sorted(found.distance_m.tolist())
