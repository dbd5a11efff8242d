"""The server's signing key: one file in the data folder, made at the first start, read at each.

`keys/signing.key` is the secret and for its owner's eyes alone (0600); `keys/signing.pub` beside it
is for everybody who verifies: one public key a line, the newest first. Whoever restores a backup
restores them with it; where another key took its place, what the former one signed is still
verified by its line. Knows nothing that is signed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.envvalues import SettingsError
from server.journal.ed25519 import KEY_LEN
from server.journal.notes import NoteError, Signer, Verifier

logger = logging.getLogger(__name__)

FOLDER: Final = "keys"
SECRET_FILE: Final = "signing.key"  # noqa: S105 (a file's name)
PUBLIC_FILE: Final = "signing.pub"
NEXT_FILE: Final = "signing.key.next"
KEY_NAME: Final = "ridgeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Of one folder."""

    signer: Signer
    known: tuple[Verifier, ...]
    """All that are in its public file, the signer's first."""


class SigningKey:
    """The key that this process signs with; read again where the log has another one."""

    def __init__(self, keys: Keys, read: Callable[[], Keys] | None = None) -> None:
        self._keys, self._read = keys, read

    @classmethod
    def of(cls, signer: Signer) -> SigningKey:
        """One that never changes."""
        return cls(Keys(signer=signer, known=(signer.verifier,)))

    @property
    def signer(self) -> Signer:
        return self._keys.signer

    @property
    def known(self) -> tuple[Verifier, ...]:
        return self._keys.known

    async def fitting(self, verifier: str | None) -> Signer:
        """The log's key where this folder has it, else the folder's. Raises `SettingsError`."""
        if verifier not in (None, str(self.signer.verifier)) and self._read is not None:
            self._keys = await asyncio.to_thread(self._read)
        return self.signer


def secret_path(data_dir: Path) -> Path:
    return data_dir / FOLDER / SECRET_FILE


def public_path(data_dir: Path) -> Path:
    return data_dir / FOLDER / PUBLIC_FILE


def load_or_make(data_dir: Path) -> Signer:
    """The key of this data folder. Raises `SettingsError` where it cannot be used."""
    path = secret_path(data_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        _require_private(path)
        signer = Signer.parse(path.read_text())
        _publish(public_path(data_dir), str(signer.verifier))
    except NoteError as error:
        raise SettingsError(f"{path} cannot be used: {error}. Restore it from a backup.") from None
    except OSError as error:
        raise SettingsError(f"The signing key cannot be used: {error}.") from error
    return signer


def load_keys(data_dir: Path) -> Keys:
    """The key of this data folder, and those before it. Raises `SettingsError`.

    A line of the public file that is no key, as one that a power cut has left, is logged.
    """
    signer = load_or_make(data_dir)
    try:
        lines = public_path(data_dir).read_text(errors="replace").splitlines()
    except OSError as error:
        raise SettingsError(f"{public_path(data_dir)} cannot be used: {error}") from error
    known = [key for each in lines if each.strip() and (key := _public(each)) is not None]
    return Keys(signer=signer, known=tuple(known))


def _public(line: str) -> Verifier | None:
    try:
        return Verifier.parse(line)
    except NoteError as error:
        logger.warning("a line of %s is no public key: %s", PUBLIC_FILE, error)
        return None


def make_next(data_dir: Path) -> Signer:
    """The key that is to follow; the one made before, where a change was broken off in the middle.

    Raises `SettingsError`.
    """
    path = data_dir / FOLDER / NEXT_FILE
    try:
        if not path.exists():
            _make(path)
        _require_private(path)
        return Signer.parse(path.read_text())
    except (NoteError, OSError) as error:
        raise SettingsError(f"{path} cannot be used: {error}") from error


def put_next_in_place(data_dir: Path) -> None:
    """It signs from now on. Raises `SettingsError`."""
    try:
        (data_dir / FOLDER / NEXT_FILE).replace(secret_path(data_dir))
        _settle(data_dir / FOLDER)
    except OSError as error:
        raise SettingsError(f"The new key cannot be put in place: {error}.") from error
    load_or_make(data_dir)  # its public half stands first from now on


def note_lost(data_dir: Path, verifier: str) -> None:
    """Keep the public half of a key that is lost: what it signed still holds.

    Raises `SettingsError`.
    """
    path = public_path(data_dir)
    try:
        known = path.read_text(errors="replace").splitlines()
        if verifier not in known:
            _write(path, "".join(f"{each}\n" for each in [*known, verifier]), mode=0o644)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}.") from error


def _make(path: Path) -> None:
    """Where two processes make one at once, the first one's stays."""
    signer = Signer(name=KEY_NAME, secret=secrets.token_bytes(KEY_LEN))
    _write(path, f"{signer.private_text()}\n", mode=0o600, replace=False)


def _publish(path: Path, verifier: str) -> None:
    """The key of now first; those before stay, for what they signed."""
    known = path.read_text(errors="replace").splitlines() if path.exists() else []
    lines = [verifier, *(each for each in known if each != verifier)]
    if lines != known:
        _write(path, "".join(f"{each}\n" for each in lines), mode=0o644)


def _write(path: Path, text: str, *, mode: int, replace: bool = True) -> None:
    """Whole or not at all, and on the disk when this returns, its name too."""
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=SECRET_FILE)  # 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(mode)
        if replace:
            Path(made).replace(path)
        else:
            os.link(made, path)
        _settle(path.parent)
    except FileExistsError:
        return
    finally:
        Path(made).unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Names in it survive a power cut from here on."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_private(path: Path) -> None:
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        raise SettingsError(
            f"{path} can be read by others (mode {mode:o}). Say: chmod 600 {path}, and think of "
            "whether somebody has read it; without the file, the next start makes a new key."
        )
