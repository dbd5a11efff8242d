"""What people see of cover: who would leave what, and who could move up. As in `server.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class PostView(Struct, frozen=True, kw_only=True):
    """A station or a standby point: where a unit may wait."""

    id: str
    name: str
    kind: Literal["station", "standby"]
    lon: float
    lat: float


class LeftView(Struct, frozen=True, kw_only=True):
    """What the county is left with while one unit is away."""

    unit_id: str
    people: int
    """Living where nobody else is within the limit; reckoned where the map does not say."""
    places: int
    wait_min: float
    """Longer for the next call, over all places by their share of calls."""
    worst: str | None
    """Of those places, by name, the one whose next unit is farthest; None: none."""
    worst_next_min: float | None
    """None: nobody is there within `horizon_min`."""


class MoveUpView(Struct, frozen=True, kw_only=True):
    """One free unit would cover more from another post."""

    unit_id: str
    post: PostView
    gain: float
    """Share of all calls more within the limit."""
    people: int
    """Nobody free is within the limit of them now."""
    leaves: int
    """People of whom nobody is within the limit any more once it has gone."""
    drive_min: float


class CoverView(Struct, frozen=True, kw_only=True):
    """GET /api/cover."""

    at: datetime
    limit_min: float
    horizon_min: float
    covered: float
    """Share of calls that comes from where a free unit is within the limit."""
    unheard: list[str]
    """Ids of units that are free by the book and that nobody hears: not counted."""
    left: list[LeftView]
    """By unit; the one that leaves most first."""
    move_ups: list[MoveUpView]
    posts: list[PostView]
