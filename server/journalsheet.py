"""What a search in the command log found, as a file: CSV for spreadsheets, JSON for programs.

All of it or a refusal, never a part that looks like the whole. Says nothing of its truth: what
proves a log is an export (`ridgeline audit export`), and each entry's proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from server.measuresheet import sheet
from server.stores import logsearch
from server.stores.logsearch import PAGE_LEN_MAX, JournalFilter
from server.stores.pool import Connection
from server.views import JournalEntryView

ENTRIES_LEN_MAX: Final = 10_000
"""Of one file."""
PAGES_LEN_MAX: Final = 250
"""Asked for one file; a search that meets little in a long log walks far for it."""
HEAD: Final = ("seq", "at", "kind", "actor", "subject", "body", "redacted")


class TooManyEntries(Exception):
    """More is meant than one file takes; the text says so."""


async def matching(conn: Connection, wanted: JournalFilter) -> list[JournalEntryView]:
    """Every entry that is meant, newest first. Raises `TooManyEntries`, `NoSuchIncident`."""
    found, before = list[JournalEntryView](), None
    for _ in range(PAGES_LEN_MAX):
        page = await logsearch.search(conn, wanted, before=before, limit=PAGE_LEN_MAX)
        found += page.entries
        if len(found) > ENTRIES_LEN_MAX:
            break
        before = page.next_before
        if before is None:
            return found
    raise TooManyEntries(
        f"More than {ENTRIES_LEN_MAX} entries, or too long a log to look through: narrow the "
        "search, best by time."
    )


def as_csv(entries: Sequence[JournalEntryView]) -> str:
    """A line each; the body as JSON, what was redacted by name."""
    return sheet(HEAD, (_line(each) for each in entries))


def as_json(
    entries: Sequence[JournalEntryView], *, asked: dict[str, str], at: datetime
) -> dict[str, Any]:
    """With what was asked for and when."""
    return {"asked": asked, "exported_at": at, "entries": entries}


def _line(entry: JournalEntryView) -> list[str]:
    return [
        str(entry.seq),
        entry.at.isoformat(),
        entry.kind,
        entry.actor,
        entry.subject,
        msgspec.json.encode(entry.body).decode(),
        " ".join(entry.redacted),
    ]
