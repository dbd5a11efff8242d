"""Takes personal fields out of an entry of the command log for good, and every proof still holds.

Value and salt of the field are dropped, its commitment stays in the leaf, and the log says who
took what out of which entry and why. A text that somebody wrote goes from the records that the
entry tells of, too. That entry, and what proofs are read from, are never redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.journal import words
from server.journal.exportfile import Line
from server.journal.kinds import JournalKind
from server.journal.leaf import Content
from server.stores import redactions
from server.stores.pool import Connection, Pool

FIELDS_MAX: Final = 100
"""Named at once."""
REASON_LEN_MAX: Final = 500
SEQ_MAX: Final = 2**63 - 1

NEVER: Final[Set[str]] = frozenset(
    {JournalKind.JOURNAL_REDACTED, JournalKind.JOURNAL_KEY_CHANGED, JournalKind.JOURNAL_ADOPTED}
)
"""Kinds that say what the log itself is; the door in the database has the same."""
NEVER_FIELDS: Final[Mapping[str, Set[str]]] = {
    JournalKind.RECOMMENDATION_COMPUTED: frozenset(
        {"subject", "body.recommendation", "body.record_sha256", "body.answer_sha256"}
    )
}
"""By which a recommendation's record is held to the log; the door has the same."""
KIND: Final = "kind"
"""The field that is never dropped: nobody would know what the entry is."""


async def redact(
    pool: Pool,
    seq: int,
    names: Sequence[str],
    *,
    by: str,
    reason: str,
    tell: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Drop fields as an export names them: `actor`, `subject`, `body.<key>`.

    `tell` hears the id of the incident whose records are not what they were, where there is one.
    Returns all fields of the entry that are gone now. Raises `NotFound`, `Conflict` for one that is
    gone already or an entry that does not fit its leaf, `Impossible`.
    """
    reason, wanted = reason.strip(), sorted(set(names))
    if not reason or len(reason) > REASON_LEN_MAX:
        raise Impossible("no_reason", f"Say why, in at most {REASON_LEN_MAX} characters.")
    if not 0 < len(wanted) <= FIELDS_MAX:
        raise Impossible("no_field", f"Name 1 to {FIELDS_MAX} fields.")
    async with pool.acquire() as conn, conn.transaction():
        await redactions.lock(conn)
        line = await redactions.line(conn, seq) if 0 < seq <= SEQ_MAX else None
        if line is None:
            raise NotFound("not_found", f"The log has no entry {seq}.")
        content = _content(line)
        _allowed(content, wanted)
        commitments = content.commitments(line.salts)
        await redactions.redact(conn, seq, wanted, commitments, by=by, reason=reason)
        await redactions.index(conn, seq, _words(content, wanted))
        incident_id = await _incident_of(conn, content)
    if incident_id is not None:
        tell(incident_id)
    return sorted({*content.redacted, *wanted})


def _content(line: Line) -> Content:
    """What is dropped can never be verified again, so it has to fit now."""
    found = line.content
    if found is None or found.leaf(line.salts) != line.leaf:
        text = f"Entry {line.seq} is not what was sealed: export the log and verify it."
        raise Conflict("damaged", text)
    return found


async def _incident_of(conn: Connection, content: Content) -> str | None:
    """Of the entry as it was."""
    kind, _, own = str(content.values.get("subject", "")).partition(":")
    match kind:
        case "incident":
            return own
        case "order":
            return await redactions.incident_of(conn, own)
    named = content.values.get("body.incident")
    return named if isinstance(named, str) else None


def _words(content: Content, dropped: Sequence[str]) -> str:
    left = {name: value for name, value in content.values.items() if name not in dropped}
    head = {name: str(left.pop(name, "")) for name in ("actor", "subject", KIND)}
    body = {name.removeprefix("body."): value for name, value in left.items()}
    return " ".join(words.of_entry(**head, body=body))


def _allowed(content: Content, names: Sequence[str]) -> None:
    kind = content.values[KIND]
    if kind in NEVER:
        raise Impossible("not_redactable", f"Entries of the kind {kind} are never redacted.")
    if KIND in names:
        raise Impossible("not_redactable", "What kind an entry is of is never redacted.")
    if held := sorted(NEVER_FIELDS.get(kind, frozenset()) & set(names)):
        text = f"By {', '.join(held)} a record is proved: never redacted."
        raise Impossible("not_redactable", text, {"fields": held})
    if gone := [name for name in names if name in content.redacted]:
        raise Conflict("redacted", f"Redacted before: {', '.join(gone)}.", {"fields": gone})
    if unknown := [name for name in names if name not in content.values]:
        there = sorted(content.values.keys() - {KIND})
        text = f"No such field: {', '.join(unknown)}. The entry has {', '.join(there)}."
        raise Impossible("unknown_field", text, {"fields": there})
