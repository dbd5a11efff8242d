"""Signs of a synthetic county: gates on tracks, one-way streets, roads shut in winter, forbidden
turns.

Laid over the finished ways by chance alone, the same for the same seed. Nothing here cuts a place
off: one-way streets from which, or to which, no way would lead stay open both ways. How many there
are: starting values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from geo import grid
from geo.roadmap import Barrier, Elevation, Restriction, SourceWay

GATED_SHARE: Final = 0.06
"""Of the tracks."""
ONE_WAY_SHARE: Final = 0.15
"""Of the streets that begin and end at a crossing."""
WINTER_SHARE: Final = 0.05
"""Of the tracks and lanes: the highest."""
BANNED_SHARE: Final = 0.15
"""Of the crossings of three and more ways at which two roads or more end: one turn each."""

NOT_SIGNED: Final = ("track", "trunk", "primary")
"""Kinds of way without forbidden turns."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The ways with their new tags, and what stands at their nodes."""

    ways: list[SourceWay]
    barriers: dict[int, Barrier]
    restrictions: list[Restriction]


def put_up(rng: np.random.Generator, ways: Sequence[SourceWay], elevation: Elevation) -> Signs:
    """Signs for all ways of a county."""
    shared = _shared_nodes(ways)
    tags: dict[int, dict[str, str]] = {}
    for number in _highest(ways, elevation):
        tags.setdefault(number, {})["seasonal"] = "winter"
    for number in _one_ways(rng, ways, shared):
        tags.setdefault(number, {})["oneway"] = "yes"
    return Signs(
        ways=[
            replace(way, tags=way.tags | tags[number]) if number in tags else way
            for number, way in enumerate(ways)
        ],
        barriers=_gates(rng, ways, shared),
        restrictions=_bans(rng, ways, {n for n, each in tags.items() if "oneway" in each}),
    )


def _shared_nodes(ways: Sequence[SourceWay]) -> Ints:
    """Nodes at which ways meet, ascending."""
    ids, count = np.unique(np.concatenate([way.node_ids for way in ways]), return_counts=True)
    return ids[count > 1]


def _gates(rng: np.random.Generator, ways: Sequence[SourceWay], shared: Ints) -> dict[int, Barrier]:
    """Just behind the beginning of a track, where nothing else joins."""
    found: dict[int, Barrier] = {}
    for way in ways:
        if way.tags["highway"] != "track" or len(way.node_ids) < 4:
            continue
        node = int(way.node_ids[1])
        if rng.random() < GATED_SHARE and not _has(shared, node):
            found[node] = Barrier.GATE
    return found


def _highest(ways: Sequence[SourceWay], elevation: Elevation) -> list[int]:
    """Tracks and lanes whose middle lies highest."""
    minor = [n for n, way in enumerate(ways) if way.tags["highway"] in ("track", "unclassified")]
    if not minor:
        return []
    middles = np.array([ways[n].lonlat[len(ways[n].lonlat) // 2] for n in minor])
    height_m = np.nan_to_num(grid.sample(elevation, middles), nan=-np.inf)
    order = np.argsort(-height_m, kind="stable")[: max(1, round(WINTER_SHARE * len(minor)))]
    return sorted(minor[k] for k in order.tolist())


def _one_ways(rng: np.random.Generator, ways: Sequence[SourceWay], shared: Ints) -> list[int]:
    """Streets, as long as everybody can still get everywhere and back."""
    chosen = {
        number
        for number, way in enumerate(ways)
        if way.tags["highway"] == "residential"
        and rng.random() < ONE_WAY_SHARE
        and _has(shared, int(way.node_ids[0]))
        and _has(shared, int(way.node_ids[-1]))
    }
    pieces = [way.node_ids[_kept(way.node_ids, shared)] for way in ways]
    while chosen:
        cut_off = _outside_the_largest(pieces, chosen)
        stranded = {n for n in chosen if np.isin(pieces[n], cut_off).any()}
        if not stranded:
            break
        chosen -= stranded
    return sorted(chosen)


def _outside_the_largest(pieces: Sequence[Ints], one_way: set[int]) -> Ints:
    """Nodes from which one cannot get to most others and back."""
    tail = np.concatenate([each[:-1] for each in pieces])
    head = np.concatenate([each[1:] for each in pieces])
    both = np.concatenate([np.full(len(e) - 1, n not in one_way) for n, e in enumerate(pieces)])
    start, end = np.concatenate((tail, head[both])), np.concatenate((head, tail[both]))
    ids, index = np.unique(np.concatenate((start, end)), return_inverse=True)
    rows, columns = index[: len(start)], index[len(start) :]
    graph = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(ids), len(ids)))
    _, part = connected_components(graph, connection="strong")
    outside: Ints = ids[part != np.bincount(part).argmax()]
    return outside


def _bans(
    rng: np.random.Generator, ways: Sequence[SourceWay], one_way: set[int]
) -> list[Restriction]:
    """One turn each at some crossings, from a road that ends there into another that does."""
    ids, passes = np.unique(np.concatenate([way.node_ids for way in ways]), return_counts=True)
    ends: dict[int, list[int]] = {}
    for number, way in enumerate(ways):
        first, last = int(way.node_ids[0]), int(way.node_ids[-1])
        if way.tags["highway"] not in NOT_SIGNED and first != last and number not in one_way:
            for node in (first, last):
                ends.setdefault(node, []).append(number)
    found = []
    for node, meeting in sorted(ends.items()):
        is_crossing = passes[np.searchsorted(ids, node)] >= 3
        if len(meeting) >= 2 and is_crossing and rng.random() < BANNED_SHARE:
            leave, enter = (int(n) for n in rng.choice(meeting, 2, replace=False))
            found.append(
                Restriction(
                    from_way=ways[leave].way_id,
                    via_node=node,
                    to_way=ways[enter].way_id,
                    only=False,
                )
            )
    return found


def _kept(node_ids: Ints, shared: Ints) -> NDArray[np.bool_]:
    """The ends of a way, and where others meet it."""
    at = np.searchsorted(shared, node_ids).clip(max=max(len(shared) - 1, 0))
    kept: NDArray[np.bool_] = shared[at] == node_ids
    kept[[0, -1]] = True
    return kept


def _has(nodes: Ints, node: int) -> bool:
    at = int(np.searchsorted(nodes, node))
    return at < len(nodes) and int(nodes[at]) == node
