"""The quick engine: customizable contraction hierarchies by `routingkit-cch`.

The library is fast and sharp-edged (docs/adr/0003): its objects belong to the thread that made
them, its errors are panics that no `except Exception` sees, some bad input crashes the process,
and a metric cannot change while a query object lives. So: everything is validated before it goes
in, a query object lives inside one call or waits on the `_Shelf` until its metric changes, every
local is let go in `finally`, and the weights kept here can rebuild the metric after any failure.
Only `choose` should make one, after the probe.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import (
    CLOSED,
    UNREACHABLE,
    Graph,
    Millis,
    Path,
    Seeds,
    Weights,
    checked_changes,
    checked_weights,
    require_nodes,
)
from geo.routing.scipy_engine import ScipyEngine

PARTIAL_CHANGES_MAX: Final = 1_000
"""Arcs changed one by one; beyond it a full customization is quicker."""

SHELF_MAX: Final = 4
"""Query objects kept: for many units of three kinds of vehicle, and for a way. Each takes 16 bytes
a node: 2 MB for a county, 40 for a province."""

_ONE, _MANY = "one", "many"

_Pins: TypeAlias = tuple[int, bytes]
"""Sources, quick to compare."""

_never_let_go: Final[list[object]] = []
"""Of engines that were not closed, and collected on another thread than theirs."""


class EngineBroken(RuntimeError):
    """The library panicked; the engine has put itself right or cannot be used any more."""


class CchEngine:
    """Exact shortest times by contraction. See `Engine` for the contract."""

    name = "cch"

    def __init__(self, graph: Graph, weights: Weights, *, shared: CchEngine | None = None) -> None:
        """`shared`: an engine on the same graph and thread, whose contraction this one uses too."""
        self._thread = get_ident()
        self._cch: Any = None
        self._metric: Any = None
        self._updater: Any = None
        self._shelf: _Shelf = shared._shelf if shared else _Shelf()
        import routingkit_cch  # an optional dependency: its absence must not stop the rest

        self.graph = graph
        self._kit: Any = routingkit_cch
        self._weights = checked_weights(weights, graph.arc_count)
        self._reference: ScipyEngine | None = None
        self._pins: _Pins | None = None
        """What the query object on the shelf is asked from."""
        with _panics_as_errors:
            self._cch = shared._cch if shared else self._contracted()
            self._metric = self._kit.CCHMetric(self._cch, self._weights.data)
            self._updater = self._kit.CCHMetricPartialUpdater(self._cch)

    def many_to_one(self, sources: NDArray[np.int64], target: Seeds) -> Millis:
        return self.matrix(sources, (target,))[:, 0]

    def matrix(self, sources: NDArray[np.int64], targets: Sequence[Seeds]) -> Millis:
        self._require_usable()
        pins = _pins(sources)
        if pins != self._pins:
            require_nodes(sources, self.graph.node_count)
        for target in targets:
            target.require_within(self.graph.node_count)
        found = np.empty((len(targets), len(sources)), dtype=np.int64)
        if found.size:
            self._fill(found, sources, targets, pins)
        return found.T

    def route(self, source: Seeds, target: Seeds) -> Path | None:
        self._require_usable()
        source.require_within(self.graph.node_count)
        target.require_within(self.graph.node_count)
        query = result = None
        try:
            with _panics_as_errors:
                query = self._shelf.take(self._metric, _ONE) or self._kit.CCHQuery(self._metric)
                result = query.run_multi(_pairs(source), _pairs(target))
                total_ms, nodes = result.distance, None
                if total_ms is not None and total_ms < UNREACHABLE:
                    nodes = array("q", result.node_path)
                result = None
                self._shelf.put(self._metric, _ONE, query)
        finally:
            query = result = None
        if nodes is None:
            return None
        return Path(total_ms=total_ms, nodes=np.frombuffer(nodes, dtype=np.int64))

    def one_to_all(self, source: Seeds, limit_ms: int = UNREACHABLE - 1) -> Millis:
        """By the reference engine: contraction has no advantage where all nodes are asked."""
        self._require_usable()
        if self._reference is None:
            self._reference = ScipyEngine(self.graph, self._weights)
        return self._reference.one_to_all(source, limit_ms)

    def apply(self, arcs: NDArray[np.int64], weights: Weights) -> None:
        self._require_usable()
        arcs, weights = checked_changes(arcs, weights, self.graph.arc_count)
        self._weights[arcs] = weights
        if self._reference is not None:
            self._reference.apply(arcs, weights)
        if len(arcs) > PARTIAL_CHANGES_MAX:
            self._customize()
        elif len(arcs):
            self._shelf.clear(self._metric)
            changes = dict(zip(arcs.tolist(), weights.tolist(), strict=True))
            self._or_customize(lambda: self._updater.apply(self._metric, changes))

    def reset(self, weights: Weights) -> None:
        self._require_usable()
        self._weights = checked_weights(weights, self.graph.arc_count)
        if self._reference is not None:
            self._reference.reset(self._weights)
        self._customize()

    def sibling(self, weights: Weights) -> CchEngine:
        self._require_usable()
        return CchEngine(self.graph, weights, shared=self)

    def close(self) -> None:
        self._require_own_thread()
        self._shelf.clear(self._metric)
        self._updater = self._metric = self._cch = self._reference = None

    def __del__(self) -> None:
        """The collector of cycles runs on any thread, and only its own may let go of these: whoever
        forgot to close an engine pays with its memory."""
        if self._metric is not None and get_ident() != self._thread:
            _never_let_go.append((self._updater, self._metric, self._cch, self._shelf))

    def _contracted(self) -> Any:
        return self._kit.CCH(
            self.graph.order.astype(np.uint32),
            self.graph.tail.astype(np.uint32),
            self.graph.head.astype(np.uint32),
            True,  # leave out shortcuts that no weights could ever open
        )

    def _fill(
        self, found: Millis, sources: NDArray[np.int64], targets: Sequence[Seeds], pins: _Pins
    ) -> None:
        query = None
        try:
            with _panics_as_errors:
                query = self._pinned(sources, pins)
                for row, target in enumerate(targets):
                    found[row] = _to_millis(query.distances_to_multi(_pairs(target)))
                np.minimum(found, UNREACHABLE, out=found)
                self._shelf.put(self._metric, _MANY, query)
                self._pins = pins
        finally:
            query = None

    def _pinned(self, sources: NDArray[np.int64], pins: _Pins) -> Any:
        """A query object that is asked from these sources; the one on the shelf may be already."""
        query = self._shelf.take(self._metric, _MANY)
        if query is None:
            return self._kit.CCHManyToOne(self._metric, sources.tolist())
        if pins != self._pins:
            query.repin_sources(sources.tolist())
        return query

    def _or_customize(self, change: Callable[[], None]) -> None:
        """Make a partial change; if the library panics half way, rebuild from our weights."""
        try:
            with _panics_as_errors:
                change()
        except EngineBroken:
            self._customize()

    def _customize(self) -> None:
        self._shelf.clear(self._metric)
        with _panics_as_errors:
            self._metric.reset(self._weights.data)

    def _require_own_thread(self) -> None:
        if get_ident() != self._thread:
            raise RuntimeError("a CCH engine is used on another thread than the one that made it")

    def _require_usable(self) -> None:
        self._require_own_thread()
        if self._metric is None:
            raise RuntimeError("the engine is closed")


class _Shelf:
    """Query objects of the last questions, to be used again: making one is a sweep over all nodes.

    One for each metric and kind of question, SHELF_MAX for all metrics together, as each has arrays
    of all nodes. Those of a metric must be gone before it changes.
    """

    def __init__(self) -> None:
        self._queries: OrderedDict[tuple[int, str], Any] = OrderedDict()

    def take(self, metric: Any, kind: str) -> Any:
        """What was put there last, or None; it is the caller's now."""
        return self._queries.pop((id(metric), kind), None)

    def put(self, metric: Any, kind: str, query: Any) -> None:
        """The one unused for longest makes room for it."""
        if len(self._queries) >= SHELF_MAX:
            self._queries.popitem(last=False)
        self._queries[id(metric), kind] = query

    def clear(self, metric: Any) -> None:
        for kind in (_ONE, _MANY):
            self.take(metric, kind)


class _PanicsAsErrors:
    """Rust panics arrive as a BaseException of the library's own; everything else passes."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if type(error).__name__ == "PanicException":  # no Exception
            assert error is not None
            text = str(error)
            error.__traceback__ = None  # its frames hold thread-bound objects
            raise EngineBroken(f"routingkit-cch: {text}") from None


_panics_as_errors = _PanicsAsErrors()


def _pins(sources: NDArray[np.int64]) -> _Pins:
    return len(sources), sources.tobytes()


def _pairs(seeds: Seeds) -> list[tuple[int, int]]:
    return list(zip(seeds.nodes, seeds.offsets_ms, strict=True))


def _to_millis(answer: list[int | None]) -> NDArray[np.uint32]:
    """By way of `array`: a third of the time that numpy takes for a list."""
    try:
        totals = array("I", cast(list[int], answer))
    except TypeError:
        totals = array("I", [UNREACHABLE if each is None else each for each in answer])
    return np.frombuffer(totals, dtype=np.uint32)


assert CLOSED == 2**31 - 1, "the library's own notion of infinity"
