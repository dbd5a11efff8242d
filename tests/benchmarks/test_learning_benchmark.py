"""The learning benchmark: errors fall where there is something to learn, and the table is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.learning import BEGIN, END, World, table, write
from benchmarks.learning import _rows as rows_of
from tests.small_county import small_county

SEED = 13
"""A world where roads are half as slow again as modelled."""


def test_learning_brings_foretold_times_nearer_to_the_truth() -> None:
    world = World(small_county(), SEED, ways=4)
    before = {which: world.judge(which) for which in world.groups}
    for _ in range(5):
        world.now_s += 86_400.0
        for way in world.driven:
            world.learn(way)

    for which, first in before.items():
        rows = {}
        for system, seen in (
            ("before", first),
            ("after", world.judge(which)),
            ("best", world.judge(which, world.told())),
        ):
            rows[system] = {row.metric: row.value or 0.0 for row in rows_of("small", system, seen)}
        assert abs(rows["after"]["bias"]) < 0.12 < abs(rows["before"]["bias"])
        gained = rows["before"]["pinball_50"] - rows["after"]["pinball_50"]
        possible = rows["before"]["pinball_50"] - rows["best"]["pinball_50"]
        assert gained > 0.6 * possible > 0.0


def test_the_table_goes_between_its_markers(tmp_path: Path) -> None:
    world = World(small_county(), SEED, ways=2)
    rows = list(rows_of("small", "same ways, n = 0", world.judge("same ways")))
    file = tmp_path / "doc.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write(file, rows)

    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert table(rows) in text
    assert "| small | same ways, n = 0 | 24 |" in text
    file.write_text("no markers")
    with pytest.raises(SystemExit, match="no lines"):
        write(file, rows)
