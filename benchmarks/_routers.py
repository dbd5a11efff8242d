"""What is compared by `benchmarks.routing`: one shape for every router, and those that are ours.

`ridgeline`    `geo.ground.Ground`, as server and command line use it: turns, places in the middle
               of roads, live state of the roads
`scipy_turns`  the very same question answered by SciPy's Dijkstra: a Ground on its exact engine
`bare`         routingkit-cch called directly on the same roads: nodes only, no turns, no places
`scipy`        SciPy's Dijkstra on that same graph: the easier question
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from benchmarks._extracts import Extract
from geo import mapfolder
from geo.driving.vehicles import Mode
from geo.ground import Fleet, Ground
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.engine import CLOSED

Seconds = NDArray[np.float64]
MS_PER_S = 1000.0
OURS = ("ridgeline", "scipy_turns", "bare", "scipy")
"""Systems on the map that we built, and no excuse for them: what they raise ends the run."""
STEP_BUDGET_S = 3_600.0
"""Of one step of building or weighing, a process of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where units and scenes are: on roads that every system knows."""

    lonlat: NDArray[np.float64]
    """(P, 2) degrees."""
    nodes: NDArray[np.int64]
    """(P,) junction at the nearer end of the road, for systems that know nothing between."""

    def save(self, folder: Path) -> None:
        np.savez(folder / "places.npz", lonlat=self.lonlat, nodes=self.nodes)

    @classmethod
    def load(cls, folder: Path) -> Places:
        with np.load(folder / "places.npz") as kept:
            return cls(lonlat=kept["lonlat"], nodes=kept["nodes"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A road to close, as each system names it, and whose way it is: numbers of unit and scene."""

    unit: int
    scene: int
    edge: int
    """Of our map."""
    middle: tuple[float, float]
    osm_nodes: list[int]
    """OpenStreetMap's node ids along it."""


class Asked(Protocol):
    """Who tells travel times; units, scenes are indices into the places it was given."""

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        """(U,) seconds; inf where there is no way."""
        ...

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        """(U, S)"""
        ...


class Router(Asked, Protocol):
    """One system with its map loaded."""

    def route(self, unit: int, scene: int) -> object:
        """The way with its whole shape, in the form the system gives it."""
        ...

    def close_road(self, closure: Closure) -> None:
        """Nobody may pass: in force for the next `etas`."""
        ...

    def reweight(self, number: int) -> None:
        """Another travel time for every road, in force for the next `etas`."""
        ...

    def restore(self) -> None:
        """As it was at first."""
        ...

    def shut(self) -> None:
        """Let go of the map."""
        ...


class System(Protocol):
    """A router that may be installed."""

    name: str
    note: str
    """What to know about its figures."""

    def absent(self) -> str | None:
        """Why it cannot run here."""
        ...

    def build(self, extract: Extract, folder: Path) -> None:
        """From the extract to files in `folder`/`name` from which it starts; `ridgeline` has built
        before. Raises RuntimeError."""
        ...

    def open(self, folder: Path, places: Places) -> Router: ...


class RidgelineSystem:
    name = "ridgeline"
    note = ""

    def absent(self) -> str | None:
        return None

    def build(self, extract: Extract, folder: Path) -> None:
        tiles = [part for tile in extract.dem for part in ("--dem", str(tile))]
        command = [sys.executable, "-m", "server.cli", "map", "build", str(extract.osm), *tiles]
        run([*command, "--out", str(folder / "ridgeline")])

    def open(self, folder: Path, places: Places) -> Router:
        return RidgelineRouter(mapfolder.load(folder / "ridgeline"), places)


class ScipyTurnsSystem:
    name = "scipy_turns"
    note = "the same roads, turns and places as ridgeline, to the millisecond"

    def absent(self) -> str | None:
        return None

    def build(self, extract: Extract, folder: Path) -> None:
        """Nothing: the map is what `ridgeline` built."""

    def open(self, folder: Path, places: Places) -> Router:
        return RidgelineRouter(mapfolder.load(folder / "ridgeline"), places, engine="scipy")


class RidgelineRouter:
    def __init__(self, roadmap: RoadMap, places: Places, *, engine: EngineName = "auto") -> None:
        self._ground = Ground(roadmap, engine=engine)
        self._snaps = [self._ground.snap(lon, lat) for lon, lat in places.lonlat.tolist()]
        self._fleets: dict[tuple[int, ...], Fleet] = {}
        chance = np.random.default_rng(1)
        arcs = len(self._ground.arc_s)
        self._factors = [chance.uniform(0.7, 1.4, arcs).astype(np.float32) for _ in range(2)]

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        return self._ground.etas(self._fleet(units), self._snaps[scene])

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        return self._ground.matrix(self._fleet(units), [self._snaps[scene] for scene in scenes])

    def route(self, unit: int, scene: int) -> object:
        """The whole shape, time and distance; times leg by leg are made when looked at."""
        way = self._ground.route(self._snaps[unit], self._snaps[scene])
        return way.lonlat, way.duration_s, way.distance_m

    def close_road(self, closure: Closure) -> None:
        self._ground.set_overrides({2 * closure.edge: CLOSED, 2 * closure.edge + 1: CLOSED})

    def reweight(self, number: int) -> None:
        self._ground.set_factors({Mode.ROUTINE: self._factors[number % 2]})

    def restore(self) -> None:
        self._ground.set_overrides({})
        self._ground.set_factors({})

    def shut(self) -> None:
        self._ground.close()

    def _fleet(self, units: Sequence[int]) -> Fleet:
        """Made once a fix, and kept."""
        numbers = tuple(units)
        fleet = self._fleets.get(numbers)
        if fleet is None:
            fleet = self._fleets[numbers] = self._ground.fleet([self._snaps[k] for k in units])
        return fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGraph:
    """The open directions of our roads between junctions, with our travel times."""

    nodes: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    weight_ms: NDArray[np.uint32]
    edge: NDArray[np.int32]
    """Road of each arc."""
    lonlat: NDArray[np.float64]

    @classmethod
    def of(cls, roadmap: RoadMap, arc_s: NDArray[np.float64]) -> NodeGraph:
        """`arc_s`: (2M,) seconds along each arc, inf if closed."""
        is_open = np.flatnonzero(np.isfinite(arc_s))
        edge, backward = is_open >> 1, (is_open & 1).astype(np.bool_)
        ends = np.stack([roadmap.edge_tail, roadmap.edge_head])
        return cls(
            nodes=roadmap.node_count,
            tail=np.where(backward, ends[1, edge], ends[0, edge]).astype(np.int32),
            head=np.where(backward, ends[0, edge], ends[1, edge]).astype(np.int32),
            weight_ms=np.maximum(arc_s[is_open] * MS_PER_S, 1).astype(np.uint32),
            edge=edge.astype(np.int32),
            lonlat=np.asarray(roadmap.node_lonlat),
        )

    @classmethod
    def load(cls, folder: Path) -> NodeGraph:
        with np.load(folder / "graph.npz") as kept:
            return cls(nodes=int(kept["nodes"]), **{k: kept[k] for k in kept if k != "nodes"})

    def save(self, folder: Path) -> None:
        arrays = {name: getattr(self, name) for name in self.__slots__}
        np.savez(folder / "graph.npz", **arrays)

    def joined_nodes(self) -> NDArray[np.bool_]:
        """(N,) junctions of the largest part in which every one can be reached from every other."""
        ends = (self.tail, self.head)
        matrix = csr_array((np.ones(len(self.tail), np.int8), ends), shape=(self.nodes,) * 2)
        _, part = connected_components(matrix, connection="strong")
        return np.asarray(part == np.bincount(part).argmax())

    def arcs_of(self, edge: int) -> NDArray[np.int64]:
        """Both directions of a road, as far as they are open; `edge` rises."""
        low, high = np.searchsorted(self.edge, (edge, edge + 1))
        return np.arange(low, high)

    def other_weights(self) -> list[NDArray[np.uint32]]:
        """Two more sets of travel times."""
        chance = np.random.default_rng(1)
        factors = [chance.uniform(0.7, 1.4, len(self.weight_ms)) for _ in range(2)]
        return [np.maximum(self.weight_ms * each, 1).astype(np.uint32) for each in factors]


class BareSystem:
    name = "bare"
    note = "junctions only, no turns"

    def absent(self) -> str | None:
        return missing("routingkit-cch", "routingkit_cch")

    def build(self, extract: Extract, folder: Path) -> None:
        """The order alone: the graph is what `ridgeline` built."""
        (folder / "bare").mkdir()
        run([sys.executable, "-m", "benchmarks._routers", str(folder)])

    def open(self, folder: Path, places: Places) -> Router:
        return BareRouter(NodeGraph.load(folder), folder / "bare" / "order.npy", places)


class BareRouter:
    def __init__(self, graph: NodeGraph, order_file: Path, places: Places) -> None:
        import routingkit_cch

        self._kit: Any = routingkit_cch
        self._graph, self._nodes = graph, places.nodes.tolist()
        self._others = graph.other_weights()
        order = np.load(order_file).astype(np.uint32)
        self._cch: Any = self._kit.CCH(order, graph.tail, graph.head, False)
        self._metric: Any = self._kit.CCHMetric(self._cch, graph.weight_ms)
        self._updater: Any = self._kit.CCHMetricPartialUpdater(self._cch)

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        return self.matrix(units, [scene])[:, 0]

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        query: Any = self._kit.CCHManyToOne(self._metric, [self._nodes[unit] for unit in units])
        found = [query.distances_to(self._nodes[scene]) for scene in scenes]
        times_s = np.array(found, dtype=np.float64).T / MS_PER_S
        return np.where(np.isnan(times_s), np.inf, times_s)  # it says None for no way

    def route(self, unit: int, scene: int) -> object:
        query: Any = self._kit.CCHQuery(self._metric)
        result = query.run(self._nodes[unit], self._nodes[scene])
        return self._graph.lonlat[result.node_path]

    def close_road(self, closure: Closure) -> None:
        arcs = self._graph.arcs_of(closure.edge)
        self._updater.apply(self._metric, dict.fromkeys(arcs.tolist(), CLOSED))

    def reweight(self, number: int) -> None:
        self._metric.reset(self._others[number % 2])

    def restore(self) -> None:
        self._metric.reset(self._graph.weight_ms)

    def shut(self) -> None:
        self._updater = self._metric = self._cch = None


class ScipySystem:
    name = "scipy"
    note = "junctions only, no turns"

    def absent(self) -> str | None:
        return None

    def build(self, extract: Extract, folder: Path) -> None:
        """Nothing: the graph is what `ridgeline` built."""

    def open(self, folder: Path, places: Places) -> Router:
        return ScipyRouter(NodeGraph.load(folder), places)


class ScipyRouter:
    """Searches backward from the scenes: one search each, however many units."""

    def __init__(self, graph: NodeGraph, places: Places) -> None:
        self._graph, self._at = graph, places.nodes
        self._others = graph.other_weights()
        first = np.lexsort((graph.weight_ms, graph.tail, graph.head))
        ends = np.stack([graph.head[first], graph.tail[first]])
        # The quickest of parallel arcs alone: a sparse matrix adds up what falls together.
        alone = np.concatenate([[True], (np.diff(ends, axis=1) != 0).any(axis=0)])
        self._arc = first[alone]
        """Of each entry of the matrix."""
        self._entry = np.full(len(first), -1)
        self._entry[self._arc] = np.arange(len(self._arc))
        rows = np.searchsorted(ends[0, alone], np.arange(graph.nodes + 1))
        weights = graph.weight_ms[self._arc].astype(np.float64)
        shape = (graph.nodes, graph.nodes)
        self._backward = csr_array((weights, ends[1, alone], rows), shape=shape)

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        return self.matrix(units, [scene])[:, 0]

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        totals = dijkstra(self._backward, indices=self._at[list(scenes)])[:, self._at[list(units)]]
        return np.where(totals < CLOSED, totals / MS_PER_S, np.inf).T

    def route(self, unit: int, scene: int) -> object:
        _, towards = dijkstra(self._backward, indices=self._at[scene], return_predecessors=True)
        node, path = int(self._at[unit]), []
        while node >= 0:
            path.append(node)
            node = int(towards[node])
        return self._graph.lonlat[path]

    def close_road(self, closure: Closure) -> None:
        entries = self._entry[self._graph.arcs_of(closure.edge)]
        self._backward.data[entries[entries >= 0]] = CLOSED

    def reweight(self, number: int) -> None:
        self._backward.data[:] = self._others[number % 2][self._arc]

    def restore(self) -> None:
        self._backward.data[:] = self._graph.weight_ms[self._arc]

    def shut(self) -> None:
        del self._backward


def order_nodes(folder: Path) -> None:
    """In a process of its own, as the library may end it and holds the interpreter's lock."""
    from routingkit_cch import compute_order_inertial

    graph = NodeGraph.load(folder)
    lonlat = graph.lonlat.T.tolist()
    ends = graph.tail.tolist(), graph.head.tolist()
    order = compute_order_inertial(graph.nodes, *ends, lonlat[1], lonlat[0])
    np.save(folder / "bare" / "order.npy", np.asarray(order, np.uint32))


def missing(package: str, module: str) -> str | None:
    """Why a package cannot be used."""
    try:
        importlib.metadata.version(package)
        __import__(module)
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        return f"absent: {package} does not work here ({error}); see `make bench-peers`"
    return None


def run(command: Sequence[str]) -> str:
    """What a child process prints. Raises RuntimeError where it fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=STEP_BUDGET_S
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(command)}: not done in {STEP_BUDGET_S:.0f} s") from None
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    order_nodes(Path(sys.argv[1]))
