"""Runs as a script: holds the private servers of a data folder until standard input ends.

With a second argument `orphan` the servers outlive it, as on a system without death signals.
Prints one JSON line with the pids when they are ready; on a failure its text, and exits with 3.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from server.embedded import launcher, process
from server.embedded.errors import EmbeddedError


def main() -> None:
    folder = Path(sys.argv[1])
    if sys.argv[2:] == ["orphan"]:
        spawn = process.spawn
        process.spawn = lambda argv, **options: spawn(argv, **options | {"death_signal": 0})
    try:
        with launcher.run(folder) as running:
            assert running.postgres is not None
            assert running.valkey is not None
            pids = [running.postgres.pid, running.valkey.pid]
            print(json.dumps({"pids": pids, "url": running.database_url}), flush=True)
            sys.stdin.read()
    except EmbeddedError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}), flush=True)
        sys.exit(3)


main()
