"""Whether the log says itself what was redacted in it, or somebody dropped it behind its back.

Knows no store.
"""

from __future__ import annotations

from typing import Final

from server.journal.kinds import JournalKind
from server.journal.leaf import Content

FIELDS_LEN_MAX: Final = 1_000_000
"""Redacted fields that are remembered of one file."""


class Redactions:
    """`note` every entry, in any order."""

    def __init__(self) -> None:
        self._gone = set[tuple[int, str]]()
        self._said = set[tuple[int, str]]()

    def note(self, seq: int, content: Content) -> None:
        """What is gone of this entry, and what it says is gone of another."""
        if self._full():
            return
        self._gone |= {(seq, name) for name in content.redacted}
        if content.values.get("kind") == JournalKind.JOURNAL_REDACTED:
            entry, names = content.values.get("body.entry"), content.values.get("body.fields")
            if isinstance(entry, int) and isinstance(names, list):
                self._said |= {(entry, name) for name in names if isinstance(name, str)}

    def unannounced(self) -> list[int]:
        """Entries with a redacted field of which no entry noted speaks; none, where there were too
        many to remember."""
        if self._full():
            return []
        return sorted({seq for seq, _ in self._gone - self._said})

    def _full(self) -> bool:
        return len(self._gone) + len(self._said) > FIELDS_LEN_MAX
