"""What people see of work points: intervals of rank and bands. As in `server.views`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from server.review.points import RANKED_H_MIN, Standing, Weights, weights_of


class StandingView(Struct, frozen=True, kw_only=True):
    """What one unit or officer did; `server.review.points.Standing`."""

    id: str
    name: str
    """Call sign, or badge."""
    hours: float
    accepted: int
    arrived: int
    feedback: int
    cleared: int
    night: int
    km: float
    points: float
    per_100h: float | None
    low: float | None
    high: float | None
    band: int | None
    """1 is the first. None: too few hours on duty to be ranked."""
    rank_low: int | None
    rank_high: int | None


class PointsView(Struct, frozen=True, kw_only=True):
    """GET /api/measures/points."""

    since: datetime
    until: datetime
    as_of: datetime
    of: str
    """unit or officer."""
    weights: dict[str, float]
    ranked_hours_min: float
    uncredited: int
    """Orders of officers whose crew nobody kept."""
    rows: list[StandingView]
    """By band, then by name: within a band nobody is before another."""


def points_view(
    found: Sequence[Standing],
    weights: Weights,
    *,
    of: str,
    since: datetime,
    until: datetime,
    as_of: datetime,
    uncredited: int,
) -> PointsView:
    return PointsView(
        since=since,
        until=until,
        as_of=as_of,
        of=of,
        weights=weights_of(weights),
        ranked_hours_min=RANKED_H_MIN,
        uncredited=uncredited,
        rows=[_row(each) for each in found],
    )


def _row(found: Standing) -> StandingView:
    rank = found.rank
    return StandingView(
        id=found.id,
        name=found.name,
        hours=found.hours,
        accepted=found.accepted,
        arrived=found.arrived,
        feedback=found.feedback,
        cleared=found.cleared,
        night=found.night,
        km=found.km,
        points=found.points,
        per_100h=found.per_100h,
        low=found.low,
        high=found.high,
        band=None if rank is None else rank.band,
        rank_low=None if rank is None else rank.low,
        rank_high=None if rank is None else rank.high,
    )
