"""Read elevation tiles (.hgt, .hgt.zip, GeoTIFF) into one grid over the map.

Several tiles are laid over one another, the first named on top; each is read only where the
map lies, and reprojected to degrees where it comes in another system. Voids stay NaN here;
`geo.voids.filled` closes them.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine
from rasterio.warp import reproject, transform_bounds

from geo.errors import MapSourceError
from geo.mapmaking.progress import Progress, silent
from geo.roadmap import Elevation

WGS84 = "EPSG:4326"
STEP_DEG_MIN = 1 / 3600
"""No finer than one arc-second: roads need no more."""
CELLS_MAX = 24_000_000
"""About 100 MB; a larger area gets a coarser grid."""
PAD_CELLS = 2
HEIGHT_M_MIN, HEIGHT_M_MAX = -500.0, 9000.0
"""Anything else is a void marker, not ground."""

Bounds = tuple[float, float, float, float]


def read_tiles(
    tiles: Sequence[Path | str], bounds: Bounds, *, progress: Progress = silent
) -> Elevation:
    """One grid of heights over `bounds` (west, south, east, north, degrees).

    Raises MapSourceError for a tile that cannot be read and when no tile touches the map.
    """
    paths = [Path(tile) for tile in tiles]
    steps, covers = [], []
    for path in paths:
        step, cover = _survey(path)
        steps.append(step)
        covers.append(cover)
    if not any(_overlap(cover, bounds) for cover in covers):
        raise MapSourceError(
            f"No elevation tile touches the map: the map covers {_degrees(bounds)}, "
            f"the tiles {'; '.join(_degrees(cover) for cover in covers) or '(none given)'}."
        )
    frame = _frame(bounds, min(steps), covers[steps.index(min(steps))])
    for number, (path, cover) in enumerate(zip(paths, covers, strict=True)):
        progress("elevation", number / len(paths))
        if _overlap(cover, bounds):
            _lay(path, frame)
    progress("elevation", 1.0)
    if not np.isfinite(frame.height_m).any():
        raise MapSourceError("The elevation tiles hold no height anywhere on the map.")
    return frame


def _overlap(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _degrees(bounds: Bounds) -> str:
    return "{:.2f},{:.2f} to {:.2f},{:.2f}".format(*bounds)


def _open(path: Path) -> rasterio.DatasetReader:
    if not path.is_file():
        raise MapSourceError(f"{path}: there is no such elevation file.")
    name = str(path)
    try:
        if path.suffix.lower() == ".zip":
            name = f"zip://{path.resolve()}!{_inner(path)}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(name)
    except (RasterioError, OSError, zipfile.BadZipFile) as error:
        raise MapSourceError(
            f"{path}: not readable as elevation ({error}). "
            "Give .hgt (named like N42E001.hgt), .hgt.zip or GeoTIFF."
        ) from error
    if dataset.crs is None or dataset.transform.is_identity:
        dataset.close()
        raise MapSourceError(f"{path}: the file does not say where on Earth it lies.")
    return dataset


def _inner(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [
            name
            for name in archive.namelist()
            if name.lower().endswith((".hgt", ".tif", ".tiff"))
            and not Path(name).name.startswith(".")
        ]
    if not names:
        raise MapSourceError(f"{path}: no .hgt or .tif file is inside.")
    return names[0]


def _survey(path: Path) -> tuple[float, Bounds]:
    """Cell size in degrees of latitude, and bounds in degrees, of one tile."""
    with _open(path) as dataset:
        try:
            cover = transform_bounds(dataset.crs, WGS84, *dataset.bounds)
        except RasterioError as error:
            raise MapSourceError(f"{path}: its coordinates cannot be read: {error}") from error
        return (cover[3] - cover[1]) / dataset.height, cover


def _frame(bounds: Bounds, native_step: float, phase: Bounds) -> Elevation:
    """An empty grid over the bounds, its cells in line with the finest tile's cells."""
    west, south, east, north = bounds
    step = max(native_step, STEP_DEG_MIN) if native_step < STEP_DEG_MIN * 0.99 else native_step
    cells = (east - west) * (north - south) / step**2
    step *= max(1, math.ceil(math.sqrt(cells / CELLS_MAX)))
    column = math.floor((west - phase[0]) / step) - PAD_CELLS
    row = math.floor((phase[3] - north) / step) - PAD_CELLS
    grid_west, grid_north = phase[0] + column * step, phase[3] - row * step
    shape = (
        math.ceil((grid_north - south) / step) + PAD_CELLS,
        math.ceil((east - grid_west) / step) + PAD_CELLS,
    )
    return Elevation(
        west=grid_west + step / 2,
        north=grid_north - step / 2,
        step_lon=step,
        step_lat=step,
        height_m=np.full(shape, np.nan, np.float32),
    )


def _lay(path: Path, frame: Elevation) -> None:
    """Fill what is still unknown in `frame` from one tile."""
    with _open(path) as dataset:
        try:
            height_m = _warped(dataset, frame)
        except (RasterioError, OSError) as error:
            raise MapSourceError(f"{path}: broken elevation file: {error}") from error
    height_m[(height_m < HEIGHT_M_MIN) | (height_m > HEIGHT_M_MAX)] = np.nan
    unknown = np.isnan(frame.height_m)
    frame.height_m[unknown] = height_m[unknown]


def _warped(dataset: rasterio.DatasetReader, frame: Elevation) -> NDArray[np.float32]:
    """The tile's heights on the cells of `frame`; only the window needed is read."""
    left, top = frame.west - frame.step_lon / 2, frame.north + frame.step_lat / 2
    corner = Affine(frame.step_lon, 0.0, left, 0.0, -frame.step_lat, top)
    tile_step = (dataset.bounds.top - dataset.bounds.bottom) / dataset.height
    coarser = dataset.crs.is_geographic and frame.step_lat > 1.5 * tile_step
    height_m = np.full(frame.height_m.shape, np.nan, np.float32)
    reproject(
        rasterio.band(dataset, 1),
        height_m,
        dst_transform=corner,
        dst_crs=WGS84,
        src_nodata=dataset.nodata if dataset.nodata is not None else -32768,
        dst_nodata=np.nan,
        resampling=Resampling.average if coarser else Resampling.bilinear,
    )
    return height_m
