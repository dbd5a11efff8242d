"""The land: ranges raised and cut by rivers, valley floors filled, drainage known everywhere.

Big rivers cross the map from north to south about every 45 km at fixed heights; between them the
land rises and streams erode it until ridges, side valleys and passes stand in balance. The work
starts on wide cells and ends on ~90 m ones. Works in metres on a plane; `Frame` gives degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geo.mapmaking.progress import Progress
from geo.roadmap import Elevation
from geo.synth.flow import Drainage, drain, erode
from geo.synth.noise import bilinear, fractal_noise, smooth_noise

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

CENTRE_LON = 100.2
CENTRE_LAT = 27.5
CELL_M = 90.0
RIVER_SPACING_M = 45_000.0
RIVER_HEIGHT_M = (430.0, 880.0)
"""Where the big rivers leave (south) and enter (north) a county-sized map."""
RIVER_FALL_SHARE = 0.006
"""Fall per metre of map height at most, so that large maps do not start in the sky."""
STREAM_AREA_M2 = 1.6e6
"""Drained area from which a stream is drawn."""
RIVER_AREA_M2 = 4.0e7

_STAGES = ((8, 60), (4, 24), (2, 10))
"""(cell width in final cells, erosion steps): coarse first."""
_STAGES_LARGE = ((8, 45), (4, 10), (2, 2))
_LARGE_CELLS = 1_500_000
"""A map of more final cells gets fewer erosion steps."""
_STEP_YEARS = 60_000.0
_UPLIFT_M_PER_YEAR = 1.15e-3
_ERODIBILITY = 9.0e-6
_AREA_EXPONENT = 0.45
_WANDER = 0.12
"""Random slope added when flow picks its way, so that it does not follow the lattice."""
_INFLOW_M2 = 8.0e9
"""Drained area a big river brings along from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A grid of `rows` × `cols` cell centres, row 0 in the north, and its place on the globe."""

    rows: int
    cols: int

    @property
    def step_lat(self) -> float:
        return CELL_M / 110_780.0

    @property
    def step_lon(self) -> float:
        return CELL_M / (111_320.0 * float(np.cos(np.radians(CENTRE_LAT))))

    @property
    def west(self) -> float:
        return CENTRE_LON - self.step_lon * (self.cols - 1) / 2

    @property
    def north(self) -> float:
        return CENTRE_LAT + self.step_lat * (self.rows - 1) / 2

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the outermost cell centres."""
        south = self.north - self.step_lat * (self.rows - 1)
        return self.west, south, self.west + self.step_lon * (self.cols - 1), self.north

    def lonlat(self, xy_m: Field) -> Field:
        """Degrees of points given as (k, 2) metres east and south of cell (0, 0)."""
        lon = self.west + xy_m[:, 0] / CELL_M * self.step_lon
        lat = self.north - xy_m[:, 1] / CELL_M * self.step_lat
        return np.stack([lon, lat], axis=1)

    def xy_m(self, lonlat: Field) -> Field:
        """The reverse of `lonlat`."""
        col = (lonlat[:, 0] - self.west) / self.step_lon
        row = (self.north - lonlat[:, 1]) / self.step_lat
        return np.stack([col, row], axis=1) * CELL_M


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """Heights of a frame and what water makes of them."""

    frame: Frame
    height_m: Field
    slope: Field
    """Steepness, rise over run."""
    drained_m2: Field
    """Area that drains through each cell."""
    below: NDArray[np.int64]
    """(cells,) flat index of the cell that each cell drains to; itself at an outlet."""
    lake: Mask

    def elevation(self) -> Elevation:
        return Elevation(
            west=self.frame.west,
            north=self.frame.north,
            step_lon=self.frame.step_lon,
            step_lat=self.frame.step_lat,
            height_m=self.height_m.astype(np.float32),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _BigRiver:
    x_m: Field
    y_m: Field
    height_m: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rock:
    """What the ground is made of, by cell."""

    uplift_m: Field
    """Rise in one erosion step."""
    slope_max: Field
    softness: Field
    """Erodibility times the length of a step."""

    def refined(self, rng: np.random.Generator) -> _Rock:
        """The same rock on cells half as wide, with a finer grain."""
        grain = fractal_noise(rng, _between(self.softness).shape, 6, octaves=2)
        return _Rock(
            uplift_m=_between(self.uplift_m),
            slope_max=np.clip(_between(self.slope_max) * np.exp(0.14 * grain), 0.2, 0.8),
            softness=_between(self.softness) * np.exp(0.35 * grain),
        )


def make_terrain(rng: np.random.Generator, area_km2: float, progress: Progress) -> Terrain:
    """Terrain of a near-square map of `area_km2`."""
    side_m = float(np.sqrt(area_km2) * 1000)
    margin = 8 * round(min(8_000.0, max(3_600.0, side_m / 6)) / (8 * CELL_M))
    inner = 8 * round(side_m / (8 * CELL_M)) + 1
    size = inner + 2 * margin
    rivers = _big_rivers(rng, size * CELL_M)
    height = _eroded(rng, size, rivers, progress)
    drainage = _final_drainage(height, rivers)
    progress("terrain", 0.85)
    height = drainage.filled(height)
    drained = _drained_area(drainage, rivers)
    height = drainage.filled(_with_valley_floors(rng, height, drained), fall=0.02)
    below = _along_rivers(drainage.receiver().reshape(height.shape), rivers)
    crop = slice(margin, margin + inner)
    progress("terrain", 1.0)
    return _cropped(height, drained, below, crop)


def slope_of(height: Field, cell_m: float = CELL_M) -> Field:
    """Steepness of a height grid, rise over run."""
    down, right = np.gradient(height, cell_m)
    slope: Field = np.hypot(down, right)
    return slope


def _big_rivers(rng: np.random.Generator, size_m: float) -> list[_BigRiver]:
    """North-south courses over the whole square, one near the middle of each 45 km strip."""
    count = max(1, round((size_m - 16_000) / RIVER_SPACING_M))
    points = int(size_m / (0.3 * CELL_M))
    y = np.linspace(-CELL_M, size_m + CELL_M, points)
    fall_m = min(RIVER_HEIGHT_M[1] - RIVER_HEIGHT_M[0], RIVER_FALL_SHARE * size_m)
    rivers = []
    for strip in range(count):
        centre = size_m * (strip + 0.5) / count
        lean = rng.uniform(-0.22, 0.22)
        bends = np.zeros(points)
        for wavelength_m, swing_m in ((34_000, 4_200), (13_000, 2_300), (5_000, 750)):
            wave = smooth_noise(rng, (points, 1), wavelength_m / (y[1] - y[0]) / 4)[:, 0]
            bends += swing_m * min(1.0, size_m / 30_000) * wave
        x = centre + lean * (y - size_m / 2) + bends
        pace = 1 + 0.5 * np.clip(smooth_noise(rng, (points, 1), points / 8)[:, 0], -1.2, 1.2)
        run = np.cumsum(pace * np.hypot(np.gradient(x), np.gradient(y)))
        start = RIVER_HEIGHT_M[0] + fall_m + rng.uniform(-40, 40) * (count > 1)
        height = start - fall_m * run / run[-1]
        rivers.append(_BigRiver(x_m=np.clip(x, 0, size_m), y_m=y, height_m=height))
    return rivers


def _river_cells(
    shape: tuple[int, int], rivers: list[_BigRiver], factor: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Field]:
    """Rows, columns and heights of the cells big rivers run through, cells `factor` wide."""
    x = np.concatenate([river.x_m for river in rivers]) / (CELL_M * factor)
    y = np.concatenate([river.y_m for river in rivers]) / (CELL_M * factor)
    height = np.concatenate([river.height_m for river in rivers])
    rows = np.clip(np.rint(y).astype(np.int64), 0, shape[0] - 1)
    cols = np.clip(np.rint(x).astype(np.int64), 0, shape[1] - 1)
    return rows, cols, height


def _outlets(shape: tuple[int, int], rivers: list[_BigRiver], factor: int) -> Mask:
    """Where water may leave: big rivers, and the east and west border (the neighbours' valleys)."""
    outlets = np.zeros(shape, dtype=np.bool_)
    outlets[:, [0, -1]] = True
    rows, cols, _ = _river_cells(shape, rivers, factor)
    outlets[rows, cols] = True
    return outlets


def _eroded(
    rng: np.random.Generator, size: int, rivers: list[_BigRiver], progress: Progress
) -> Field:
    """Heights in balance between uplift and streams on the final grid."""
    stages = _STAGES if size * size <= _LARGE_CELLS else _STAGES_LARGE
    first = stages[0][0]
    coarse = (size - 1) // first + 1
    shape = (coarse, coarse)
    height = 700 + 120 * fractal_noise(rng, shape, 12, octaves=4, gain=0.7)
    rock = _rock(rng, shape, 1000 / (CELL_M * first))
    work_done, work = 0.0, float(sum(steps / factor**2 for factor, steps in stages))
    for factor, steps in stages:
        if factor != first:
            height = _refined(rng, height, CELL_M * factor)
            rock = rock.refined(rng)
        for _ in range(steps):
            height = _erosion_step(rng, height, rivers, factor, rock)
            work_done += 1 / factor**2
            progress("terrain", 0.7 * work_done / work)
    return _refined(rng, height, CELL_M, warp_m=130.0)


def _rock(rng: np.random.Generator, shape: tuple[int, int], cells_per_km: float) -> _Rock:
    broad = fractal_noise(rng, shape, 17 * cells_per_km, octaves=2)
    talus = fractal_noise(rng, shape, 7 * cells_per_km, octaves=4, gain=0.7)
    soft = fractal_noise(rng, shape, 5 * cells_per_km, octaves=4, gain=0.8)
    return _Rock(
        uplift_m=_UPLIFT_M_PER_YEAR * _STEP_YEARS * np.clip(1 + 0.42 * broad, 0.35, 1.9),
        slope_max=np.clip(0.40 * np.exp(0.26 * talus), 0.2, 0.75),
        softness=_ERODIBILITY * _STEP_YEARS * np.exp(0.45 * soft),
    )


def _between(grid: Field) -> Field:
    """The grid with a new row and column between each two."""
    rows, cols = (2 * size - 1 for size in grid.shape)
    row, col = np.meshgrid(np.arange(rows) / 2, np.arange(cols) / 2, indexing="ij")
    return bilinear(grid, row, col)


def _erosion_step(
    rng: np.random.Generator, height: Field, rivers: list[_BigRiver], factor: int, rock: _Rock
) -> Field:
    cell_m = CELL_M * factor
    rows, cols, river_height = _river_cells(height.shape, rivers, factor)
    height[rows, cols] = river_height
    height[:, [0, -1]] = np.clip(height[:, [0, -1]], 900, 1500)
    wander = height + _WANDER * cell_m * rng.random(height.shape)
    drainage = drain(wander, _outlets(height.shape, rivers, factor))
    area = drainage.upstream_sum(np.full(height.shape, cell_m**2))
    return erode(
        drainage,
        height,
        uplift_m=rock.uplift_m,
        strength=rock.softness * area**_AREA_EXPONENT,
        slope_max=rock.slope_max,
        cell_m=cell_m,
    )


def _refined(rng: np.random.Generator, height: Field, cell_m: float, warp_m: float = 0.0) -> Field:
    """The grid on cells half as wide, bent a little so that no valley follows the lattice."""
    rows, cols = (2 * size - 1 for size in height.shape)
    row, col = np.meshgrid(np.arange(rows) / 2, np.arange(cols) / 2, indexing="ij")
    bend = warp_m or 0.9 * cell_m
    for wavelength_m, share in ((2_600, 1.0), (800, 0.45)):
        wave = wavelength_m / cell_m
        row += bend * share / (2 * cell_m) * smooth_noise(rng, (rows, cols), wave)
        col += bend * share / (2 * cell_m) * smooth_noise(rng, (rows, cols), wave)
    fine = bilinear(ndimage.gaussian_filter(height, 0.5), row, col)
    roughness_m = np.clip(0.055 * slope_of(fine, cell_m) * cell_m, 0.2, 14.0)
    return fine + roughness_m * fractal_noise(rng, (rows, cols), 6, octaves=2)


def _final_drainage(height: Field, rivers: list[_BigRiver]) -> Drainage:
    """The drainage of the finished land; cuts the big rivers' beds into `height`."""
    rows, cols, river_height = _river_cells(height.shape, rivers, 1)
    height[rows, cols] = np.minimum(height[rows, cols], river_height)
    return drain(height, _outlets(height.shape, rivers, 1))


def _with_valley_floors(rng: np.random.Generator, height: Field, area: Field) -> Field:
    """Rivers get a flat floor as wide as they are strong, wider where basins lie."""
    basin = np.exp(0.62 * smooth_noise(rng, height.shape, 5_500 / CELL_M))
    for least_m2, most_m2, width_m in (
        (2e6, 2e7, 70.0),
        (2e7, 1e8, 170.0),
        (1e8, 1e9, 300.0),
        (1e9, np.inf, 560.0),
    ):
        stream = (area >= least_m2) & (area < most_m2)
        height = _flattened(height, stream, width_m * basin)
    return height


def _flattened(height: Field, stream: Mask, half_width_m: Field) -> Field:
    if not stream.any():
        return height
    away, (row, col) = ndimage.distance_transform_edt(~stream, return_indices=True)
    share = np.clip(away * CELL_M / half_width_m / 2.2, 0, 1)
    rise = np.maximum(height - height[row, col], 0)
    ease = share * share * (3 - 2 * share)
    floor = np.minimum(rise, 0.012 * away * CELL_M)
    lowered: Field = height - (1 - ease) * (rise - floor)
    return lowered


def _drained_area(drainage: Drainage, rivers: list[_BigRiver]) -> Field:
    """Area drained through each final cell; big rivers gather their side valleys downstream."""
    area = drainage.upstream_sum(np.full(drainage.shape, CELL_M**2))
    for river in rivers:
        rows, cols = _course(drainage.shape, river)
        area[rows, cols] = _INFLOW_M2 + np.cumsum(area[rows, cols])
    return area


def _course(
    shape: tuple[int, int], river: _BigRiver
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Final cells of a big river from north to south, each once."""
    rows, cols, _ = _river_cells(shape, [river], 1)
    flat = rows * shape[1] + cols
    _, last = np.unique(flat[::-1], return_index=True)
    in_order = np.sort(len(flat) - 1 - last)
    return rows[in_order], cols[in_order]


def _along_rivers(below: NDArray[np.int64], rivers: list[_BigRiver]) -> NDArray[np.int64]:
    """Flow targets (grid) in which the big rivers flow on instead of ending in every cell."""
    below = below.copy()
    for river in rivers:
        rows, cols = _course(below.shape, river)
        below[rows[:-1], cols[:-1]] = rows[1:] * below.shape[1] + cols[1:]
    return below


def _cropped(height: Field, drained: Field, below: NDArray[np.int64], crop: slice) -> Terrain:
    inner = (crop, crop)
    size = crop.stop - crop.start
    row, col = np.divmod(below[inner], height.shape[1])
    row, col = row - crop.start, col - crop.start
    own = np.arange(size * size).reshape(size, size)
    inside = (row >= 0) & (row < size) & (col >= 0) & (col < size)
    receiver = np.where(inside, row * size + col, own)
    cut = height[inner].copy()
    return Terrain(
        frame=Frame(rows=size, cols=size),
        height_m=cut,
        slope=slope_of(cut),
        drained_m2=drained[inner].copy(),
        below=receiver.ravel(),
        lake=np.zeros(cut.shape, dtype=np.bool_),
    )
