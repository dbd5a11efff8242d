"""`ridgeline route` and `ridgeline eta`: answers and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from geo import mapfolder
from geo.ground import Ground
from server.cli.reach import coverage_command, isochrone_command
from server.cli.route import eta_command, route_command
from server.cli.unitfile import UNITS_MAX
from tests.geo.maps import grid_map, lonlat


@pytest.fixture(scope="module")
def map_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map") / "grid"
    mapfolder.save(grid_map(), folder)
    return folder


def at(east_m: float, north_m: float) -> str:
    return "{:.7f},{:.7f}".format(*lonlat(east_m, north_m))


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def refused(result: Result, *words: str) -> None:
    """Exit 1, one clear line, nothing on stdout."""
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    for word in words:
        assert word in line


def units_file(tmp_path: Path, *features: dict[str, Any]) -> Path:
    file = tmp_path / "units.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def unit(name: str, east_m: float, north_m: float) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": name,
        "geometry": {"type": "Point", "coordinates": lonlat(east_m, north_m)},
        "properties": {},
    }


def test_route_as_json(map_dir: Path) -> None:
    result = run(
        route_command, "--map", map_dir, "--from", at(50, 30), "--to", at(4_000, 2_700), "--json"
    )

    answer = json.loads(result.stdout)
    ground = Ground(grid_map(), engine="scipy")
    expected = ground.route(ground.snap(*lonlat(50, 30)), ground.snap(*lonlat(4_000, 2_700)))
    assert result.exit_code == 0
    assert answer["duration_s"] == pytest.approx(expected.duration_s, abs=0.01)
    assert answer["distance_m"] == pytest.approx(expected.distance_m, abs=1.0)
    assert answer["geometry"]["type"] == "LineString"
    assert len(answer["geometry"]["coordinates"]) >= 2
    assert answer["engine"] in ("cch", "scipy")
    assert answer["map_id"] == "hand-made"
    assert answer["snapped"]["from"]["distance_m"] < 100


def test_urgent_route_is_quicker(map_dir: Path) -> None:
    arguments = ("--map", map_dir, "--from", at(50, 30), "--to", at(4_000, 2_700), "--json")

    routine = json.loads(run(route_command, *arguments).stdout)
    urgent = json.loads(run(route_command, *arguments, "--mode", "urgent").stdout)

    assert urgent["duration_s"] < routine["duration_s"]


def test_route_as_table(map_dir: Path) -> None:
    result = run(route_command, "--map", map_dir, "--from", at(50, 30), "--to", at(900, 900))

    assert result.exit_code == 0
    assert "min" in result.stdout
    assert "km" in result.stdout


@pytest.mark.parametrize("wrong", ["", "1.5", "1.5,42.5,3", "east,north", "1.5;42.5"])
def test_route_refuses_what_is_no_position(map_dir: Path, wrong: str) -> None:
    result = run(route_command, "--map", map_dir, "--from", wrong, "--to", at(0, 0), "--json")

    refused(result, "--from", "LON,LAT")


@pytest.mark.parametrize("place", ["10.0,50.0", "nan,42.5", "500,900"])
def test_route_refuses_places_off_the_map(map_dir: Path, place: str) -> None:
    result = run(route_command, "--map", map_dir, "--from", at(0, 0), "--to", place, "--json")

    refused(result)


def test_route_says_when_no_road_connects(map_dir: Path) -> None:
    island = at(900.0 * 5 + 2_000.0, 400.0)

    refused(run(route_command, "--map", map_dir, "--from", island, "--to", at(0, 0)), "no road")


def test_what_no_road_reaches_is_walked_to_from_the_nearest_that_does(map_dir: Path) -> None:
    island = at(900.0 * 5 + 2_000.0, 400.0)

    found = run(route_command, "--map", map_dir, "--from", at(0, 0), "--to", island, "--json")

    assert found.exit_code == 0
    answer = json.loads(found.stdout)
    assert answer["walk_s"] > 2_000.0
    assert answer["arrival"]["median_s"] == pytest.approx(
        answer["duration_s"] + answer["walk_s"], abs=0.1
    )


def test_missing_and_corrupt_maps_are_refused(map_dir: Path, tmp_path: Path) -> None:
    arguments = ("--from", at(0, 0), "--to", at(900, 900), "--json")
    broken = tmp_path / "broken"
    mapfolder.save(grid_map(), broken)
    array = broken / "edge_tail.npy"
    array.write_bytes(array.read_bytes()[:-8])

    refused(run(route_command, "--map", tmp_path / "none", *arguments))
    refused(run(route_command, "--map", broken, *arguments), "edge_tail")


def test_eta_ranks_units_and_says_why_some_cannot_come(map_dir: Path, tmp_path: Path) -> None:
    file = units_file(
        tmp_path,
        unit("off", 900_000, 0),
        unit("far", 4_400, 4_400),
        unit("island", 900.0 * 5 + 2_000.0, 400.0),
        unit("near", 950, 20),
        unit("wild", -4_500, -4_500),
        {"type": "Feature", "geometry": None, "properties": {"call_sign": "lost"}},
        {**unit("", 1_800, 0), "id": None, "properties": {"name": "by name"}},
    )

    result = run(eta_command, "--map", map_dir, "--to", at(10, 10), "--units", file, "--json")

    answer = json.loads(result.stdout)
    rows = {row["unit"]: row for row in answer["rows"]}
    assert result.exit_code == 0
    assert [row["unit"] for row in answer["rows"]] == [
        "near", "by name", "far", "off", "island", "wild", "lost",
    ]  # fmt: skip
    assert [row["reachable"] for row in answer["rows"]] == [True] * 3 + [False] * 4
    durations = [row["duration_s"] for row in answer["rows"][:3]]
    assert durations == sorted(durations)
    assert all(row["distance_m"] > 0 and row["why"] is None for row in answer["rows"][:3])
    assert all(row["duration_s"] is None for row in answer["rows"][3:])
    assert rows["off"]["why"].startswith("off map: ")
    assert rows["island"]["why"].startswith("no road connects")
    assert rows["wild"]["why"].startswith("no road within 3 km")
    assert rows["lost"]["why"] == "no position"


def test_eta_as_table(map_dir: Path, tmp_path: Path) -> None:
    file = units_file(tmp_path, unit("U-1 [x]", 950, 20), unit("U-2", 900_000, 0))

    result = run(eta_command, "--map", map_dir, "--to", at(10, 10), "--units", file)

    assert result.exit_code == 0
    assert "U-1 [x]" in result.stdout
    assert "off map" in result.stdout


def test_eta_without_units(map_dir: Path, tmp_path: Path) -> None:
    file = units_file(tmp_path)

    result = run(eta_command, "--map", map_dir, "--to", at(10, 10), "--units", file, "--json")

    assert json.loads(result.stdout)["rows"] == []


def test_eta_refuses_wrong_files(map_dir: Path, tmp_path: Path) -> None:
    def refuse(text: str, *words: str) -> None:
        file = tmp_path / "wrong.geojson"
        file.write_text(text)
        arguments = ("--map", map_dir, "--to", at(10, 10), "--units", file, "--json")
        refused(run(eta_command, *arguments), *words)

    refuse("no json", "not a GeoJSON FeatureCollection")
    refuse('{"type": "Feature", "geometry": null}', "not a GeoJSON FeatureCollection")
    refuse('{"type": "FeatureCollection", "features": [3]}', "features[0]")
    line = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    for geometry in (line, {"type": "Point", "coordinates": ["1", "2"]}, {"type": "Point"}):
        feature = {"type": "Feature", "id": "U-9", "geometry": geometry, "properties": None}
        refuse(
            json.dumps({"type": "FeatureCollection", "features": [feature]}), "U-9", "not a Point"
        )
    many = [{"type": "Feature", "geometry": None}] * (UNITS_MAX + 1)
    refuse(json.dumps({"type": "FeatureCollection", "features": many}), "more than")
    missing = ("--map", map_dir, "--to", at(10, 10), "--units", tmp_path / "none")
    refused(run(eta_command, *missing), "No such file")


# -- who drives, and when -------------------------------------------------------------------


FROM_TO = ("--from", at(50, 30), "--to", at(4_000, 2_700))


def test_an_answer_says_how_sure_it_is_and_tells_the_way(map_dir: Path) -> None:
    answer = json.loads(
        run(route_command, "--map", map_dir, *FROM_TO, "--within", 10, "--json").stdout
    )

    arrival = answer["arrival"]
    driven_and_walked_s = answer["duration_s"] + answer["walk_s"]
    assert arrival["median_s"] == pytest.approx(driven_and_walked_s, abs=0.1)
    assert arrival["median_s"] < arrival["p80_s"] < arrival["p90_s"]
    assert 0.0 <= answer["chance"] <= 1.0
    assert answer["steps"][0]["maneuver"] == "depart"
    assert sum(each["distance_m"] for each in answer["steps"]) >= answer["distance_m"] - 1.0
    assert (answer["vehicle"], answer["condition"]) == ("patrol_car", "dry")
    assert "median_at" not in arrival


def test_the_walk_from_the_road_is_part_of_the_arrival(map_dir: Path) -> None:
    off_the_road = ("--from", at(50, 30), "--to", at(2_000, -900))

    answer = json.loads(run(route_command, "--map", map_dir, *off_the_road, "--json").stdout)
    words = run(route_command, "--map", map_dir, *off_the_road).stdout

    assert answer["walk_s"] > 600.0
    assert answer["arrival"]["median_s"] == pytest.approx(
        answer["duration_s"] + answer["walk_s"], abs=0.1
    )
    assert answer["steps"][-1]["maneuver"] == "walk"
    assert "On foot" in words


def test_a_departure_gives_clock_times_and_the_night(map_dir: Path) -> None:
    def asked(*more: object) -> dict[str, Any]:
        found = run(route_command, "--map", map_dir, *FROM_TO, *more, "--json")
        answer: dict[str, Any] = json.loads(found.stdout)
        return answer

    noon = asked("--depart", "2026-06-21T12:00:00+02:00")
    night = asked("--depart", "2026-06-21T00:30:00Z", "--condition", "rain")

    assert noon["condition"] == "dry"
    assert night["condition"] == "rain,night"
    assert noon["depart_at"] == "2026-06-21T10:00:00Z"
    assert noon["arrival"]["median_at"].startswith("2026-06-21T10:")
    assert night["duration_s"] > noon["duration_s"]


@pytest.mark.parametrize("target", [at(4_000, 2_700), "0,0"])
def test_the_engine_is_let_go_of_also_after_an_error(
    map_dir: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Ground] = []
    close = Ground.close

    def noting(ground: Ground) -> None:
        closed.append(ground)
        close(ground)

    monkeypatch.setattr(Ground, "close", noting)

    run(route_command, "--map", map_dir, "--from", at(50, 30), "--to", target)

    assert len(closed) == 1


def test_people_read_the_way_in_their_language(map_dir: Path) -> None:
    english = run(route_command, "--map", map_dir, *FROM_TO).stdout
    chinese = run(route_command, "--map", map_dir, *FROM_TO, "--lang", "zh").stdout

    assert "You have arrived." in english
    assert "9 in 10 under" in english
    assert "到达目的地。" in chinese


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--condition", "hail", "is no condition"),
        ("--depart", "tomorrow", "is not a time"),
        ("--depart", "2026-06-21T12:00:00", "no time zone"),
    ],
)
def test_what_cannot_be_read_is_refused(map_dir: Path, option: str, value: str, words: str) -> None:
    refused(run(route_command, "--map", map_dir, *FROM_TO, option, value), words)


def test_eta_rows_say_how_likely_it_is(map_dir: Path, tmp_path: Path) -> None:
    file = units_file(tmp_path, unit("near", 3_600, 2_700), unit("far", 0, 0))

    answer = json.loads(
        run(
            eta_command, "--map", map_dir, "--to", at(4_000, 2_700), "--units", file,
            "--within", 4, "--json",
        ).stdout
    )  # fmt: skip

    near, far = answer["rows"]
    assert near["arrival"]["p90_s"] > near["duration_s"]
    assert near["chance"] > far["chance"]


# -- isochrone and coverage -----------------------------------------------------------------


def test_isochrones_are_geojson_and_nest(map_dir: Path) -> None:
    answer = json.loads(
        run(
            isochrone_command, "--map", map_dir, "--from", at(1_800, 1_800),
            "--minutes", "2,4,8", "--json",
        ).stdout
    )  # fmt: skip

    areas = [each["properties"]["area_km2"] for each in answer["features"]]
    assert answer["type"] == "FeatureCollection"
    assert [each["properties"]["minutes"] for each in answer["features"]] == [2, 4, 8]
    assert areas == sorted(areas)
    assert areas[0] > 0.0


def test_coverage_counts_villages_and_people(small_map_dir: Path) -> None:
    found = run(coverage_command, "--map", small_map_dir, "--stations", "--within", 60, "--json")
    words = run(coverage_command, "--map", small_map_dir, "--stations", "--within", 6)

    answer = json.loads(found.stdout)
    assert answer["villages"]["covered"] == answer["villages"]["total"] == 5
    assert answer["people"]["covered"] == 10_920
    assert len(answer["sources"]) == 2
    assert "Villages" in words.stdout
    assert "at least 90 %" in words.stdout


@pytest.mark.parametrize("command", [isochrone_command, coverage_command])
def test_nowhere_to_start_from_is_refused(map_dir: Path, command: click.Command) -> None:
    refused(run(command, "--map", map_dir), "Nowhere to start from")


def test_bands_that_are_no_numbers_are_refused(map_dir: Path) -> None:
    start = ("--from", at(1_800, 1_800))

    refused(run(isochrone_command, "--map", map_dir, *start, "--minutes", "a"), "--minutes")
    refused(run(isochrone_command, "--map", map_dir, *start, "--minutes", "9999"), "time band")
