"""Forest, fields, rock, lakes and built-up ground as simplified areas."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.transform import Affine
from scipy import ndimage
from shapely.geometry import shape

from geo.roadmap import Area
from geo.synth.noise import fractal_noise
from geo.synth.terrain import CELL_M, Frame, Terrain

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

TREE_LINE_M = 3050.0
_LEAST_M2 = {"water": 3e4, "forest": 5e5, "farmland": 2.2e5, "rock": 4e5, "residential": 2e4}


def land_cover(rng: np.random.Generator, terrain: Terrain, built_up: Mask) -> list[Area]:
    """Areas in the order they are to be drawn."""
    factor = 2 if terrain.height_m.size < 1_500_000 else 4
    height = terrain.height_m[::factor, ::factor]
    slope = ndimage.uniform_filter(terrain.slope, 2 * factor + 1)[::factor, ::factor]
    grain = fractal_noise(rng, height.shape, 2600 / CELL_M / factor, octaves=3)
    line = TREE_LINE_M + 130 * grain
    rock = (height > line) | ((slope > 0.72 + 0.05 * grain) & (height > 1700))
    farmland = (slope < 0.20 + 0.035 * grain) & (height < 2100) & ~rock
    forest = ~rock & ~farmland & (slope > 0.27 - 0.10 * grain)
    covers: list[tuple[str, Mask, int]] = [
        ("forest", _tidied(forest), factor),
        ("farmland", _tidied(farmland), factor),
        ("rock", _tidied(rock), factor),
        ("residential", built_up, 1),
        ("water", terrain.lake, 1),
    ]
    return [area for kind, mask, cell in covers for area in _areas(kind, mask, cell, terrain.frame)]


def _tidied(mask: Mask) -> Mask:
    """The mask without crumbs, edges rounded."""
    smooth: Mask = ndimage.gaussian_filter(mask.astype(np.float32), 1.1) > 0.5
    return smooth


def _areas(kind: str, mask: Mask, factor: int, frame: Frame) -> list[Area]:
    cell_m = CELL_M * factor
    place = Affine(cell_m, 0, -cell_m / 2, 0, cell_m, -cell_m / 2)
    areas = []
    for outline, _ in shapes(mask.astype(np.uint8), mask=mask, transform=place):
        polygon = shape(outline)
        if polygon.area < _LEAST_M2[kind]:
            continue
        for part in shapely.get_parts(polygon.simplify(0.62 * cell_m)):
            if part.is_empty or not part.is_valid:
                continue
            holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > 3e4]
            rings = [_rounded(shapely.get_coordinates(ring)) for ring in (part.exterior, *holes)]
            areas.append(Area(kind=kind, rings=tuple(frame.lonlat(ring) for ring in rings)))
    return areas


def _rounded(ring: Field) -> Field:
    """One round of Chaikin's corner cutting on a closed ring."""
    start, end = ring[:-1], ring[1:]
    cut = np.stack([0.75 * start + 0.25 * end, 0.25 * start + 0.75 * end], axis=1).reshape(-1, 2)
    return np.concatenate([cut, cut[:1]])
