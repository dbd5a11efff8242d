"""The server's signing key: one file in the data folder, made at the first start, read at each.

`keys/signing.key` is the secret and for its owner's eyes alone (0600); `keys/signing.pub` beside it
is for everybody who verifies. Whoever restores a backup restores them with it; an older key's
signatures stay good, because each order says which key signed it. Knows nothing that is signed.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from server.journal.ed25519 import KEY_LEN
from server.journal.notes import NoteError, Signer
from server.settings import SettingsError

FOLDER: Final = "keys"
SECRET_FILE: Final = "signing.key"  # noqa: S105 (a file's name)
PUBLIC_FILE: Final = "signing.pub"
KEY_NAME: Final = "ridgeline"


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
        public = public_path(data_dir)
        if not public.exists() or public.read_text().strip() != str(signer.verifier):
            public.write_text(f"{signer.verifier}\n")
    except NoteError as error:
        raise SettingsError(f"{path} cannot be used: {error}. Restore it from a backup.") from None
    except OSError as error:
        raise SettingsError(f"The signing key cannot be used: {error}.") from error
    return signer


def _make(path: Path) -> None:
    """Whole or not at all; where two processes make one at once, the first one's stays."""
    signer = Signer(name=KEY_NAME, secret=secrets.token_bytes(KEY_LEN))
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=SECRET_FILE)  # 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{signer.private_text()}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(made, path)
    except FileExistsError:
        return
    finally:
        Path(made).unlink()


def _require_private(path: Path) -> None:
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        raise SettingsError(
            f"{path} can be read by others (mode {mode:o}). Say: chmod 600 {path}, and think of "
            "whether somebody has read it; without the file, the next start makes a new key."
        )
