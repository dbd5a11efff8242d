"""Whom somebody means who types a name: as it is written, or in pinyin (docs/adr/0015)."""

from __future__ import annotations

from typing import Any

from geo import pinyin
from geo.places import fold

NAMES_LEN_MAX = 5_000
"""Names that one search looks at; a county's house has fewer."""
OFFICERS_LEN_MAX = 50
"""Officers whom one name may mean."""

# The officer of a badge, in whatever case.
OF_BADGE = "SELECT badge FROM officer WHERE lower(badge) = lower($1)"
# Officers by badge.
OFFICERS = "SELECT badge, name FROM officer ORDER BY badge LIMIT $1"
# Users with their names, and those that they have as officers.
USERS = """
SELECT app_user.id, display_name, coalesce(officer.name, '') AS officer_name
FROM app_user LEFT JOIN officer ON officer.id = app_user.officer_id ORDER BY username LIMIT $1
"""


async def officers(conn: Any, words: str) -> list[str]:
    """Badges: the one typed, else those of everybody with such a name; perhaps none."""
    if badge := await conn.fetchval(OF_BADGE, words):
        return [badge]
    rows = await conn.fetch(OFFICERS, NAMES_LEN_MAX)
    return [row["badge"] for row in rows if is_meant(words, row["name"])][:OFFICERS_LEN_MAX]


async def users_by_pinyin(conn: Any, words: str) -> list[str]:
    """Ids of the users whose Chinese name is typed so; not of those whose is written so."""
    typed = fold(words)
    if not typed.isascii() or not typed:
        return []
    rows = await conn.fetch(USERS, NAMES_LEN_MAX)
    names = {str(row["id"]): (row["display_name"], row["officer_name"]) for row in rows}
    return [id_ for id_, each in names.items() if any(_is_typed(typed, name) for name in each)]


def is_meant(words: str, name: str) -> bool:
    """Whether the words are part of the name, or of what is typed for it."""
    typed = fold(words)
    return bool(typed) and (typed in fold(name) or _is_typed(typed, name))


def _is_typed(typed: str, name: str) -> bool:
    return any(typed in key for key in pinyin.keys(name))
