"""`ridgeline runcards`: a file out, edited, checked, in, and back. On a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli.runcards import runcards_group
from server.dispatch.runcardfile import read, shipped, write


def run(*arguments: object) -> Result:
    return CliRunner().invoke(runcards_group, [str(each) for each in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The shipped set, in which a theft takes longer."""
    text = run("export", "--shipped").output
    found = tmp_path / "cards.toml"
    found.write_text(text.replace("scene_min = 50", "scene_min = 70"), encoding="utf-8")
    return found


def test_a_checked_file_says_every_bad_value_and_needs_no_database(file: Path) -> None:
    good = run("check", file)
    file.write_text(file.read_text().replace("scene_min = 70", "scene_min = 0"))
    bad, told = run("check", file), run("check", file, "--json")

    assert good.output == f"{file} is good: {len(shipped().cards)} types of incident.\n"
    assert (bad.exit_code, told.exit_code) == (1, 1)
    assert "theft: scene_min: must be a whole number from 1 to 1440" in bad.stderr
    assert [each["field"] for each in json.loads(told.output)["problems"]] == ["scene_min"]


def test_a_file_that_is_no_text_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_bytes(b"\xff\xfe")

    result = run("check", tmp_path / "cards.toml")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_a_set_is_loaded_listed_exported_and_taken_back(
    file: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    out = tmp_path / "out.toml"

    tried = run("load", file, "--reason", "measured", "--dry-run", "--json")
    loaded = run("load", file, "--reason", "measured")
    again = run("load", file, "--reason", "measured")
    listed = json.loads(run("list", "--json").output)
    exported = run("export", "--out", out)
    back = run("activate", "shipped", "--reason", "too long")
    after = run("export")
    nowhere = run("activate", "7", "--reason", "x")

    assert json.loads(tried.output) == {"version": None, "changes": {"theft": ["scene_min"]}}
    assert loaded.output == "theft: scene_min\nVersion 1 is in force.\n"
    assert again.output == "Nothing to change.\n"
    (version,) = listed["versions"]
    assert (version["version"], version["in_force"], version["reason"]) == (1, True, "measured")
    assert version["created_by"].startswith("operator:")
    assert exported.exit_code == 0
    assert read(out.read_text(encoding="utf-8")).cards.by_code["theft"].scene_min == 70
    assert back.output == "In force: the set that comes with Ridgeline.\n"
    assert after.output == write(shipped())
    assert (nowhere.exit_code, nowhere.stderr) == (1, "Error: There is no version 7.\n")


def test_a_file_takes_nothing_back_that_another_saved_meanwhile(
    file: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    other = tmp_path / "other.toml"
    other.write_text(file.read_text("utf-8").replace("scene_min = 70", "scene_min = 90"), "utf-8")

    mine = run("load", file, "--reason", "measured")
    tried = run("load", other, "--reason", "guessed", "--dry-run")
    theirs = run("load", other, "--reason", "guessed")
    still = json.loads(run("export", "--json").output)
    meant = run("load", other, "--reason", "guessed", "--based-on", "1")

    assert mine.exit_code == 0
    for each in (tried, theirs):
        assert each.exit_code == 1
        assert "Version 1 is in force, and this was made from version 0" in each.stderr
        assert "--based-on 1" in each.stderr
    assert still["version"] == 1
    assert meant.output.endswith("Version 2 is in force.\n")


def test_putting_a_version_in_force_is_told_to_programs(
    file: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    run("load", file, "--reason", "measured")

    back = run("activate", "shipped", "--reason", "too long", "--json")
    again = run("activate", "1", "--reason", "not so long", "--json")

    assert (json.loads(back.output), json.loads(again.output)) == ({"in_force": 0}, {"in_force": 1})


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--version", "9" * 30),
        ("export", "--shipped", "--version", "3"),
        ("activate", "9" * 19, "--reason", "x"),
        ("activate", "9" * 5_000, "--reason", "x"),
        ("activate", "-1", "--reason", "x"),
        ("activate", "three", "--reason", "x"),
    ],
)
def test_what_names_no_version_is_refused_before_any_database_is_asked(
    arguments: tuple[str, ...],
) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert "Error: " in done.stderr
    assert len(done.stderr) < 500
