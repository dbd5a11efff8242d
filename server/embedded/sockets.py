"""Folders for unix sockets: inside the data folder, or under /tmp where that path is too long."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path

from server.embedded.errors import DataFolderError
from server.embedded.process import Account

PATH_BYTES_MAX = 103 if sys.platform == "darwin" else 107
"""sun_path of sockaddr_un without its closing zero byte (unix(7), unix(4))."""
_LONGEST_NAME = ".s.PGSQL.5432.lock"


def path_for(data_dir: Path) -> Path:
    """Where the sockets of a data folder are, the same each time; makes nothing."""
    folder = data_dir.absolute() / "run"
    if len(os.fsencode(folder / _LONGEST_NAME)) <= PATH_BYTES_MAX:
        return folder
    name = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:16]
    return Path("/tmp") / f"ridgeline-{name}"  # noqa: S108 (`folder_for` checks whose it is)


def folder_for(data_dir: Path, account: Account) -> Path:
    """That folder, 0700, belonging to the servers' account. Raises `DataFolderError`."""
    folder = path_for(data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    _make_ours(folder, account)
    return folder


def _make_ours(folder: Path, account: Account) -> None:
    """In /tmp anybody may have made it first; then it must not be used."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid}:
        raise DataFolderError(
            f"{folder} belongs to somebody else and cannot hold our sockets. "
            "Remove it, or choose a data folder with a shorter path."
        )
    folder.chmod(0o700)
    account.own(folder)
