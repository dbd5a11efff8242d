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
