"""Memory of one router: `python -m benchmarks._memory SYSTEM FOLDER` prints megabytes.

In a process of its own: what it holds more, once it has loaded the map and answered, than before.
Files that are mapped count as far as they were touched.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks._routers import Places, run

STATUS = Path("/proc/self/status")
KB_PER_MB = 1024


def of(system: str, folder: Path) -> float:
    """MB. Raises RuntimeError where the process fails or takes too long."""
    return float(run([sys.executable, "-m", "benchmarks._memory", system, str(folder)]))


def resident_mb() -> float:
    """As the Linux kernel counts it."""
    found = re.search(r"VmRSS:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) / KB_PER_MB


def main(name: str, folder: Path) -> None:
    from benchmarks._questions import UNITS
    from benchmarks.routing import SYSTEMS

    (system,) = (each for each in SYSTEMS if each.name == name)
    system.absent()  # imports its library, which is not the map's weight
    places = Places.load(folder)
    before_mb = resident_mb()
    router = system.open(folder, places)
    router.etas(range(UNITS), UNITS)
    router.route(0, UNITS)
    print(resident_mb() - before_mb)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
