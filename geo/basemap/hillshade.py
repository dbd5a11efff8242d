"""Relief as tiles: light from the north-west on the elevation grid, 256 px WebP.

Grey with an alpha channel: flat ground is FLAT, darker is shade, lighter is lit; transparent
where the height is unknown. Knows no roads and no cache.
"""

from __future__ import annotations

from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from geo.basemap import mercator
from geo.roadmap import Elevation
from geo.voids import filled

TILE_PX = 256
AZIMUTH_DEG = 315.0
ALTITUDE_DEG = 45.0
FLAT = round(256 * np.sin(np.radians(ALTITUDE_DEG)))
"""Grey of flat ground."""
EXAGGERATION_FAR, EXAGGERATION_NEAR = 1.2, 0.75
"""Relief reads flatter from afar: stretched by the first at zoom 8, the second at 13."""
WEBP_QUALITY = 82
LEVELS_MAX = 8
MARGIN_CELLS = 4
"""Cells read round a tile, for the spline."""

Heights = NDArray[np.float32]
Floats = NDArray[np.float64]


class Relief:
    """Hillshade of one elevation grid."""

    def __init__(self, elevation: Elevation) -> None:
        self._elevation = elevation

    def tile(self, z: int, x: int, y: int) -> bytes:
        """WebP of one tile; b"" when no known ground lies in it."""
        if not mercator.is_tile(z, x, y):
            return b""
        heights = self._heights(z, x, y)
        if heights is None:
            return b""
        height_m, known = heights
        mid_lat = mercator.to_lat(np.array((y + 0.5) / 2**z))
        pixel_m = mercator.WORLD_M * np.cos(np.radians(mid_lat)) / TILE_PX / 2**z
        return _webp(_shade(height_m * _exaggeration(z), float(pixel_m)), known)

    def _heights(self, z: int, x: int, y: int) -> tuple[Floats, NDArray[np.bool_]] | None:
        """Heights of the pixel centres with one pixel more on each side, and which are known."""
        pixels = (np.arange(-1, TILE_PX + 1) + 0.5) / TILE_PX
        lon = mercator.to_lon((x + pixels) / 2**z)
        lat = mercator.to_lat((y + pixels) / 2**z)
        level = self._level((lon[1] - lon[0]) / self._elevation.step_lon)
        cells = self._pyramid[level] if level else self._filled
        scale = 2**level
        column = ((lon - self._elevation.west) / self._elevation.step_lon + 0.5) / scale - 0.5
        row = ((self._elevation.north - lat) / self._elevation.step_lat + 0.5) / scale - 0.5
        window = _window(row, column, cells.shape)
        if window is None:
            return None
        rows, columns = window
        part = np.asarray(cells[rows, columns], np.float64)
        unknown = np.isnan(part)
        if unknown.all():
            return None
        at = np.meshgrid(row - rows.start, column - columns.start, indexing="ij")
        smooth = ndimage.map_coordinates(_patched(part, unknown), at, order=3, mode="nearest")
        gone = ndimage.map_coordinates(unknown.astype(np.float32), at, order=0, cval=1.0)
        known = gone[1:-1, 1:-1] < 0.5
        return (smooth, known) if known.any() else None

    @staticmethod
    def _level(cells_per_pixel: float) -> int:
        return int(np.clip(np.floor(np.log2(max(cells_per_pixel, 1e-9))), 0, LEVELS_MAX))

    @cached_property
    def _filled(self) -> Heights:
        return filled(self._elevation).height_m

    @cached_property
    def _pyramid(self) -> list[Heights]:
        """The grid at every halving: means of 2 x 2 cells."""
        levels = [self._filled]
        for _ in range(LEVELS_MAX):
            levels.append(_halved(levels[-1]))
        return levels


def _halved(cells: Heights) -> Heights:
    rows, columns = cells.shape
    padded = np.pad(cells, ((0, rows % 2), (0, columns % 2)), mode="edge")
    quads = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
    mean: Heights = quads.mean(axis=(1, 3), dtype=np.float32)
    return mean


def _window(row: Floats, column: Floats, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """The cells under the pixels and a margin; None when the tile misses the grid."""
    spans = []
    for index, size in ((row, shape[0]), (column, shape[1])):
        if index[-1] < -0.5 or index[0] > size - 0.5:
            return None
        first = max(int(np.floor(index[0])) - MARGIN_CELLS, 0)
        spans.append(slice(min(first, size - 1), min(int(index[-1]) + MARGIN_CELLS + 1, size)))
    return spans[0], spans[1]


def _patched(part: Floats, unknown: NDArray[np.bool_]) -> Floats:
    """Unknown cells take their nearest neighbour's height, so that the spline stays finite."""
    if not unknown.any():
        return part
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    patched: Floats = part[tuple(nearest)]
    return patched


def _exaggeration(z: int) -> float:
    return float(np.interp(z, [8, 13], [EXAGGERATION_FAR, EXAGGERATION_NEAR]))


def _shade(height_m: Floats, pixel_m: float) -> NDArray[np.uint8]:
    """Lambert's law: the cosine between the sun and the surface normal."""
    east = (height_m[1:-1, 2:] - height_m[1:-1, :-2]) / (2 * pixel_m)
    north = (height_m[:-2, 1:-1] - height_m[2:, 1:-1]) / (2 * pixel_m)
    azimuth, altitude = np.radians(AZIMUTH_DEG), np.radians(ALTITUDE_DEG)
    towards_sun = east * np.sin(azimuth) + north * np.cos(azimuth)
    cosine = (np.sin(altitude) - np.cos(altitude) * towards_sun) / np.sqrt(1 + east**2 + north**2)
    grey: NDArray[np.uint8] = np.clip(np.rint(256 * cosine), 0, 255).astype(np.uint8)
    return grey


def _webp(grey: NDArray[np.uint8], known: NDArray[np.bool_]) -> bytes:
    out = BytesIO()
    image = Image.fromarray(np.where(known, grey, np.uint8(FLAT))).convert("RGB")
    if not known.all():
        image.putalpha(Image.fromarray(np.where(known, np.uint8(255), np.uint8(0))))
    image.save(out, "WEBP", quality=WEBP_QUALITY, method=2)
    return out.getvalue()
