"""`ridgeline evaluate` as typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geo import mapfolder
from geo.roadmap import RoadMap
from server.cli.evaluate import evaluate_command
from server.dispatch.runcardfile import shipped, write
from server.dispatch.runcards import RunCards
from tests.small_county import CENTRE

SHORT = ("--units", "3", "--per-day", "20", "--seeds", "2")


def run(map_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(evaluate_command, ["--map", str(map_dir), *SHORT, *arguments])


def test_json_has_every_policy_with_its_figures(small_map_dir: Path, small_map: RoadMap) -> None:
    result = run(small_map_dir, "--policy", "road", "--policy", "straight_line", "--json")

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["map_id"] == small_map.meta.map_id
    assert (answer["seed"], answer["seeds"], answer["units"]) == (1, 2, 3)
    assert answer["traffic"]["per_day"] == 20.0
    road, crow = answer["policies"]
    assert [road["policy"], crow["policy"]] == ["road", "straight_line"]
    assert road["calls"] == crow["calls"] > 20
    assert road["against"] is None
    assert crow["against"]["mean_response"]["n"] == crow["calls"]
    mean = road["figures"]["mean_response"]
    assert mean["low"] <= mean["value"] <= mean["high"]


def test_the_countys_own_run_cards_count(small_map_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_text(write(with_short_scenes()), encoding="utf-8")
    policy = ("--policy", "road", "--json")

    own = run(small_map_dir, *policy, "--run-cards", str(tmp_path / "cards.toml"))
    (tmp_path / "cards.toml").write_text("cards = 3")
    wrong = run(small_map_dir, *policy, "--run-cards", str(tmp_path / "cards.toml"))

    shipped_ones = run(small_map_dir, *policy)
    assert mean_response_s(own) < mean_response_s(shipped_ones)
    assert wrong.exit_code == 1
    assert "cards: must be a list" in wrong.stderr


def with_short_scenes() -> RunCards:
    """Units are free again after a minute."""
    return replace(shipped(), cards=tuple(replace(c, scene_min=1) for c in shipped().cards))


def mean_response_s(result: Result) -> float:
    (road,) = json.loads(result.stdout)["policies"]
    return float(road["figures"]["mean_response"]["value"])


def test_people_get_a_table(small_map_dir: Path) -> None:
    result = run(small_map_dir, "--policy", "road")

    assert result.exit_code == 0, result.output
    assert "Small county: 2 × 1 d from seed 1, peace" in result.stdout
    assert "road" in result.stdout


def test_a_folder_that_is_no_map_is_said(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere")

    assert result.exit_code == 1
    assert "nowhere" in result.stderr
    assert "Traceback" not in result.output


def test_a_map_without_places_is_said(small_map: RoadMap, tmp_path: Path) -> None:
    mapfolder.save(replace(small_map, places=()), tmp_path / "empty")

    result = run(tmp_path / "empty")

    assert result.exit_code == 1
    assert "no place with a name" in result.stderr


@pytest.mark.parametrize("wrong", [("--policy", "luck"), ("--days", "0"), ("--units", "0")])
def test_wrong_options_are_said(wrong: tuple[str, str], small_map_dir: Path) -> None:
    result = run(small_map_dir, *wrong)

    assert result.exit_code == 2
    assert wrong[0] in result.stderr


def test_the_countys_own_calls_are_lived_through_with_a_unit_moved(
    small_map_dir: Path, tmp_path: Path
) -> None:
    lon, lat = CENTRE
    file = tmp_path / "calls.csv"
    rows = [f"2026-03-01T{hour:02}:10:00+08:00,{lon},{lat},theft" for hour in range(0, 24, 2)]
    file.write_text("\n".join(["at,lon,lat,type", *rows]))
    options = ["--map", str(small_map_dir), "--units", "2", "--seeds", "1", "--policy", "full"]

    plain = CliRunner().invoke(
        evaluate_command, [*options, "--history", str(file), "--move", "P-99=1,2"]
    )
    assert plain.exit_code == 1
    unit = plain.stderr.split("there are ")[1].split(",")[0]
    moved = CliRunner().invoke(
        evaluate_command,
        [*options, "--history", str(file), "--move", f"{unit}={lon},{lat}", "--json"],
    )

    assert moved.exit_code == 0, moved.output
    answer = json.loads(moved.stdout)
    assert answer["moves"] == {unit: [lon, lat]}
    assert [each["policy"] for each in answer["policies"]] == ["full", f"full, {unit} moved"]
    assert {each["calls"] for each in answer["policies"]} == {12}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--move", "P-01=1,2"), "name the calls with --history"),
        (("--history", "FILE", "--per-day", "20"), "leave out --per-day"),
        (("--history", "FILE", "--move", "P-01"), "takes UNIT=LON,LAT"),
    ],
)
def test_a_history_asked_for_wrongly_is_said(
    arguments: tuple[str, ...], says: str, small_map_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("at,lon,lat,type\n2026-03-01T08:15:00+08:00,100.2,27.5,theft\n")
    words = [str(file) if word == "FILE" else word for word in arguments]

    result = CliRunner().invoke(evaluate_command, ["--map", str(small_map_dir), *words])

    assert result.exit_code == 2
    assert says in result.stderr
