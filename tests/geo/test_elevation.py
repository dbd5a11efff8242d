"""Reading elevation tiles: formats, mosaics, voids, and clear errors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from geo.errors import MapSourceError
from geo.grid import sample
from geo.mapmaking.elevation import CELLS_MAX, read_tiles

BOUNDS = (100.2, 27.2, 100.4, 27.4)


def a_geotiff(
    path: Path,
    height_m: np.ndarray,
    *,
    west: float,
    north: float,
    step: float,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
) -> Path:
    rows, columns = height_m.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, crs=crs, nodata=nodata,
        dtype=height_m.dtype, transform=Affine(step, 0, west, 0, -step, north),
    ) as dataset:  # fmt: skip
        dataset.write(height_m, 1)
    return path


def an_hgt(path: Path, side: int = 1201) -> Path:
    """The tile N27E100: heights grow by one metre a row to the south, with one void."""
    rows = np.arange(side, dtype=">i2")[:, None].repeat(side, 1)
    rows[900, 350] = -32768
    path.write_bytes(rows.tobytes())
    return path


def test_hgt_cells_are_read_as_they_are(tmp_path: Path) -> None:
    grid = read_tiles([an_hgt(tmp_path / "N27E100.hgt")], BOUNDS)

    assert grid.step_lat == pytest.approx(1 / 1200)
    row = round((28.0 - grid.north) * 1200)
    assert grid.height_m[0, 5] == row
    assert np.isnan(grid.height_m[900 - row, 350 - round((grid.west - 100) * 1200)])
    assert np.isnan(grid.height_m).sum() == 1


def test_zipped_hgt_is_the_same(tmp_path: Path) -> None:
    plain = an_hgt(tmp_path / "N27E100.hgt")
    packed = tmp_path / "N27E100.hgt.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "N27E100.hgt")

    one, other = read_tiles([plain], BOUNDS), read_tiles([packed], BOUNDS)

    assert np.array_equal(one.height_m, other.height_m, equal_nan=True)


def test_grid_covers_the_bounds_and_little_more(tmp_path: Path) -> None:
    grid = read_tiles([an_hgt(tmp_path / "N27E100.hgt")], BOUNDS)

    rows, columns = grid.height_m.shape
    assert grid.west < BOUNDS[0]
    assert grid.west + (columns - 1) * grid.step_lon > BOUNDS[2]
    assert grid.north > BOUNDS[3]
    assert grid.north - (rows - 1) * grid.step_lat < BOUNDS[1]
    assert columns < 250


def test_tiles_are_joined_and_the_first_wins(tmp_path: Path) -> None:
    step = 1 / 1200
    west = a_geotiff(
        tmp_path / "w.tif", np.full((360, 120), 500, np.int16), west=100.2, north=27.4, step=step
    )
    both = a_geotiff(
        tmp_path / "b.tif", np.full((360, 360), 900, np.int16), west=100.15, north=27.45, step=step
    )

    grid = read_tiles([west, both], BOUNDS)

    at = np.array([[100.25, 27.3], [100.35, 27.3]])
    assert sample(grid, at).tolist() == [500, 900]


def test_nodata_becomes_unknown(tmp_path: Path) -> None:
    height = np.full((300, 300), 700, np.float32)
    height[100:150, 100:150] = -9999
    tile = a_geotiff(
        tmp_path / "t.tif", height, west=100.19, north=27.41, step=1 / 1200, nodata=-9999
    )

    grid = read_tiles([tile], BOUNDS)

    assert set(np.unique(grid.height_m[np.isfinite(grid.height_m)])) == {700}
    assert np.isnan(grid.height_m).any()


def test_metric_tile_is_reprojected(tmp_path: Path) -> None:
    height = (np.arange(500, dtype=np.float32)[:, None] * 10).repeat(500, 1)
    tile = a_geotiff(
        tmp_path / "utm.tif", height, west=620_000, north=3_032_000, step=60, crs="EPSG:32647"
    )

    grid = read_tiles([tile], BOUNDS)

    rising = sample(grid, np.array([[100.3, 27.35], [100.3, 27.25]]))
    assert rising[1] - rising[0] == pytest.approx(0.1 * 110_800 / 60 * 10, rel=0.01)


def test_fine_tile_is_resampled_to_a_sensible_grid(tmp_path: Path) -> None:
    height = np.full((400, 400), 800, np.int16)
    tile = a_geotiff(tmp_path / "fine.tif", height, west=100.2, north=27.4, step=1 / 36000)

    grid = read_tiles([tile], (100.2, 27.39, 100.21, 27.4))

    assert grid.step_lat == pytest.approx(1 / 3600)
    assert np.nanmax(grid.height_m) == np.nanmin(grid.height_m) == 800


def test_vast_area_gets_a_coarser_grid(tmp_path: Path) -> None:
    height = np.full((300, 300), 800, np.int16)
    tile = a_geotiff(tmp_path / "t.tif", height, west=100.2, north=27.4, step=1 / 3600)

    grid = read_tiles([tile], (99.0, 26.0, 104.0, 30.0))

    assert grid.height_m.size <= CELLS_MAX


def test_missing_tile_is_named(tmp_path: Path) -> None:
    with pytest.raises(MapSourceError, match=r"N00E000\.hgt: there is no such elevation file"):
        read_tiles([tmp_path / "N00E000.hgt"], BOUNDS)


@pytest.mark.parametrize("name", ["N27E100.hgt", "x.tif", "x.hgt.zip"])
def test_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no elevation at all")

    with pytest.raises(MapSourceError, match=f"{name}: "):
        read_tiles([tmp_path / name], BOUNDS)


def test_zip_without_a_tile_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")

    with pytest.raises(MapSourceError, match=r"no .hgt or .tif file is inside"):
        read_tiles([tmp_path / "x.zip"], BOUNDS)


def test_truncated_geotiff_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tile = a_geotiff(
        tmp_path / "t.tif", rng.integers(0, 5000, (300, 300)).astype(np.int16),
        west=100.19, north=27.41, step=1 / 1200,
    )  # fmt: skip
    tile.write_bytes(tile.read_bytes()[:60_000])

    with pytest.raises(MapSourceError, match=r"t\.tif: "):
        read_tiles([tile], BOUNDS)


def test_tile_that_does_not_say_where_it_lies_is_refused(tmp_path: Path) -> None:
    tile = a_geotiff(
        tmp_path / "t.tif", np.ones((9, 9), np.int16), west=100, north=28, step=0.1, crs=None
    )

    with pytest.raises(MapSourceError, match="does not say where on Earth"):
        read_tiles([tile], BOUNDS)


def test_tile_of_another_place_is_refused(tmp_path: Path) -> None:
    tile = an_hgt(tmp_path / "N27E100.hgt")

    with pytest.raises(MapSourceError, match=r"No elevation tile touches the map.*1\.40,42\.40"):
        read_tiles([tile], (1.4, 42.4, 1.8, 42.7))
