"""Roads closed or slowed, and conditions, as rows. Set once; begun and ended, never deleted.

Both are spells: something that holds from a time on, until it runs out or somebody ends it. Every
change locks the version's row first and holds it until commit: changes follow one another, and two
processes that see the same thing run out end it once. Each change has a version of its own, so what
held at any version can be told afterwards: what had begun by then and had not ended.
Knows no rule and no map.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

RUNNING_MAX: Final = 500
"""Spells of one kind that have not ended, scheduled ones included."""
ENDED_SHOWN_MAX: Final = 20
"""Of each kind, those that ended last."""
PAGE_LEN_MAX: Final = 200
"""Rows of one page of the history; a larger wish is cut to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """What a closed road and a condition have in common."""

    id: str
    number: int = 0
    """Given by the database."""
    extent: dict[str, Any] | None
    place: str
    reason: str
    set_by: str
    set_at: datetime
    starts_at: datetime
    expires_at: datetime | None
    """None: until somebody ends it."""
    begun_at: datetime | None
    """When it came into force."""
    ended_at: datetime | None = None
    ended_by: str | None = None
    """`system`: it ran out."""
    end_reason: str = ""

    @property
    def holds(self) -> bool:
        return self.begun_at is not None and self.ended_at is None

    @property
    def due_at(self) -> datetime | None:
        """When it begins or ends by itself; None: never."""
        if self.ended_at is not None:
            return None
        return self.starts_at if self.begun_at is None else self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadStateRow(Spell):
    """A road closed or slowed."""

    state: Literal["closed", "slow"]
    factor: float | None
    """On the travel time of a slow road."""
    map_id: str
    """Of the map whose edges are numbered in `extent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRow(Spell):
    """A condition of an area, or of the whole county (`extent` None)."""

    condition: str
    """Canonical: `rain,night`."""


S = TypeVar("S", RoadStateRow, ConditionRow)


class Table(Generic[S]):
    """The statements of one of the two tables. Names come from this module alone."""

    def __init__(self, name: str, row: type[S]) -> None:
        self.row: type[S] = row
        columns = [each.name for each in fields(row)]
        given = [each for each in columns if each != "number"]
        values = ", ".join(f"${at}" for at in range(2, len(given) + 2))
        select = f"SELECT {', '.join(columns)} FROM {name}"  # noqa: S608 (names of this module)
        due = "ended_at IS NULL AND (expires_at <= $1 OR begun_at IS NULL AND starts_at <= $1)"
        update = f"UPDATE {name} SET"

        # Set one.
        self.insert = (
            f"INSERT INTO {name} (request_id, {', '.join(given)}) VALUES ($1, {values})"  # noqa: S608
            f" RETURNING {', '.join(columns)}"
        )
        self.given = given
        # What has not ended, and those that ended last.
        self.shown = (
            f"({select} WHERE ended_at IS NULL) UNION ALL"
            f" ({select} WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT $1)"
        )
        # One page of all, newest first.
        self.page = (
            f"{select} WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2"
        )
        # Those that held at some time between two.
        self.held = (
            f"{select} WHERE begun_at < $2 AND (ended_at IS NULL OR ended_at > $1) ORDER BY number"
        )
        self.by_id = f"{select} WHERE id = $1"
        self.by_request = f"{select} WHERE request_id = $1"
        self.count = f"SELECT count(*) FROM {name} WHERE ended_at IS NULL"  # noqa: S608
        # End one by hand.
        self.end = f"{update} ended_at = $2, ended_by = $3, end_reason = $4 WHERE id = $1"
        # Whether something begins or runs out.
        self.is_due = f"SELECT EXISTS (SELECT FROM {name} WHERE {due})"  # noqa: S608
        # Begin what was scheduled, at the moment it was scheduled for.
        self.begin_due = (
            f"{update} begun_at = starts_at WHERE ended_at IS NULL AND begun_at IS NULL"
            f" AND starts_at <= $1 RETURNING {', '.join(columns)}"
        )
        # End what has run out, at the moment it did.
        self.end_due = (
            f"{update} ended_at = expires_at, ended_by = 'system', end_reason = 'expired'"
            f" WHERE ended_at IS NULL AND expires_at <= $1 RETURNING {', '.join(columns)}"
        )


STATES: Final = Table("road_state", RoadStateRow)
CONDITIONS: Final = Table("road_condition", ConditionRow)

# The version, held until commit: the first statement of every change.
LOCK = "SELECT version FROM road_state_version FOR UPDATE"

# The next version.
NEXT_VERSION = "UPDATE road_state_version SET version = version + 1 RETURNING version"

VERSION = "SELECT version FROM road_state_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What runs and what ended last, of one moment."""

    version: int
    states: list[RoadStateRow]
    """Running ones by number, then ended ones, newest first."""
    conditions: list[ConditionRow]


async def lock(conn: Any) -> None:
    """Nobody else changes anything until the caller commits."""
    await conn.execute(LOCK)


async def next_version(conn: Any) -> int:
    """The version of a change; under the lock."""
    found: int = await conn.fetchval(NEXT_VERSION)
    return found


async def version(conn: Any) -> int:
    """The version of the last committed change."""
    found: int = await conn.fetchval(VERSION)
    return found


async def load(conn: Any) -> Picture:
    """Everything that matters now; in a transaction of its own."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return Picture(
            version=await version(conn),
            states=await _shown(conn, STATES),
            conditions=await _shown(conn, CONDITIONS),
        )


async def insert(conn: Any, table: Table[S], row: S, *, request_id: str) -> S:
    """Set one; under the lock, when this request did not do it before."""
    values = [getattr(row, name) for name in table.given]
    return table.row(**await conn.fetchrow(table.insert, request_id, *values))


async def by_id(conn: Any, table: Table[S], row_id: str) -> S | None:
    return _row(table, await conn.fetchrow(table.by_id, row_id))


async def by_request(conn: Any, table: Table[S], request_id: str) -> S | None:
    return _row(table, await conn.fetchrow(table.by_request, request_id))


async def count_running(conn: Any, table: Table[S]) -> int:
    found: int = await conn.fetchval(table.count)
    return found


async def load_page(
    conn: Any, table: Table[S], *, before: int | None = None, limit: int = 50
) -> list[S]:
    """Newest first, ended ones included, numbers below `before`."""
    found = await conn.fetch(table.page, before, max(1, min(limit, PAGE_LEN_MAX)))
    return [table.row(**row) for row in found]


async def held(conn: Any, table: Table[S], from_at: datetime, to_at: datetime) -> list[S]:
    """Those that were in force at some time between the two, oldest first."""
    return [table.row(**row) for row in await conn.fetch(table.held, from_at, to_at)]


async def end(
    conn: Any, table: Table[S], row_id: str, *, at: datetime, by: str, reason: str
) -> None:
    """End it by hand; under the lock, when it has not ended."""
    await conn.execute(table.end, row_id, at, by, reason)


async def is_due(conn: Any, now: datetime) -> bool:
    """Whether anything begins or has run out; without a lock."""
    return any([await conn.fetchval(table.is_due, now) for table in (STATES, CONDITIONS)])


async def begin_due(conn: Any, table: Table[S], now: datetime) -> list[S]:
    """Note those whose time has come, in order."""
    return _in_order(table, await conn.fetch(table.begin_due, now))


async def end_due(conn: Any, table: Table[S], now: datetime) -> list[S]:
    """End those that have run out, at the moment they did, in order."""
    return _in_order(table, await conn.fetch(table.end_due, now))


async def _shown(conn: Any, table: Table[S]) -> list[S]:
    found = await conn.fetch(table.shown, ENDED_SHOWN_MAX)
    return sorted((table.row(**row) for row in found), key=_place)


def _place(row: Spell) -> tuple[bool, float]:
    if row.ended_at is None:
        return False, row.number
    return True, -row.ended_at.timestamp()


def _row(table: Table[S], found: Any) -> S | None:
    return None if found is None else table.row(**found)


def _in_order(table: Table[S], found: list[Any]) -> list[S]:
    return sorted((table.row(**row) for row in found), key=lambda row: row.number)
