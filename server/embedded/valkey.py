"""One private Valkey: start it on a unix socket, know when it is ready, stop it.

The caller holds the data folder's lock. Everything in it can be rebuilt: when it dies it is started
again, and files that it cannot read are set aside.
"""

from __future__ import annotations

import logging
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from server.embedded import process
from server.embedded.errors import EmbeddedError, StartFailed
from server.embedded.process import Account

logger = logging.getLogger(__name__)

START_S_MAX = 60.0
"""For replaying its append-only file."""
STOP_S = 10.0
SHORT_LIFE_S = 5.0
"""Who ends sooner than this after its start could not read its files."""
AGAIN_S_MIN, AGAIN_S_MAX = 1.0, 60.0
"""Between two starts of one that keeps dying."""
_POLL_S = 0.01
_ANSWER_S = 1.0
_STOP_SIGNALS = [(signal.SIGTERM, STOP_S), (signal.SIGKILL, 5.0)]


@dataclass(slots=True, kw_only=True)
class Valkey:
    """Files in `data_dir/valkey`, its socket in `socket_dir`."""

    program: Path
    data_dir: Path
    socket_dir: Path
    account: Account
    durable: bool = True
    """False only for tests."""
    _child: subprocess.Popen[bytes] | None = None
    _started_s: float = 0.0
    _again_s: float = AGAIN_S_MIN

    @property
    def url(self) -> str:
        """redis-py's form for a unix socket."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def socket(self) -> Path:
        return self.socket_dir / "valkey.sock"

    @property
    def files(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / "valkey.log"

    def start(self) -> None:
        """Spawn it; `wait_ready` tells when it answers. Raises `EmbeddedError`s."""
        process.open_log(self.log)
        self._clear_leftovers()
        self.files.mkdir(mode=0o700, exist_ok=True)
        self.account.own(self.files)
        argv = [
            str(self.program),
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.files), "--appendonly", "yes" if self.durable else "no"),
            *("--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
            *("--daemonize", "no", "--logfile", ""),
        ]
        self._child = process.spawn(
            argv, account=self.account, death_signal=signal.SIGTERM, log=self.log
        )
        self._started_s = time.monotonic()

    def wait_ready(self) -> None:
        deadline_s = time.monotonic() + START_S_MAX
        afresh = False
        while not _ask(self.socket, b"PING").startswith(b"+PONG"):  # -LOADING during replay
            assert self._child is not None
            if self._child.poll() is not None:
                if afresh:
                    raise self._failed("ended at once")
                self._set_aside()
                self.start()
                afresh = True
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

    def mend(self, now: float) -> None:
        """Start it again when it has ended by itself, ever more slowly when it keeps dying.

        Does not wait for it. From the main thread: it dies with the thread that starts it.
        """
        if self.is_running() or now < self._started_s + self._again_s:
            return
        lived_s = now - self._started_s
        logger.warning("Valkey ended by itself; it is started again, its log is %s", self.log)
        slower_s = min(self._again_s * 2, AGAIN_S_MAX)
        self._again_s = AGAIN_S_MIN if lived_s > AGAIN_S_MAX else slower_s
        try:
            if lived_s < SHORT_LIFE_S:
                self._set_aside()
            self.start()
        except (EmbeddedError, OSError) as error:
            self._started_s = now
            logger.error("Valkey cannot be started: %s", error)

    def stop(self) -> None:
        if self._child is not None:
            process.stop(self._child, _STOP_SIGNALS)
            self._child = None

    def _set_aside(self) -> None:
        """Keep files that it cannot read, as after a broken disk, for whoever wants to look."""
        aside = self.files.with_suffix(".unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        if self.files.exists():
            self.files.rename(aside)
        logger.warning("Valkey starts afresh; its former files are in %s", aside)

    def _clear_leftovers(self) -> None:
        """Two servers on one append-only file corrupt it."""
        _ask(self.socket, b"SHUTDOWN NOSAVE", patience_s=STOP_S)  # closes without an answer
        for name in ("valkey-server", "redis-server"):
            # Its process title names the socket, its first arguments the folder.
            for pid in process.processes_naming(name, self.socket):
                if not process.end_stranger(pid, _STOP_SIGNALS):
                    raise StartFailed(
                        f"An old Valkey (process {pid}) still runs on {self.socket} and does not "
                        f"stop. End it with: kill -9 {pid}"
                    )
        self.socket.unlink(missing_ok=True)

    def _failed(self, what: str) -> StartFailed:
        return StartFailed(f"Valkey {what}; the end of {self.log}:\n{process.tail(self.log)}")


def _ask(path: Path, command: bytes, patience_s: float = _ANSWER_S) -> bytes:
    """One inline command of the Redis protocol; b"" when nobody answers."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(patience_s)
        try:
            link.connect(str(path))
            link.sendall(command + b"\r\n")
            return link.recv(256)
        except OSError:
            return b""
