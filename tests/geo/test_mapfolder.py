"""The map folder: a round trip, and every way it can be wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geo import mapfolder
from geo.errors import MapFolderError
from geo.mapmaking.build import build
from geo.roadmap import Area, Place, RoadMap, Waterway
from tests.geo.sources import LAT, LON, a_grid_of_heights, a_source, a_way

NODES = {1: (-1000, 0), 2: (0, 0), 3: (1000, 0), 4: (0, 1000)}
RING = np.array([(LON, LAT), (LON + 0.01, LAT), (LON, LAT + 0.01), (LON, LAT)])


@pytest.fixture(scope="module")
def roadmap() -> RoadMap:
    """A small map with one of everything."""
    return build(
        a_source(
            [a_way(1, NODES, [1, 2, 3], name="河边路", ref="G320"), a_way(2, NODES, [2, 4])],
            places=[Place(name="石鼓", kind="town", lon=LON, lat=LAT, population=9, latin="Shigu")],
            areas=[
                Area(kind="water", rings=(RING, RING * 0.5)),
                Area(kind="forest", rings=(RING,)),
            ],
            waterways=[Waterway(kind="river", name="金沙江", lonlat=RING)],
            elevation=a_grid_of_heights(2000.0),
        )
    )


@pytest.fixture(scope="module")
def saved(roadmap: RoadMap, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "map"
    mapfolder.save(roadmap, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved map, to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "map"))


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a)
        )
    return bool(a == b)


def test_a_map_comes_back_as_it_was(roadmap: RoadMap, folder: Path) -> None:
    assert same(roadmap, mapfolder.load(folder))


def test_a_bare_map_comes_back_as_it_was(tmp_path: Path) -> None:
    bare = build(a_source([a_way(1, NODES, [1, 2])]))

    mapfolder.save(bare, tmp_path / "map")

    assert same(bare, mapfolder.load(tmp_path / "map"))


def test_saving_replaces_an_older_map(roadmap: RoadMap, folder: Path) -> None:
    mapfolder.save(replace(roadmap, names=("a", "b")), folder)

    assert mapfolder.load(folder).names == ("a", "b")
    assert [path.name for path in folder.parent.iterdir()] == ["map"]


def test_saving_fills_an_empty_folder(roadmap: RoadMap, tmp_path: Path) -> None:
    mapfolder.save(roadmap, tmp_path)

    assert mapfolder.load(tmp_path).meta == roadmap.meta


def test_saving_refuses_a_folder_of_something_else(roadmap: RoadMap, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(MapFolderError, match="not empty and holds no map"):
        mapfolder.save(roadmap, tmp_path)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_saving_refuses_a_file(roadmap: RoadMap, tmp_path: Path) -> None:
    (tmp_path / "map").write_text("")

    with pytest.raises(MapFolderError, match="is a file"):
        mapfolder.save(roadmap, tmp_path / "map")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MapFolderError, match=r"no such folder.*ridgeline map build"):
        mapfolder.load(tmp_path / "nowhere")


FILES = [f"{name}.npy" for name in mapfolder.ARRAYS] + [
    "elevation.npy", "names.json", "places.json", "areas.json", "area_rings.npy",
    "waterways.json", "waterway_lines.npy", "meta.json",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(MapFolderError, match=f"{name}.*Build the map again"):
        mapfolder.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_every_damaged_file_is_named(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / name).write_bytes(data)

    with pytest.raises(MapFolderError, match=name):
        mapfolder.load(folder)


def test_other_format_version_is_refused(folder: Path) -> None:
    change_meta(folder, lambda meta: meta.update(format_version=99))

    with pytest.raises(MapFolderError, match="format version 99, this program reads version 2"):
        mapfolder.load(folder)


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (
            "Ridgeline synthetic county, seed 7, 2230 km²",
            "ridgeline map synth --seed 7 --area-km2 2230 --out {folder}",
        ),
        (
            "OpenStreetMap extract my county.osm.pbf",
            "ridgeline map build 'my county.osm.pbf' --dem TILE --name N --out {folder}",
        ),
        ("a friend", "Build the map again with `ridgeline map build` or `ridgeline map synth`."),
    ],
    ids=["synthetic", "extract", "unknown"],
)
def test_a_map_of_an_older_program_says_how_to_make_it_again(
    folder: Path, source: str, command: str
) -> None:
    def age(meta: dict[str, Any]) -> None:
        del meta["sha256"]["edge_order.npy"], meta["sha256"]["areas.json"]
        meta.update(source=source, name="N")

    change_meta(folder, age)

    with pytest.raises(MapFolderError) as refused:
        mapfolder.load(folder)

    said = str(refused.value)
    assert f"{folder}: made by an older program, without areas.json, edge_order.npy." in said
    assert said.endswith(command.format(folder=folder))


def test_someone_elses_meta_is_refused(folder: Path) -> None:
    (folder / "meta.json").write_text('{"name": "my website"}')

    with pytest.raises(MapFolderError, match="not the description of a map"):
        mapfolder.load(folder)


@pytest.mark.parametrize(
    ("name", "spoil", "what"),
    [
        ("edge_tail", lambda a: a + 1000, "out of range"),
        ("edge_head", lambda a: a - 1000, "out of range"),
        ("edge_tail", lambda a: a[:-1], "belongs"),
        ("edge_class", lambda a: a.astype(np.int64), "belongs"),
        ("edge_class", lambda a: a + np.uint8(100), "out of range"),
        ("edge_surface", lambda a: a + np.uint8(100), "out of range"),
        ("edge_smoothness", lambda a: a + np.uint8(100), "out of range"),
        ("edge_width_dm", lambda a: a.astype(np.int8), "belongs"),
        ("edge_name", lambda a: a + np.int32(50), "out of range"),
        ("edge_ref", lambda a: a - np.int32(5), "out of range"),
        ("edge_length_m", lambda a: -a, "out of range"),
        ("edge_first_point", lambda a: a[::-1].copy(), "out of range"),
        ("edge_order", lambda a: np.zeros_like(a), "out of range"),
        ("node_lonlat", lambda a: a * np.nan, "out of range"),
        ("point_lonlat", lambda a: a * np.inf, "out of range"),
        ("point_ele_m", lambda a: a[:-2], "belongs"),
        ("edge_maxspeed_kmh", lambda a: a[:, :1].copy(), "belongs"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    folder: Path, name: str, spoil: Callable[[Any], Any], what: str
) -> None:
    rewrite(folder, f"{name}.npy", lambda path: np.save(path, spoil(np.load(path))))

    with pytest.raises(MapFolderError, match=f"{name}.npy.*{what}"):
        mapfolder.load(folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("places.json", '[{"name": "x"}]'),
        ("areas.json", '[{"kind": "water", "points": [1000000]}]'),
        ("names.json", '{"a": 1}'),
        ("waterways.json", "[]"),
        ("names.json", "not json"),
    ],
)
def test_features_that_do_not_fit_are_refused(folder: Path, name: str, text: str) -> None:
    rewrite(folder, name, lambda path: path.write_text(text))

    with pytest.raises(MapFolderError, match=r"do not fit together|out of range"):
        mapfolder.load(folder)


def test_pickled_array_is_not_opened(folder: Path) -> None:
    def pickle_it(path: Path) -> None:
        np.save(path, np.array([{"boom": 1}], dtype=object), allow_pickle=True)

    rewrite(folder, "edge_lanes.npy", pickle_it)

    with pytest.raises(MapFolderError, match=r"edge_lanes\.npy: cannot be read as an array"):
        mapfolder.load(folder)


def rewrite(folder: Path, name: str, change: Callable[[Path], Any]) -> None:
    """Change a file and put its new checksum into the meta, as a careless editor would."""
    change(folder / name)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    change_meta(folder, lambda meta: meta["sha256"].update({name: digest}))


def change_meta(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    change(meta)
    (folder / "meta.json").write_text(json.dumps(meta))
