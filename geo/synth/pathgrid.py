"""Least-cost paths over the land: where a road builder would go.

Every cell is a node, nudged off the lattice by up to a third of a cell; moves reach up to four
cells far, so that a path can climb aslant. Steep moves cost dear, so a path up a steep face winds:
switchbacks come of themselves. Water and steep cross slopes cost extra.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from geo.synth.noise import bilinear
from geo.synth.terrain import CELL_M

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Cells: TypeAlias = NDArray[np.int64]

_MOVES = (
    (0, 1), (1, 0), (1, 1), (1, -1),
    (1, 2), (2, 1), (2, -1), (1, -2),
    (1, 4), (4, 1), (4, -1), (1, -4),
)  # fmt: skip
"""Half of the moves, (rows, columns); the other half is their reverse."""
_NUDGE = 0.30
"""Greatest offset of a node from its cell centre, in cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadCost:
    """What a kind of road pays for, in metres of easy road."""

    grade_easy: float
    """Grade at which a metre costs two."""
    grade_max: float
    """Grade from which it costs very much."""
    water_m: float
    """Crossing of a stream cell; large rivers cost more."""
    move_m: float
    """Each move, so that long straight ones are preferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Result of one search from many sources at once."""

    cost: Field
    parent: NDArray[np.int32]
    """Cell before; negative at a source and where nothing leads."""
    source: NDArray[np.int32]

    def path_to(self, cell: int, stop: Mask | None = None) -> list[int]:
        """Cells from `cell` back to its source, or to the first one marked in `stop`."""
        path = [cell]
        while (stop is None or not stop[path[-1]]) and self.parent[path[-1]] >= 0:
            path.append(int(self.parent[path[-1]]))
        return path


class PathGrid:
    """The nodes and moves of one window of terrain."""

    def __init__(
        self,
        rng: np.random.Generator,
        height: Field,
        slope: Field,
        drained_m2: Field,
        water: Mask,
    ) -> None:
        self.shape = height.shape
        self.cells = height.size
        index = np.indices(self.shape).astype(np.float64)
        rows, cols = index[0], index[1]
        self.row = rows + rng.uniform(-_NUDGE, _NUDGE, self.shape)
        self.col = cols + rng.uniform(-_NUDGE, _NUDGE, self.shape)
        for border in ((0, ...), (-1, ...), (..., 0), (..., -1)):
            self.row[border], self.col[border] = rows[border], cols[border]
        self.xy_m = np.stack([self.col.ravel(), self.row.ravel()], axis=1) * CELL_M
        self._side_cost = (0.9 * np.minimum(slope, 0.9) ** 2).astype(np.float32)
        self._wet = _wetness(drained_m2, water)
        self._closed = np.zeros(self.shape, dtype=np.bool_)
        for border in ((0, ...), (-1, ...), (..., 0), (..., -1)):
            self._closed[border] = True
        at_node = bilinear(height, self.row, self.col)
        self._grades = [self._move_grades(height, at_node, move) for move in _MOVES]
        self._lengths = [self._move_length(move).astype(np.float32) for move in _MOVES]

    def open_gate(self, cell: int) -> None:
        """Let paths use one cell of the border."""
        self._closed.ravel()[cell] = False

    def graph(
        self, cost: RoadCost, cheap: Iterable[list[int]] = (), share: float = 0.3
    ) -> csr_matrix:
        """Moves weighted for one kind of road; moves along `cheap` paths cost only a share."""
        cols = self.shape[1]
        offsets = np.array([row * cols + col for row, col in _MOVES])
        slots = np.argsort(np.concatenate([-offsets, offsets]), kind="stable")
        rank = np.empty(len(slots), dtype=np.int64)
        rank[slots] = np.arange(len(slots))
        table = np.full((self.cells, len(slots)), np.inf, dtype=np.float32)
        box = table.reshape(*self.shape, len(slots))
        for k, move in enumerate(_MOVES):
            start, end = _ends(move)
            weight = self._weight(k, cost)
            box[(*end, rank[k])] = weight
            box[(*start, rank[k + len(_MOVES)])] = weight
        all_offsets = np.concatenate([-offsets, offsets])[slots]
        for path in cheap:
            _discount(table, all_offsets, np.asarray(path), share)
        used = np.isfinite(table)
        indices = np.arange(self.cells, dtype=np.int32)[:, None] + all_offsets.astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
        return csr_matrix(
            (table[used].astype(np.float64), indices[used], starts.astype(np.int32)),
            shape=(self.cells, self.cells),
        )

    def _move_grades(
        self, height: Field, at_node: Field, move: tuple[int, int]
    ) -> list[NDArray[np.float32]]:
        """Grade of each piece of a move (about one cell each)."""
        start, end = _ends(move)
        pieces = max(abs(move[0]), abs(move[1]))
        rise_run = self._move_length(move) / pieces
        row_a, row_b = self.row[start], self.row[end]
        col_a, col_b = self.col[start], self.col[end]
        between = [
            bilinear(height, row_a + (row_b - row_a) * t, col_a + (col_b - col_a) * t)
            for t in np.linspace(0, 1, pieces + 1)[1:-1]
        ]
        levels = [at_node[start], *between, at_node[end]]
        return [(np.abs(b - a) / rise_run).astype(np.float32) for a, b in pairwise(levels)]

    def _move_length(self, move: tuple[int, int]) -> Field:
        start, end = _ends(move)
        length: Field = CELL_M * np.hypot(
            self.row[end] - self.row[start], self.col[end] - self.col[start]
        )
        return length

    def _weight(self, k: int, cost: RoadCost) -> NDArray[np.float32]:
        move = _MOVES[k]
        start, end = _ends(move)
        grades = self._grades[k]
        factor = np.zeros(grades[0].shape, dtype=np.float32)
        for grade in grades:
            over = np.maximum(grade / np.float32(cost.grade_max) - 1, 0)
            factor += 1 + (grade / np.float32(cost.grade_easy)) ** 2 + 14 * over + 6 * over * over
        factor /= len(grades)
        factor += 0.5 * (self._side_cost[start] + self._side_cost[end])
        weight = self._lengths[k] * factor + np.float32(cost.move_m)
        weight += np.float32(cost.water_m) * self._wet_between(move)
        if len(grades) > 1:
            steepest = np.maximum.reduce(grades)
            weight[steepest > 3 * cost.grade_max] = np.inf
        weight[self._closed[start] | self._closed[end]] = np.inf
        return weight

    def _wet_between(self, move: tuple[int, int]) -> NDArray[np.float32]:
        """Water met on a move: the end cells by half, the cells passed over whole."""
        start, end = _ends(move)
        wet: NDArray[np.float32] = 0.5 * (self._wet[start] + self._wet[end])
        pieces = max(abs(move[0]), abs(move[1]))
        for i in range(1, pieces):
            between = (move[0] * i / pieces, move[1] * i / pieces)
            row, col = round(between[0]), round(between[1])
            wet = np.maximum(wet, self._wet[_shifted(start, row, col, self.shape)])
        return wet


def search(graph: csr_matrix, sources: Cells) -> Reach:
    """Cheapest way from the nearest source to every cell."""
    cost, parent, source = dijkstra(
        graph, directed=True, indices=sources, return_predecessors=True, min_only=True
    )
    return Reach(cost=cost, parent=parent, source=source)


def meetings(graph: csr_matrix, reach: Reach) -> tuple[Cells, Cells, Field]:
    """Moves (from, to, cost source to source) over which two sources' realms touch."""
    starts = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    ends = graph.indices
    touch = (reach.source[starts] < reach.source[ends]) & (reach.source[starts] >= 0)
    starts, ends, weight = starts[touch], ends[touch].astype(np.int64), graph.data[touch]
    total = reach.cost[starts] + weight + reach.cost[ends]
    usable = np.isfinite(total)
    return starts[usable], ends[usable], total[usable]


def _wetness(drained_m2: Field, water: Mask) -> NDArray[np.float32]:
    """0 on land, about 1 in a stream, up to 6 in a big river, 40 in a lake."""
    wet = np.clip(np.log10(np.maximum(drained_m2, 1) / 3e6) * 1.5, 0, 6)
    wet[water] = 40
    thick = wet.copy()
    crossing = (wet[:-1, :-1] > 0) & (wet[1:, 1:] > 0)
    thick[:-1, 1:][crossing] = np.maximum(thick[:-1, 1:], wet[:-1, :-1])[crossing]
    other = (wet[:-1, 1:] > 0) & (wet[1:, :-1] > 0)
    thick[:-1, :-1][other] = np.maximum(thick[:-1, :-1], wet[:-1, 1:])[other]
    return thick.astype(np.float32)


def _ends(move: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all start cells and all end cells of a move that stay on the grid."""
    row, col = move
    starts = (slice(0, -row or None), slice(max(-col, 0), -col if col > 0 else None))
    ends = (slice(row, None), slice(max(col, 0), col if col < 0 else None))
    return starts, ends


def _shifted(
    start: tuple[slice, slice], row: int, col: int, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """The slices moved by whole cells; the caller stays on the grid."""
    moved = []
    for part, by, size in zip(start, (row, col), shape, strict=True):
        low, high, _ = part.indices(size)
        moved.append(slice(low + by, high + by))
    return moved[0], moved[1]


def _discount(table: NDArray[np.float32], offsets: Cells, path: Cells, share: float) -> None:
    for a, b in ((path[:-1], path[1:]), (path[1:], path[:-1])):
        slot = np.searchsorted(offsets, b - a)
        table[a, slot] *= np.float32(share)
