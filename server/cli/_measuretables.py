"""Measures as tables for people at a command line."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.cli._journey import minutes
from server.coverageviews import CoverageView, CoveredView, ShareView
from server.measuresheet import ALL, NOT_ESTIMABLE
from server.measureviews import MeasuresView, MeasureView, ProcessView, QuantileView
from server.pointviews import PointsView, StandingView


def show_measures(console: Console, view: MeasuresView) -> None:
    console.print(
        f"{view.incidents} incidents opened {_span(view.since, view.until)}{_per_day(view)}, "
        f"{view.orders} orders; "
        f"{view.tasks_left_out} tasks of the room left out."
    )
    times = Table("Interval", *view.axes, "n", "P50", "P90", "not over", "untold", "late")
    for row in view.rows:
        times.add_row(*map(escape, _cells(row, view.axes)))
    console.print(times)
    process = Table("NFPA 1225", *view.axes, "n", "first order out", "9 in 10", "unsent")
    for each in view.process:
        process.add_row(*map(escape, _process_cells(each, view)))
    console.print(process)
    console.print(
        "Limits hold at 95 % each. Not over: counted for as long as they lasted. Untold: a step "
        "that nobody reported. Late: heard of more than 30 s after it. Unsent: closed after the "
        "minute without any order, in no share."
    )


def _per_day(view: MeasuresView) -> str:
    rate = view.per_day
    if rate.value is None or rate.low is None or rate.high is None:
        return ""
    return f", {rate.value:.1f} a day ({rate.low:.1f} … {rate.high:.1f})"


def _cells(row: MeasureView, axes: list[str]) -> list[str]:
    return [
        row.interval.replace("_", " "),
        *(row.held.get(axis, ALL) for axis in axes),
        str(row.n),
        _quantile(row.p50),
        _quantile(row.p90),
        str(row.open + row.ended or ""),
        str(row.skipped + row.no_beginning or ""),
        str(row.late or ""),
    ]


def _quantile(found: QuantileView) -> str:
    low = "" if found.low_s is None else f"at least {_time(found.low_s)}"
    if not found.estimable:
        return f"{NOT_ESTIMABLE}, {low}" if low else NOT_ESTIMABLE
    return f"{_time(found.value_s)} ({_time(found.low_s)} … {_time(found.high_s)})"


def _time(seconds: float | None) -> str:
    """As many digits as mean something."""
    if seconds is not None and seconds >= 120.0:
        return minutes(seconds)
    return f"{seconds or 0.0:.1f} s"


def _process_cells(row: ProcessView, view: MeasuresView) -> list[str]:
    share = "" if row.share is None else f"{100 * row.share:.0f} %"
    return [
        f"within {view.process_limit_s:.0f} s",
        *(row.held.get(axis, ALL) for axis in view.axes),
        str(row.n),
        f"{share} ({100 * row.low:.0f} … {100 * row.high:.0f} %)" if share else "",
        row.verdict,
        str(row.closed_unsent or ""),
    ]


def show_coverage(console: Console, view: CoverageView) -> None:
    looks = view.parts[0].looks if view.parts else 0
    console.print(
        f"{looks} of {view.looks_possible} quarters of an hour {_span(view.since, view.until)} "
        f"were looked at; {view.looks_left_out} under another limit or map are left out."
    )
    if view.limit_min is None:
        return
    county = Table("People", "looks", "free units", f"within {view.limit_min:g} min", "a second")
    for part in view.parts:
        shares = ("", "") if part.people is None else _covered(part.people)
        county.add_row(part.daylight, str(part.looks), f"{part.free_units:.1f}", *shares)
    console.print(county)
    villages = Table("Village", "people", f"within {view.limit_min:g} min", "a second")
    for each in view.villages:
        villages.add_row(escape(each.name), str(each.people), *_covered(each.covered))
    console.print(villages)
    console.print("Of the looks, with a chance of at least 0.9; the least covered first.")


def _covered(found: CoveredView) -> tuple[str, str]:
    return _share(found.once), _share(found.twice)


def _share(found: ShareView) -> str:
    share = f"{100 * found.value:.0f} %"
    if found.low is None or found.high is None:
        return share
    return f"{share} ({100 * found.low:.0f} … {100 * found.high:.0f} %)"


def show_points(console: Console, view: PointsView) -> None:
    weights = ", ".join(f"{name} {weight:g}" for name, weight in view.weights.items())
    console.print(f"Work {_span(view.since, view.until)}. Points: {weights}.")
    table = Table(
        *("band", "rank", view.of, "hours", "orders", "on scene", "feedback", "done", "night"),
        *("km", "points", "per 100 h"),
    )
    for each in view.rows:
        table.add_row(*map(escape, _standing(each)))
    console.print(table)
    console.print(
        "Within a band there is no order: nobody in it can be told from its first. Ranks are "
        f"intervals, per hour on duty; under {view.ranked_hours_min:g} h nobody is ranked. Points "
        f"count work, not worth. Orders that nobody is credited with: {view.uncredited}."
    )


def _standing(row: StandingView) -> list[str]:
    ranked = row.per_100h is not None and row.low is not None and row.high is not None
    return [
        str(row.band or "–"),
        f"{row.rank_low} … {row.rank_high}" if ranked else "–",
        row.name,
        f"{row.hours:.0f}",
        *(str(each) for each in (row.accepted, row.arrived, row.feedback, row.cleared, row.night)),
        f"{row.km:.0f}",
        f"{row.points:.0f}",
        f"{row.per_100h:.0f} ({row.low:.0f} … {row.high:.0f})" if ranked else "",
    ]


def _span(since: datetime, until: datetime) -> str:
    """By this machine's clock."""
    return f"{since.astimezone():%Y-%m-%d %H:%M} to {until.astimezone():%Y-%m-%d %H:%M}"
