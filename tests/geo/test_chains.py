"""Which edge carries straight on at a junction."""

from __future__ import annotations

import numpy as np
import pytest

from geo.driving.chains import Chains, chains_of
from geo.roadmap import EdgeFlag, RoadClass, RoadMap
from tests.geo.maps import Road, grid_map, make_map

PRIMARY, TRACK = RoadClass.PRIMARY, RoadClass.TRACK


def star(*angles_deg: float, classes: list[RoadClass] | None = None) -> RoadMap:
    """Roads out of one node in the middle; edge k goes from it in the k-th direction."""
    ends = [
        (500.0 * np.cos(np.radians(angle)), 500.0 * np.sin(np.radians(angle)))
        for angle in angles_deg
    ]
    roads = [
        Road(
            tail=0,
            head=number + 1,
            metres=[(0.0, 0.0), end],
            road_class=classes[number] if classes else PRIMARY,
        )
        for number, end in enumerate(ends)
    ]
    return make_map([(0.0, 0.0), *ends], roads)


def joined(chains: Chains) -> set[frozenset[int]]:
    """Pairs of edges that carry each other on."""
    return {
        frozenset((arc >> 1, int(ahead) >> 1))
        for arc, ahead in enumerate(chains.next_arc)
        if ahead >= 0
    }


def test_a_side_street_does_not_part_the_road() -> None:
    assert joined(chains_of(star(0.0, 180.0, 90.0))) == {frozenset({0, 1})}


def test_a_crossing_is_two_roads() -> None:
    assert joined(chains_of(star(0.0, 90.0, 180.0, 270.0))) == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }


def test_the_like_road_goes_on_where_a_fork_is_even() -> None:
    fork = star(0.0, 175.0, 185.0, classes=[PRIMARY, TRACK, PRIMARY])

    assert joined(chains_of(fork)) == {frozenset({0, 2})}


def test_a_sharp_branch_is_a_turn_but_a_sharp_bend_is_none() -> None:
    assert not joined(chains_of(star(0.0, 100.0, 20.0)))
    assert joined(chains_of(star(0.0, 20.0))) == {frozenset({0, 1})}


@pytest.mark.parametrize("flag", [EdgeFlag.FERRY, EdgeFlag.ROUNDABOUT])
def test_ferries_and_circles_are_roads_of_their_own(flag: EdgeFlag) -> None:
    roads = [
        Road(tail=0, head=1, metres=[(0.0, 0.0), (500.0, 0.0)]),
        Road(tail=1, head=2, metres=[(500.0, 0.0), (900.0, 0.0)], flags=flag),
    ]

    assert not joined(chains_of(make_map([(0.0, 0.0), (500.0, 0.0), (900.0, 0.0)], roads)))


def test_a_ring_is_cut_open_once() -> None:
    corners = [(0.0, 0.0), (500.0, 0.0), (500.0, 500.0), (0.0, 500.0)]
    roads = [
        Road(tail=k, head=(k + 1) % 4, metres=[corners[k], corners[(k + 1) % 4]]) for k in range(4)
    ]
    chains = chains_of(make_map(corners, roads))

    assert np.diff(chains.start).tolist() == [4]
    assert len(joined(chains)) == 3


def test_a_loop_at_one_node_is_a_chain_of_one() -> None:
    loop = [(0.0, 0.0), (300.0, 0.0), (0.0, 300.0), (0.0, 0.0)]
    chains = chains_of(make_map([(0.0, 0.0)], [Road(tail=0, head=0, metres=loop)]))

    assert np.diff(chains.start).tolist() == [1]
    assert chains.next_arc.tolist() == [-1, -1]


@pytest.mark.parametrize("seed", range(3))
def test_chains_hold_every_edge_once_and_join_end_to_end(seed: int) -> None:
    roadmap = grid_map(seed=seed)
    chains = chains_of(roadmap)
    ends = np.column_stack((roadmap.edge_tail, roadmap.edge_head))[chains.edge]
    ends = np.where(chains.forward[:, None], ends, ends[:, ::-1])
    inside = np.ones(len(ends), dtype=np.bool_)
    inside[chains.start[:-1]] = False

    assert sorted(chains.edge.tolist()) == list(range(roadmap.edge_count))
    assert (ends[1:, 0] == ends[:-1, 1])[inside[1:]].all()
    assert inside.sum() > 10


@pytest.mark.parametrize("seed", range(3))
def test_what_goes_on_one_way_goes_on_back(seed: int) -> None:
    ahead = chains_of(grid_map(seed=seed)).next_arc
    arcs = np.flatnonzero(ahead >= 0)

    assert (ahead[ahead[arcs] ^ 1] == (arcs ^ 1)).all()
