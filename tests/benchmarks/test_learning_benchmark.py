"""The learning benchmark: foretold times come nearer to the truth, and P90 keeps its word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._report import Row, wilson, write_between
from benchmarks.learning import BEGIN, END, TRUTHS, Foretold, World, judged, rows_of, table
from geo.ground import Ground
from geo.learning.school import School
from tests.small_county import small_county

SEED = 500
"""Apart from those of the published table."""
WORLDS = 10
STEPS = (0, 1, 5)

Figures = dict[str, dict[str, Row]]


@pytest.fixture(scope="module")
def worlds() -> list[dict[str, Foretold]]:
    roadmap = small_county()
    ground, school = Ground(roadmap, engine="scipy"), School(roadmap)
    return [
        judged(World(ground, school, SEED + number, 4), steps=STEPS) for number in range(WORLDS)
    ]


@pytest.fixture(scope="module")
def figures(worlds: list[dict[str, Foretold]]) -> Figures:
    """By ways and drives, then by metric."""
    found: Figures = {}
    for row in rows_of("small", "as assumed", worlds):
        found.setdefault(row.system.removeprefix("as assumed: "), {})[row.metric] = row
    return found


@pytest.mark.parametrize(("which", "gain"), [("same ways", 0.8), ("new ways", 0.55)])
def test_learning_brings_foretold_times_nearer_to_the_truth(
    figures: Figures, which: str, gain: float
) -> None:
    """New ways run over arcs that nobody drove: what is their own cannot be learned."""
    loss = {
        step: figures[f"{which}, {step}"]["pinball_50"].value or 0.0
        for step in ("n = 0", "n = 1", "n = 5", "truth known")
    }

    possible = loss["n = 0"] - loss["truth known"]
    assert loss["n = 0"] - loss["n = 1"] > 0.45 * possible > 0.0
    assert loss["n = 0"] - loss["n = 5"] > gain * possible
    assert abs(figures[f"{which}, n = 5"]["bias"].value or 0.0) < 0.06


@pytest.mark.parametrize("drives", STEPS)
@pytest.mark.parametrize("which", ["same ways", "new ways"])
def test_p90_covers_nine_drives_in_ten(figures: Figures, which: str, drives: int) -> None:
    row = figures[f"{which}, n = {drives}"]["p90_coverage"]

    assert 0.85 <= (row.value or 0.0) <= 0.95


def test_drives_of_one_world_do_not_count_as_many() -> None:
    """Four worlds in which all drives come out alike are worth four drives, not forty."""

    def world(late: bool) -> dict[str, Foretold]:
        took_s = np.full(10, 900.0 if late else 500.0)
        return {"all": Foretold(took_s=took_s, median_s=took_s, p90_s=np.full(10, 700.0))}

    rows = list(rows_of("small", "alike", [world(late) for late in (False, False, False, True)]))

    (cover,) = (row for row in rows if row.metric == "p90_coverage")
    assert (cover.value, cover.n) == (0.75, 40)
    assert (cover.low, cover.high) == pytest.approx(wilson(2, 3), abs=0.06)


def test_the_table_goes_between_its_markers(
    worlds: list[dict[str, Foretold]], tmp_path: Path
) -> None:
    rows = [row for kind in TRUTHS for row in rows_of("small", kind, worlds[:1])]
    file = tmp_path / "doc.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_between(file, BEGIN, END, table(rows))

    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert table(rows) in text
    assert "| small | as assumed: same ways, n = 0 | 24 |" in text
    file.write_text("no markers")
    with pytest.raises(SystemExit, match="no lines"):
        write_between(file, BEGIN, END, table(rows))
