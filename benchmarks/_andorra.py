"""The real map that benchmarks run on: Andorra, built by the product's own command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def build(folder: Path) -> Path:
    """Build the map of Andorra into `folder`/andorra. Exits with a clear line without the data."""
    data = Path(os.environ.get("RIDGELINE_TEST_DATA", ROOT.parent / "shared" / "data"))
    extract = data / "andorra.osm.pbf"
    if not extract.exists():
        sys.exit(
            f"There is no andorra.osm.pbf in {data}. Put an OpenStreetMap extract of Andorra and "
            "its elevation tile (N42E001.hgt.zip) into a folder; name it in RIDGELINE_TEST_DATA."
        )
    tiles = [part for tile in sorted(data.glob("*.hgt.zip")) for part in ("--dem", str(tile))]
    command = [sys.executable, "-m", "server.cli", "map", "build", str(extract), *tiles]
    subprocess.run(
        [*command, "--out", str(folder / "andorra")], check=True, stdout=subprocess.DEVNULL
    )
    return folder / "andorra"
