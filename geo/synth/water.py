"""Rivers and streams as lines, reservoirs behind dams, the big rivers as areas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.roadmap import Area, Waterway
from geo.synth.names import NameBook
from geo.synth.terrain import CELL_M, RIVER_AREA_M2, STREAM_AREA_M2, Terrain, slope_of

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

RESERVOIRS_PER_KM2 = 3.4 / 2230
BIG_RIVER_M2 = 1e9
_DAM_M = (26.0, 44.0)
_LAKE_CELLS = (28, 190)
_BOX = 70
"""Reach of the search for a reservoir's shore, cells."""


def with_reservoirs(rng: np.random.Generator, terrain: Terrain) -> Terrain:
    """The terrain with a few side valleys dammed."""
    rows, cols = terrain.height_m.shape
    area_km2 = rows * cols * (CELL_M / 1000) ** 2
    wanted = max(1, round(RESERVOIRS_PER_KM2 * area_km2))
    drained = terrain.drained_m2
    inner = np.zeros(drained.shape, dtype=np.bool_)
    edge = min(40, rows // 5)
    inner[edge:-edge, edge:-edge] = True
    sites = np.flatnonzero((inner & (drained > 9e6) & (drained < 3.5e8)).ravel())
    height = terrain.height_m.copy()
    lake = terrain.lake.copy()
    dams: list[tuple[int, int]] = []
    tries = rng.permutation(sites)[: 60 * wanted].tolist()
    for cell in tries:
        row, col = divmod(cell, cols)
        if len(dams) == wanted:
            break
        if any(abs(row - r) + abs(col - c) < 110 for r, c in dams):
            continue
        level = float(height[row, col] + rng.uniform(*_DAM_M))
        box, wet = _flooded(terrain, row, col, level)
        if _LAKE_CELLS[0] <= wet.sum() <= _LAKE_CELLS[1]:
            height[box][wet], lake[box][wet] = level, True
            dams.append((row, col))
    return replace(terrain, height_m=height, slope=slope_of(height), lake=lake)


def _flooded(
    terrain: Terrain, row: int, col: int, level: float
) -> tuple[tuple[slice, slice], Mask]:
    """A box around the dam, and which of its cells the water covers."""
    rows, cols = terrain.height_m.shape
    top, left = max(row - _BOX, 0), max(col - _BOX, 0)
    box = (slice(top, row + _BOX), slice(left, col + _BOX))
    low = terrain.height_m[box] < level
    to_row, to_col = np.divmod(terrain.below.reshape(rows, cols)[box], cols)
    to_row, to_col = to_row - top, to_col - left
    low &= (to_row >= 0) & (to_row < low.shape[0]) & (to_col >= 0) & (to_col < low.shape[1])
    above = np.flatnonzero(low)
    below = to_row.ravel()[above] * low.shape[1] + to_col.ravel()[above]
    wet = np.zeros(low.size, dtype=np.bool_)
    wet[(row - top) * low.shape[1] + col - left] = True
    while True:
        more = wet[below] & ~wet[above]
        if not more.any() or wet.sum() > _LAKE_CELLS[1]:
            return box, wet.reshape(low.shape)
        wet[above[more]] = True


def waterways(terrain: Terrain, book: NameBook) -> list[Waterway]:
    """Every stream from its head to where it joins a longer one; the longest first."""
    cells_km2 = terrain.height_m.size * (CELL_M / 1000) ** 2
    least = STREAM_AREA_M2 * (1 if cells_km2 < 10_000 else 5)
    drained = terrain.drained_m2.ravel()
    found = []
    for chain in _courses(terrain, least):
        river = drained[chain] >= RIVER_AREA_M2
        start = int(river.argmax()) if river.any() else len(chain)
        stem = book.long() if river.any() else None
        xy = _smoothed(_centres(chain, terrain.height_m.shape[1]), 3)
        lonlat = terrain.frame.lonlat(xy)
        if start > 1:
            found.append(Waterway(kind="stream", name="", lonlat=lonlat[: start + 1]))
        if stem is not None and len(chain) - start > 1:
            big = drained[chain[-1]] >= BIG_RIVER_M2 and len(chain) > 80
            name = stem.chinese + ("江" if big else "河")
            found.append(Waterway(kind="river", name=name, lonlat=lonlat[max(start, 0) :]))
    return found


def _courses(terrain: Terrain, least_m2: float) -> list[NDArray[np.int64]]:
    """Chains of channel cells, each from a head down to a cell of an earlier chain."""
    drained, below = terrain.drained_m2.ravel(), terrain.below
    channel = drained >= least_m2
    cells = np.flatnonzero(channel)
    downhill = cells[np.argsort(-drained[cells], kind="stable")].tolist()
    fed = np.zeros(len(drained), dtype=np.bool_)
    fed[below[cells[below[cells] != cells]]] = True
    to_outlet = np.zeros(len(drained), dtype=np.int32)
    target = below.tolist() if len(downhill) > len(drained) // 50 else below
    for cell in downhill:
        down = int(target[cell])
        if down != cell:
            to_outlet[cell] = to_outlet[down] + 1
    heads = cells[~fed[cells]]
    heads = heads[np.argsort(-to_outlet[heads], kind="stable")].tolist()
    used = np.zeros(len(drained), dtype=np.bool_)
    chains = []
    for head in heads:
        chain = [head]
        while not used[chain[-1]]:
            used[chain[-1]] = True
            down = int(target[chain[-1]])
            if down == chain[-1]:
                break
            chain.append(down)
        if len(chain) > 4:
            chains.append(np.array(chain, dtype=np.int64))
    return chains


def _centres(cells: NDArray[np.int64], cols: int) -> Field:
    return np.stack([cells % cols, cells // cols], axis=1).astype(np.float64) * CELL_M


def _smoothed(xy: Field, rounds: int) -> Field:
    xy = xy.astype(np.float64)
    for _ in range(rounds):
        xy[1:-1] = (xy[:-2] + 2 * xy[1:-1] + xy[2:]) / 4
    return xy


def river_width_m(drained_m2: float) -> float:
    """Width of the water, from a regime relation (width grows with the root of the flow)."""
    return float(np.clip(0.0011 * np.sqrt(drained_m2), 3.0, 75.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A river as roads have to cross it, in metres of the whole map."""

    xy_m: Field
    width_m: float
    low_m: Field
    """Least x and y."""
    high_m: Field


def river_courses(terrain: Terrain, streams: list[Waterway]) -> list[Course]:
    """The rivers among the streams, with their width."""
    frame = terrain.frame
    courses = []
    for river in streams:
        if river.kind != "river":
            continue
        xy = frame.xy_m(river.lonlat)
        cell = np.clip(np.rint(xy / CELL_M).astype(int), 0, [frame.cols - 1, frame.rows - 1])
        width_m = river_width_m(float(np.median(terrain.drained_m2[cell[:, 1], cell[:, 0]])))
        courses.append(
            Course(xy_m=xy, width_m=width_m, low_m=xy.min(axis=0), high_m=xy.max(axis=0))
        )
    return courses


def water_areas(terrain: Terrain, rivers: list[Waterway]) -> list[Area]:
    """The big rivers as ribbons."""
    scale = np.array([terrain.frame.step_lon, terrain.frame.step_lat]) / CELL_M
    areas = []
    for river in rivers:
        if not river.name.endswith("江"):
            continue
        course = shapely.LineString(river.lonlat / scale)
        ribbon = course.buffer(river_width_m(8e9) / 2, quad_segs=2, cap_style="flat").simplify(4)
        for part in shapely.get_parts(ribbon):
            rings = [part.exterior, *part.interiors]
            areas.append(
                Area(
                    kind="water",
                    rings=tuple(shapely.get_coordinates(ring) * scale for ring in rings),
                )
            )
    return areas
