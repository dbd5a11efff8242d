"""Measures: intervals by what held at the time, told as figures with how sure they are.

`Gathering` takes incidents one after the other and keeps no more than their numbers; `table` is the
answer. Knows no store.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from server.review.estimates import Proportion, Quantile, proportion, quantile
from server.review.history import IncidentPast
from server.review.intervals import Interval, Outcome, Span, of_incident, of_order

UNKNOWN: Final = "unknown"
PROCESS_S: Final = 60.0
PROCESS_SHARE: Final = 0.9
"""NFPA 1225 (2022), for alarms of the highest priority: 90 % of them within 60 s."""


class Axis(StrEnum):
    """What measures are broken down by."""

    MODE = "mode"
    """Peace or war, by the order that held."""
    ROAD = "road"
    """What most of the drive went over: main, county, village, track; unknown: not matched."""
    DAYLIGHT = "daylight"
    """Day or night, by the sun at the place."""
    PRIORITY = "priority"
    WEATHER = "weather"
    """That held in the whole county during the drive."""


VALUES: Final[Mapping[Axis, tuple[str, ...]]] = {
    Axis.MODE: ("peace", "war"),
    Axis.ROAD: ("main", "county", "village", "track", "unknown"),
    Axis.DAYLIGHT: ("day", "night"),
    Axis.PRIORITY: ("emergency", "priority", "routine"),
    Axis.WEATHER: ("dry", "rain", "heavy_rain", "snow"),
}
"""In the order in which they are shown; what is not here comes behind, by its name."""

AXES_DEFAULT: Final = (Axis.MODE, Axis.ROAD, Axis.DAYLIGHT)
Group = tuple[str, ...]
"""What held, one value for each axis that is asked for."""


class Verdict(StrEnum):
    """Whether a share is what it should be, as far as n tells."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One interval under what held: times in seconds."""

    interval: Interval
    group: Group
    n: int
    """Finished, open and ended: what the quantiles are of."""
    finished: int
    open: int
    """They run: counted for as long as they have lasted."""
    ended: int
    """The order, or the incident, was over before: counted for as long as they had lasted."""
    skipped: int
    """A later step was told, this end never was; not in n."""
    no_beginning: int
    """The end was told, the beginning never was; not in n."""
    late: int
    """Of n: an end that we heard of more than 30 s late."""
    moved: int
    """Of n: an end that a clock put where it cannot be."""
    p50: Quantile
    p90: Quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """How often the first order went out within the minute of NFPA 1225."""

    group: Group
    within: Proportion
    calls_known: int
    """Of n: when the call came is known, not only when the incident was opened."""
    closed_unsent: int
    """Closed without any order, later than the minute; not in n: nobody knows who was needed."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All measures of a span of time."""

    axes: tuple[Axis, ...]
    incidents: int
    orders: int
    rows: tuple[Row, ...]
    """By interval, then by group; the group of everything together, of UNKNOWN nothing, first."""
    process: tuple[Process, ...]


class _Sample:
    """The spans of one row."""

    def __init__(self) -> None:
        self.counts: Counter[Outcome] = Counter()
        self.late = self.moved = 0
        self.finished, self.unfinished = array("d"), array("d")

    def add(self, span: Span) -> None:
        self.counts[span.outcome] += 1
        self.late += span.late
        self.moved += span.moved
        if span.outcome is Outcome.FINISHED:
            self.finished.append(span.seconds)
        elif span.outcome in (Outcome.OPEN, Outcome.ENDED):
            self.unfinished.append(span.seconds)


class _Within:
    """First orders in time, of one group."""

    def __init__(self) -> None:
        self.hits = self.n = self.calls_known = self.closed_unsent = 0

    def add(self, span: Span, *, call_known: bool) -> None:
        """What runs and is not late says nothing yet; what was closed unsent is counted apart."""
        over = span.outcome is Outcome.FINISHED
        self.closed_unsent += span.outcome is Outcome.ENDED and span.seconds > PROCESS_S
        if over or (span.outcome is Outcome.OPEN and span.seconds > PROCESS_S):
            self.n += 1
            self.hits += over and span.seconds <= PROCESS_S
            self.calls_known += call_known


class Gathering:
    """Measures under way, by these axes."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = tuple(axes)
        self._samples: defaultdict[tuple[Interval, Group], _Sample] = defaultdict(_Sample)
        self._process: defaultdict[Group, _Within] = defaultdict(_Within)
        self._incidents = self._orders = 0

    def add(
        self,
        incident: IncidentPast,
        held: Mapping[Axis, str],
        held_of: Mapping[str, Mapping[Axis, str]],
        now: datetime,
    ) -> None:
        """`held`: of the incident; `held_of`: of each of its orders, by id."""
        self._incidents += 1
        self._orders += len(incident.orders)
        for span in of_incident(incident, now):
            for group in self._groups(held):
                self._samples[span.interval, group].add(span)
                if span.interval is Interval.PROCESS:
                    known = incident.called_at is not None
                    self._process[group].add(span, call_known=known)
        for order in incident.orders:
            groups = self._groups(held_of[order.id])
            for span in of_order(order, now):
                for group in groups:
                    self._samples[span.interval, group].add(span)

    def table(self) -> Table:
        """Costs some milliseconds a thousand spans."""
        places = list(Interval)
        keys = sorted(self._samples, key=lambda each: (places.index(each[0]), self._place(each[1])))
        return Table(
            axes=self._axes,
            incidents=self._incidents,
            orders=self._orders,
            rows=tuple(
                _row(interval, group, self._samples[interval, group]) for interval, group in keys
            ),
            process=tuple(
                _process(group, self._process[group])
                for group in sorted(self._process, key=self._place)
            ),
        )

    def _place(self, group: Group) -> list[tuple[int, str]]:
        """Where a group stands among the others; all together first."""
        known = [VALUES[axis] for axis in self._axes]
        return [
            (values.index(value) if value in values else len(values), value)
            for values, value in zip(known, group, strict=False)
        ]

    def _groups(self, held: Mapping[Axis, str]) -> list[Group]:
        """All together, (), and the one that it belongs to."""
        group = tuple(held[axis] for axis in self._axes)
        return [(), group] if group else [()]


def _row(interval: Interval, group: Group, sample: _Sample) -> Row:
    counts = sample.counts
    return Row(
        interval=interval,
        group=group,
        n=len(sample.finished) + len(sample.unfinished),
        finished=counts[Outcome.FINISHED],
        open=counts[Outcome.OPEN],
        ended=counts[Outcome.ENDED],
        skipped=counts[Outcome.SKIPPED],
        no_beginning=counts[Outcome.NO_BEGINNING],
        late=sample.late,
        moved=sample.moved,
        p50=quantile(sample.finished, sample.unfinished, 0.5),
        p90=quantile(sample.finished, sample.unfinished, 0.9),
    )


def _process(group: Group, within: _Within) -> Process:
    share = proportion(within.hits, within.n)
    return Process(
        group=group,
        within=share,
        calls_known=within.calls_known,
        closed_unsent=within.closed_unsent,
        verdict=_verdict(share),
    )


def _verdict(share: Proportion) -> Verdict:
    if share.low >= PROCESS_SHARE:
        return Verdict.MET
    return Verdict.MISSED if share.high < PROCESS_SHARE else Verdict.UNDECIDED
