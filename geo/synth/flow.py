"""Where the water goes: a drainage tree over a height grid, without pits.

Flow is steepest descent; a pit spills over its lowest rim. Both come out of one minimum spanning
tree whose edge weight is the height of the higher end, less a trace of the slope to break ties:
the tree path from any cell to an outlet is the path with the lowest highest point.
Cells are then handled in breadth-first order from the outlets, one whole generation at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

_TIE_M = 1e-3
"""Weight of slope against height when two ways down start at the same cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drainage:
    """A forest in breadth-first order: index `i` stands for cell `order[i]`."""

    shape: tuple[int, int]
    order: NDArray[np.int64]
    """(n,) flat cell of each index; outlets first."""
    down: NDArray[np.int64]
    """(n,) index of the cell below; an outlet points at itself."""
    generations: list[tuple[int, int]]
    """[start, end) of each generation after the outlets."""
    step: Field
    """(n,) distance to the cell below in cell widths (1 or √2)."""

    def upstream_sum(self, amount: Field) -> Field:
        """Sum of `amount` (per cell, grid) over each cell and all that drains through it (grid)."""
        total = amount.ravel()[self.order].copy()
        for start, end in reversed(self.generations):
            below = self.down[start:end]
            first = below[0]
            sums = np.bincount(below - first, weights=total[start:end])
            total[first : first + len(sums)] += sums
        return self._grid(total)

    def filled(self, height: Field, fall: float = 0.0) -> Field:
        """Height raised where needed so that every cell is at least `fall` above the one below."""
        level = height.ravel()[self.order].copy()
        for start, end in self.generations:
            below = level[self.down[start:end]] + fall
            np.maximum(level[start:end], below, out=level[start:end])
        return self._grid(level)

    def receiver(self) -> NDArray[np.int64]:
        """(cells,) flat index of the cell below each cell; an outlet points at itself."""
        result = np.empty(len(self.order), dtype=np.int64)
        result[self.order] = self.order[self.down]
        return result

    def _grid(self, values: Field) -> Field:
        grid = np.empty(len(self.order))
        grid[self.order] = values
        return grid.reshape(self.shape)


def drain(height: Field, outlets: Mask) -> Drainage:
    """The drainage of a grid whose water leaves at `outlets` (at least one cell)."""
    rows, cols = height.shape
    cells = rows * cols
    index = np.arange(cells, dtype=np.int32).reshape(rows, cols)
    tree = minimum_spanning_tree(_rim_graph(height, outlets, index))
    order, parent = breadth_first_order(tree, cells, directed=False, return_predecessors=True)
    position = np.empty(cells + 1, dtype=np.int64)
    position[order] = np.arange(cells + 1)
    down = position[parent[order[1:]]] - 1
    cells_in_order = order[1:].astype(np.int64)
    outlet_count = int(np.searchsorted(down, 0))
    down[:outlet_count] = np.arange(outlet_count)
    below = cells_in_order[down]
    diagonal = (cells_in_order // cols != below // cols) & (cells_in_order % cols != below % cols)
    return Drainage(
        shape=(rows, cols),
        order=cells_in_order,
        down=down,
        generations=_generations(down, outlet_count),
        step=np.where(diagonal, np.sqrt(2), 1.0),
    )


def erode(
    drainage: Drainage,
    height: Field,
    *,
    uplift_m: Field,
    strength: Field,
    slope_max: Field,
    cell_m: float,
) -> Field:
    """One implicit step of stream-power erosion (Braun & Willett 2013, n = 1) with a slope limit.

    `uplift_m` is the rise in this step, `strength` is K·dt·A^m (metres), outlets keep their height.
    """
    order, down = drainage.order, drainage.down
    level = height.ravel()[order].copy()
    rise = uplift_m.ravel()[order]
    pull = strength.ravel()[order] / (drainage.step * cell_m)
    talus = slope_max.ravel()[order] * drainage.step * cell_m
    for start, end in drainage.generations:
        here = slice(start, end)
        below = level[down[here]]
        eroded = (level[here] + rise[here] + pull[here] * below) / (1 + pull[here])
        level[here] = np.minimum(eroded, below + talus[here])
    return drainage._grid(level)


def _rim_graph(height: Field, outlets: Mask, index: NDArray[np.int32]) -> csr_matrix:
    """Neighbour graph weighted for the spanning tree, with one root joined to every outlet."""
    floor = float(height.min()) - 2.0
    starts, ends, weights = [], [], []
    everywhere, later, earlier = slice(None), slice(1, None), slice(None, -1)
    for a, b, distance in (
        ((everywhere, earlier), (everywhere, later), 1.0),
        ((earlier, everywhere), (later, everywhere), 1.0),
        ((earlier, earlier), (later, later), np.sqrt(2)),
        ((earlier, later), (later, earlier), np.sqrt(2)),
    ):
        upper, lower = height[a], height[b]
        tie = _TIE_M * np.abs(upper - lower) / distance
        starts.append(index[a].ravel())
        ends.append(index[b].ravel())
        weights.append((np.maximum(upper, lower) - tie - floor).ravel())
    out = index[outlets]
    starts.append(np.full(len(out), index.size, dtype=np.int32))
    ends.append(out)
    weights.append(np.full(len(out), 0.5))
    nodes = index.size + 1
    return csr_matrix(
        (np.concatenate(weights), (np.concatenate(starts), np.concatenate(ends))),
        shape=(nodes, nodes),
    )


def _generations(down: NDArray[np.int64], outlet_count: int) -> list[tuple[int, int]]:
    """Slices of equal depth; `down` ascends after the outlets: breadth first."""
    slices = []
    start = outlet_count
    while start < len(down):
        end = outlet_count + int(np.searchsorted(down[outlet_count:], start))
        slices.append((start, end))
        start = end
    return slices
