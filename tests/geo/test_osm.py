"""Reading OpenStreetMap files: what is kept, how it is cut, and clear errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from geo.errors import MapSourceError
from geo.mapmaking.build import build
from geo.mapmaking.clip import clip_to_box, clip_to_geojson
from geo.mapmaking.osm import read_osm
from geo.roadmap import Barrier

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">\n'


def node(number: int, lon: float, lat: float, **tags: str) -> str:
    return f'<node id="{number}" lon="{lon}" lat="{lat}" version="1">{_tags(tags)}</node>\n'


def way(number: int, refs: list[int], **tags: str) -> str:
    drawn = "".join(f'<nd ref="{ref}"/>' for ref in refs)
    return f'<way id="{number}" version="1">{drawn}{_tags(tags)}</way>\n'


def multipolygon(number: int, members: list[tuple[int, str]], **tags: str) -> str:
    listed = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
    tags["type"] = "multipolygon"
    return f'<relation id="{number}" version="1">{listed}{_tags(tags)}</relation>\n'


def relation(number: int, members: list[tuple[str, int, str]], **tags: str) -> str:
    listed = "".join(f'<member type="{t}" ref="{ref}" role="{role}"/>' for t, ref, role in members)
    return f'<relation id="{number}" version="1">{listed}{_tags(tags)}</relation>\n'


def _tags(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{k.replace("__", ":")}" v="{v}"/>' for k, v in tags.items())


GRID = [node(n, 100 + n % 10 * 0.01, 27 + n // 10 * 0.01) for n in range(100)]


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(*parts: str) -> Path:
        path = tmp_path / "test.osm"
        path.write_text(HEAD + "".join(parts) + "</osm>\n", encoding="utf-8")
        return path

    return _write


def test_roads_keep_ids_shape_and_tags(write: Write) -> None:
    source = read_osm(write(*GRID, way(1, [0, 1, 2], highway="primary", ref="G320", note="x")))

    (road,) = source.ways
    assert road.node_ids.tolist() == [0, 1, 2]
    assert road.lonlat.tolist() == [[100, 27], [100.01, 27], [100.02, 27]]
    assert road.tags == {"highway": "primary", "ref": "G320"}
    assert source.licence == "ODbL-1.0"
    assert not source.synthetic


def test_paths_are_left_out(write: Write) -> None:
    parts = [way(1, [0, 1], highway="path"), way(2, [1, 2], highway="track")]

    assert [road.way_id for road in read_osm(write(*GRID, *parts)).ways] == [2]


def test_clip_keeps_ways_that_cross_the_border_whole(write: Write) -> None:
    inside = way(1, [0, 1], highway="service")
    across = way(2, [1, 2, 3, 4, 5], highway="service")
    outside = way(3, [5, 6, 7], highway="service")

    source = read_osm(
        write(*GRID, inside, across, outside), clip=clip_to_box((99.9, 26.9, 100.025, 27.1))
    )

    assert {road.way_id: len(road.node_ids) for road in source.ways} == {1: 2, 2: 5}
    assert source.bounds == (99.9, 26.9, 100.025, 27.1)


def test_margin_is_kept_round_the_box(write: Write) -> None:
    file = write(*GRID, way(1, [0, 1], highway="service"), way(2, [4, 5], highway="service"))
    box = (99.99, 26.99, 100.015, 27.01)

    near, far = (read_osm(file, clip=clip_to_box(box, km)) for km in (1, 3))

    assert [road.way_id for road in near.ways] == [1]
    assert [road.way_id for road in far.ways] == [1, 2]
    assert far.bounds[0] == pytest.approx(99.99 - 3 / 99.2, abs=1e-3)


def test_polygon_clips(write: Write, tmp_path: Path) -> None:
    triangle = [[99.99, 26.99], [100.1, 26.99], [99.99, 27.1], [99.99, 26.99]]
    shape = {"type": "Polygon", "coordinates": [triangle]}
    area = {"type": "Feature", "properties": {}, "geometry": shape}
    (tmp_path / "a.geojson").write_text(json.dumps(area))
    file = write(*GRID, way(1, [0, 1], highway="service"), way(2, [98, 99], highway="service"))

    source = read_osm(file, clip=clip_to_geojson(tmp_path / "a.geojson"))

    assert [road.way_id for road in source.ways] == [1]


def test_missing_nodes_part_a_way_and_join_nothing(write: Write) -> None:
    source = read_osm(write(*GRID, way(1, [0, 1, 777, 2, 3, 888], highway="service")))

    assert [road.node_ids.tolist() for road in source.ways] == [[0, 1], [2, 3]]


def test_barriers_are_found_on_their_nodes(write: Write) -> None:
    bollard = node(500, 100.005, 27.0, barrier="bollard")
    gate = node(501, 100.015, 27.0, barrier="gate")
    opened = node(502, 100.025, 27.0, barrier="block", motor_vehicle="yes")
    lane = way(1, [0, 500, 1, 501, 502, 3], highway="residential")

    roadmap = build(read_osm(write(*GRID, bollard, gate, opened, lane)))

    found = {
        round(float(lon) - 100, 3): int(barrier)
        for (lon, _), barrier in zip(roadmap.node_lonlat, roadmap.node_barrier, strict=True)
    }
    assert found == {0.0: 0, 0.005: Barrier.POSTS, 0.015: Barrier.GATE, 0.03: 0}


def test_turn_restrictions_become_forbidden_turns(write: Write) -> None:
    ways = [way(1, [0, 1], highway="tertiary"), way(2, [1, 2], highway="tertiary")]
    ways.append(way(3, [1, 11], highway="tertiary"))
    members = [("way", 1, "from"), ("node", 1, "via"), ("way", 3, "to")]
    read = relation(50, members, type="restriction", restriction="no_left_turn")
    hours = relation(51, members, type="restriction", restriction__conditional="no_left_turn @ Su")
    over_way = relation(
        52,
        [("way", 1, "from"), ("way", 2, "via"), ("way", 3, "to")],
        type="restriction",
        restriction="no_u_turn",
    )
    buses = relation(53, members, type="restriction", restriction__bus="no_left_turn")

    source = read_osm(write(*GRID, *ways, read, hours, over_way, buses))
    roadmap = build(source)

    assert source.restrictions_unread == 2
    assert len(roadmap.ban_leave) == 1
    assert roadmap.edge_way_id[roadmap.ban_leave >> 1].tolist() == [1]
    assert roadmap.edge_way_id[roadmap.ban_enter >> 1].tolist() == [3]


def test_places_have_kind_latin_name_and_population(write: Write) -> None:
    parts = [
        node(901, 100.1, 27.1, place="city", name="丽江市", name__en="Lijiang", population="1,200"),
        node(902, 100.2, 27.1, place="hamlet", name="Pal", int_name="Pal"),
        node(903, 100.3, 27.1, place="village"),
        node(904, 100.4, 27.1, place="ocean", name="Sea"),
    ]

    source = read_osm(write(*GRID, *parts, way(1, [0, 1], highway="service")))

    assert [(p.kind, p.name, p.latin, p.population) for p in source.places] == [
        ("town", "丽江市", "Lijiang", 1200),
        ("hamlet", "Pal", "", 0),
    ]


def test_station_drawn_as_point_and_building_is_one(write: Write) -> None:
    source = read_osm(
        write(
            *GRID,
            node(901, 100.0001, 27.0001, amenity="police", name="古城派出所"),
            node(902, 100.001, 27.0),
            node(903, 100.001, 27.001),
            way(1, [0, 902, 903, 0], amenity="police", building="yes"),
            way(2, [0, 1], highway="service"),
        )
    )

    assert [(place.kind, place.name) for place in source.places] == [("station", "古城派出所")]


def test_land_cover_and_water(write: Write) -> None:
    source = read_osm(
        write(
            *GRID,
            way(1, [0, 99], highway="service"),
            way(2, [0, 9, 99, 90, 0], natural="wood"),
            way(3, [11, 12, 22, 11]),
            way(4, [33, 36, 66], note="half of a lake"),
            way(5, [66, 63, 33]),
            way(6, [44, 45, 55, 44]),
            way(7, [0, 11, 22], waterway="river", name="金沙江"),
            way(8, [0, 11, 22], waterway="ditch"),
            multipolygon(1, [(4, "outer"), (5, "outer"), (6, "inner")], natural="water"),
            multipolygon(2, [(3, "outer"), (4, "outer")], landuse="farmland"),
        )
    )

    kinds = {area.kind: area for area in source.areas}
    assert set(kinds) == {"forest", "water", "farmland"}
    assert len(kinds["water"].rings) == 2
    assert len(kinds["farmland"].rings[0]) == 4
    assert [(line.kind, line.name) for line in source.waterways] == [("river", "金沙江")]


def test_areas_are_cut_to_the_map(write: Write) -> None:
    file = write(
        *GRID, way(1, [0, 1], highway="service"), way(2, [0, 9, 99, 90, 0], natural="wood")
    )

    source = read_osm(file, clip=clip_to_box((99.99, 26.99, 100.02, 27.02)))

    assert source.areas[0].rings[0].max(0).tolist() == [100.02, 27.02]


# -- errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.osm.pbf", b"", "the file is empty"),
        ("a.osm.pbf", b"this is a letter, not a map " * 50, "not a whole OpenStreetMap file"),
        ("a.osm", b"<osm version='0.6'><node id=", "not a whole OpenStreetMap file"),
        ("a.osm", b"<html></html>", "not a whole OpenStreetMap file"),
        ("a.docx", b"PK\x03\x04", "not a whole OpenStreetMap file"),
        ("a.osm", b"<osm version='0.6'></osm>", "no road is in the file"),
    ],
)
def test_unreadable_file_is_refused(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(MapSourceError, match=f"{name}: {what}"):
        read_osm(tmp_path / name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MapSourceError, match=r"no\.pbf: there is no such file"):
        read_osm(tmp_path / "no.pbf")


def test_clip_off_the_roads_is_refused(write: Write) -> None:
    with pytest.raises(MapSourceError, match="no road for vehicles is inside the area asked for"):
        read_osm(write(*GRID, way(1, [0, 1], highway="service")), clip=clip_to_box((1, 1, 2, 2)))


@pytest.mark.data
@pytest.mark.parametrize("share", [0.3, 0.9, 0.9999])
def test_truncated_download_is_refused(data_dir: Path, tmp_path: Path, share: float) -> None:
    whole = (data_dir / "andorra.osm.pbf").read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(MapSourceError, match="not a whole OpenStreetMap file"):
        read_osm(tmp_path / "cut.osm.pbf")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("not json", "no GeoJSON"),
        ('{"type": "Nonsense"}', "no GeoJSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "no polygon"),
        ('{"type": "Polygon", "coordinates": [[[5e5,0],[6e5,0],[6e5,9],[5e5,0]]]}', "degrees"),
    ],
)
def test_area_file_that_is_no_polygon_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "a.geojson").write_text(text)

    with pytest.raises(MapSourceError, match=what):
        clip_to_geojson(tmp_path / "a.geojson")


@pytest.mark.parametrize(
    "box", [(2, 1, 1, 2), (0, 0, 0, 1), (0, 0, 200, 1), (float("nan"), 0, 1, 1)]
)
def test_box_that_is_none_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(MapSourceError, match="west,south,east,north"):
        clip_to_box(box)


@pytest.mark.parametrize("margin_km", [-1, 1e6, float("nan")])
def test_absurd_margin_is_refused(margin_km: float) -> None:
    with pytest.raises(MapSourceError, match="margin"):
        clip_to_box((0, 0, 1, 1), margin_km)
