"""One private PostgreSQL: make its cluster, start it on a unix socket, wait for it, stop it.

The caller holds the data folder's lock. Knows no table.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from server.embedded import process
from server.embedded.errors import DataFolderError, StartFailed
from server.embedded.process import Account

OWNER = "app"
DATABASE = "ridgeline"
PORT = 5432
"""Part of the socket's name; said everywhere, so that a PGPORT of the operator changes nothing."""
START_S_MAX = 60.0
"""For a start with crash recovery of a large log."""
STOP_FAST_S = 30.0
"""For connections to be cut and a checkpoint written (SIGINT); then SIGQUIT."""
STOP_IMMEDIATE_S = 10.0
SHARED_MEMORY_TRIES_MAX = 30
_RETRY_S = 0.5
_POLL_S = 0.01
_STOP_SIGNALS = [
    (signal.SIGINT, STOP_FAST_S),
    (signal.SIGQUIT, STOP_IMMEDIATE_S),
    (signal.SIGKILL, 5.0),
]


@dataclass(slots=True, kw_only=True)
class Postgres:
    """A cluster in `data_dir/pg`, its socket in `socket_dir`."""

    bin_dir: Path
    data_dir: Path
    socket_dir: Path
    account: Account
    durable: bool = True
    """False only for tests: what a power cut would lose is thrown away anyway."""
    _child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return url_in(self.socket_dir)

    @property
    def cluster(self) -> Path:
        return self.data_dir / "pg"

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / "postgres.log"

    def start(self) -> None:
        """Spawn it; `wait_ready` tells when it answers. Raises `EmbeddedError`s."""
        process.open_log(self.log)
        self._clear_leftovers()
        if self.cluster.exists():
            self._check_version()
        else:
            self._create_cluster()
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)  # nobody of ours is alive
        self._spawn()

    def wait_ready(self) -> None:
        deadline_s = time.monotonic() + START_S_MAX
        tries = 1
        while not self._is_ready():
            assert self._child is not None
            if self._child.poll() is not None:
                if not self._shared_memory_is_held() or tries == SHARED_MEMORY_TRIES_MAX:
                    raise self._failed("ended at once")
                tries += 1
                time.sleep(_RETRY_S)
                self._spawn()
            if time.monotonic() > deadline_s:
                self.stop()
                raise self._failed(f"was not ready within {START_S_MAX:.0f} s")
            time.sleep(_POLL_S)

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """Cut connections, write a checkpoint, end; harder when it does not listen."""
        if self._child is not None:
            process.stop(self._child, _STOP_SIGNALS)
            self._child = None

    def _clear_leftovers(self) -> None:
        for pid in process.processes_naming("postgres", self.cluster):
            if not process.end_stranger(pid, _STOP_SIGNALS):
                raise StartFailed(
                    f"An old PostgreSQL (process {pid}) still runs on {self.cluster} and does "
                    f"not stop. End it with: kill -QUIT {pid}"
                )
        for unfinished in self.data_dir.glob("pg.new.*"):
            shutil.rmtree(unfinished)

    def _check_version(self) -> None:
        try:
            made_by = (self.cluster / "PG_VERSION").read_text().strip()
        except PermissionError as error:
            owner = self.cluster.stat().st_uid
            raise DataFolderError(
                f"{self.cluster} belongs to another user (uid {owner}). Start Ridgeline as the "
                "user who made it, or as root; or choose another folder with --data."
            ) from error
        except OSError as error:
            raise DataFolderError(
                f"{self.cluster} is no PostgreSQL data folder ({error.strerror}: PG_VERSION). "
                "Restore it from a backup, or choose another folder with --data."
            ) from error
        found = major_version(self.bin_dir)
        if made_by != found:
            raise DataFolderError(
                f"{self.cluster} was made by PostgreSQL {made_by}, and the one found in "
                f"{self.bin_dir} is {found}. Run it with {made_by} once more (set RIDGELINE_PG_BIN "
                f"to the folder of its programs, e.g. /usr/lib/postgresql/{made_by}/bin), dump it "
                f"with pg_dump, move the folder away, start with {found} and restore the dump."
            )

    def _create_cluster(self) -> None:
        new = self.data_dir / f"pg.new.{os.getpid()}"
        new.mkdir(mode=0o700)
        self.account.own(new)
        made = process.run(
            [
                *(str(self.bin_dir / "initdb"), "-D", str(new), "-U", OWNER, "-E", "UTF8"),
                *("--locale=C", "-A", "trust", "--data-checksums"),
                *([] if self.durable else ["--no-sync"]),
            ],
            account=self.account,
        )
        if made.returncode == 0:
            made = process.run(
                [
                    *(str(self.bin_dir / "postgres"), "--single", "-D", str(new)),
                    *([] if self.durable else ["-c", "fsync=off"]),
                    "postgres",
                ],
                account=self.account,
                stdin=f"CREATE DATABASE {DATABASE}\n",
            )
        if made.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
            raise StartFailed(
                f"Could not make a PostgreSQL cluster in {self.data_dir}:\n{made.stdout.strip()}"
            )
        new.rename(self.cluster)

    def _spawn(self) -> None:
        settings = [
            "listen_addresses=",
            f"port={PORT}",
            f"unix_socket_directories={self.socket_dir}",
            "unix_socket_permissions=0700",
            "timezone=UTC",
            "log_timezone=UTC",
        ]
        if not self.durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        argv = [str(self.bin_dir / "postgres"), "-D", str(self.cluster)]
        for setting in settings:
            argv += ["-c", setting]
        self._child = process.spawn(
            argv, account=self.account, death_signal=signal.SIGINT, log=self.log
        )

    def _is_ready(self) -> bool:
        """postmaster.pid: line 1 is the pid, line 8 the state (src/include/utils/pidfile.h)."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        assert self._child is not None
        return len(lines) >= 8 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready"

    def _shared_memory_is_held(self) -> bool:
        """Backends of a killed server take a moment to notice; they hold its shared memory."""
        return "pre-existing shared memory block" in process.tail(self.log)

    def _failed(self, what: str) -> StartFailed:
        return StartFailed(f"PostgreSQL {what}; the end of {self.log}:\n{process.tail(self.log)}")


def url_in(socket_dir: Path) -> str:
    """asyncpg's form for a unix socket."""
    folder = quote(str(socket_dir), safe="")
    return f"postgresql://{OWNER}@/{DATABASE}?host={folder}&port={PORT}"


def major_version(bin_dir: Path) -> str:
    """`18` for a folder with PostgreSQL 18.x. Raises `StartFailed` when it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 (a program that we found)
            [str(bin_dir / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=process.environment(),
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartFailed(f"{bin_dir / 'postgres'} does not run: {error}") from error
    match = re.search(r"(\d+)", answer)
    if match is None:
        raise StartFailed(f"{bin_dir / 'postgres'} tells no version: {answer!r}")
    return match[1]
