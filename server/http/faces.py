"""Which pages there are, and whom each is for."""

from __future__ import annotations

from collections.abc import Iterable

FACES: dict[str, tuple[str, ...]] = {
    "console": ("dispatcher",),
    "handset": ("officer",),
    "audit": ("supervisor",),
    "admin": ("admin",),
}
"""Page and the roles it is for; `/` sends each to the first that fits."""
VISITORS: dict[str, tuple[str, ...]] = {"console": ("supervisor",)}
"""Roles that may open a page that is not theirs: a supervisor looks on, and orders war."""


def faces_of(roles: Iterable[str]) -> list[str]:
    """Pages that somebody with these roles may open, in their order."""
    mine = set(roles)
    return [face for face, for_ in FACES.items() if mine & {*for_, *VISITORS.get(face, ())}]
