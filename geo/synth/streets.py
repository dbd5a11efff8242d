"""Streets of towns and villages: pieces of a turned lattice on ground flat enough to build on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    names: list[str],
) -> None:
    """Add the streets of one settlement around the road node of `cell`; long ones take a name."""
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
    for kind, edges, flip in (
        (layout.kind, long_edges.T, True),
        (layout.minor, cross_edges, False),
    ):
        for line, built in enumerate(edges.tolist()):
            for start, end in _runs(built):
                part = (slice(start, end + 1), line) if flip else (line, slice(start, end + 1))
                name = names.pop() if names and end - start >= 3 else ""
                network.add(
                    Line(
                        xy_m=points[part].copy(),
                        ids=ids[part].copy(),
                        tags=kind.tags(rng, name=name),
                    )
                )


def headings(network: Network, cells: NDArray[np.int64]) -> Field:
    """Direction (radians) of the road through each cell; the road drawn first counts."""
    first = np.cumsum([0] + [len(line.ids) for line in network.lines])
    ids = np.concatenate([line.ids for line in network.lines])
    names, at = np.unique(ids, return_index=True)
    spot = at[np.clip(np.searchsorted(names, network.cell_id[cells]), 0, len(names) - 1)]
    owner = np.searchsorted(first, spot, side="right") - 1
    result = np.zeros(len(cells))
    for k, (line, point) in enumerate(
        zip(owner.tolist(), (spot - first[owner]).tolist(), strict=True)
    ):
        xy = network.lines[line].xy_m
        low, high = max(point - 2, 0), min(point + 2, len(xy) - 1)
        step = xy[high] - xy[low]
        result[k] = np.arctan2(step[1], step[0])
    return result


def _lattice(
    rng: np.random.Generator,
    centre: Field,
    heading_rad: float,
    layout: Layout,
    shape: tuple[int, int],
) -> Field:
    from_middle = _from_middle(layout.along, layout.across)
    u, v = from_middle[0] * layout.block_m[0], from_middle[1] * layout.block_m[1]
    u = u + rng.normal(0, layout.wobble_m, u.shape)
    v = v + rng.normal(0, layout.wobble_m, v.shape) + 0.12 * layout.block_m[1] * np.sin(u / 260)
    cos, sin = np.cos(heading_rad), np.sin(heading_rad)
    turned: Field = np.empty((len(u), 2))
    turned[:, 0], turned[:, 1] = centre[0] + (u * cos - v * sin), centre[1] + (u * sin + v * cos)
    return turned


def _free(xy: Field, buildable_slope: Field, layout: Layout) -> Mask:
    """Nodes on ground that is flat enough and inside an ellipse."""
    rows, cols = buildable_slope.shape
    cell = np.rint(xy / CELL_M).astype(np.int64)
    inside = (cell[:, 0] > 3) & (cell[:, 0] < cols - 4) & (cell[:, 1] > 3) & (cell[:, 1] < rows - 4)
    free: Mask = inside & _ellipse(layout.along, layout.across)
    at = cell[free]
    free[free] = buildable_slope[at[:, 1], at[:, 0]] <= layout.slope_max
    return free


@lru_cache(maxsize=64)
def _from_middle(along: int, across: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps along and across from the middle to each node of a lattice."""
    u, v = np.indices((2 * along + 1, 2 * across + 1))
    return u.ravel() - along, v.ravel() - across


@lru_cache(maxsize=64)
def _ellipse(along: int, across: int) -> Mask:
    """Nodes of a lattice inside the ellipse that just fits."""
    u, v = _from_middle(along, across)
    inside: Mask = (u / (along + 0.4)) ** 2 + (v / (across + 0.4)) ** 2 <= 1.15
    return inside


def _around_middle(long_edges: Mask, cross_edges: Mask, middle: tuple[int, int]) -> Mask:
    """Lattice nodes joined to the middle one."""
    joined = np.zeros((long_edges.shape[0] + 1, long_edges.shape[1]), dtype=np.bool_)
    joined[middle] = True
    before = 0
    while (now := int(np.count_nonzero(joined))) > before:
        before = now
        joined[1:] |= joined[:-1] & long_edges
        joined[:-1] |= joined[1:] & long_edges
        joined[:, 1:] |= joined[:, :-1] & cross_edges
        joined[:, :-1] |= joined[:, 1:] & cross_edges
    return joined


def _runs(edges: list[bool]) -> Iterator[tuple[int, int]]:
    """[start, end] nodes of each unbroken run of edges."""
    start = 0
    for at, built in enumerate((*edges, False)):
        if not built:
            if at > start:
                yield start, at
            start = at + 1
