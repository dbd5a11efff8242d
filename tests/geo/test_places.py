"""One search box: names in two scripts, road + kilometre, coordinates."""

from __future__ import annotations

import pytest

from geo.mapmaking.build import build
from geo.places import LIMIT_MAX, PlaceIndex
from geo.roadmap import Place
from tests.geo.sources import LAT, LON, a_source, a_way, lonlat

NODES = {1: (-5000, 0), 2: (5000, 0), 3: (0, 900), 4: (0, 2000)}


def a_place(name: str, kind: str = "village", latin: str = "", population: int = 0) -> Place:
    return Place(name=name, kind=kind, lon=LON, lat=LAT, latin=latin, population=population)


@pytest.fixture(scope="module")
def index() -> PlaceIndex:
    places = [
        a_place("大理", "town", "Dali", 9000),
        a_place("大理村", latin="Dali Cun"),
        a_place("小大理", "hamlet", "Xiao Dali"),
        a_place("Sant Julià de Lòria", "town"),
        a_place("l'Aldosa"),
        a_place("古城派出所", "station", "Gucheng"),
        a_place("新村", latin="Xincun", population=10),
        a_place("新村", latin="Xincun", population=500),
    ]
    ways = [a_way(1, NODES, [1, 2], ref="G320"), a_way(2, NODES, [3, 4], name="Carrer Major")]
    return PlaceIndex(build(a_source(ways, places=places)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("大理", ["大理", "大理村", "小大理"]),
        ("dali", ["大理", "大理村", "小大理"]),
        ("DA LI", ["大理", "大理村", "小大理"]),
        ("xiaodali", ["小大理"]),
        ("sant julia", ["Sant Julià de Lòria"]),
        ("loria", ["Sant Julià de Lòria"]),
        ("aldosa", ["l'Aldosa"]),
        ("派出所", ["古城派出所"]),
        ("gucheng", ["古城派出所"]),
        ("pai chu suo", ["古城派出所"]),
        ("gcpcs", ["古城派出所"]),
        ("dl", ["大理", "大理村"]),
        ("xdl", ["小大理"]),
        ("xc", ["新村", "新村"]),
        ("carrer", ["Carrer Major"]),
        ("major", ["Carrer Major"]),
        ("g320", ["G320"]),
        ("nowhere", []),
        ("", []),
        ("  ,  ", []),
    ],
)
def test_names_exact_then_prefix_then_within(
    index: PlaceIndex, text: str, names: list[str]
) -> None:
    assert [found.name for found in index.search(text)] == names


def test_larger_of_two_namesakes_comes_first(index: PlaceIndex) -> None:
    assert len(index.search("新村")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "G320 k2.5",
        "G320 km 2.5",
        "g320 K2+500",
        "G320K2+500",
        "G320 2.5公里",
        "G320 2.5",
        "g 320 km2.5",
    ],
)
def test_road_and_kilometre(index: PlaceIndex, text: str) -> None:
    (found,) = index.search(text)

    assert (found.kind, found.name) == ("road_km", "G320 km 2.5")
    assert (found.lon, found.lat) == pytest.approx(lonlat(2500, 0), abs=2e-4)


def test_kilometre_beyond_the_road_finds_nothing(index: PlaceIndex) -> None:
    assert index.search("G320 km 300") == []


@pytest.mark.parametrize(
    "text", ["27.01,100.02", "27.01, 100.02", "27.01 100.02", "27.01，100.02", "100.02,27.01"]
)
def test_coordinates_latitude_first_or_as_the_map_lies(index: PlaceIndex, text: str) -> None:
    (found,) = index.search(text)

    assert found.kind == "coordinates"
    assert (found.lon, found.lat) == (100.02, 27.01)


def test_impossible_coordinates_find_nothing(index: PlaceIndex) -> None:
    assert index.search("99, 999") == []


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_limit_is_kept(index: PlaceIndex, limit: int) -> None:
    assert len(index.search("dali", limit)) == limit


def test_absurd_input_is_survived(index: PlaceIndex) -> None:
    assert index.search("é" * 1_000_000, LIMIT_MAX * 1000) == []
    assert index.search("k" * 5000) == []
    assert index.search("1" * 5000) == []
