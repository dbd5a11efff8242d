"""`ridgeline match` and `ridgeline learn`: files in, roads and travel times out; refusals."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks._drivers import Driven, Way, drive, way_of
from geo import mapfolder
from geo.driving.speed import Mode, Profile, travel_times_ms
from geo.eta import TripSpread
from geo.ground import Ground
from geo.learning.factors import LearnedFactors
from geo.learning.track import FIXES_MAX, Track
from geo.roadmap import RoadMap
from server.cli.learn import learn_group
from server.cli.learnedfile import LearnedVersion, read_learned, write_learned
from server.cli.match import match_command
from server.cli.route import route_command
from tests.redrawn_county import redrawn_county
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


def test_a_match_says_whose_times_it_went_by(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    file = as_csv(tmp_path / "a.csv", driven(small_map, a_way(small_map)))
    asked = ("--map", small_map_dir, "--track", file, "--json")

    def about(*more: str) -> tuple[str, str, str]:
        answer = json.loads(run(match_command, *asked, *more).stdout)
        return answer["vehicle"], answer["mode"], answer["condition"]

    assert about() == ("patrol_car", "routine", "dry")
    assert about("--condition", "snow", "--depart", "2026-01-31T01:00:00+08:00") == (
        "patrol_car",
        "routine",
        "snow,night",
    )
    assert about("--vehicle", "motorcycle", "--mode", "urgent")[:2] == ("motorcycle", "urgent")
    refused(run(match_command, *asked, "--condition", "hail"), "hail")
    refused(run(match_command, *asked, "--depart", "noon"), "noon")


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
    small_map: RoadMap,
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
    refused(learn("export", "99", "--out", tmp_path / "x.json"), "no version 99")
    out = tmp_path / "learned.json"
    assert told("export", "--out", out)["version"] == second["version"]
    assert told("export", first["version"], "--out", out)["version"] == first["version"]
    exported = read_learned(out, small_map)
    assert (exported.drives, exported.reason) == (2, "first two drives")
    assert exported.modes[Mode.ROUTINE].factor.max() > 1.1

    assert told("activate", "model")["active"] is None
    refused(learn("export", "--map", small_map_dir, "--out", out), "only the model")
    refused(learn("activate", "model"), "in force already")
    refused(learn("activate", "99"), "no version 99")
    refused(learn("activate", "newest"), "no version")
    kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")]
    assert kinds == [
        "learning.learned",
        "learning.activated",
        "learning.learned",
        "learning.activated",
        "learning.set_aside",
    ]


async def test_drives_are_carried_to_a_newer_map_and_taken_back(
    drivers: Drivers,
    database_url: str,
    small_map_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    newer_dir = tmp_path / "newer"
    mapfolder.save(redrawn_county(), newer_dir)

    def learn(*arguments: object) -> Result:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(run, learn_group, *arguments, "--data", tmp_path).result()

    assert learn("--map", small_map_dir).exit_code == 0
    both = ("carry", "--from", small_map_dir, "--map", newer_dir)
    carried = learn(*both)
    assert carried.exit_code == 0, carried.stderr
    assert "Not found: 2," in carried.stdout
    assert "from 2 drives" in learn("--map", newer_dir).stdout

    undone = json.loads(learn(*both, "--undo", "--json").stdout)
    assert undone["undone"] is True
    refused(learn(*both, "--undo"), "counts on this one")
    refused(learn("--map", newer_dir), "No drive")
    refused(learn("carry", "--from", newer_dir, "--map", newer_dir), "same map")


# -- learned times in other commands ---------------------------------------------------------


def a_version(roadmap: RoadMap, *, slower: float = 1.5, **changed: Any) -> LearnedVersion:
    """Routine drives over all roads took so many times the modelled time; urgent ones none."""
    arcs = 2 * roadmap.edge_count

    def known(factor: float) -> LearnedFactors:
        return LearnedFactors(
            factor=np.full(arcs, factor, dtype=np.float32),
            log_sd=np.full(arcs, 0.02, dtype=np.float32),
            unknown=np.full(arcs, 0.1, dtype=np.float32),
            trips=np.full(arcs, 40, dtype=np.int32),
            spread=TripSpread(learned_sd=0.16, learned_drives=40),
        )

    values: dict[str, Any] = {
        "map_id": roadmap.meta.map_id,
        "version": 7,
        "created_at": datetime(2026, 1, 31, tzinfo=UTC),
        "reason": "nightly",
        "drives": 40,
        "modes": {Mode.ROUTINE: known(slower), Mode.URGENT: known(1.0)},
    }
    return LearnedVersion(**(values | changed))


def test_a_learned_version_survives_its_file(small_map: RoadMap, tmp_path: Path) -> None:
    file, version = tmp_path / "learned.json", a_version(small_map)

    write_learned(file, version)
    again = read_learned(file, small_map)

    assert replace(again, modes={}) == replace(version, modes={})
    for mode in Mode:
        assert again.modes[mode].spread == version.modes[mode].spread
        for column in ("factor", "log_sd", "unknown", "trips"):
            expected = getattr(version.modes[mode], column)
            np.testing.assert_array_equal(getattr(again.modes[mode], column), expected)


def test_routes_take_learned_times_of_their_mode(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "learned.json"
    write_learned(file, a_version(small_map))
    ends = [",".join(map(str, crossing(*place))) for place in ((0, 1), (6, 1))]

    def asked(*options: object) -> dict[str, Any]:
        places = ("--map", small_map_dir, "--from", ends[0], "--to", ends[1], "--json")
        answer: dict[str, Any] = json.loads(run(route_command, *places, *options).stdout)
        return answer

    model, learned = asked(), asked("--learned", file)
    urgent = [asked("--mode", "urgent", *more) for more in ((), ("--learned", file))]

    assert (model["learned_version"], learned["learned_version"]) == (None, 7)
    assert 1.4 < learned["duration_s"] / model["duration_s"] <= 1.5
    assert learned["arrival"]["log_sd"] < 0.7 * model["arrival"]["log_sd"]
    assert urgent[1]["duration_s"] == urgent[0]["duration_s"]


def test_learned_times_share_out_the_time_between_two_fixes(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    way = a_way(small_map)
    seen = driven(small_map, way)
    track = as_csv(tmp_path / "a.csv", replace(seen, track=every(seen.track, 12)))
    version = a_version(small_map)
    slow = version.modes[Mode.ROUTINE].factor.copy()
    slow[way.arcs[2]] = 2.5
    version.modes[Mode.ROUTINE] = replace(version.modes[Mode.ROUTINE], factor=slow)
    write_learned(tmp_path / "learned.json", version)

    def seconds_on(arc: int, *options: object) -> float:
        places = ("--map", small_map_dir, "--track", track, "--json")
        (run_over,) = json.loads(run(match_command, *places, *options).stdout)["runs"]
        (at,) = (each for each in run_over if each["edge"] == arc >> 1)
        enter, leave = (datetime.fromisoformat(at[name]) for name in ("enter", "leave"))
        return (leave - enter).total_seconds()

    arc = int(way.arcs[2])
    assert seconds_on(arc, "--learned", tmp_path / "learned.json") > 1.1 * seconds_on(arc)


def every(track: Track, nth: int) -> Track:
    return Track.of(track.at_s[::nth], track.lonlat[::nth])


def test_wrong_learned_files_are_refused(
    small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    ends = [",".join(map(str, crossing(*place))) for place in ((0, 1), (6, 1))]

    def refuse(file: Path, *words: str) -> None:
        places = ("--map", small_map_dir, "--from", ends[0], "--to", ends[1], "--json")
        refused(run(route_command, *places, "--learned", file), *words)

    elsewhere, damaged, cut = (tmp_path / f"{name}.json" for name in ("map", "factor", "cut"))
    write_learned(elsewhere, a_version(small_map, map_id="another-map"))
    write_learned(damaged, a_version(small_map, slower=40.0))
    cut.write_bytes(elsewhere.read_bytes()[:-100])

    refuse(tmp_path / "none.json", "cannot be read")
    refuse(elsewhere, "another-map", f"this is map {small_map.meta.map_id}", "export")
    refuse(damaged, "damaged")
    refuse(cut, "holds no learned travel times", "ridgeline learn export")
