"""Measures as CSV, for spreadsheets: one line an interval and group, what is not estimable said so.

RFC 4180; times in seconds. A cell that a spreadsheet would take for a formula gets an apostrophe.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from server.coverageviews import CoverageView, CoveredView
from server.measureviews import MeasuresView, MeasureView, ProcessView, QuantileView
from server.pointviews import PointsView

NOT_ESTIMABLE: Final = "not estimable"
ALL: Final = "all"
_COUNTS: Final = (*("n", "finished", "open", "ended", "skipped", "no_beginning", "late", "moved"),)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def measures_csv(view: MeasuresView) -> str:
    """Every row of the view; of `process`, also how many went out within the limit."""
    quantiles = [f"{name}{part}_s" for name in ("p50", "p90") for part in ("", "_low", "_high")]
    within = ["within_limit", "within_n", "within_share", "within_low", "within_high", "verdict"]
    within.append("closed_unsent")
    head = ["interval", *view.axes, *_COUNTS, *quantiles, *within]
    process = {tuple(each.held.items()): each for each in view.process}
    return sheet(head, (_line(row, view.axes, process) for row in view.rows))


def coverage_csv(view: CoverageView) -> str:
    """The county, by day and by night, then every village, the least covered first."""
    shares = [f"{name}{part}" for name in ("once", "twice") for part in ("", "_low", "_high")]
    head = ["place", "people", "daylight", "looks", *shares]
    county = [
        [ALL, str(view.people), part.daylight, str(part.looks), *_covered(part.people)]
        for part in view.parts
    ]
    looks = str(view.parts[0].looks) if view.parts else "0"
    villages = (
        [each.name, str(each.people), ALL, looks, *_covered(each.covered)] for each in view.villages
    )
    return sheet(head, [*county, *villages])


def _covered(found: CoveredView | None) -> list[str]:
    if found is None:
        return [""] * 6
    return [
        number(each, 4)
        for share in (found.once, found.twice)
        for each in (share.value, share.low, share.high)
    ]


def points_csv(view: PointsView) -> str:
    """By band, then by name; the weights stand in the names of the columns."""
    weights = view.weights
    counts = ("accepted", "arrived", "feedback", "cleared", "night")
    head = [
        *("band", "rank_low", "rank_high", view.of, f"hours x{weights['hour']:g}"),
        *(f"{name} x{weights[name]:g}" for name in counts),
        *(f"km x{weights['km']:g}", "points", "per_100h", "per_100h_low", "per_100h_high"),
    ]
    lines = (
        [
            *(_whole(each.band), _whole(each.rank_low), _whole(each.rank_high), each.name),
            number(each.hours, 1),
            *(str(getattr(each, name)) for name in counts),
            *(number(each.km, 1), number(each.points, 1)),
            *(number(each.per_100h, 1), number(each.low, 1), number(each.high, 1)),
        ]
        for each in view.rows
    )
    return sheet(head, lines)


def _whole(value: int | None) -> str:
    return "" if value is None else str(value)


def _line(
    row: MeasureView, axes: Sequence[str], process: dict[tuple[tuple[str, str], ...], ProcessView]
) -> list[str]:
    within = process.get(tuple(row.held.items())) if row.interval == "process" else None
    return [
        row.interval,
        *(row.held.get(axis, ALL) for axis in axes),
        *(str(getattr(row, name)) for name in _COUNTS),
        *_quantile(row.p50),
        *_quantile(row.p90),
        *_within(within),
    ]


def _quantile(found: QuantileView) -> list[str]:
    value = number(found.value_s, 1) if found.estimable else NOT_ESTIMABLE
    return [value, number(found.low_s, 1), number(found.high_s, 1)]


def _within(found: ProcessView | None) -> list[str]:
    if found is None:
        return [""] * 7
    shares = [number(each, 4) for each in (found.share, found.low, found.high)]
    return [str(found.hits), str(found.n), *shares, found.verdict, str(found.closed_unsent)]


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def sheet(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_plain(cell) for cell in line] for line in lines)
    return out.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
