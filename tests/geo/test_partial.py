"""Ends in the middle of roads, on both engines, against a graph that is cut at them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.routing.arcgraph import ArcGraph, arc_graph
from geo.routing.cch_engine import CchEngine
from geo.routing.engine import CLOSED, UNREACHABLE, Weights
from geo.routing.journey import Journey
from geo.routing.partial import PartialRouter
from geo.routing.places import Places
from geo.routing.scipy_engine import ScipyEngine
from tests.geo.test_routing import ENGINES, EngineMaker, needs_cch, random_edges, random_weights

SEEDS = range(6)
PAIRS_SEEDS = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    edge: int
    fraction: float
    delay_ms: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A random road graph with its times."""

    arcs: ArcGraph
    arc_ms: Weights
    move_ms: Weights

    def router(self, make: EngineMaker) -> PartialRouter:
        weights = self.arcs.weights(self.arc_ms, self.move_ms)
        return PartialRouter(make(self.arcs.graph, weights), self.arcs, self.arc_ms, self.move_ms)

    def junction(self, edge: int, end: float) -> int:
        """A number for the junction at that end of an edge: the first arc that leaves it."""
        last_arc = 2 * edge + (end == 0.0)
        return int(self.arcs.graph.head[self.arcs.first_move[last_arc]])

    def arcs_out(self, edge: int, end: float) -> list[int]:
        last_arc = 2 * edge + (end == 0.0)
        return sorted(
            set(self.arcs.graph.head[self.arcs.moves_from(np.array([last_arc]))].tolist())
        )

    def same_place(self, one: Spot, two: Spot) -> bool:
        if one.fraction in (0.0, 1.0) and two.fraction in (0.0, 1.0):
            return self.junction(one.edge, one.fraction) == self.junction(two.edge, two.fraction)
        return (one.edge, one.fraction) == (two.edge, two.fraction)

    @property
    def edge_count(self) -> int:
        return self.arcs.arc_count // 2


def a_town(seed: int, *, nodes: int = 60, edges: int = 110, closed_share: float = 0.15) -> Town:
    """Parallel roads, loops, islands, one-ways, turns that cost and turns that are forbidden."""
    ends = random_edges(seed, nodes, edges)
    order = np.random.default_rng(seed).permutation(len(ends)).astype(np.uint32)
    arcs = arc_graph(ends[:, 0].astype(np.int32), ends[:, 1].astype(np.int32), order)
    move_ms = random_weights(seed + 7, arcs.move_count, closed_share) // 9
    move_ms[move_ms == CLOSED // 9] = CLOSED
    return Town(
        arcs=arcs,
        arc_ms=random_weights(seed, arcs.arc_count, closed_share),
        move_ms=move_ms.astype(np.uint32),
    )


def random_spots(seed: int, edges: int, count: int) -> list[Spot]:
    rng = np.random.default_rng(seed)
    fractions = rng.choice([0.0, 1.0, 0.25, 0.5, -1.0], size=count, p=[0.1, 0.1, 0.1, 0.1, 0.6])
    fractions = np.where(fractions < 0, rng.random(count), fractions)
    delays = rng.choice([0, 0, 20_000, 90_000], size=(count, 2))
    return [
        Spot(edge=int(edge), fraction=float(fraction), delay_ms=(int(delay[0]), int(delay[1])))
        for edge, fraction, delay in zip(
            rng.integers(0, edges, count), fractions, delays, strict=True
        )
    ]


def places(spots: list[Spot]) -> Places:
    delays = np.array([spot.delay_ms for spot in spots], dtype=np.int64).reshape(-1, 2)
    return Places.of(spots, delays)


class CutGraph:
    """Every arc cut at every spot, as plain nodes; solved by Bellman-Ford, slow and obvious."""

    def __init__(self, town: Town, spots: list[Spot]) -> None:
        self._town = town
        self.at: dict[tuple[int, float], int] = {}
        self._tails: list[int] = []
        self._heads: list[int] = []
        self._times: list[int] = []
        begin, end = {}, {}
        nodes = 0
        for arc in range(town.arcs.arc_count):
            cuts = {0.0, 1.0} | {spot.fraction for spot in spots if spot.edge == arc >> 1}
            stops = sorted(cuts, reverse=bool(arc & 1))
            whole = int(town.arc_ms[arc])
            if whole >= CLOSED:
                continue
            for stop in stops:
                self.at[arc, stop] = nodes
                nodes += 1
            begin[arc], end[arc] = self.at[arc, stops[0]], self.at[arc, stops[-1]]
            for one, two in pairwise(stops):
                part = abs(int(np.rint(whole * two)) - int(np.rint(whole * one)))
                self._join(self.at[arc, one], self.at[arc, two], part)
        graph = town.arcs.graph
        for leave, enter, turn in zip(
            graph.tail.tolist(), graph.head.tolist(), town.move_ms.tolist(), strict=True
        ):
            if turn < CLOSED and leave in end and enter in begin:
                self._join(end[leave], begin[enter], turn)
        self._nodes = nodes

    def totals(self, source: Spot) -> NDArray[np.int64]:
        totals = np.full(self._nodes, UNREACHABLE, dtype=np.int64)
        if source.fraction in (0.0, 1.0):  # at a junction: any arc out of it
            on = int(source.fraction == 0.0)
            for arc in self._town.arcs_out(source.edge, source.fraction):
                side = 1 - on if arc == 2 * source.edge + 1 - on else on
                if (node := self.at.get((arc, float(arc & 1)))) is not None:
                    totals[node] = source.delay_ms[side]
        else:
            for side in (0, 1):
                if (node := self.at.get((2 * source.edge + side, source.fraction))) is not None:
                    totals[node] = source.delay_ms[side]
        times = np.array(self._times)
        while True:
            before = totals.copy()
            np.minimum.at(totals, self._heads, totals[self._tails] + times)
            if (totals == before).all():
                return totals

    def between(self, totals: NDArray[np.int64], source: Spot, target: Spot) -> int:
        if self._town.same_place(source, target):
            return 0
        if target.fraction in (0.0, 1.0):
            out = self._town.arcs_out(target.edge, target.fraction)
            ways = [self.at.get((arc ^ 1, float(arc & 1))) for arc in out]
        else:
            ways = [self.at.get((2 * target.edge + side, target.fraction)) for side in (0, 1)]
        return min((int(totals[node]) for node in ways if node is not None), default=UNREACHABLE)

    def _join(self, tail: int, head: int, time: int) -> None:
        self._tails.append(tail)
        self._heads.append(head)
        self._times.append(time)


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_journeys_equal_a_graph_cut_at_the_spots(make: EngineMaker, seed: int) -> None:
    town = a_town(seed)
    router = town.router(make)
    spots = random_spots(seed, town.edge_count, 14)
    spots += [Spot(edge=spots[0].edge, fraction=0.9), Spot(edge=11, fraction=0.4)]
    spots += [Spot(edge=11, fraction=0.7, delay_ms=(5_000, 0))]
    cut = CutGraph(town, spots)

    totals = router.matrix(places(spots), places(spots))

    for row, source in enumerate(spots):
        reference = cut.totals(source)
        for column, target in enumerate(spots):
            expected = min(cut.between(reference, source, target), UNREACHABLE)
            assert totals[row, column] == expected, (seed, source, target)


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_both_ends_of_arcs_equal_a_graph_cut_at_the_spot(make: EngineMaker, seed: int) -> None:
    town = a_town(seed)
    router = town.router(make)

    for source in random_spots(seed, town.edge_count, 6):
        cut = CutGraph(town, [source])
        reference = cut.totals(source)
        for ends, find in ((0, router.arc_starts), (1, router.arc_ends)):
            nodes = [
                cut.at.get((arc, float(ends ^ (arc & 1)))) for arc in range(town.arcs.arc_count)
            ]
            expected = [UNREACHABLE if n is None else int(reference[n]) for n in nodes]
            assert find(places([source]), UNREACHABLE - 1).tolist() == expected
            limited = [total if total <= 60_000 else UNREACHABLE for total in expected]
            assert find(places([source]), 60_000).tolist() == limited


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_parts_of_a_journey_add_up_and_join(make: EngineMaker, seed: int) -> None:
    town = a_town(seed)
    router = town.router(make)
    spots = random_spots(seed + 50, town.edge_count, 16)
    spots += [Spot(edge=spots[0].edge, fraction=0.8), Spot(edge=spots[0].edge, fraction=0.1)]

    for source in spots:
        for target in spots:
            journey = router.route(places([source]), places([target]))
            eta = int(router.etas(places([source]), places([target]))[0])
            if journey is None:
                assert eta == UNREACHABLE
                continue
            assert journey.total_ms == eta
            _check_journey(town, journey, source, target)


def _check_journey(town: Town, journey: Journey, source: Spot, target: Spot) -> None:
    assert journey.leg_ms.sum() + journey.turn_ms.sum() == journey.total_ms
    assert len(journey.turn_ms) == len(journey.legs)
    for leg, leg_ms in zip(journey.legs, journey.leg_ms.tolist(), strict=True):
        whole = int(town.arc_ms[leg.arc])
        assert whole < CLOSED
        assert abs(int(np.rint(whole * leg.end)) - int(np.rint(whole * leg.start))) == leg_ms
    allowed = {
        (leave, enter): turn
        for leave, enter, turn in zip(
            town.arcs.graph.tail.tolist(),
            town.arcs.graph.head.tolist(),
            town.move_ms.tolist(),
            strict=True,
        )
        if turn < CLOSED
    }
    for k, (leg, onward) in enumerate(pairwise(journey.legs)):
        assert allowed[leg.arc, onward.arc] == journey.turn_ms[k + 1]
        assert (leg.end, onward.start) == (1 - (leg.arc & 1), onward.arc & 1)
    if not journey.legs:
        assert town.same_place(source, target)
        return
    first, last = journey.legs[0], journey.legs[-1]
    assert town.same_place(source, Spot(edge=first.edge, fraction=first.start))
    assert town.same_place(target, Spot(edge=last.edge, fraction=last.end))


@needs_cch
@pytest.mark.parametrize("seed", PAIRS_SEEDS)
def test_engines_agree_on_thousands_of_pairs_also_after_closures(seed: int) -> None:
    town = a_town(seed + 20, nodes=300, edges=520, closed_share=0.05)
    exact, quick = town.router(ScipyEngine), town.router(CchEngine)
    spots = places(random_spots(seed, town.edge_count, 40))
    rng = np.random.default_rng(seed)
    arc_ms = town.arc_ms.copy()

    for _ in range(4):
        totals = quick.matrix(spots, spots)
        assert totals.tolist() == exact.matrix(spots, spots).tolist()
        for column in range(5):
            one = spots.take([column])
            assert quick.etas(spots, one).tolist() == totals[:, column].tolist()
        arcs = rng.choice(town.arcs.arc_count, 60, replace=False)
        arc_ms[arcs] = random_weights(int(rng.integers(1 << 30)), 60, closed_share=0.6)
        for router in (exact, quick):
            router.apply(arcs, arc_ms[arcs])


@pytest.mark.parametrize("make", ENGINES)
def test_closing_a_road_never_shortens_a_journey(make: EngineMaker) -> None:
    town = a_town(9, closed_share=0.0)
    router = town.router(make)
    spots = places(random_spots(9, town.edge_count, 20))
    rng = np.random.default_rng(9)

    before = router.matrix(spots, spots)
    for _ in range(10):
        arcs = rng.choice(town.arcs.arc_count, 4, replace=False)
        router.apply(arcs, np.full(4, CLOSED, dtype=np.uint32))
        after = router.matrix(spots, spots)
        assert (after >= before).all()
        before = after

    router.reset(town.arc_ms)
    assert (router.matrix(spots, spots) <= before).all()


@pytest.mark.parametrize("make", ENGINES)
def test_no_sources_and_no_targets_are_fine(make: EngineMaker) -> None:
    router = a_town(1).router(make)
    spot = places([Spot(edge=0, fraction=0.5)])

    assert router.etas(places([]), spot).shape == (0,)
    assert router.matrix(spot, places([])).shape == (1, 0)


@pytest.mark.parametrize("make", ENGINES)
def test_spots_off_the_graph_are_refused(make: EngineMaker) -> None:
    town = a_town(1)
    router = town.router(make)
    good = places([Spot(edge=0, fraction=0.5)])

    for edge in (town.edge_count, -1):
        with pytest.raises(ValueError, match="outside the map"):
            router.etas(places([Spot(edge=edge, fraction=0.5)]), good)
    for fraction in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            places([Spot(edge=0, fraction=fraction)])
    with pytest.raises(ValueError, match="two delays"):
        places([Spot(edge=0, fraction=0.5, delay_ms=(-1, 0))])


@pytest.mark.parametrize("make", ENGINES)
def test_the_legs_of_a_journey_are_a_sequence(make: EngineMaker) -> None:
    router = a_town(3, closed_share=0.0).router(make)
    start, end = places([Spot(edge=1, fraction=0.3)]), places([Spot(edge=60, fraction=0.6)])

    journey = router.route(start, end)

    assert journey is not None
    legs = journey.legs
    assert len(legs) > 2
    assert list(legs) == [legs[k] for k in range(len(legs))]
    assert list(legs[1:-1]) == list(legs)[1:-1]
    assert legs[-1] == list(legs)[-1]
    assert legs.arc.tolist() == [leg.arc for leg in legs]
    assert legs.share.tolist() == [abs(leg.end - leg.start) for leg in legs]
    with pytest.raises(IndexError):
        legs[len(legs)]


@pytest.mark.parametrize("make", ENGINES)
def test_many_units_on_the_road_of_an_end_leave_it_as_one_by_one(make: EngineMaker) -> None:
    town = a_town(4)
    router = town.router(make)
    rng = np.random.default_rng(4)
    spots = [Spot(edge=edge, fraction=float(rng.random())) for edge in (5, 5, 9, 5, 9) * 8]
    ends = [Spot(edge=9, fraction=0.5), Spot(edge=5, fraction=0.2), Spot(edge=30, fraction=0.5)]

    together = router.matrix(places(spots), places(ends))

    alone = [[router.matrix(places([one]), places([end]))[0, 0] for end in ends] for one in spots]
    assert together.tolist() == alone
