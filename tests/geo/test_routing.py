"""One contract for every engine, and the choice between them."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.errors import EngineUnavailable
from geo.routing import choose as choose_module
from geo.routing.cch_engine import PARTIAL_CHANGES_MAX, CchEngine
from geo.routing.choose import choose
from geo.routing.engine import CLOSED, UNREACHABLE, Engine, Graph, Seeds, Weights
from geo.routing.probe import Verdict, cch_verdict, probe
from geo.routing.scipy_engine import ScipyEngine
from tests.patience import PATIENCE_S

EngineMaker = Callable[[Graph, Weights], Engine]
needs_cch = pytest.mark.skipif(not cch_verdict().ok, reason=cch_verdict().why)
ENGINES = [
    pytest.param(ScipyEngine, id="scipy"),
    pytest.param(CchEngine, id="cch", marks=needs_cch),
]
SEEDS = range(6)


def random_edges(seed: int, nodes: int = 60, edges: int = 110) -> NDArray[np.int64]:
    """(M, 2) tail, head: sparse, with parallel edges, loops and islands."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, nodes, size=(edges, 2))
    ends[:5] = ends[5:10]
    ends[10:13, 1] = ends[10:13, 0]
    return ends.astype(np.int64)


def random_weights(seed: int, arcs: int, closed_share: float = 0.15) -> Weights:
    rng = np.random.default_rng(seed + 1_000)
    weights = rng.integers(1, 90_000, size=arcs).astype(np.uint32)
    weights[rng.random(arcs) < closed_share] = CLOSED
    return weights


def graph_of(edges: NDArray[np.int64], nodes: int = 60) -> Graph:
    tail = edges.ravel()
    head = edges[:, ::-1].ravel()
    order = np.random.default_rng(nodes).permutation(nodes).astype(np.uint32)
    return Graph(node_count=nodes, tail=tail, head=head, order=order)


def plain_totals(graph: Graph, weights: Weights, target: Seeds) -> NDArray[np.int64]:
    """Bellman-Ford, slow and obvious: the reference of the reference."""
    totals = np.full(graph.node_count, UNREACHABLE, dtype=np.int64)
    for node, offset in zip(target.nodes, target.offsets_ms, strict=True):
        totals[node] = min(totals[node], offset)
    usable = weights < CLOSED
    for _ in range(graph.node_count):
        through = weights[usable].astype(np.int64) + totals[graph.head[usable]]
        np.minimum.at(totals, graph.tail[usable], through)
    return np.minimum(totals, UNREACHABLE)


def two_seeds(rng: np.random.Generator, nodes: int) -> Seeds:
    first, second = rng.choice(nodes, 2, replace=False).tolist()
    return Seeds(nodes=(first, second), offsets_ms=(int(rng.integers(9_000)), 0))


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_many_to_one_equals_plain_reference(make: EngineMaker, seed: int) -> None:
    graph = graph_of(random_edges(seed))
    weights = random_weights(seed, graph.arc_count)
    engine = make(graph, weights)
    rng = np.random.default_rng(seed)
    everyone = np.arange(graph.node_count)

    for _ in range(10):
        target = two_seeds(rng, graph.node_count)
        expected = plain_totals(graph, weights, target)
        assert engine.many_to_one(everyone, target).tolist() == expected.tolist()


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_answers_stay_right_after_random_closures_and_openings(
    make: EngineMaker, seed: int
) -> None:
    graph = graph_of(random_edges(seed))
    weights = random_weights(seed, graph.arc_count)
    engine = make(graph, weights)
    rng = np.random.default_rng(seed)
    everyone = np.arange(graph.node_count)
    engine.one_to_all(Seeds.at(0))  # whatever it keeps for this must follow the changes

    for _ in range(8):
        arcs = rng.choice(graph.arc_count, size=int(rng.integers(1, 30)), replace=False)
        changed = random_weights(int(rng.integers(1 << 30)), len(arcs), closed_share=0.5)
        weights[arcs] = changed
        engine.apply(arcs, changed)
        target = two_seeds(rng, graph.node_count)
        expected = plain_totals(graph, weights, target)
        assert engine.many_to_one(everyone, target).tolist() == expected.tolist()
        flipped = Graph(
            node_count=graph.node_count, tail=graph.head, head=graph.tail, order=graph.order
        )
        outward = plain_totals(flipped, weights, target)
        assert engine.one_to_all(target).tolist() == outward.tolist()


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_matrix_and_route_agree_with_many_to_one(make: EngineMaker, seed: int) -> None:
    graph = graph_of(random_edges(seed))
    weights = random_weights(seed, graph.arc_count)
    engine = make(graph, weights)
    rng = np.random.default_rng(seed)
    sources = rng.integers(0, graph.node_count, 12)
    targets = [two_seeds(rng, graph.node_count) for _ in range(5)]

    matrix = engine.matrix(sources, targets)

    for column, target in enumerate(targets):
        assert engine.many_to_one(sources, target).tolist() == matrix[:, column].tolist()
        for row, source in enumerate(sources.tolist()):
            path = engine.route(Seeds.at(source), target)
            if path is None:
                assert matrix[row, column] == UNREACHABLE
                continue
            assert path.total_ms == matrix[row, column]
            nodes = path.nodes.tolist()
            assert nodes[0] == source
            offset = dict(zip(target.nodes, target.offsets_ms, strict=True))[nodes[-1]]
            steps = [_quickest_ms(graph, weights, *step) for step in pairwise(nodes)]
            assert max(steps, default=0) < CLOSED
            assert sum(steps) + offset == path.total_ms


def _quickest_ms(graph: Graph, weights: Weights, tail: int, head: int) -> int:
    """The least weight of the arcs from one node to another, of which there must be some."""
    return int(weights[(graph.tail == tail) & (graph.head == head)].min())


@pytest.mark.parametrize("make", ENGINES)
def test_reset_replaces_every_weight(make: EngineMaker) -> None:
    graph = graph_of(random_edges(3))
    engine = make(graph, random_weights(3, graph.arc_count))
    other = random_weights(4, graph.arc_count)

    engine.reset(other)

    totals = engine.many_to_one(np.arange(graph.node_count), Seeds.at(7))
    assert totals.tolist() == plain_totals(graph, other, Seeds.at(7)).tolist()


@pytest.mark.parametrize("make", ENGINES)
def test_siblings_share_a_graph_but_no_weights(make: EngineMaker) -> None:
    graph = graph_of(random_edges(3))
    first_weights, other_weights = (random_weights(seed, graph.arc_count) for seed in (3, 4))
    first = make(graph, first_weights)
    other = first.sibling(other_weights)
    other_weights[:9] = CLOSED
    everyone = np.arange(graph.node_count)

    other.apply(np.arange(9), other_weights[:9])

    for engine, weights in ((first, first_weights), (other, other_weights)):
        expected = plain_totals(graph, weights, Seeds.at(7)).tolist()
        assert engine.many_to_one(everyone, Seeds.at(7)).tolist() == expected
    first.close()
    expected = plain_totals(graph, other_weights, Seeds.at(8)).tolist()
    assert other.many_to_one(everyone, Seeds.at(8)).tolist() == expected


@pytest.mark.parametrize("make", ENGINES)
def test_siblings_asked_and_changed_in_turn_stay_right(make: EngineMaker) -> None:
    graph = graph_of(random_edges(8))
    weights = [random_weights(seed, graph.arc_count) for seed in (8, 9)]
    first = make(graph, weights[0])
    engines = [first, first.sibling(weights[1])]
    rng = np.random.default_rng(8)
    crowds = [rng.choice(graph.node_count, count) for count in (3, 3, 30)]

    for turn in range(24):
        which, arcs = int(rng.integers(2)), rng.choice(graph.arc_count, 5, replace=False)
        weights[which][arcs] = random_weights(turn, 5, closed_share=0.5)
        if turn % 3:
            engines[which].apply(arcs, weights[which][arcs])
        else:
            engines[which].reset(weights[which])
        for number in rng.integers(0, 2, 4).tolist():  # often one twice in a row
            sources = crowds[int(rng.integers(3))]
            found = engines[number].many_to_one(sources, Seeds.at(turn))
            expected = plain_totals(graph, weights[number], Seeds.at(turn))[sources]
            assert found.tolist() == expected.tolist()
            way = engines[number].route(Seeds.at(int(sources[0])), Seeds.at(turn))
            assert (UNREACHABLE if way is None else way.total_ms) == expected[0]
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("make", ENGINES)
def test_more_changes_than_fit_one_partial_update(make: EngineMaker) -> None:
    edges = random_edges(5, nodes=500, edges=PARTIAL_CHANGES_MAX)
    graph = graph_of(edges, nodes=500)
    engine = make(graph, random_weights(5, graph.arc_count))
    other = random_weights(6, graph.arc_count)

    engine.apply(np.arange(PARTIAL_CHANGES_MAX + 1), other[: PARTIAL_CHANGES_MAX + 1])
    engine.apply(
        np.arange(PARTIAL_CHANGES_MAX + 1, graph.arc_count), other[PARTIAL_CHANGES_MAX + 1 :]
    )

    totals = engine.many_to_one(np.arange(500), Seeds.at(7))
    assert totals.tolist() == plain_totals(graph, other, Seeds.at(7)).tolist()


@pytest.mark.parametrize("make", ENGINES)
def test_totals_beyond_the_horizon_read_as_unreachable(make: EngineMaker) -> None:
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    graph = graph_of(edges, nodes=4)
    engine = make(graph, np.full(6, CLOSED // 2, dtype=np.uint32))

    totals = engine.many_to_one(np.arange(4), Seeds(nodes=(3,), offsets_ms=(1,)))

    assert totals.tolist() == [UNREACHABLE, UNREACHABLE, CLOSED // 2 + 1, 1]
    assert engine.route(Seeds.at(0), Seeds(nodes=(3,), offsets_ms=(1,))) is None


@needs_cch
@pytest.mark.parametrize("seed", range(20))
def test_no_sum_overflows_near_the_horizon(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chain = np.column_stack((np.arange(11), np.arange(1, 12)))
    graph = graph_of(np.concatenate((chain, rng.integers(0, 12, (5, 2)))), nodes=12)
    heavy = [CLOSED - 1, CLOSED // 2, CLOSED // 3, CLOSED, 1_000, 5]
    weights = rng.choice(heavy, size=graph.arc_count).astype(np.uint32)
    quick = CchEngine(graph, weights)

    for node in range(12):
        target = Seeds(nodes=(node,), offsets_ms=(int(rng.choice([0, 7, CLOSED - 1])),))
        expected = plain_totals(graph, weights, target).tolist()
        assert quick.many_to_one(np.arange(12), target).tolist() == expected
        for source in range(12):
            path = quick.route(Seeds.at(source), target)
            assert (UNREACHABLE if path is None else path.total_ms) == expected[source]


@pytest.mark.parametrize("make", ENGINES)
def test_limit_leaves_out_what_is_farther(make: EngineMaker) -> None:
    graph = graph_of(np.array([[0, 1], [1, 2], [2, 3]]), nodes=4)
    engine = make(graph, np.full(6, 10, dtype=np.uint32))

    totals = engine.one_to_all(Seeds(nodes=(0,), offsets_ms=(5,)), limit_ms=25)

    assert totals.tolist() == [5, 15, 25, UNREACHABLE]


@pytest.mark.parametrize("make", ENGINES)
def test_invalid_input_is_refused_and_changes_nothing(make: EngineMaker) -> None:
    graph = graph_of(random_edges(1))
    weights = random_weights(1, graph.arc_count)
    engine = make(graph, weights)
    some = np.array([0, 1])
    one = np.array([5], dtype=np.uint32)

    refused: list[Callable[[], object]] = [
        lambda: engine.many_to_one(np.array([0, 60]), Seeds.at(1)),
        lambda: engine.many_to_one(np.array([-1]), Seeds.at(1)),
        lambda: engine.many_to_one(np.array([0.5]), Seeds.at(1)),
        lambda: engine.many_to_one(some, Seeds.at(60)),
        lambda: engine.route(Seeds.at(0), Seeds.at(60)),
        lambda: engine.one_to_all(Seeds.at(-1)),
        lambda: Seeds(nodes=(), offsets_ms=()),
        lambda: Seeds(nodes=(1, 1), offsets_ms=(0, 0)),
        lambda: Seeds(nodes=(1,), offsets_ms=(-1,)),
        lambda: engine.apply(np.array([graph.arc_count]), one),
        lambda: engine.apply(np.array([-1]), one),
        lambda: engine.apply(np.array([3, 3]), np.array([5, 6], dtype=np.uint32)),
        lambda: engine.apply(some, one),
        lambda: engine.apply(np.array([3]), np.array([0], dtype=np.uint32)),
        lambda: engine.apply(np.array([3]), np.array([CLOSED + 1], dtype=np.uint32)),
        lambda: engine.reset(one),
        lambda: make(graph, one),
    ]
    for call in refused:
        with pytest.raises(ValueError, match=r".+"):
            call()

    totals = engine.many_to_one(np.arange(60), Seeds.at(7))
    assert totals.tolist() == plain_totals(graph, weights, Seeds.at(7)).tolist()


def test_graph_refuses_what_would_crash_an_engine() -> None:
    nodes = np.array([0, 1])
    order = np.array([0, 1], dtype=np.uint32)

    for wrong in (
        {"tail": np.array([0, 2])},
        {"head": np.array([0, -1])},
        {"order": np.array([0, 0], dtype=np.uint32)},
        {"order": np.array([0, 5], dtype=np.uint32)},
        {"node_count": 0},
        {"tail": np.array([0])},
    ):
        fields: dict[str, object] = {"node_count": 2, "tail": nodes, "head": nodes, "order": order}
        with pytest.raises(ValueError, match=r".+"):
            Graph(**(fields | wrong))  # type: ignore[arg-type]


@needs_cch
def test_cch_recovers_from_a_panic_of_the_library() -> None:
    graph = graph_of(random_edges(2))
    weights = random_weights(2, graph.arc_count)
    engine = CchEngine(graph, weights)

    class Broken:
        def apply(self, metric: object, changes: dict[int, int]) -> None:
            updater.apply(metric, {graph.arc_count + 99: 1})  # half-writes the metric

    updater, engine._updater = engine._updater, Broken()
    weights[4] = 77
    engine.apply(np.array([4]), np.array([77], dtype=np.uint32))
    engine._updater = updater
    gc.collect()

    totals = engine.many_to_one(np.arange(60), Seeds.at(7))
    assert totals.tolist() == plain_totals(graph, weights, Seeds.at(7)).tolist()


@needs_cch
def test_cch_refuses_another_thread() -> None:
    engine = CchEngine(graph_of(random_edges(2)), random_weights(2, 220))
    caught: list[BaseException] = []

    def use() -> None:
        try:
            engine.many_to_one(np.array([0]), Seeds.at(1))
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()

    assert "another thread" in str(caught[0])


@needs_cch
def test_closed_cch_engine_says_so() -> None:
    engine = CchEngine(graph_of(random_edges(2)), random_weights(2, 220))
    engine.close()

    with pytest.raises(RuntimeError, match="closed"):
        engine.many_to_one(np.array([0]), Seeds.at(1))


# The probe and the choice


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "signal 4"),
        ("import no_such_engine", "No module named"),
        ("print('probe 1')", "wrong answer"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_probe_survives_and_names_the_cause(script: str, why: str) -> None:
    verdict = probe(script, timeout_s=PATIENCE_S)

    assert not verdict.ok
    assert why in verdict.why


def test_probe_does_not_wait_for_ever() -> None:
    verdict = probe("import threading; threading.Event().wait()", timeout_s=0.3)

    assert "did not end" in verdict.why


def test_auto_falls_back_to_scipy_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    verdict = Verdict(ok=False, why="the trial was killed by signal 4")
    monkeypatch.setattr(choose_module, "cch_verdict", lambda: verdict)
    graph, weights = graph_of(random_edges(1)), random_weights(1, 220)
    choose_module._say_once.cache_clear()

    with caplog.at_level(logging.WARNING):
        engines = [choose(graph, weights, "auto").name for _ in range(3)]

    assert engines == ["scipy"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "routing by the exact SciPy engine, slower on large maps: the trial was killed by signal 4"
    ]
    with pytest.raises(EngineUnavailable, match="signal 4"):
        choose(graph, weights, "cch")


@needs_cch
def test_auto_takes_cch_where_it_runs() -> None:
    assert choose(graph_of(random_edges(1)), random_weights(1, 220)).name == "cch"


@needs_cch
def test_an_engine_that_nobody_closed_is_collected_on_any_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph, failures = graph_of(random_edges(0)), list[object]()
    gc.collect()  # what others left behind is theirs
    monkeypatch.setattr(sys, "unraisablehook", failures.append)

    def leave_one_behind() -> None:
        engine = CchEngine(graph, random_weights(0, graph.arc_count))
        engine.many_to_one(np.arange(4), Seeds.at(5))
        ring: list[object] = [engine]
        ring.append(ring)

    gc.disable()
    try:
        maker = threading.Thread(target=leave_one_behind)
        maker.start()
        maker.join()
        gc.collect()
    finally:
        gc.enable()

    assert failures == []
