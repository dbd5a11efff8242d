"""Child processes of the launcher: as whom, with what life line, and finding those left over.

Knows neither PostgreSQL nor Valkey.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.embedded.errors import DataFolderError

LOG_BYTES_MAX = 10 * 1024 * 1024
"""A log larger than this is moved aside (one old one is kept) at the next start."""
_POLL_S = 0.01
_CHILD = str(Path(__file__).with_name("child.py"))
_DROPPED_PREFIXES = ("PG", "LC_", "PYTHON")
_DROPPED_NAMES = {"LANG", "LANGUAGE", "DATABASE_URL", "REDIS_URL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating-system user that the servers run as; -1: the one we are."""

    uid: int = -1
    gid: int = -1
    name: str = ""

    @property
    def other(self) -> bool:
        return self.uid >= 0

    def own(self, path: Path) -> None:
        if self.other:
            os.chown(path, self.uid, self.gid)


def choose_account(existing: Path) -> Account:
    """PostgreSQL refuses to run as root: then the owner of `existing` data, postgres, or nobody."""
    if os.geteuid() != 0:
        return Account()
    if existing.exists() and (stat := existing.stat()).st_uid != 0:
        return Account(uid=stat.st_uid, gid=stat.st_gid, name=_name_of(stat.st_uid))
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    raise DataFolderError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody. "
        "Start Ridgeline as an ordinary user."
    )


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account may pass through every folder above `path`."""
    if not account.other:
        return True
    return all(_may_pass(account, folder) for folder in path.absolute().parents)


def environment() -> dict[str, str]:
    """Ours without what would lead PostgreSQL astray; a bad LANG would stop initdb."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED_NAMES and not name.startswith(_DROPPED_PREFIXES)
    }
    return kept | {"LC_ALL": "C"}


def spawn(
    argv: list[str], *, account: Account, death_signal: signal.Signals, log: Path
) -> subprocess.Popen[bytes]:
    """Start a server that dies with this process (and this thread: call it from the main one)."""
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 (programs that we found)
            _wrapped(argv, account, death_signal),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )


def run(argv: list[str], *, account: Account, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a short program to its end; output and errors together in `stdout`."""
    return subprocess.run(  # noqa: S603 (programs that we found)
        _wrapped(argv, account, signal.SIGKILL),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
        check=False,
        text=True,
        errors="replace",
    )


def stop(process: subprocess.Popen[bytes], signals: list[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds, until the process has ended."""
    for number, patience_s in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def end_stranger(pid: int, signals: list[tuple[signal.Signals, float]]) -> bool:
    """The same for a process that is not our child; False when it lives on."""
    for number, patience_s in signals:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        if wait_gone(pid, patience_s):
            return True
    return False


def wait_gone(pid: int, patience_s: float) -> bool:
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if not alive(pid):
            return True
        time.sleep(_POLL_S)  # nothing tells of the end of a process that is not our child
    return not alive(pid)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not.

    Its first thread may be a zombie already while others still hold its files (proc(5), stat).
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        state, threads = fields[0], int(fields[17])
    except (OSError, IndexError, ValueError):
        return sys.platform != "linux"
    return state != "Z" or threads > 1


def processes_naming(program: str, path: Path) -> list[int]:
    """Processes whose program name starts with `program` and whose arguments contain `path`."""
    return [
        pid
        for pid, argv in _all_processes()
        if pid != os.getpid()
        and argv
        and Path(argv[0].split(" ")[0]).name.startswith(program)
        and any(str(path) in argument for argument in argv)
    ]


def open_log(path: Path) -> Path:
    """Make the log's folder; move a large log aside."""
    path.parent.mkdir(mode=0o711, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".old.log"))
    return path


def tail(path: Path, lines: int = 6) -> str:
    """The end of a log, for an error text."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(f"    {line}" for line in text[-4000:].splitlines()[-lines:])


def _wrapped(argv: list[str], account: Account, death_signal: signal.Signals) -> list[str]:
    life = [str(os.getpid()), str(int(death_signal)), str(account.uid), str(account.gid)]
    return [sys.executable, "-I", "-S", _CHILD, *life, *argv]


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    if sys.platform == "linux":
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    data = (entry / "cmdline").read_bytes()
                except OSError:
                    continue  # it has just ended
                yield int(entry.name), data.decode(errors="replace").rstrip("\0").split("\0")
        return
    listing = subprocess.run(
        ["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip().split(" ")


def _may_pass(account: Account, folder: Path) -> bool:
    try:
        stat = folder.stat()
    except FileNotFoundError:
        return True
    if stat.st_uid == account.uid:
        return bool(stat.st_mode & 0o100)
    if stat.st_gid == account.gid:
        return bool(stat.st_mode & 0o010)
    return bool(stat.st_mode & 0o001)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
