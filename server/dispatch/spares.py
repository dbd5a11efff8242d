"""Spare packs, power banks and cameras: which of them help a device, and which lie on a way.

Knows what the roster says of them and where people put them; no clock and no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import cos, hypot, radians
from typing import Final

from devices.intake import EARTH_RADIUS_M

LonLat = tuple[float, float]
"""Degrees, WGS-84."""
NEAR_M: Final = 1_000.0
"""A station so far from a way lies on it: a few minutes there and back. Starting value."""


class SpareKind(StrEnum):
    PACK = "pack"
    """A battery to be put in."""
    POWER_BANK = "power_bank"
    CAMERA = "camera"
    """A whole camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """One of them, where it lies."""

    id: str
    label: str
    """What is written on it."""
    kind: SpareKind
    fits: frozenset[str]
    """Models of devices; empty: any."""
    station: str | None
    """Name of the station where it lies; None: in a vehicle, or with whoever took it."""
    at: LonLat | None
    """Of that station."""
    unit_id: str | None
    """In whose vehicle it lies."""
    charged: bool
    taken: bool

    def helps(self, model: str) -> bool:
        """Whether a device of this model can go on with it, now."""
        return self.charged and not self.taken and (not self.fits or model in self.fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearSpare:
    """A spare on a way."""

    spare: Spare
    off_m: float
    """From the way to its station, as the crow flies; 0: in the unit's own vehicle."""
    after_m: float
    """Along the way until there."""


def spares_near(
    spares: Iterable[Spare],
    *,
    model: str,
    way: Sequence[LonLat],
    unit_id: str | None = None,
    kinds: frozenset[SpareKind] = frozenset(SpareKind),
    within_m: float = NEAR_M,
) -> list[NearSpare]:
    """Charged spares that fit a model: in the unit's own vehicle, or in a station along its way.

    `way` are corners of a line in travel order, one at least; the soonest reached come first, of
    those in one place packs before power banks before cameras.
    """
    if not way:
        raise ValueError("a way has at least one corner")
    order = list(SpareKind)
    found = []
    for spare in spares:
        if spare.kind not in kinds or not spare.helps(model):
            continue
        if unit_id is not None and spare.unit_id == unit_id:
            found.append(NearSpare(spare=spare, off_m=0.0, after_m=0.0))
        elif spare.at is not None:
            off_m, after_m = _beside(way, spare.at)
            if off_m <= within_m:
                found.append(NearSpare(spare=spare, off_m=off_m, after_m=after_m))
    return sorted(found, key=lambda e: (e.after_m, e.off_m, order.index(e.spare.kind), e.spare.id))


def length_m(way: Sequence[LonLat]) -> float:
    """Along the corners of a line, in m."""
    return sum(hypot(*metres_from(a, b)) for a, b in pairwise(way))


def _beside(way: Sequence[LonLat], place: LonLat) -> tuple[float, float]:
    """How far a place is from a line, and how far along the line that is, in m.

    On a plane that touches the earth at the place: within a few kilometres of it, where the answer
    matters, it is exact to a metre.
    """
    corners = [metres_from(place, corner) for corner in way]
    nearest, along_m = (hypot(*corners[0]), 0.0), 0.0
    for (ax, ay), (bx, by) in pairwise(corners):
        dx, dy = bx - ax, by - ay
        length = hypot(dx, dy)
        part = 0.0 if length == 0.0 else min(max(-(ax * dx + ay * dy) / length**2, 0.0), 1.0)
        nearest = min(nearest, (hypot(ax + part * dx, ay + part * dy), along_m + part * length))
        along_m += length
    return nearest


def metres_from(place: LonLat, corner: LonLat) -> tuple[float, float]:
    """Metres east and north of a place."""
    lon, lat = place
    east = radians(corner[0] - lon) * cos(radians(lat))
    return EARTH_RADIUS_M * east, EARTH_RADIUS_M * radians(corner[1] - lat)
