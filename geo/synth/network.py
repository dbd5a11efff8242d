"""The roads drawn so far in one window, and the cells at which new ones can join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.synth.curves import Curvature, draw
from geo.synth.terrain import CELL_M

Field: TypeAlias = NDArray[np.float64]
Ids: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class Line:
    """One road with the same tags all along; `ids` name its points, shared ids are junctions."""

    xy_m: Field
    ids: Ids
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A path over cells to be drawn as one road, or as several where parts are there already."""

    cells: list[int]
    tags: dict[str, str]
    curvature: Curvature


class Network:
    """Lines of one window in window metres, with the node id and place of every cell on a road."""

    def __init__(self, xy_m: Field, shape: tuple[int, int], first_id: int) -> None:
        self.lines: list[Line] = []
        self.shape = shape
        self.cell_xy = xy_m.copy()
        self.cell_id = np.full(len(xy_m), -1, dtype=np.int64)
        self._next_id = first_id
        self._used: set[tuple[int, int]] = set()

    @property
    def on_road(self) -> Mask:
        """Cells that lie on a road."""
        joined: Mask = self.cell_id >= 0
        return joined

    def new_ids(self, count: int) -> Ids:
        self._next_id += count
        return np.arange(self._next_id - count, self._next_id, dtype=np.int64)

    def fix(self, cell: int, node_id: int) -> None:
        """Give a cell its node id before any road is drawn."""
        self.cell_id[cell] = node_id

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def build(self, plans: Sequence[Plan]) -> None:
        """Draw plans in order; later ones join earlier ones where they meet at a cell."""
        seen = self.on_road
        chains = [(chain, plan) for plan in plans for chain in self._new_parts(plan.cells, seen)]
        drawn: list[tuple[Field, Ids, Ids]] = [self._nothing()] * len(chains)
        by_curvature: dict[Curvature, list[int]] = {}
        for i, (_, plan) in enumerate(chains):
            by_curvature.setdefault(plan.curvature, []).append(i)
        for curvature, members in by_curvature.items():
            for i, result in zip(
                members, self._drawn([chains[i][0] for i in members], curvature), strict=True
            ):
                drawn[i] = result
        for (chain, plan), (xy, ids, corner_at) in zip(chains, drawn, strict=True):
            self._join(np.asarray(chain), xy, ids, corner_at)
            self.lines.append(Line(xy_m=xy, ids=ids, tags=plan.tags))

    def register(self, lines: Sequence[Line]) -> None:
        """Let later roads join anywhere along these lines, not only at their corners."""
        for line in lines:
            if line.tags.get("tunnel") == "yes":
                continue
            cell = np.rint(line.xy_m / CELL_M).astype(np.int64)
            flat = cell[:, 1] * self.shape[1] + cell[:, 0]
            fresh = np.flatnonzero(self.cell_id[flat] < 0)
            self.cell_id[flat[fresh]] = line.ids[fresh]
            self.cell_xy[flat[fresh]] = line.xy_m[fresh]

    def _new_parts(self, cells: list[int], seen: Mask) -> list[list[int]]:
        """Runs of moves not drawn yet, broken wherever they touch what is there."""
        parts: list[list[int]] = []
        part = [cells[0]]
        for a, b in pairwise(cells):
            key = (a, b) if a < b else (b, a)
            if key in self._used:
                parts.append(part)
                part = [b]
                continue
            self._used.add(key)
            part.append(b)
            if seen[b]:
                parts.append(part)
                part = [b]
        parts.append(part)
        seen[cells] = True
        return [part for part in parts if len(part) > 1]

    def _drawn(self, chains: list[list[int]], curvature: Curvature) -> list[tuple[Field, Ids, Ids]]:
        """(points, new ids, point of each cell) of each chain."""
        first = np.concatenate([[0], np.cumsum([len(chain) for chain in chains])])
        xy = self.cell_xy[np.concatenate([np.asarray(chain) for chain in chains])]
        result = draw(xy, first, curvature)
        ids = self.new_ids(len(result.xy_m))
        parts = []
        for i in range(len(chains)):
            here = slice(int(result.first[i]), int(result.first[i + 1]))
            corners = result.corner_at[first[i] : first[i + 1]] - here.start
            parts.append((result.xy_m[here].copy(), ids[here].copy(), corners))
        return parts

    def _join(self, chain: Ids, xy: Field, ids: Ids, corner_at: Ids) -> None:
        """Take over the nodes of cells on a road, and put the others' on the map."""
        known = self.cell_id[chain] >= 0
        at = corner_at[known]
        ids[at], xy[at] = self.cell_id[chain[known]], self.cell_xy[chain[known]]
        fresh = chain[~known]
        self.cell_id[fresh] = ids[corner_at[~known]]
        self.cell_xy[fresh] = xy[corner_at[~known]]

    @staticmethod
    def _nothing() -> tuple[Field, Ids, Ids]:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
