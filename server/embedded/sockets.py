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


def folder_for(data_dir: Path, account: Account) -> Path:
    """A 0700 folder that belongs to the servers' account, the same for the same data folder."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / _LONGEST_NAME)) > PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        folder = Path("/tmp") / f"ridgeline-{name}"  # noqa: S108 (checked below)
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
