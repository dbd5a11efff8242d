"""`ridgeline map`: build, synth, info, and what a person sees when it goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from geo import mapfolder
from geo.roadmap import Barrier, EdgeFlag
from server.cli.map import map_group

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
<node id="1" lon="100.0" lat="27.0" version="1"/>
<node id="2" lon="100.1" lat="27.0" version="1"/>
<node id="3" lon="100.2" lat="27.1" version="1"/>
<node id="9" lon="100.1" lat="27.01" version="1">
  <tag k="place" v="town"/><tag k="name" v="石鼓"/>
</node>
<way id="7" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
  <tag k="highway" v="primary"/><tag k="ref" v="G320"/></way>
</osm>
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(map_group, [str(one) for one in arguments])


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    (tmp_path / "valley.osm").write_text(OSM, encoding="utf-8")
    return tmp_path / "valley.osm"


def test_build_then_info(extract: Path, tmp_path: Path) -> None:
    built = run("build", extract, "--out", tmp_path / "map")

    assert built.exit_code == 0, built.output
    assert "2 junctions, 1 roads between them" in built.output
    info = json.loads(run("info", tmp_path / "map", "--json").stdout)
    assert info["name"] == "valley"
    assert info["counts"]["places"] == 1
    assert info["elevation"] is None
    assert info["synthetic"] is False
    assert info["licence"] == "ODbL-1.0"
    assert len(info["map_id"]) == 64


def test_info_for_people(extract: Path, tmp_path: Path) -> None:
    run("build", extract, "--out", tmp_path / "map", "--name", "Valley [1]")

    shown = run("info", tmp_path / "map")

    assert shown.exit_code == 0
    assert "Valley [1]" in shown.output


def test_synth_makes_a_labelled_map(tmp_path: Path) -> None:
    made = run("synth", "--seed", 5, "--area-km2", 60, "--out", tmp_path / "map")

    assert made.exit_code == 0, made.output
    roadmap = mapfolder.load(tmp_path / "map")
    assert roadmap.meta.synthetic
    assert roadmap.elevation is not None
    assert np.isfinite(roadmap.point_ele_m).all()
    signs = json.loads(run("info", tmp_path / "map", "--json").stdout)["signs"]
    assert signs["gates"] == int((roadmap.node_barrier == Barrier.GATE).sum()) > 0
    assert signs["seasonal_roads"] > 0
    assert signs["turn_bans"] == len(roadmap.ban_leave)


def test_synth_refuses_an_absurd_area(tmp_path: Path) -> None:
    result = run("synth", "--seed", 5, "--area-km2", 1e9, "--out", tmp_path / "map")

    assert result.exit_code == 2
    assert "--area-km2" in result.stderr


def test_errors_are_one_line_and_exit_code_1(extract: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.osm.pbf").write_bytes(b"rubbish" * 100)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    out = ("--out", tmp_path / "map")
    failures = {
        "no such file": run("build", tmp_path / "absent.pbf", *out),
        "not a whole OpenStreetMap file": run("build", tmp_path / "bad.osm.pbf", *out),
        "inside the area asked for": run("build", extract, "--bbox", "1,1,2,2", *out),
        "west < east": run("build", extract, "--bbox", "2,1,1,2", *out),
        "margin": run("build", extract, "--bbox", "100,27,101,28", "--margin-km", "-3", *out),
        "cannot be read": run("build", extract, "--area", tmp_path / "no.geojson", *out),
        "no such elevation": run("build", extract, "--dem", tmp_path / "N27E100.hgt", *out),
        "holds no map": run("build", extract, "--out", tmp_path / "full"),
        "no such folder": run("info", tmp_path / "nowhere"),
        "meta.json is missing": run("info", tmp_path / "full"),
    }

    for text, result in failures.items():
        assert result.exit_code == 1, text
        assert isinstance(result.exception, SystemExit), text
        assert text in result.stderr
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / "map").exists()
    assert (tmp_path / "full" / "thesis.txt").exists()


@pytest.mark.parametrize(
    "options", [("--bbox", "1,2,3"), ("--bbox", "a,b,c,d"), ("--bbox", "1,1,2,2", "--area", "x")]
)
def test_misused_options_are_explained(
    extract: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    result = run("build", extract, *options, "--out", tmp_path / "map")

    assert result.exit_code == 2
    assert "--bbox" in result.stderr


@pytest.mark.data
def test_andorra_is_a_real_mountain_country(andorra_dir: Path) -> None:
    roadmap = mapfolder.load(andorra_dir)

    assert 1500 < roadmap.node_count < 3000
    assert 400 < roadmap.edge_length_m.sum() / 1000 < 700
    assert (roadmap.edge_flags & EdgeFlag.TUNNEL).any()
    assert {"CG-1", "CG-2", "CS-340"} <= set(roadmap.names)
    assert {"Sispony", "Canillo"} <= {place.name for place in roadmap.places}
    assert any(place.kind == "station" for place in roadmap.places)
    assert np.isfinite(roadmap.point_ele_m).all()
    assert 800 < roadmap.point_ele_m.min() < 900
    assert 2400 < roadmap.point_ele_m.max() < 2750


@pytest.mark.data
def test_grades_of_andorra_are_those_of_roads_not_of_noise(andorra_dir: Path) -> None:
    roadmap = mapfolder.load(andorra_dir)
    edges = np.flatnonzero((roadmap.edge_class <= 6) & (roadmap.edge_length_m > 30))

    climb = np.array(
        [np.abs(np.diff(roadmap.point_ele_m[first:last])).sum()
         for first, last in zip(roadmap.edge_first_point[edges],
                                roadmap.edge_first_point[edges + 1], strict=True)]
    )  # fmt: skip
    grade_pct = 100 * climb / roadmap.edge_length_m[edges]

    assert 3 < np.percentile(grade_pct, 50) < 8
    assert np.percentile(grade_pct, 99) < 18


@pytest.mark.data
def test_clipped_andorra_is_a_part_of_it(data_dir: Path, tmp_path: Path) -> None:
    result = run(
        "build", data_dir / "andorra.osm.pbf", "--dem", data_dir / "N42E001.hgt.zip",
        "--bbox", "1.5,42.5,1.56,42.53", "--margin-km", "1", "--out", tmp_path / "map",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    info = json.loads(run("info", tmp_path / "map", "--json").stdout)
    assert 200 < info["counts"]["edges"] < 1500
    assert info["bounds"][0] == pytest.approx(1.5 - 1 / 82.1, abs=1e-3)
