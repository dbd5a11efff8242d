"""Checkpoints (C2SP tlog-checkpoint): what a log was at one moment, as a text that can be signed.

    <origin: the log's name>
    <size: number of entries>
    <base64 of the root>
    <further lines, if any>

A checkpoint that somebody else keeps holds the log to its word: a log that is rewritten, or cut,
has no proof to it. Signed as a note (`server.journal.notes`), other programs read and verify it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from server.journal import notes
from server.journal.merkle import HASH_LEN, Hash
from server.journal.notes import NoteError, Signer, Verifier

_LINES: Final = 3
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Of one log; the same text for the same values."""

    origin: str
    size: int
    root: Hash
    extra: tuple[str, ...] = ()
    """Further lines that are signed with it."""

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extra)
        if not all(lines) or any("\n" in each for each in lines):
            raise ValueError("origin and further lines are single lines, and not empty")
        if self.size < 0 or len(self.root) != HASH_LEN:
            raise ValueError("a checkpoint has a size from 0 on and a root of 32 bytes")

    def __str__(self) -> str:
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extra))

    def signed(self, signer: Signer) -> str:
        """As a signed note."""
        return signer.sign(str(self))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Of the text of a note. Raises `NoteError`."""
        *lines, end = text.split("\n")
        if end or len(lines) < _LINES or not _SIZE.fullmatch(lines[1]):
            raise NoteError("this is no checkpoint: its second line is the number of entries")
        origin, size, root, *extra = lines
        try:
            found = cls(origin=origin, size=int(size), root=_root(root), extra=tuple(extra))
        except ValueError as error:
            raise NoteError(f"this is no checkpoint: {error}") from None
        if str(found) != text:
            raise NoteError("this is no checkpoint as the standard writes it")
        return found

    @classmethod
    def verified(cls, note: str, verifier: Verifier) -> Checkpoint:
        """Of a note that this key signed. Raises `NoteError`."""
        return cls.parse(notes.verify(note, verifier))


def _root(text: str) -> Hash:
    """Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("its third line is the root in base64") from None
