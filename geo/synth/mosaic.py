"""A believable mountain county out of a seed: land, water, settlements, roads.

Large maps are a mosaic of counties of about 2,200 km² over one piece of land, each with its own
seat and joined to its neighbours by roads through shared gates on the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.mapmaking.progress import Progress, silent
from geo.roadmap import Place, SourceMap, SourceWay
from geo.synth import roads
from geo.synth.landcover import land_cover
from geo.synth.names import NameBook
from geo.synth.network import Line, Network
from geo.synth.noding import (
    bridge_rivers,
    join_crossings,
    largest_network,
    without_doubles,
)
from geo.synth.pathgrid import PathGrid
from geo.synth.places import Counts, choose_sites, counts_for
from geo.synth.settle import Settled, settle
from geo.synth.signs import put_up
from geo.synth.terrain import CELL_M, Terrain, make_terrain
from geo.synth.water import Course, river_courses, water_areas, waterways, with_reservoirs

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

AREA_KM2_MIN = 60.0
AREA_KM2_MAX = 120_000.0
_WINDOW_KM2 = 2_600.0
"""Largest county of a mosaic."""
_IDS_PER_WINDOW = 4_000_000
_SIGNS = 1_000_000
"""A stream of chance of its own, beside those of the windows."""
_FIRST_WINDOW_ID = 1_000_000_000
"""Node ids below this belong to gates: 1 + flat cell of the whole map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """One county of the mosaic; borders are shared with the neighbours."""

    number: int
    top: int
    left: int
    rows: int
    cols: int
    counts: Counts
    rounds: int
    """More rounds draw finer roads and take longer."""


def county(seed: int, *, area_km2: float = 2230, progress: Progress = silent) -> SourceMap:
    """A synthetic county; the same seed and area give the same map.

    Raises ValueError when `area_km2` is outside 60..120,000.
    """
    if not AREA_KM2_MIN <= area_km2 <= AREA_KM2_MAX:
        raise ValueError(f"area_km2 must be {AREA_KM2_MIN:.0f}..{AREA_KM2_MAX:.0f}: {area_km2}")
    rng = np.random.Generator(np.random.PCG64(seed))
    terrain = with_reservoirs(rng, make_terrain(rng, area_km2, progress))
    book = NameBook(rng)
    streams = waterways(terrain, book)
    courses = river_courses(terrain, streams)
    progress("water", 1.0)
    windows = _windows(terrain, area_km2)
    ways: list[SourceWay] = []
    places: list[Place] = []
    built_up = np.zeros(terrain.height_m.shape, dtype=np.bool_)
    for window in windows:
        progress("roads", window.number / len(windows))
        own_rng = np.random.Generator(np.random.PCG64([seed, window.number]))
        settled = _county_roads(own_rng, terrain, window, courses, book)
        places += settled.places
        ways += _source_ways(terrain, window, settled.lines, len(ways))
        built_up[_slices(window)] |= settled.built_up
    progress("roads", 1.0)
    elevation = terrain.elevation()
    signs = put_up(np.random.Generator(np.random.PCG64([seed, _SIGNS])), ways, elevation)
    areas = land_cover(rng, terrain, built_up) + water_areas(terrain, streams)
    progress("land cover", 1.0)
    return SourceMap(
        name="岭脊县 Ridgeline County (synthetic)",
        source=f"Ridgeline synthetic county, seed {seed}, {area_km2:g} km²",
        licence="CC0-1.0",
        attribution="Synthetic map: no such place",
        synthetic=True,
        bounds=terrain.frame.bounds,
        ways=signs.ways,
        barriers=signs.barriers,
        restrictions=signs.restrictions,
        places=places,
        areas=areas,
        waterways=streams,
        elevation=elevation,
    )


def _windows(terrain: Terrain, area_km2: float) -> list[_Window]:
    rows, cols = terrain.height_m.shape
    side = max(1, int(np.ceil(np.sqrt(area_km2 / _WINDOW_KM2))))
    total = counts_for(area_km2)
    cuts_row = np.linspace(0, rows - 1, side + 1).astype(int)
    cuts_col = np.linspace(0, cols - 1, side + 1).astype(int)
    windows = []
    for number in range(side * side):
        i, j = divmod(number, side)
        windows.append(
            _Window(
                number=number,
                top=int(cuts_row[i]),
                left=int(cuts_col[j]),
                rows=int(cuts_row[i + 1] - cuts_row[i]) + 1,
                cols=int(cuts_col[j + 1] - cuts_col[j]) + 1,
                rounds=3 if side == 1 else 1,
                counts=Counts(
                    towns=_portion(total.towns, number, side * side),
                    villages=_portion(total.villages, number, side * side),
                    stations=_portion(total.stations, number, side * side),
                ),
            )
        )
    return windows


def _portion(total: int, number: int, parts: int) -> int:
    """This part's share of a total, at least one."""
    return max(1, total * (number + 1) // parts - total * number // parts)


def _slices(window: _Window) -> tuple[slice, slice]:
    return (
        slice(window.top, window.top + window.rows),
        slice(window.left, window.left + window.cols),
    )


def _county_roads(
    rng: np.random.Generator,
    terrain: Terrain,
    window: _Window,
    courses: list[Course],
    book: NameBook,
) -> Settled:
    here = _slices(window)
    height, slope = terrain.height_m[here], terrain.slope[here]
    drained, lake = terrain.drained_m2[here], terrain.lake[here]
    sites = choose_sites(rng, height, slope, drained, lake, window.counts)
    grid = PathGrid(rng, height, slope, drained, lake)
    network = Network(grid.xy_m, grid.shape, _FIRST_WINDOW_ID + window.number * _IDS_PER_WINDOW)
    gates = _gates(terrain, window, height, drained)
    for cell in (gates.north, gates.south, gates.east, gates.west):
        grid.open_gate(cell)
        network.fix(cell, _gate_id(terrain, window, cell))
    numbers = roads.Numbers(
        trunk=f"G{int(rng.integers(310, 360))}",
        provincial=(f"S{int(rng.integers(201, 230))}", f"S{int(rng.integers(231, 260))}"),
        county_from=1 + 60 * window.number % 900,
    )
    roads.main_roads(rng, grid, network, height, sites, gates, numbers)
    roads.lanes(rng, grid, network, sites.villages, window.rounds)
    roads.tracks(rng, grid, network, sites.hamlets, sites.farms, window.rounds)
    settled = settle(rng, terrain, (window.top, window.left), network, sites, window.counts, book)
    join_crossings(network.lines)
    lines = largest_network(without_doubles(network.lines))
    lines = _bridged(window, lines, courses)
    return Settled(lines=lines, places=settled.places, built_up=settled.built_up)


def _gates(terrain: Terrain, window: _Window, height: Field, drained: Field) -> roads.Gates:
    """The lowest dry cell of each border: the same one seen from both sides."""
    rows, cols = height.shape
    lake = terrain.lake[_slices(window)]
    level = np.where((drained > 1.2e7) | lake, np.inf, height)

    def lowest(border: Field) -> int:
        edge = max(8, len(border) // 10)
        return edge + int(np.argmin(border[edge:-edge]))

    return roads.Gates(
        north=lowest(level[0]),
        south=(rows - 1) * cols + lowest(level[-1]),
        west=lowest(level[:, 0]) * cols,
        east=lowest(level[:, -1]) * cols + cols - 1,
    )


def _gate_id(terrain: Terrain, window: _Window, cell: int) -> int:
    """Node id of a border cell, the same in every window that shares it."""
    row, col = divmod(cell, window.cols)
    return 1 + (window.top + row) * terrain.frame.cols + window.left + col


def _bridged(window: _Window, lines: list[Line], courses: list[Course]) -> list[Line]:
    """Bridges over the rivers of this window."""
    corner = _corner_m(window)
    limit = corner + np.array([window.cols, window.rows]) * CELL_M
    here = [c for c in courses if (c.low_m < limit).all() and (c.high_m > corner).all()]
    first_id = max(int(line.ids.max()) for line in lines) + 1
    return bridge_rivers(
        lines, [c.xy_m - corner for c in here], [c.width_m for c in here], first_id
    )


def _source_ways(
    terrain: Terrain, window: _Window, lines: list[Line], ways_before: int
) -> list[SourceWay]:
    lonlat = terrain.frame.lonlat(np.concatenate([x.xy_m for x in lines]) + _corner_m(window))
    cuts = np.cumsum([len(line.ids) for line in lines])[:-1]
    return [
        SourceWay(way_id=ways_before + number, node_ids=line.ids, lonlat=shape, tags=line.tags)
        for number, (line, shape) in enumerate(
            zip(lines, np.split(lonlat, cuts), strict=True), start=1
        )
    ]


def _corner_m(window: _Window) -> Field:
    """Where the window's first cell lies on the whole map."""
    return np.array([window.left, window.top], dtype=np.float64) * CELL_M
