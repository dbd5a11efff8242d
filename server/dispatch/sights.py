"""What is seen of a unit on its way, and by which rules it is judged; `dispatch.enroute` judges.

Knows no road, no store and no clock. Every number is a starting value.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from devices.intake import distance_m


class Trouble(StrEnum):
    """What is wrong with a drive; the names are those of the worklist."""

    DRIFT = "eta_drift"
    STOPPED = "stopped"
    AWAY = "driving_away"
    LEFT = "left_scene"


ON_THE_WAY: Final = frozenset({Trouble.DRIFT, Trouble.STOPPED, Trouble.AWAY})
"""Over when it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When to say something; all of them settings."""

    drift_s: float = 180.0
    """s later than promised, at least."""
    drift_share: float = 0.25
    """Of the way's time, at least."""
    stopped_s: float = 300.0
    """s at one spot."""
    still_m: float = 60.0
    """m around the first fix of a standstill: the error of receivers in a gorge."""
    silent_s: float = 150.0
    """s between two fixes: more is silence, which proves no standstill."""
    away_s: float = 120.0
    """s that the rest of the way grew while moving."""
    arrived_m: float = 120.0
    """m around the place, or where one leaves the road for it."""
    arrived_s: float = 30.0
    """s there and slow."""
    slow_mps: float = 2.0
    left_m: float = 500.0
    """m from the place, and from where one leaves the road for it."""
    left_s: float = 60.0

    def __post_init__(self) -> None:
        if not all(0.0 < getattr(self, each.name) < inf for each in fields(self)):
            raise ValueError("all of them must be above 0")
        if self.arrived_m >= self.left_m:
            raise ValueError("arrived_m must be below left_m")


RULE_NAMES: Final = tuple(each.name for each in fields(Rules))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One fix of a unit under way, and what the roads say of it."""

    at: datetime
    """When it was taken."""
    lon: float
    lat: float
    place_m: float
    """To the place, or to where one leaves the road for it: whichever is nearer."""
    speed_mps: float | None = None
    left_s: float | None = None
    """s, median, of the rest of the way, by road and then on foot; None: nobody can say."""
    road_s: float | None = None
    """s of it by road."""
    roads: int = 0
    """Which roads: times of different ones are not compared."""
    excused: bool = False
    """A standstill here has a known cause: a slowed or closed road, a ferry."""

    @property
    def arrives_at(self) -> datetime | None:
        return None if self.left_s is None else self.at + timedelta(seconds=self.left_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the unit's way was to take when it accepted."""

    at: datetime
    """When it was to be there."""
    way_s: float


def apart_m(one: Sight, other: Sight) -> float:
    """m, as the crow flies."""
    return distance_m(one.lon, one.lat, other.lon, other.lat)


def gap_s(one: Sight, other: Sight) -> float:
    """s from one to the other."""
    return (other.at - one.at).total_seconds()
