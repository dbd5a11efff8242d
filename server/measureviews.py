"""What people see of measures: figures with how sure they are. As in `server.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from server.review.estimates import Quantile, Rate, rate
from server.review.measures import PROCESS_S, PROCESS_SHARE, Axis, Group, Process, Row, Table

DAY_S: Final = 86_400.0


class QuantileView(Struct, frozen=True, kw_only=True):
    """Of times, in seconds. Each limit holds at 95 %."""

    estimable: bool
    """False: too few times are over to bound it from above; of a P90, fewer than 29."""
    value_s: float | None
    """None where it is not estimable."""
    low_s: float | None
    high_s: float | None


class MeasureView(Struct, frozen=True, kw_only=True):
    """One interval under what held; `server.review.measures.Row` says what is counted."""

    interval: str
    held: dict[str, str]
    """One value for each axis; empty: everything together."""
    n: int
    finished: int
    open: int
    ended: int
    skipped: int
    no_beginning: int
    late: int
    moved: int
    p50: QuantileView
    p90: QuantileView


class ProcessView(Struct, frozen=True, kw_only=True):
    """First orders within the minute of NFPA 1225, under what held."""

    held: dict[str, str]
    hits: int
    n: int
    share: float | None
    """None: of nothing."""
    low: float
    high: float
    """95 % together, after Wilson."""
    calls_known: int
    """Of n: when the call came is known; of the others, when the incident was opened."""
    closed_unsent: int
    """Not in n: closed without any order, later than the limit."""
    verdict: str
    """met, missed, undecided."""


class RateView(Struct, frozen=True, kw_only=True):
    """Events in some time, as often as they came; limits of the Gamma-Poisson model, 95 %
    together."""

    value: float | None
    """None: less than a day has passed."""
    low: float | None
    high: float | None


class MeasuresView(Struct, frozen=True, kw_only=True):
    """GET /api/measures."""

    since: datetime
    until: datetime
    """Of incidents opened between them, whenever their orders came."""
    as_of: datetime
    """What ran then counts for as long as it had lasted."""
    axes: list[str]
    incidents: int
    per_day: RateView
    """Incidents, of what has passed of the span since the first incident of all."""
    orders: int
    tasks_left_out: int
    """Tasks that the room gave itself: nobody called."""
    process_limit_s: float
    process_wanted: float
    rows: list[MeasureView]
    process: list[ProcessView]


def measures_view(
    table: Table,
    *,
    since: datetime,
    until: datetime,
    as_of: datetime,
    first_opened_at: datetime | None,
    tasks_left_out: int,
) -> MeasuresView:
    counted_from = max(since, first_opened_at or since)
    days = max(0.0, (min(until, as_of) - counted_from).total_seconds()) / DAY_S
    exposure = days if days >= 1.0 else 0.0  # an hour tells nothing of a day
    return MeasuresView(
        since=since,
        until=until,
        as_of=as_of,
        axes=[axis.value for axis in table.axes],
        incidents=table.incidents,
        per_day=_rate(rate(table.incidents, exposure)),
        orders=table.orders,
        tasks_left_out=tasks_left_out,
        process_limit_s=PROCESS_S,
        process_wanted=PROCESS_SHARE,
        rows=[_row(each, table.axes) for each in table.rows],
        process=[_process(each, table.axes) for each in table.process],
    )


def _row(row: Row, axes: tuple[Axis, ...]) -> MeasureView:
    return MeasureView(
        interval=row.interval.value,
        held=_held(row.group, axes),
        n=row.n,
        finished=row.finished,
        open=row.open,
        ended=row.ended,
        skipped=row.skipped,
        no_beginning=row.no_beginning,
        late=row.late,
        moved=row.moved,
        p50=_quantile(row.p50),
        p90=_quantile(row.p90),
    )


def _process(row: Process, axes: tuple[Axis, ...]) -> ProcessView:
    return ProcessView(
        held=_held(row.group, axes),
        hits=row.within.hits,
        n=row.within.n,
        share=row.within.value,
        low=row.within.low,
        high=row.within.high,
        calls_known=row.calls_known,
        closed_unsent=row.closed_unsent,
        verdict=row.verdict.value,
    )


def _rate(found: Rate) -> RateView:
    return RateView(value=found.value, low=found.low, high=found.high)


def _quantile(found: Quantile) -> QuantileView:
    return QuantileView(
        estimable=found.estimable,
        value_s=found.value if found.estimable else None,
        low_s=found.low,
        high_s=found.high,
    )


def _held(group: Group, axes: tuple[Axis, ...]) -> dict[str, str]:
    return dict(zip((axis.value for axis in axes), group, strict=False))
