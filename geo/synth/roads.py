"""The roads of one window: trunk, provincial and county roads, lanes, tracks, streets.

Big roads first; each finer level starts from what is there and joins it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from geo.synth import kinds
from geo.synth.kinds import Kind
from geo.synth.network import Network, Plan
from geo.synth.noise import bilinear
from geo.synth.pathgrid import PathGrid, Reach, meetings, search
from geo.synth.places import Sites
from geo.synth.terrain import CELL_M

Field: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = NDArray[np.int64]

Link: TypeAlias = tuple[tuple[int, int], int, int]
"""Pair of sources, and the two cells over which their realms touch."""

EXTRA_LINKS = 0.45
"""County roads beyond those that join all towns, as a share of those."""
_TUNNEL_M = (180.0, 1900.0)
_TUNNEL_EVERY_M = 9_000.0
_TUNNEL_GAIN = 1.07
"""Least length of the way round, in tunnel lengths."""
_TUNNEL_COVER_M = (8.0, 22.0)
_TUNNEL_COVER_LEAST_M = (3.0, 10.0)
"""Rock above the ends and the middle; the lesser where no better place is found."""
_LINK_APART_CELLS = 45
_LINK_GAIN = 3.0
_TRACK_LINKS_PER_KM2 = 0.035


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Road numbers of one window."""

    trunk: str
    provincial: tuple[str, ...]
    county_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Border cells where roads leave the window; -1 where none."""

    north: int
    south: int
    east: int
    west: int


def main_roads(
    rng: np.random.Generator,
    grid: PathGrid,
    network: Network,
    height: Field,
    sites: Sites,
    gates: Gates,
    numbers: Numbers,
) -> None:
    """The trunk road down the main valley and the roads that join the towns."""
    reach = search(grid.graph(kinds.TRUNK_COST), np.array([sites.seat]))
    plans: list[Plan] = []
    open_road: list[list[int]] = []
    for gate in (gates.north, gates.south):
        path = reach.path_to(gate)
        for part, tunnel in _with_tunnels(grid, height, path):
            tags = kinds.TRUNK.tags(rng, ref=numbers.trunk, tunnel="yes" if tunnel else "")
            plans.append(Plan(cells=part, tags=tags, curvature=kinds.TRUNK.curvature))
            if not tunnel:
                open_road.append(part)
    graph = grid.graph(kinds.COUNTY_COST, cheap=open_road)
    ends = np.array([sites.seat, *sites.towns.tolist(), gates.east, gates.west])
    plans += _town_links(rng, graph, ends, gates, numbers)
    network.build(plans)
    network.register(network.lines)


def lanes(
    rng: np.random.Generator, grid: PathGrid, network: Network, villages: Cells, rounds: int
) -> None:
    """Each village gets a lane to the nearest road; lanes of several villages are better roads.

    In rounds, so that later ones join earlier ones instead of running beside them.
    """
    graph = grid.graph(kinds.LANE_COST)

    def kind(users: int) -> Kind:
        return kinds.COUNTY if users >= 6 else kinds.TOWNSHIP if users >= 2 else kinds.LANE

    for part in _dealt(villages, rounds):
        reach = search(graph, np.flatnonzero(network.on_road))
        _branches(rng, network, reach, part, kind)


def tracks(
    rng: np.random.Generator,
    grid: PathGrid,
    network: Network,
    hamlets: Cells,
    farms: Cells,
    rounds: int,
) -> None:
    """Hamlets and fields get tracks; some tracks go on over the ridge to the next valley."""
    graph = grid.graph(kinds.TRACK_COST)

    def kind(users: int) -> Kind:
        return kinds.LANE if users >= 3 else kinds.TRACK

    _links_over_ridges(rng, graph, network, search(graph, np.flatnonzero(network.on_road)))
    for part in (*_dealt(hamlets, rounds), *_dealt(farms, (rounds + 1) // 2)):
        reach = search(graph, np.flatnonzero(network.on_road))
        _branches(rng, network, reach, part, kind)


def _dealt(cells: Cells, hands: int) -> list[Cells]:
    return [cells[k::hands] for k in range(hands)]


def _town_links(
    rng: np.random.Generator, graph: csr_matrix, ends: Cells, gates: Gates, numbers: Numbers
) -> list[Plan]:
    """Roads between neighbouring towns: the tree that joins all, and some more for loops."""
    reach = search(graph, ends)
    starts, stops, cost = meetings(graph, reach)
    best = _best_meetings(reach, starts, stops, cost)
    tree, rest = _spanning(best)
    extra = rest[: round(EXTRA_LINKS * len(tree))]
    main = _tree_path(tree, gates.east, gates.west)
    joined = {pair for pair, _, _ in tree}
    plans = []
    number = numbers.county_from
    for (a, b), start, stop in sorted(tree + extra, key=lambda link: link[0] not in main):
        cells = reach.path_to(start)[::-1] + reach.path_to(stop)
        if (a, b) in main:
            kind, ref = kinds.PROVINCIAL, numbers.provincial[0]
        elif (a, b) in joined and rng.random() < 0.12:
            kind, ref = kinds.PROVINCIAL, numbers.provincial[1]
        else:
            kind, ref = kinds.COUNTY, f"X{number:03d}"
            number += 1
        plans.append(Plan(cells=cells, tags=kind.tags(rng, ref=ref), curvature=kind.curvature))
    return plans


def _best_meetings(reach: Reach, starts: Cells, stops: Cells, cost: Field) -> list[Link]:
    """The cheapest meeting of each pair of sources, cheapest pair first."""
    order = np.argsort(cost, kind="stable")
    starts, stops = starts[order], stops[order]
    pair = reach.source[starts].astype(np.int64) * len(reach.source) + reach.source[stops]
    cheapest = np.sort(np.unique(pair, return_index=True)[1])
    starts, stops = starts[cheapest], stops[cheapest]
    pairs = zip(reach.source[starts].tolist(), reach.source[stops].tolist(), strict=True)
    return list(zip(pairs, starts.tolist(), stops.tolist(), strict=True))


def _spanning(links: list[Link]) -> tuple[list[Link], list[Link]]:
    """Kruskal's tree over links given cheapest first, and the links left over."""
    root: dict[int, int] = {}

    def top(node: int) -> int:
        while root.get(node, node) != node:
            node = root[node]
        return node

    tree: list[Link] = []
    rest: list[Link] = []
    for link in links:
        a, b = (top(end) for end in link[0])
        (rest if a == b else tree).append(link)
        root[a] = b
    return tree, rest


def _tree_path(tree: list[Link], start: int, goal: int) -> set[tuple[int, int]]:
    """Pairs on the way between two ends of the tree."""
    neighbours: dict[int, list[int]] = {}
    for (a, b), _, _ in tree:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    before = {start: start}
    queue = [start]
    for node in queue:
        for other in neighbours.get(node, []):
            if other not in before:
                before[other] = node
                queue.append(other)
    pairs = set()
    node = goal
    while node in before and before[node] != node:
        pairs.add((min(node, before[node]), max(node, before[node])))
        node = before[node]
    return pairs


def _branches(
    rng: np.random.Generator,
    network: Network,
    reach: Reach,
    targets: Cells,
    kind_for: Callable[[int], Kind],
) -> None:
    """Roads from every target back to what is there, far ones first, merged where they meet."""
    before = len(network.lines)
    targets = targets[np.isfinite(reach.cost[targets]) & ~network.on_road[targets]]
    targets = targets[np.argsort(-reach.cost[targets], kind="stable")]
    users = np.zeros(len(reach.cost), dtype=np.int32)
    for target in targets.tolist():
        users[reach.path_to(target)] += 1
    seen = network.on_road
    plans = []
    for target in targets.tolist():
        if seen[target]:
            continue
        cells = reach.path_to(target, seen)
        seen[cells] = True
        kind = kind_for(int(users[cells[-max(2, len(cells) // 3)]]))
        plans.append(Plan(cells=cells, tags=kind.tags(rng), curvature=kind.curvature))
    network.build(plans)
    network.register(network.lines[before:])


def _links_over_ridges(
    rng: np.random.Generator, graph: csr_matrix, network: Network, reach: Reach
) -> None:
    """Tracks over saddles between roads that are far apart otherwise."""
    starts, stops, cost = meetings(graph, reach)
    cols = network.shape[1]
    source_a, source_b = reach.source[starts], reach.source[stops]
    apart = CELL_M * np.hypot(
        source_a // cols - source_b // cols, source_a % cols - source_b % cols
    )
    worth = (apart > 900) & (cost < _LINK_GAIN * apart + 1500)
    starts, stops, ratio = starts[worth], stops[worth], (cost / np.maximum(apart, 1))[worth]
    wanted = round(_TRACK_LINKS_PER_KM2 * len(reach.cost) * CELL_M**2 / 1e6)
    taken = np.zeros(network.shape, dtype=np.bool_)
    plans: list[Plan] = []
    for i in np.argsort(ratio, kind="stable").tolist():
        if len(plans) == wanted:
            break
        row, col = divmod(int(starts[i]), cols)
        if taken[row, col]:
            continue
        near = _LINK_APART_CELLS
        taken[max(row - near, 0) : row + near, max(col - near, 0) : col + near] = True
        cells = reach.path_to(int(starts[i]))[::-1] + reach.path_to(int(stops[i]))
        kind = kinds.TRACK if rng.random() < 0.7 else kinds.LANE
        plans.append(Plan(cells=cells, tags=kind.tags(rng), curvature=kind.curvature))
    before = len(network.lines)
    network.build(plans)
    network.register(network.lines[before:])


def _with_tunnels(grid: PathGrid, height: Field, path: list[int]) -> list[tuple[list[int], bool]]:
    """The path in parts, with tunnels where a straight line under a spur saves a long way round."""
    xy = grid.xy_m[np.asarray(path)]
    station = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    most = max(1, round(float(station[-1]) / _TUNNEL_EVERY_M))
    sites = _tunnel_sites(xy, station, height, _TUNNEL_COVER_M)
    sites = sites or _tunnel_sites(xy, station, height, _TUNNEL_COVER_LEAST_M)
    chosen: list[tuple[int, int]] = []
    for _, i, j in sites:
        if len(chosen) < most and all(j + 2 < a or b + 2 < i for a, b in chosen):
            chosen.append((i, j))
    parts: list[tuple[list[int], bool]] = []
    at = 0
    for i, j in sorted(chosen):
        parts += [(path[at : i + 1], False), ([path[i], path[j]], True)]
        at = j
    parts.append((path[at:], False))
    return [(part, tunnel) for part, tunnel in parts if len(part) > 1]


def _tunnel_sites(
    xy: Field, station: Field, height: Field, cover_m: tuple[float, float]
) -> list[tuple[float, int, int]]:
    """(metres saved, start, end) of lines with enough rock above at both ends and in the middle."""
    ground = bilinear(height, xy[:, 1] / CELL_M, xy[:, 0] / CELL_M)
    i, j = np.triu_indices(len(xy), 3)
    inside = (i >= 3) & (j < len(xy) - 3) & (j - i < 45)
    i, j = i[inside], j[inside]
    chord = np.hypot(*(xy[j] - xy[i]).T)
    way = station[j] - station[i]
    fit = (chord >= _TUNNEL_M[0]) & (chord <= _TUNNEL_M[1]) & (way > _TUNNEL_GAIN * chord)
    fit &= np.abs(ground[j] - ground[i]) < 0.04 * chord
    i, j, saved = i[fit], j[fit], (way - chord)[fit]
    share = np.linspace(0.12, 0.88, 9)[:, None]
    line = xy[i] + (xy[j] - xy[i]) * share[..., None]
    cover = bilinear(height, line[..., 1] / CELL_M, line[..., 0] / CELL_M)
    cover -= ground[i] + (ground[j] - ground[i]) * share
    dug = (cover.min(axis=0) > cover_m[0]) & (cover.max(axis=0) > cover_m[1])
    return sorted(zip(saved[dug].tolist(), i[dug].tolist(), j[dug].tolist(), strict=True))[::-1]
