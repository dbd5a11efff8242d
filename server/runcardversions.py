"""Versions of the run cards: check and add one, put one in force. One transaction with the command
log; the caller's, so that a command line can do it as well as a server.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.runcardfile import shipped
from server.dispatch.runcardform import RunCardsError, parse
from server.dispatch.runcards import SHIPPED_VERSION, RunCard, RunCards, changes, plain
from server.journal.kinds import JournalKind as Kind
from server.reasons import require_reason
from server.stores import journal
from server.stores import runcards as store
from server.stores.activation import ActivationRow
from server.stores.journal import Entry
from server.stores.runcards import VersionRow


def checked(said: object) -> RunCards:
    """A set that a person hands in. Raises `Impossible` (`bad_run_cards`) with every bad value."""
    try:
        return parse(said)
    except RunCardsError as error:
        raise Impossible(
            "bad_run_cards",
            "\n".join(map(str, error.problems)),
            {"problems": [each.plain() for each in error.problems]},
        ) from None


async def load(conn: Any, number: int | None) -> RunCards:
    """The set of a version, None for the one that comes with Ridgeline; with the cards of types
    that it does not have. Raises `NotFound`, `Conflict` (`unusable`) for one that a program wrote
    which knows more.
    """
    if number is None:
        cards = shipped()
    else:
        if (body := await store.body(conn, number)) is None:
            raise NotFound("not_found", f"There is no version {number}.")
        try:
            cards = parse(body, version=number)
        except RunCardsError as error:
            raise _unusable(number, error) from error
    return replace(cards, retired=_retired(cards, await store.every_type(conn)))


async def in_force(conn: Any) -> RunCards:
    """The set that is in force. Raises `Conflict` (`unusable`)."""
    active = await store.active(conn)
    return await load(conn, None if active is None else active.version)


async def save(
    conn: Any, said: object, *, based_on: int, at: datetime, by: str, reason: str
) -> VersionRow:
    """Add a set as a version and put it in force; `based_on`: the version that was edited.

    Raises `Impossible` (`no_reason`, `bad_run_cards`), `Conflict` (`stale`, `unchanged`,
    `unusable`).
    """
    require_reason(reason)
    cards = checked(said)
    await store.lock(conn)
    before = await in_force(conn)
    if before.version != based_on:
        raise Conflict(
            "stale",
            f"Version {before.version} is in force meanwhile; look at it, and change it anew.",
            {"version": before.version},
        )
    if not (differing := changes(before, cards)):
        raise Conflict("unchanged", "This is what is in force already.")
    row = await store.insert_version(conn, plain(cards), at=at, by=by, reason=reason)
    saved = Entry(
        actor=by,
        subject=f"run_cards:{row.version}",
        kind=Kind.RUN_CARDS_SAVED,
        body={
            "version": row.version,
            "based_on": based_on,
            "cards": row.cards,
            "changes": differing,
            "count": len(differing),
            "reason": reason,
        },
    )
    await _activate(conn, row.version, at=at, by=by, reason=reason, before=[saved])
    return row


async def activate(
    conn: Any, version: int | None, *, at: datetime, by: str, reason: str
) -> ActivationRow:
    """Put a version in force, or the set that comes with Ridgeline (None).

    Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`in_force`, `unusable`).
    """
    require_reason(reason)
    await store.lock(conn)
    active = await store.active(conn)
    if version == (active.version if active else None):
        raise Conflict("in_force", "This is in force already.")
    await load(conn, version)
    return await _activate(conn, version, at=at, by=by, reason=reason)


async def _activate(
    conn: Any,
    version: int | None,
    *,
    at: datetime,
    by: str,
    reason: str,
    before: Iterable[Entry] = (),
) -> ActivationRow:
    """Under the lock; the entries of `before` come first in the command log."""
    row = await store.activate(conn, version, at=at, by=by, reason=reason)
    number = version or SHIPPED_VERSION
    entry = Entry(
        actor=by,
        subject=f"run_cards:{number}",
        kind=Kind.RUN_CARDS_ACTIVATED,
        body={"version": number, "reason": reason},
    )
    await journal.append_all(conn, [*before, entry])
    return row


def _unusable(number: int, error: RunCardsError) -> Conflict:
    text = (
        f"Version {number} was saved by another program, and this one cannot use it ({error}). "
        "Put another in force."
    )
    return Conflict("unusable", text, {"version": number})


def _retired(cards: RunCards, every_type: Iterable[RunCard]) -> tuple[RunCard, ...]:
    """Cards of types that the set does not have: as kept last, or as they come with Ridgeline."""
    known = dict(shipped().by_code) | {each.code: each for each in every_type}
    return tuple(known[code] for code in sorted(known.keys() - cards.by_code.keys()))
