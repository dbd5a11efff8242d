"""Vector and hillshade tiles: they decode, hold what they should, and stay small."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
from PIL import Image

from geo import mapfolder
from geo.basemap import mercator, tiles
from geo.basemap.hillshade import FLAT, TILE_PX, Relief
from geo.basemap.tiles import ZOOM_MAX, ZOOM_MIN, TileMaker
from geo.mapmaking.build import build
from geo.roadmap import Area, Place, Waterway
from tests.geo.sources import LAT, LON, a_grid_of_heights, a_source, a_way

NODES = {1: (-3000, 0), 2: (0, 0), 3: (3000, 0), 4: (0, 3000)}
SQUARE = np.array([(0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02), (0, 0)]) + np.array([LON, LAT])


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    x, y = mercator.to_world(np.array([[lon, lat]]))[0] * 2**z
    return z, int(x), int(y)


def decoded(tile: bytes) -> dict[str, list[dict[str, Any]]]:
    options = {"y_coord_down": True}
    layers = mapbox_vector_tile.decode(tile, default_options=options)
    return {name: layer["features"] for name, layer in layers.items()}


@pytest.fixture(scope="module")
def maker() -> TileMaker:
    slope = np.linspace(3000, 1000, 240)[:, None].repeat(240, 1)
    return TileMaker(
        build(
            a_source(
                [
                    a_way(1, NODES, [1, 2, 3], highway="primary", ref="G320", surface="asphalt"),
                    a_way(2, NODES, [2, 4], highway="track", name="山路", bridge="yes"),
                ],
                places=[
                    Place(name="石鼓", kind="town", lon=LON, lat=LAT, population=5, latin="Shigu"),
                    Place(name="上村", kind="hamlet", lon=LON, lat=LAT),
                ],
                areas=[
                    Area(kind="forest", rings=(SQUARE,)),
                    Area(kind="water", rings=(SQUARE - 0.03,)),
                ],
                waterways=[Waterway(kind="river", name="金沙江", lonlat=SQUARE - 0.01)],
                elevation=a_grid_of_heights(slope),
            )
        )
    )


def test_near_tile_holds_every_layer(maker: TileMaker) -> None:
    found = decoded(maker.vector(*tile_of(LON, LAT, 12)))

    roads = {road["properties"]["class"]: road["properties"] for road in found["roads"]}
    assert roads == {
        "primary": {"class": "primary", "ref": "G320", "surface": "paved"},
        "track": {"class": "track", "name": "山路", "bridge": True},
    }
    assert {place["properties"]["name"] for place in found["places"]} == {"石鼓", "上村"}
    assert {area["properties"]["kind"] for area in found["landcover"]} == {"forest"}
    assert {water["properties"]["kind"] for water in found["water"]} == {"river", "water"}
    assert {stone["properties"]["km"] for stone in found["road_km"]} <= set(range(7))


def test_far_tile_holds_main_roads_and_towns_only(maker: TileMaker) -> None:
    found = decoded(maker.vector(*tile_of(LON, LAT, 9)))

    assert [road["properties"] for road in found["roads"]] == [{"class": "primary", "ref": "G320"}]
    assert [place["properties"]["latin"] for place in found["places"]] == ["Shigu"]
    assert found["roads"][0]["geometry"]["type"] == "LineString"


def test_coordinates_lie_where_the_road_is(maker: TileMaker) -> None:
    z, x, y = tile_of(LON, LAT, 14)

    track = next(
        road
        for road in decoded(maker.vector(z, x, y))["roads"]
        if road["properties"]["class"] == "track"
    )

    foot = track["geometry"]["coordinates"][0]
    world = (np.array(foot) / tiles.EXTENT + (x, y)) / 2**z
    assert mercator.to_lon(world[0]) == pytest.approx(LON, abs=1e-5)
    assert mercator.to_lat(world[1]) == pytest.approx(LAT, abs=1e-5)


def test_bounds_are_drawn(maker: TileMaker) -> None:
    found = decoded(maker.vector(*tile_of(LON - 0.1, LAT, 12)))

    assert [line["geometry"]["type"] for line in found["boundary"]] == ["LineString"]


@pytest.mark.parametrize(
    "tile",
    [
        (12, 0, 0),
        (ZOOM_MIN - 1, 99, 53),
        (ZOOM_MAX + 1, 0, 0),
        (12, -1, 5),
        (12, 4096, 5),
        (-3, 0, 0),
        (10**6, 1, 1),
    ],
)
def test_tile_outside_is_empty(maker: TileMaker, tile: tuple[int, int, int]) -> None:
    assert maker.vector(*tile) == b""
    assert maker.hillshade(*tile) == b""


def test_hillshade_is_a_256_pixel_webp(maker: TileMaker) -> None:
    image = Image.open(BytesIO(maker.hillshade(*tile_of(LON, LAT, 12))))

    assert (image.format, image.size) == ("WEBP", (TILE_PX, TILE_PX))


def test_northern_slope_is_lit_and_southern_is_dark() -> None:
    down_to_the_south = np.linspace(20_000, 0, 240)[:, None].repeat(240, 1)

    flat, south, north = (
        grey_at_centre(Relief(a_grid_of_heights(height)))
        for height in (1000.0, down_to_the_south, down_to_the_south[::-1])
    )

    assert flat == pytest.approx(FLAT, abs=2)
    assert south < FLAT - 40
    assert north > FLAT + 40


def grey_at_centre(relief: Relief) -> int:
    image = Image.open(BytesIO(relief.tile(*tile_of(LON, LAT, 13)))).convert("RGBA")
    pixel = image.getpixel((TILE_PX // 2, TILE_PX // 2))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 255
    return int(pixel[0])


def test_unknown_ground_is_transparent(maker: TileMaker) -> None:
    image = Image.open(BytesIO(maker.hillshade(*tile_of(LON - 0.1, LAT, 11))))

    alpha = np.asarray(image.convert("RGBA"))[:, :, 3]
    assert set(np.unique(alpha)) == {0, 255}


def test_map_without_elevation_has_no_hillshade() -> None:
    bare = TileMaker(build(a_source([a_way(1, NODES, [1, 3])])))

    assert bare.hillshade(*tile_of(LON, LAT, 12)) == b""
    assert bare.vector(*tile_of(LON, LAT, 12)) != b""


def test_cache_forgets_the_oldest_and_stays_bounded() -> None:
    cache = tiles._Cache(bytes_max=3 * (100 + tiles._Cache.ENTRY_BYTES))
    made: list[int] = []

    def get(x: int) -> bytes:
        def make() -> bytes:
            made.append(x)
            return bytes(100)

        return cache.get(("vector", 1, x, 1), make)

    for x in (1, 2, 3, 1, 4, 1, 2):
        get(x)

    assert made == [1, 2, 3, 4, 2]
    assert len(cache._tiles) == 3


@pytest.mark.data
def test_andorra_tiles_decode_and_hold_roads(andorra_dir: Path) -> None:
    maker = TileMaker(mapfolder.load(andorra_dir))

    for z in range(ZOOM_MIN, ZOOM_MAX + 1):
        tile = maker.vector(*tile_of(1.5218, 42.5075, z))
        found = decoded(tile)
        assert found["roads"], z
        assert len(tile) < 60_000
        assert Image.open(BytesIO(maker.hillshade(*tile_of(1.5218, 42.5075, z)))).size == (256, 256)
