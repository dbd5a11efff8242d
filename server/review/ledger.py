"""Whom work is credited to: a unit, or each officer who was in it when its shift began.

An order belongs to the shift of its unit that it was issued in. A crew of two both did the job, so
both are credited with all of it. Knows no store and no weight.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.review.history import OrderPast
from server.review.points import Job, Worker


class Who(StrEnum):
    UNIT = "unit"
    OFFICER = "officer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One shift of a unit."""

    unit_id: str
    call_sign: str
    on_at: datetime
    off_at: datetime
    """Of one that runs: now."""
    crew: tuple[tuple[str, str], ...]
    """(officer id, badge) of whoever was in the unit when it began; empty: nobody, or not kept."""

    def hours_within(self, since: datetime, until: datetime) -> float:
        span = min(self.off_at, until) - max(self.on_at, since)
        return max(0.0, span.total_seconds() / 3_600.0)


class Ledger:
    """Hours on duty, credited at once, and jobs as they come."""

    def __init__(self, shifts: Sequence[Duty], who: Who, since: datetime, until: datetime) -> None:
        """`shifts` of each unit in order of time."""
        self._who = who
        self._workers: dict[str, Worker] = {}
        self._shifts: defaultdict[str, list[Duty]] = defaultdict(list)
        self.uncredited = 0
        """Orders for which nobody is known."""
        for shift in shifts:
            self._shifts[shift.unit_id].append(shift)
            for each in self._of(shift):
                each.hours += shift.hours_within(since, until)

    @property
    def workers(self) -> list[Worker]:
        return list(self._workers.values())

    def credit(self, order: OrderPast, job: Job) -> None:
        shifts = self._shifts[order.unit_id]
        number = bisect_right(shifts, order.issued_at, key=lambda each: each.on_at) - 1
        within = number >= 0 and order.issued_at <= shifts[number].off_at
        workers = self._of(shifts[number]) if within else []
        self.uncredited += not workers
        for each in workers:
            each.jobs.append(job)

    def _of(self, shift: Duty) -> list[Worker]:
        if self._who is Who.UNIT:
            return [self._worker(shift.unit_id, shift.call_sign)]
        return [self._worker(officer_id, badge) for officer_id, badge in shift.crew]

    def _worker(self, worker_id: str, name: str) -> Worker:
        return self._workers.setdefault(worker_id, Worker(id=worker_id, name=name))
