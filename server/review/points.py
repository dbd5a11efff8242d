"""Work points (工分): what units and officers did, by a rule that everybody can read.

An order earns for what was told of it, hours on duty earn by the hour; nothing is taken away, and
nothing is earned by being quick, so nobody gains by driving faster or by reporting what was not.
Points count work, not worth: who was called is chance, a quiet post earns little, and of the hard
jobs the longest earns no more than the shortest. They compare only per hour on duty, and then only
as intervals of rank and bands (`server.review.ranks`). Knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np

from server.review.history import Milestone, OrderPast
from server.review.ranks import Rank, draw_rates, ranks

RANKED_H_MIN: Final = 24.0
"""Hours on duty under which nobody is ranked: three shifts (starting value)."""
PER_H: Final = 100.0
"""Points are compared per so many hours on duty."""
_INTERVAL: Final = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each thing earns; settings, starting values."""

    accepted: float = 1.0
    """An order that a person took on."""
    arrived: float = 2.0
    """Its scene reached."""
    feedback: float = 1.0
    """Told from the scene what is the matter."""
    cleared: float = 2.0
    """Seen through to its end."""
    night: float = 1.0
    """More, where an order that was taken on came in the dark."""
    km: float = 0.05
    """Of the drive to the scene, as far as it was matched to roads."""
    hour: float = 0.5
    """On duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One order, for whoever did it."""

    accepted: bool
    arrived: bool
    feedback: bool
    cleared: bool
    night: bool
    km: float

    @classmethod
    def of(cls, order: OrderPast, *, night: bool, km: float) -> Job:
        """A scene that was reached, or a job that was done, was taken on, told or not."""
        steps = order.steps
        cleared = Milestone.CLEAR in steps
        arrived = Milestone.ON_SCENE in steps
        return cls(
            accepted=cleared or arrived or Milestone.ACCEPTED in steps or Milestone.MOVING in steps,
            arrived=arrived,
            feedback=Milestone.FEEDBACK in steps,
            cleared=cleared,
            night=night,
            km=km if arrived else 0.0,
        )

    def worth(self, weights: Weights) -> float:
        if not self.accepted:
            return 0.0
        return (
            weights.accepted
            + weights.arrived * self.arrived
            + weights.feedback * self.feedback
            + weights.cleared * self.cleared
            + weights.night * self.night
            + weights.km * self.km
        )


@dataclass(slots=True, kw_only=True)
class Worker:
    """A unit or an officer, and all that is credited to it."""

    id: str
    name: str
    hours: float = 0.0
    jobs: list[Job] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one worker did, and how sure its place among the others is."""

    id: str
    name: str
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
    """In nine of ten draws the points per 100 h lie from `low` to `high`."""
    high: float | None
    rank: Rank | None
    """None: too few hours on duty to be ranked."""


def standings(workers: Sequence[Worker], weights: Weights) -> list[Standing]:
    """By band, then by name: within a band nobody is before another. Unranked ones last."""
    ranked = [each for each in workers if each.hours >= RANKED_H_MIN]
    worths = [[worth for job in each.jobs if (worth := job.worth(weights))] for each in ranked]
    draws = PER_H * (draw_rates(worths, [each.hours for each in ranked]) + weights.hour)
    places = dict(zip((each.id for each in ranked), ranks(draws), strict=True))
    limits = np.quantile(draws, _INTERVAL, axis=0).T.tolist() if ranked else []
    spans = dict(zip(places, limits, strict=True))
    found = [_standing(each, weights, places.get(each.id), spans.get(each.id)) for each in workers]
    return sorted(
        found, key=lambda each: (each.rank is None, each.rank.band if each.rank else 0, each.name)
    )


def _standing(
    worker: Worker, weights: Weights, rank: Rank | None, span: list[float] | None
) -> Standing:
    taken = [job for job in worker.jobs if job.accepted]
    points = sum(job.worth(weights) for job in taken) + weights.hour * worker.hours
    return Standing(
        id=worker.id,
        name=worker.name,
        hours=worker.hours,
        accepted=len(taken),
        arrived=sum(job.arrived for job in taken),
        feedback=sum(job.feedback for job in taken),
        cleared=sum(job.cleared for job in taken),
        night=sum(job.night for job in taken),
        km=sum(job.km for job in taken),
        points=points,
        per_100h=PER_H * points / worker.hours if rank is not None else None,
        low=None if span is None else span[0],
        high=None if span is None else span[1],
        rank=rank,
    )


def weights_of(weights: Weights) -> dict[str, float]:
    """By name, as they are shown beside every list of points."""
    return asdict(weights)
