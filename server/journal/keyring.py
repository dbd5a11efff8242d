"""Which keys may sign a log: the first, which one trusts, and those that a trusted one announced.

A key is announced by a signed note under the key that went before:

    ridgeline log key
    <the log's name>
    <the new public key, as signed notes write it>

The algorithm is part of a key's text (its first byte: 1 is Ed25519). Another one, as SM2 with SM3,
enters as another kind of key: told apart by that byte, announced under the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from server.journal import notes
from server.journal.checkpoint import Checkpoint
from server.journal.notes import NoteError, Signer, Verifier

_TITLE: Final = "ridgeline log key"
_LINES: Final = 4
KEYS_LEN_MAX: Final = 1000
"""Of one log, one after the other."""


def announce(origin: str, wanted: Verifier, *, by: Signer) -> str:
    """The signed note that makes another key the log's."""
    return by.sign(f"{_TITLE}\n{origin}\n{wanted}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Keys that may sign this log, oldest first."""

    origin: str
    trusted: tuple[Verifier, ...]
    replaced: Mapping[Verifier, int] = field(default_factory=dict)
    """Keys that sign nothing any more from a size of the log on."""

    def following(self, announcements: Iterable[str]) -> Keyring:
        """With those announced, in order. Raises `NoteError` for one that nobody trusted signed."""
        found = self
        for note in announcements:
            found = found._with(note)
        return found

    def replacing(self, before: object, key: object, size: int) -> Keyring:
        """With what the entry that is the log's `size`th says: another key takes this one's place.

        Who has got hold of the one before signs nothing with it that comes after.
        """
        known = {str(each): each for each in self.trusted}
        old, new = known.get(str(before)), known.get(str(key))
        if old is None or new in (None, old) or old in self.replaced:
            return self
        return replace(self, replaced={**self.replaced, old: size})

    def checkpoint(self, note: str) -> Checkpoint:
        """Of a note that one of the keys signed, about this log. Raises `NoteError`."""
        text, key = self._read(note)
        found = Checkpoint.parse(text)
        if found.origin != self.origin:
            raise NoteError(f"this checkpoint is of another log, {found.origin}")
        until = self.replaced.get(key)
        if until is not None and found.size >= until:
            raise NoteError(f"it is signed with a key that entry {until} had replaced")
        return found

    def _with(self, note: str) -> Keyring:
        if len(self.trusted) >= KEYS_LEN_MAX:
            raise NoteError(f"a log has at most {KEYS_LEN_MAX} keys")
        lines = self._read(note)[0].split("\n")
        if len(lines) != _LINES or lines[0] != _TITLE or lines[1] != self.origin:
            raise NoteError("this announces no key of this log")
        return replace(self, trusted=(*self.trusted, Verifier.parse(lines[2])))

    def _read(self, note: str) -> tuple[str, Verifier]:
        """What it says, and which key signed it.

        Raises the `NoteError` of the oldest key where none of them did.
        """
        for key in reversed(self.trusted[1:]):
            try:
                return notes.verify(note, key), key
            except NoteError:
                continue
        return notes.verify(note, self.trusted[0]), self.trusted[0]
