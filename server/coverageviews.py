"""What people see of coverage over a span of time. As in `server.views`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from geo.roadmap import Place
from server.review.coverage import EVERYTHING, Covered, Part, Share

VILLAGES_LEN_MAX: Final = 500
"""Of more villages, the worst."""


class ShareView(Struct, frozen=True, kw_only=True):
    """0 to 1; limits at 95 % together, None where too few days tell them."""

    value: float
    low: float | None
    high: float | None


class CoveredView(Struct, frozen=True, kw_only=True):
    once: ShareView
    """Somebody free had a chance of at least 0.9 to be there in time."""
    twice: ShareView
    """A second one, too."""


class CoveragePartView(Struct, frozen=True, kw_only=True):
    """All looks, or those by day, or by night."""

    daylight: str
    looks: int
    days: int
    free_units: float
    people: CoveredView | None
    """Share of people; None: nobody knows how many live anywhere."""


class VillageCoverView(Struct, frozen=True, kw_only=True):
    """Shares are of the looks."""

    name: str
    lon: float
    lat: float
    people: int
    """Where the map does not say: as in others of its kind."""
    covered: CoveredView


class CoverageView(Struct, frozen=True, kw_only=True):
    """GET /api/measures/coverage."""

    since: datetime
    until: datetime
    as_of: datetime
    limit_min: float | None
    """None: there was no look."""
    looks_possible: int
    """Quarters of an hour; of those without a look nothing is known."""
    looks_left_out: int
    """Under another limit, or over another map."""
    people: int
    villages_total: int
    parts: list[CoveragePartView]
    villages: list[VillageCoverView]
    """The least covered first, of equal ones the largest, at most VILLAGES_LEN_MAX."""


def coverage_view(
    parts: Sequence[Part],
    places: Sequence[tuple[Place, float]],
    *,
    since: datetime,
    until: datetime,
    as_of: datetime,
    limit_s: float | None,
    looks_possible: int,
    looks_left_out: int,
) -> CoverageView:
    """`places`: in the order of the map, each with how many live there."""
    whole = next((each.villages for each in parts if each.daylight == EVERYTHING), ())
    villages = [
        _village(place, people, each) for (place, people), each in zip(places, whole, strict=False)
    ]
    villages.sort(key=_need)
    return CoverageView(
        since=since,
        until=until,
        as_of=as_of,
        limit_min=None if limit_s is None else limit_s / 60.0,
        looks_possible=looks_possible,
        looks_left_out=looks_left_out,
        people=round(sum(people for _, people in places)),
        villages_total=len(places),
        parts=[_part(each) for each in parts],
        villages=villages[:VILLAGES_LEN_MAX],
    )


def _need(village: VillageCoverView) -> tuple[float, float, int, str]:
    """The least covered first; of equal ones, where the most people live."""
    covered = village.covered
    return covered.once.value, covered.twice.value, -village.people, village.name


def _part(part: Part) -> CoveragePartView:
    return CoveragePartView(
        daylight=part.daylight,
        looks=part.looks,
        days=part.days,
        free_units=part.free_units,
        people=None if part.people is None else _covered(part.people),
    )


def _village(place: Place, people: float, covered: Covered) -> VillageCoverView:
    return VillageCoverView(
        name=place.name,
        lon=place.lon,
        lat=place.lat,
        people=round(people),
        covered=_covered(covered),
    )


def _covered(found: Covered) -> CoveredView:
    return CoveredView(once=_share(found.once), twice=_share(found.twice))


def _share(found: Share) -> ShareView:
    return ShareView(value=found.value, low=found.low, high=found.high)
