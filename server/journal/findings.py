"""What a verification found: is what is there unchanged; and, apart from that, is all there?"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

FINDINGS_LEN_MAX: Final = 1000
"""Of integrity and of completeness each, those of the first entries; more are counted."""


class FindingKind(StrEnum):
    """The first four are about integrity, the others about completeness."""

    CHANGED = "changed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    FORGED = "forged"
    """A checkpoint or a key that no trusted key signed, or none at all."""
    MISSING = "missing"
    TRUNCATED = "truncated"
    FORKED = "forked"
    """A signed checkpoint that others keep belongs to another history."""


COMPLETENESS: Final = {FindingKind.MISSING, FindingKind.TRUNCATED, FindingKind.FORKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`first` … `last` are entries, by seq; the one that is bad is among them."""

    kind: FindingKind
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        where = f"entry {self.first}"
        if self.last > self.first:
            where = f"entries {self.first} to {self.last}"
        return f"{self.kind}: {where}: {self.text}"


class _First:
    """The findings of the first entries, whatever the order they come in."""

    def __init__(self) -> None:
        self._heap = list[tuple[int, int, Finding]]()
        self.more = 0

    def add(self, found: Finding) -> None:
        """In place of the one of the last entry, where there are too many."""
        item = (-found.first, -len(self._heap) - self.more, found)
        if len(self._heap) < FINDINGS_LEN_MAX:
            heapq.heappush(self._heap, item)
            return
        heapq.heappushpop(self._heap, item)
        self.more += 1

    def found(self) -> list[Finding]:
        """First entry first."""
        return [each for _, _, each in sorted(self._heap, reverse=True)]


@dataclass(slots=True, kw_only=True)
class Report:
    """Of one file."""

    origin: str = ""
    first: int = 1
    last: int = 0
    """Of the entries in the file."""
    signed: int = 0
    """Size of the log by its newest signed checkpoint."""
    held: int = 0
    """Entries up to here are exactly those that a signed checkpoint holds."""
    redacted: int = 0
    unannounced: list[int] = field(default_factory=list)
    """Entries with redacted fields of which no entry of the file says so."""
    waiting: int = 0
    """Entries that had no place in the log yet when the file was made."""
    agreed: list[int] = field(default_factory=list)
    """Sizes of the witnesses' checkpoints that fit."""
    disputed: list[int] = field(default_factory=list)
    """Sizes of those that do not."""
    unchecked: list[str] = field(default_factory=list)
    """Why a witness's checkpoint could not be held against the file."""
    _integrity: _First = field(default_factory=_First)
    _completeness: _First = field(default_factory=_First)

    def add(self, kind: FindingKind, first: int, text: str, *, last: int | None = None) -> None:
        """Entries are numbered from 1."""
        first = max(1, first)
        kept = self._completeness if kind in COMPLETENESS else self._integrity
        kept.add(Finding(kind=kind, first=first, last=max(first, last or first), text=text))

    def not_kept(self, count: int) -> None:
        """So many more about integrity, of later entries."""
        self._integrity.more += count

    @property
    def integrity(self) -> list[Finding]:
        """What is there and is not what was signed, first entry first."""
        return self._integrity.found()

    @property
    def completeness(self) -> list[Finding]:
        """What is not there, or belongs to another history, first entry first."""
        return self._completeness.found()

    @property
    def findings(self) -> list[Finding]:
        """Both, first entry first."""
        return sorted(self.integrity + self.completeness, key=lambda each: each.first)

    @property
    def more(self) -> int:
        """Findings that were not kept."""
        return self._integrity.more + self._completeness.more
