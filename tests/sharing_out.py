"""How the tests are shared out among workers, so that none waits for another at the end.

Most of the suite's time is not the workers' own: they wait for servers, browsers and time limits.
Hence there are more of them than cores, and the files that take longest come first.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Final

WORKERS_PER_CORE: Final = 2
WORKER_BYTES: Final = 2 * 1024**3
"""One with its databases, a server and a browser has room in this."""

QUICK_S: Final = 0.05
TEST_S: Final = {
    "plain_browser": 6.0,
    "browser": 6.0,
    "andorra_dir": 3.0,
    "new_house": 2.0,
    "short_dir": 2.0,
    "small_map_dir": 1.5,
    "database_url": 0.2,
    "servers": 0.1,
}
"""About what a test takes that asks for such a fixture; the dearest that it asks for counts."""


def workers(cores: int, memory_bytes: int) -> int:
    """So many as a machine has room for, and one at least."""
    return max(1, min(WORKERS_PER_CORE * cores, memory_bytes // WORKER_BYTES))


def memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def longest_files_first(fixtures: Mapping[str, Collection[str]]) -> list[str]:
    """Ids of tests, given what each asks for; those of a file stay together and in their order."""
    files: dict[str, list[str]] = {}
    for test_id in fixtures:
        files.setdefault(test_id.split("::")[0], []).append(test_id)

    def takes_s(file: list[str]) -> float:
        return sum(
            max((TEST_S.get(each, QUICK_S) for each in fixtures[test_id]), default=QUICK_S)
            for test_id in file
        )

    ordered = sorted(files.values(), key=takes_s, reverse=True)
    return [test_id for file in ordered for test_id in file]
