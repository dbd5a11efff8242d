"""Dead pieces of road that hang together, as zones with their doors: where a road leads in or out.

A piece belongs to a zone when it is dead in either direction. What a person confirmed or dismissed
is laid over what was learned by the caller, before. Knows no names and no words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from geo.linear import point_at
from geo.radio.evidence import Outlook
from geo.radio.pieces import Pieces
from geo.roadmap import RoadMap

ZONES_MAX: Final = 500
"""Of one map; the longest are kept."""

DOORS_MAX: Final = 12
"""Of one zone; more roads than this lead out of no gorge."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a road leads out of a zone."""

    edge: int
    fraction: float
    """0 at the edge's tail, 1 at its head."""
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadZone:
    """Connected road without radio."""

    pieces: Ints
    """Ascending, without directions."""
    length_m: float
    passages: int
    """Most drives over any one of its pieces, both directions together."""
    silences: int
    """Of these, the silent ones."""
    lines: tuple[Floats, ...]
    """(k, 2) degrees each."""
    doors: tuple[Door, ...]

    @property
    def id(self) -> int:
        """Names it as long as it is as it is: the number of its first piece."""
        return int(self.pieces[0])


def dead_zones(roadmap: RoadMap, pieces: Pieces, dead: Bools, outlook: Outlook) -> list[DeadZone]:
    """The zones of a map in order of id, ZONES_MAX at most; `dead`: (2P,) by directed piece."""
    found = np.flatnonzero(dead.reshape(-1, 2).any(axis=1))
    if not len(found):
        return []
    joints = _Joints(roadmap, pieces)
    label = joints.components(found)
    lengths_m = _lengths_m(roadmap, pieces, found)
    longest = np.argsort(-np.bincount(label, lengths_m), kind="stable")[:ZONES_MAX]
    rims = joints.rims(found)
    zones = [
        _zone(roadmap, pieces, found[label == each], outlook, joints, rims)
        for each in longest.tolist()
    ]
    return sorted(zones, key=lambda zone: zone.id)


def _zone(
    roadmap: RoadMap, pieces: Pieces, members: Ints, outlook: Outlook, joints: _Joints, rims: Ints
) -> DeadZone:
    passages = outlook.passages.reshape(-1, 2).sum(axis=1)[members]
    silences = outlook.silences.reshape(-1, 2).sum(axis=1)[members]
    most = int(passages.argmax())
    return DeadZone(
        pieces=members,
        length_m=float(_lengths_m(roadmap, pieces, members).sum()),
        passages=int(passages[most]),
        silences=int(silences[most]),
        lines=tuple(_lines(roadmap, pieces, members)),
        doors=tuple(joints.doors(members, rims)),
    )


def _lengths_m(roadmap: RoadMap, pieces: Pieces, members: Ints) -> Floats:
    edge = pieces.edge_of(members)
    counts = pieces.first[edge + 1] - pieces.first[edge]
    lengths: Floats = np.asarray(roadmap.edge_length_m, np.float64)[edge] / counts
    return lengths


class _Joints:
    """Where pieces touch: the N nodes of the map, and between two pieces of one edge joint N + p,
    p being the first of the two."""

    def __init__(self, roadmap: RoadMap, pieces: Pieces) -> None:
        self._map, self._pieces = roadmap, pieces
        count, first = pieces.count, pieces.first
        self.tail = roadmap.node_count + np.arange(count) - 1
        self.head = roadmap.node_count + np.arange(count)
        self.tail[first[:-1]] = roadmap.edge_tail
        self.head[first[1:] - 1] = roadmap.edge_head
        self._touching = self._touches(np.arange(count))

    def components(self, members: Ints) -> Ints:
        """(len(members),) number of the connected part that each belongs to."""
        ends = np.concatenate((self.tail[members], self.head[members]))
        joint, flat = np.unique(ends, return_inverse=True)
        rows = np.tile(np.arange(len(members)), 2)
        shape = (len(members), len(joint))
        touches = sparse.csr_array((np.ones(len(rows)), (rows, flat)), shape=shape)
        label = connected_components(touches @ touches.T, directed=False)[1]
        return np.asarray(label, dtype=np.int64)

    def rims(self, dead: Ints) -> Ints:
        """Joints where dead road ends and other road goes on."""
        mine = self._touches(dead)
        return np.flatnonzero((mine > 0) & (mine < self._touching))

    def doors(self, members: Ints, rims: Ints) -> list[Door]:
        """One at each rim of a zone."""
        found: dict[int, Door] = {}
        for ends, last in ((self.tail, False), (self.head, True)):
            for piece in members[np.isin(ends[members], rims)].tolist():
                low, high = self._pieces.span(np.array([piece]))
                edge = int(self._pieces.edge_of(np.array([piece]))[0])
                fraction = float((high if last else low)[0])
                lon, lat = point_at(self._map, edge, fraction)
                door = Door(edge=edge, fraction=fraction, lon=lon, lat=lat)
                found.setdefault(int(ends[piece]), door)
        return list(found.values())[:DOORS_MAX]

    def _touches(self, members: Ints) -> Ints:
        size = self._map.node_count + self._pieces.count
        ends = np.concatenate((self.tail[members], self.head[members]))
        return np.bincount(ends, minlength=size)


def _lines(roadmap: RoadMap, pieces: Pieces, members: Ints) -> list[Floats]:
    """Runs of pieces of one edge, each drawn as one line."""
    edge = pieces.edge_of(members)
    low, high = pieces.span(members)
    begins = np.ones(len(members), dtype=np.bool_)
    begins[1:] = (np.diff(members) > 1) | (np.diff(edge) > 0)
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(members)) - 1
    return [
        _part(roadmap, int(edge[first]), float(low[first]), float(high[last]))
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def _part(roadmap: RoadMap, edge: int, low: float, high: float) -> Floats:
    """An edge's shape between two shares of its length."""
    shape = np.asarray(roadmap.shape(edge), np.float64)
    squeeze = np.cos(np.radians(shape[0, 1]))
    steps = np.hypot(np.diff(shape[:, 0]) * squeeze, np.diff(shape[:, 1]))
    along = np.concatenate(([0.0], np.cumsum(steps)))
    share = along / along[-1] if along[-1] > 0.0 else np.linspace(0.0, 1.0, len(along))
    inner = shape[(share > low) & (share < high)]
    ends = [np.array([point_at(roadmap, edge, at)]) for at in (low, high)]
    return np.concatenate((ends[0], inner, ends[1]))
