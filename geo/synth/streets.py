"""Streets of towns and villages: pieces of a turned lattice on ground flat enough to build on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from geo.synth.kinds import Kind
from geo.synth.network import Line, Network
from geo.synth.terrain import CELL_M

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Size and grain of a settlement's streets."""

    along: int
    """Nodes along the valley to each side of the middle."""
    across: int
    block_m: tuple[float, float]
    """Distance between nodes along and across."""
    wobble_m: float
    keep: float
    """Share of the lattice's edges that are built."""
    kind: Kind
    minor: Kind
    """Kind of the streets across."""
    slope_max: float


def lay_out(
    rng: np.random.Generator,
    network: Network,
    cell: int,
    heading_rad: float,
    layout: Layout,
    buildable_slope: Field,
    names: list[str] | None = None,
) -> None:
    """Add the streets of one settlement around the road node of `cell`."""
    shape = (2 * layout.along + 1, 2 * layout.across + 1)
    xy = _lattice(rng, network.cell_xy[cell], heading_rad, layout, shape)
    free = _free(xy, buildable_slope, layout).reshape(shape)
    middle = (layout.along, layout.across)
    free[middle] = True
    long_edges = free[:-1] & free[1:] & (rng.random((shape[0] - 1, shape[1])) < layout.keep)
    cross_edges = free[:, :-1] & free[:, 1:] & (rng.random((shape[0], shape[1] - 1)) < layout.keep)
    joined = _around_middle(long_edges, cross_edges, middle)
    long_edges &= joined[:-1] & joined[1:]
    cross_edges &= joined[:, :-1] & joined[:, 1:]
    ids = network.new_ids(xy.shape[0]).reshape(shape)
    ids[middle] = network.cell_id[cell]
    points = xy.reshape(*shape, 2)
    points[middle] = network.cell_xy[cell]
    waiting = list(names or [])
    for kind, edges, flip in (
        (layout.kind, long_edges.T, True),
        (layout.minor, cross_edges, False),
    ):
        for line in range(edges.shape[0]):
            for start, end in _runs(edges[line]):
                part = (slice(start, end + 1), line) if flip else (line, slice(start, end + 1))
                name = waiting.pop() if waiting and end - start >= 3 else ""
                network.add(
                    Line(
                        xy_m=points[part].copy(),
                        ids=ids[part].copy(),
                        tags=kind.tags(rng, name=name),
                    )
                )


def heading_at(network: Network, cell: int, reach: int = 3) -> float:
    """Direction of the road through a cell, radians, from the spread of road cells around it."""
    rows, cols = network.shape
    row, col = divmod(cell, cols)
    box = network.on_road.reshape(rows, cols)[
        max(row - reach, 0) : row + reach + 1, max(col - reach, 0) : col + reach + 1
    ]
    near_row, near_col = np.nonzero(box)
    if len(near_row) < 2:
        return 0.0
    x, y = near_col - near_col.mean(), near_row - near_row.mean()
    return float(0.5 * np.arctan2(2 * (x * y).sum(), (x * x - y * y).sum()))


def _lattice(
    rng: np.random.Generator,
    centre: Field,
    heading_rad: float,
    layout: Layout,
    shape: tuple[int, int],
) -> Field:
    along, across = np.indices(shape)
    u = (along.ravel() - layout.along) * layout.block_m[0]
    v = (across.ravel() - layout.across) * layout.block_m[1]
    u = u + rng.normal(0, layout.wobble_m, u.shape)
    v = v + rng.normal(0, layout.wobble_m, v.shape) + 0.12 * layout.block_m[1] * np.sin(u / 260)
    cos, sin = np.cos(heading_rad), np.sin(heading_rad)
    return centre + np.stack([u * cos - v * sin, u * sin + v * cos], axis=1)


def _free(xy: Field, buildable_slope: Field, layout: Layout) -> Mask:
    """Nodes on ground that is flat enough and inside an ellipse."""
    rows, cols = buildable_slope.shape
    cell = np.rint(xy / CELL_M).astype(np.int64)
    inside = (cell[:, 0] > 3) & (cell[:, 0] < cols - 4) & (cell[:, 1] > 3) & (cell[:, 1] < rows - 4)
    cell = np.clip(cell, 0, [cols - 1, rows - 1])
    shape = (2 * layout.along + 1, 2 * layout.across + 1)
    along, across = np.indices(shape)
    u = (along - layout.along) / (layout.along + 0.4)
    v = (across - layout.across) / (layout.across + 0.4)
    round_shape: Mask = ((u * u + v * v) <= 1.15).ravel()
    flat: Mask = buildable_slope[cell[:, 1], cell[:, 0]] <= layout.slope_max
    return inside & flat & round_shape


def _around_middle(long_edges: Mask, cross_edges: Mask, middle: tuple[int, int]) -> Mask:
    """Lattice nodes joined to the middle one."""
    shape = (long_edges.shape[0] + 1, long_edges.shape[1])
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    starts = np.concatenate([index[:-1][long_edges], index[:, :-1][cross_edges]])
    ends = np.concatenate([index[1:][long_edges], index[:, 1:][cross_edges]])
    graph = csr_matrix((np.ones(len(starts)), (starts, ends)), shape=(index.size, index.size))
    _, label = connected_components(graph, directed=False)
    joined: Mask = (label == label[index[middle]]).reshape(shape)
    return joined


def _runs(edges: Mask) -> list[tuple[int, int]]:
    """[start, end] nodes of each unbroken run of edges."""
    padded = np.concatenate([[False], edges, [False]])
    change = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in change.reshape(-1, 2)]
