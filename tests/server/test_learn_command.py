"""`ridgeline match` and `ridgeline learn`: files in, roads and travel times out; refusals."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks._drivers import Driven, Way, drive, way_of
from geo.driving.speed import Profile, travel_times_ms
from geo.ground import Ground
from geo.learning.track import FIXES_MAX
from geo.roadmap import RoadMap
from server.cli.learn import learn_group
from server.cli.match import match_command
from tests.server.learning_rows import Drivers
from tests.small_county import crossing

START_S = datetime(2026, 1, 31, 8, 0, tzinfo=UTC).timestamp()


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    for word in words:
        assert word in result.stderr


def a_way(roadmap: RoadMap) -> Way:
    ground = Ground(roadmap, engine="scipy")
    (lon, lat), (to_lon, to_lat) = crossing(0, 1), crossing(6, 1)
    return way_of(
        roadmap, ground.route(ground.snap(lon + 0.002, lat), ground.snap(to_lon + 0.002, to_lat))
    )


def driven(roadmap: RoadMap, way: Way, *, slower: float = 1.0, seed: int = 1) -> Driven:
    model_s = travel_times_ms(roadmap, Profile()) / 1000.0
    return drive(
        roadmap,
        way,
        way.piece_s(model_s * slower),
        np.random.default_rng(seed),
        interval_s=10.0,
        noise_m=6.0,
        start_s=START_S,
    )


def as_csv(file: Path, seen: Driven) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["device", "time", "lon", "lat", "accuracy_m"])
        for at_s, (lon, lat) in zip(
            seen.track.at_s.tolist(), seen.track.lonlat.tolist(), strict=True
        ):
            writer.writerow(["car", datetime.fromtimestamp(at_s, UTC).isoformat(), lon, lat, 9])
    return file


def as_points(file: Path, seen: Driven) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"time": at_s},
            "geometry": {"type": "Point", "coordinates": place},
        }
        for at_s, place in zip(seen.track.at_s.tolist(), seen.track.lonlat.tolist(), strict=True)
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def as_line(file: Path, seen: Driven) -> Path:
    times = [datetime.fromtimestamp(at_s, UTC).isoformat() for at_s in seen.track.at_s.tolist()]
    line = {
        "type": "Feature",
        "properties": {"coordTimes": times},
        "geometry": {"type": "LineString", "coordinates": seen.track.lonlat.tolist()},
    }
    file.write_text(json.dumps(line))
    return file


def test_a_track_in_every_form_gives_the_same_roads(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    way = a_way(small_map)
    seen = driven(small_map, way)
    files = [
        as_csv(tmp_path / "a.csv", seen),
        as_points(tmp_path / "b.geojson", seen),
        as_line(tmp_path / "c.json", seen),
    ]

    answers = [
        json.loads(run(match_command, "--map", small_map_dir, "--track", file, "--json").stdout)
        for file in files
    ]

    for answer in answers:
        (passages,) = answer["runs"]
        arcs = [2 * each["edge"] + (each["direction"] == "backward") for each in passages]
        assert arcs == way.arcs.tolist()
        assert answer["unmatched"] == []
        assert len(answer["fixes"]) == len(seen.track)
    assert "G320" in {each["road"] for each in answers[0]["runs"][0]}
    assert answers[0]["runs"][0][0]["enter"] == "2026-01-31T08:00:00.000Z"


def test_roads_are_listed_for_people(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    file = as_csv(tmp_path / "a.csv", driven(small_map, a_way(small_map)))

    result = run(match_command, "--map", small_map_dir, "--track", file)

    assert result.exit_code == 0
    assert "08:00:00" in result.stdout
    assert "G320" in result.stdout


def test_wrong_tracks_are_refused(small_map_dir: Path, tmp_path: Path) -> None:
    def refuse(name: str, text: str, *words: str) -> None:
        file = tmp_path / name
        file.write_text(text)
        result = run(match_command, "--map", small_map_dir, "--track", file, "--json")
        refused(result, name, *words)

    refuse("a.csv", "time,lat\n1,2\n", "lacks lon")
    refuse("a.csv", "time,lon,lat\n", "two different times")
    refuse("a.csv", "time,lon,lat\nsoon,1,2\n", "fix 1", "soon")
    refuse("a.csv", "time,lon,lat\n2026-01-31T08:00:00,1,2\n", "fix 1")
    refuse("a.csv", "time,lon,lat\n1,100,27\n2,400,27\n", "fix 2")
    many = "".join(f"{second},100.2,27.5\n" for second in range(FIXES_MAX + 1))
    refuse("a.csv", f"time,lon,lat\n{many}", f"more than {FIXES_MAX}")
    refuse("a.json", "[]", "no GeoJSON")
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1]}}
    refuse("a.json", json.dumps(point), "feature 1 is no Point")
    line = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    refuse("a.json", json.dumps({"type": "Feature", "geometry": line}), "needs 2 coordTimes")
    missing = tmp_path / "none.csv"
    refused(run(match_command, "--map", small_map_dir, "--track", missing), "No such file")


def test_a_folder_of_tracks_shows_what_it_teaches(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    way = a_way(small_map)
    for number in range(3):
        seen = driven(small_map, way, slower=1.5, seed=number)
        as_csv(tmp_path / f"drive-{number}.csv", seen)
    (tmp_path / "broken.csv").write_text("nothing\n")
    (tmp_path / "notes.txt").write_text("not a track")

    result = run(learn_group, "--map", small_map_dir, "--tracks", tmp_path, "--json")

    answer = json.loads(result.stdout)
    assert (answer["files"], answer["drives"], answer["mode"]) == (4, 3, "routine")
    assert [line for line in answer["refused"] if "broken.csv" in line]
    road = next(each for each in answer["roads"] if each["road"] == "G320")
    assert road["drives_max"] == 3
    assert road["low_pct"] < road["slower_pct"] < road["high_pct"]
    assert 15.0 < road["slower_pct"] < 50.0
    table = run(learn_group, "--map", small_map_dir, "--tracks", tmp_path)
    assert "G320" in table.stdout
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(run(learn_group, "--map", small_map_dir, "--tracks", empty), "has no track")


def test_learning_needs_a_map() -> None:
    result = run(learn_group, "--json")

    assert result.exit_code == 2
    assert "--map" in result.stderr


@pytest.fixture
async def drivers(pool: Any, small_map: RoadMap) -> Drivers:
    drivers = Drivers(pool, small_map)
    await drivers.enrol()
    for _ in range(2):
        await drivers.drive(drivers.way(), slower=1.4)
    return drivers


async def test_the_database_is_learned_from_and_reversed(
    drivers: Drivers,
    pool: Any,
    database_url: str,
    small_map_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def learn(*arguments: object) -> Result:
        """On a thread, because the command has an event loop of its own."""
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(run, learn_group, *arguments, "--data", tmp_path, "--json")
            return done.result()

    def told(*arguments: object) -> dict[str, Any]:
        result = learn(*arguments)
        assert result.exit_code == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    first = told("--map", small_map_dir, "--reason", "first two drives")
    assert (first["drives"], first["active"]) == (2, True)
    second = told("--map", small_map_dir, "--no-activate")
    assert (second["version"], second["active"]) == (first["version"] + 1, False)

    assert told("activate", second["version"])["active"] == second["version"]
    assert told("activate", "model")["active"] is None
    refused(learn("activate", "model"), "in force already")
    refused(learn("activate", "99"), "no version 99")
    refused(learn("activate", "newest"), "no version")
    kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM journal_entry ORDER BY seq")]
    assert kinds == [
        "learning.learned",
        "learning.activated",
        "learning.learned",
        "learning.activated",
        "learning.set_aside",
    ]
