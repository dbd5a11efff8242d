"""What stands at a node and which turns are forbidden there: read from tags, laid on a graph.

Sources: wiki.openstreetmap.org pages Key:barrier, Relation:restriction. Knows no file format and
no travel time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from geo.mapmaking.tags import ACCESS_KEYS, OPEN
from geo.roadmap import Barrier, Restriction

Tags = Mapping[str, str]

BARRIERS = {
    kind: barrier
    for barrier, kinds in {
        Barrier.GATE: "gate lift_gate swing_gate sliding_gate hampshire_gate bump_gate chain",
        Barrier.POSTS: "bollard block cycle_barrier planter motorcycle_barrier",
        Barrier.HEAP: "jersey_barrier debris log",
    }.items()
    for kind in kinds.split()
}
"""By `barrier`. Others (kerbs, cattle grids, toll booths) stop nobody."""
EXCEPT_US = frozenset({"emergency", "motorcar", "motor_vehicle", "vehicle"})
OUR_KEYS = ("restriction", "restriction:motorcar", "restriction:motor_vehicle")


class Rule(StrEnum):
    """What a turn restriction is to us."""

    NO = "no"
    ONLY = "only"
    UNREAD = "unread"
    """It may bind us, but not always, or not in a way that can be said here."""
    NOT_OURS = "not_ours"


def read_barrier(tags: Tags) -> Barrier:
    """What a node's barrier is to a vehicle; posts and heaps that say they are open are nothing."""
    barrier = BARRIERS.get(tags.get("barrier", ""), Barrier.NONE)
    said_open = any(tags.get(key) in OPEN for key in ACCESS_KEYS[1:])
    return Barrier.NONE if said_open and barrier is not Barrier.GATE else barrier


def read_rule(tags: Tags) -> Rule:
    """What the tags of a restriction relation say to a police car."""
    if set(tags.get("except", "").split(";")) & EXCEPT_US:
        return Rule.NOT_OURS
    value = next((tags[key] for key in OUR_KEYS if key in tags), "")
    if value.startswith("no_"):
        return Rule.NO
    if value.startswith("only_"):
        return Rule.ONLY
    by_the_hour = any(f"{key}:conditional" in tags for key in OUR_KEYS)
    return Rule.UNREAD if by_the_hour or value else Rule.NOT_OURS


def restrictions_of(rule: Rule, members: Iterable[tuple[str, str, int]]) -> list[Restriction]:
    """A relation's turns; `members` as (kind w | n | r, role, id). None where its shape is another
    than from a way over a node to a way."""
    by_role: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for kind, role, number in members:
        by_role[role].append((kind, number))
    via = by_role["via"]
    if len(via) != 1 or via[0][0] != "n":
        return []
    return [
        Restriction(from_way=leave, via_node=via[0][1], to_way=enter, only=rule is Rule.ONLY)
        for leave_kind, leave in by_role["from"]
        for enter_kind, enter in by_role["to"]
        if (leave_kind, enter_kind) == ("w", "w")
    ]


def banned_moves(
    restrictions: Sequence[Restriction],
    *,
    node_of_id: Mapping[int, int],
    way_id: NDArray[np.int64],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """(B,) arcs left, (B,) arcs entered, and how many restrictions fit nothing on the map.

    One that names a way which passes the node, and so could mean either arm, fits nothing; nor does
    one outside the map.
    """
    at_node = _arcs_at([node_of_id.get(each.via_node, -1) for each in restrictions], tail, head)
    banned: set[tuple[int, int]] = set()
    lost = 0
    for each in restrictions:
        leaving = at_node.get(node_of_id.get(each.via_node, -1), [])
        out = [arc for arc in leaving if way_id[arc >> 1] == each.to_way]
        into = [arc ^ 1 for arc in leaving if way_id[arc >> 1] == each.from_way]
        if len(out) != 1 or len(into) != 1:
            lost += 1
        elif each.only:
            banned |= {(into[0], arc) for arc in leaving if arc != out[0]}
        else:
            banned.add((into[0], out[0]))
    pairs = np.array(sorted(banned), dtype=np.int32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy(), lost


def _arcs_at(
    nodes: Sequence[int], tail: NDArray[np.int32], head: NDArray[np.int32]
) -> dict[int, list[int]]:
    """The arcs that leave each of some nodes."""
    start = np.column_stack((tail, head)).ravel()
    arcs = np.flatnonzero(np.isin(start, nodes))
    found: dict[int, list[int]] = defaultdict(list)
    for arc in arcs.tolist():
        found[int(start[arc])].append(arc)
    return found
