"""Workers: as many as the machine has room for, and the longest files first."""

from __future__ import annotations

import pytest

from tests.sharing_out import longest_files_first, workers


@pytest.mark.parametrize(
    ("cores", "memory_gib", "expected"), [(2, 23, 4), (2, 7, 3), (1, 1, 1), (64, 16, 8)]
)
def test_there_are_two_workers_per_core_where_there_is_memory(
    cores: int, memory_gib: int, expected: int
) -> None:
    assert workers(cores, memory_gib * 1024**3) == expected


def test_longest_files_come_first_whole_and_in_their_own_order() -> None:
    pure = {f"geo/test_pure.py::test_{n}": ["tmp_path"] for n in range(9)}
    stored = {f"server/test_stored.py::test[{n}::a]": ["pool", "database_url"] for n in (2, 1, 3)}
    seen = {"browser/test_seen.py::test_1": ["database_url", "plain_browser"]}

    found = longest_files_first(pure | stored | seen)

    assert found == [*seen, *stored, *pure]
