"""A command loads what it needs: who asks for help, or adds a user, waits for no map library."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.made_log import entry, exported
from tests.server.sealed_log import SIGNER

GROUND = {"contourpy", "mapbox_vector_tile", "osmium", "pyproj", "rasterio", "scipy", "shapely"}
SERVING = {"PIL", "redis", "uvicorn", "websockets"}
HEAVY = GROUND | SERVING
STORED = {"asyncpg", "cryptography", "msgspec", "numpy", "rich", "starlette"}


def loaded_by(*arguments: str | Path, **env: str) -> set[str]:
    """Packages that a command has imported when it has done what it was asked to."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "server.cli", *map(str, arguments)],
        env={k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, re.MULTILINE))
    assert "click" in found
    return found


def test_the_overview_loads_nothing_but_its_words() -> None:
    assert loaded_by("--help") & (HEAVY | STORED | {"asyncio"}) == set()


@pytest.mark.parametrize("command", ["demo", "serve", "batteries"])
def test_help_of_a_command_loads_no_map_and_no_server(command: str) -> None:
    assert loaded_by(command, "--help") & HEAVY == set()


@pytest.mark.parametrize("command", ["route", "eta", "match"])
def test_help_of_a_journey_loads_no_drawing_and_no_server(command: str) -> None:
    drawing = {"contourpy", "mapbox_vector_tile", "osmium", "rasterio", "shapely"}

    assert loaded_by(command, "--help") & (SERVING | drawing) == set()


@pytest.mark.parametrize("command", ["roster template", "runcards export --shipped"])
def test_what_needs_no_database_loads_no_map_and_no_server(command: str) -> None:
    assert loaded_by(*command.split()) & HEAVY == set()


@pytest.mark.parametrize(
    "command",
    [
        "user add li --name Li --role admin",
        "device add cam-1 --kind body_camera",
        "stance show",
        "webhook list",
        "runcards list",
        "decision list",
    ],
)
def test_what_works_on_the_database_loads_no_map_and_no_server(
    command: str, database_url: str, short_dir: Path
) -> None:
    env = {"DATABASE_URL": database_url}

    assert loaded_by(*command.split(), "--data", short_dir, **env) & HEAVY == set()


def test_a_log_is_verified_with_nothing_but_the_file_and_the_key(tmp_path: Path) -> None:
    """On another machine: no database, no server, no data folder."""
    file = tmp_path / "log.jsonl"
    file.write_text("".join(exported([entry(n) for n in range(1, 7)])))
    command = ("audit", "verify", file, "--key", str(SIGNER.verifier))

    assert loaded_by(*command) & (HEAVY | {"asyncpg", "httpx", "starlette"}) == set()
