"""One process per data folder: an flock on `<data>/.lock` that says who holds it.

The kernel releases it when the holder ends, however it ends. Children do not inherit it.
"""

from __future__ import annotations

import fcntl
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from server.embedded.errors import DataFolderError, DataFolderInUse

LOCK_NAME = ".lock"
_HOLDER_BYTES_MAX = 4096


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a data folder, as written in its lock file."""

    pid: int
    command: str
    since: str


class DataLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, data_dir: Path) -> DataLock:
        """Raises `DataFolderInUse` naming the holder, `DataFolderError` without rights."""
        path = data_dir / LOCK_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(data_dir, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(fd)
            os.close(fd)
            raise DataFolderInUse(
                f"The data folder {data_dir} is in use by {holder}. "
                "Stop that one first, or choose another folder with --data."
            ) from None
        _write_holder(fd)
        return cls(fd)

    def release(self) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def unusable(path: Path, error: OSError) -> DataFolderError:
    """The operating system's refusal, with what to do."""
    return DataFolderError(
        f"Cannot write in {path}: {error.strerror or error}. Give this user the right to write "
        "there, free some space, or choose another folder with --data."
    )


def _read_holder(fd: int) -> str:
    try:
        holder = msgspec.json.decode(os.pread(fd, _HOLDER_BYTES_MAX, 0), type=Holder)
    except msgspec.DecodeError:
        return "another process that is just starting or stopping"
    return f"process {holder.pid} ({holder.command}, since {holder.since})"


def _write_holder(fd: int) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:500]
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    holder = Holder(pid=os.getpid(), command=command, since=since)
    os.ftruncate(fd, 0)
    os.pwrite(fd, msgspec.json.encode(holder), 0)
