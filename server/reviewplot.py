"""The timeline of a review as SVG: what was foretold against what came, batteries, alarms.

Colours are classes of `review.css`. Knows no words but those it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from math import ceil
from typing import Final

from server.reviewviews import MomentView, OrderReviewView, ReviewView
from server.reviewwords import Words

WIDTH: Final = 1000.0
LEFT: Final = 92.0
RIGHT: Final = 12.0
LANE: Final = 46.0
TOP: Final = 30.0
BATTERY: Final = 84.0
BAR: Final = 14.0
TICKS_MAX: Final = 9
_DAY_MIN: Final = 1440
STEPS_MIN: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720),
    *(_DAY_MIN * days for days in (1, 2, 7, 14, 28, 56, 112, 364)),
)
"""Minutes between ticks; of incidents that stay open for years, fewer."""
_SEGMENTS: Final = (
    ("delivery", "issued"),
    ("display", "delivered"),
    ("acceptance", "delivered"),
    ("departure", "accepted"),
    ("drive", "moving"),
    ("feedback", "on_scene"),
    ("clearing", "on_scene"),
)
"""Links of an order, and what it was doing meanwhile."""
_HEIGHTS: Final = {"issued": 0.3, "delivered": 0.55, "accepted": 0.8}
"""Of a bar; whole for what follows. Without colours a step is told by it, a drive by its line."""


class Axis:
    """From moments to places on the paper."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since = since
        self.until = max(until, since + timedelta(minutes=1))
        self._px_per_s = (WIDTH - LEFT - RIGHT) / (self.until - since).total_seconds()

    def x(self, at: datetime) -> float:
        """Moments outside are drawn at the edge."""
        inside = min(max(at, self.since), self.until)
        return round(LEFT + (inside - self.since).total_seconds() * self._px_per_s, 1)

    def ticks(self, words: Words) -> Iterator[datetime]:
        """At whole minutes of the local clock."""
        minutes = (self.until - self.since).total_seconds() / 60.0
        most = STEPS_MIN[-1] * ceil(minutes / TICKS_MAX / STEPS_MIN[-1])
        step = next((each for each in STEPS_MIN if minutes / each <= TICKS_MAX), most)
        local = self.since.astimezone(words.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        passed = int((local - midnight).total_seconds() // 60 // step + 1) * step
        at = midnight + timedelta(minutes=passed)
        while at <= self.until:
            yield at
            at += timedelta(minutes=step)


def timeline(review: ReviewView, words: Words) -> str:
    """One `<svg>`, and its legend."""
    since = review.incident.called_at or review.incident.opened_at
    ends = [each.at for each in review.moments]
    arrivals = [
        _arrival(each, each.eta.p90_s)
        for each in review.orders
        if each.ended_at is None or each.eta.actual_s is not None
    ]
    axis = Axis(since, max([*ends, *filter(None, arrivals)], default=since))
    lanes = 1 + len(review.orders)
    with_levels = [each for each in review.orders if any(one.at_s for one in each.batteries)]
    bottom = TOP + lanes * LANE
    height = bottom + BATTERY * len(with_levels) + 24
    label = words(
        "plot.label",
        number=review.incident.number,
        orders=len(review.orders),
        since=words.moment(axis.since),
        until=words.moment(axis.until),
    )
    parts = [
        f'<svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">',
        *_grid(axis, height, words),
        *_incident(review, axis, words),
    ]
    for place, order in enumerate(review.orders, start=1):
        parts += _order(order, review, axis, TOP + place * LANE)
    for place, order in enumerate(with_levels):
        parts += _levels(order, review, axis, bottom + place * BATTERY, words)
    return "".join((*parts, "</svg>", _legend(review, words)))


def _grid(axis: Axis, height: float, words: Words) -> Iterator[str]:
    for at in axis.ticks(words):
        x = axis.x(at)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 6:.0f}"/>'
        yield f'<text x="{x}" y="{TOP - 13}" text-anchor="middle">{words.tick(at)}</text>'


def _incident(review: ReviewView, axis: Axis, words: Words) -> Iterator[str]:
    y, incident = TOP + LANE / 2, review.incident
    name = f"#{incident.number}"
    yield f'<text class="name" x="4" y="{y + 4}">{escape(name)}</text>'
    until = incident.closed_at or axis.until
    yield _line("lane", axis.x(incident.opened_at), axis.x(until), y)
    for at in (incident.called_at, incident.opened_at, incident.closed_at):
        if at is not None:
            yield f'<circle class="there" cx="{axis.x(at)}" cy="{y}" r="4"/>'
    yield from _alarms([each for each in review.moments if each.order_number is None], axis, y)


def _order(order: OrderReviewView, review: ReviewView, axis: Axis, top: float) -> Iterator[str]:
    y = top + LANE / 2
    yield f'<text class="name" x="4" y="{y + 1}">{escape(order.call_sign)}</text>'
    yield f'<text x="4" y="{y + 14}">{order.number}</text>'
    until = order.ended_at or review.as_of
    yield _line("lane", axis.x(order.issued_at), axis.x(until), y)
    yield from _planned(order, axis, y)
    yield from _segments(order, until, axis, y)
    mine = [each for each in review.moments if each.order_number == order.number]
    yield from _silences(order, review, axis, y)
    for moment in mine:
        if moment.kind == "order.at_place":
            x = axis.x(moment.at)
            yield f'<path class="there" d="M{x} {y - 6}l6 6-6 6-6-6z"/>'
    yield from _alarms(mine, axis, y)


def _segments(order: OrderReviewView, until: datetime, axis: Axis, y: float) -> Iterator[str]:
    for link, name in _SEGMENTS:
        found = next(each for each in order.links if each.link == link)
        begin = found.begins_at
        if begin is None or found.verdict in ("untold", "not_reached"):
            continue
        left, right = axis.x(begin), axis.x(found.ends_at or until)
        if right > left:
            yield _bar(name, left, right - left, y, BAR)


def _bar(name: str, left: float, width: float, y: float, height: float) -> str:
    """Around y; a drive has a broken line along it, as a road."""
    high = height * _HEIGHTS.get(name, 1.0)
    drawn = (
        f'<rect class="{name}" x="{left}" y="{y - high / 2:.1f}" '
        f'width="{width:.1f}" height="{high:.1f}"/>'
    )
    return drawn + (_line("way", left, round(left + width, 1), y) if name == "moving" else "")


def _planned(order: OrderReviewView, axis: Axis, y: float) -> Iterator[str]:
    """Median to what nine in ten keep."""
    median, p90 = _arrival(order, order.eta.median_s), _arrival(order, order.eta.p90_s)
    if median is None or p90 is None or median > axis.until:
        return
    left, right = axis.x(median), axis.x(p90)
    yield (
        f'<rect class="planned" x="{left}" y="{y - BAR / 2 - 5}" '
        f'width="{max(1.0, right - left):.1f}" height="{BAR + 10}"/>'
    )
    yield (
        f'<line class="median" x1="{left}" x2="{left}" y1="{y - BAR / 2 - 5}" '
        f'y2="{y + BAR / 2 + 5}"/>'
    )


def _silences(order: OrderReviewView, review: ReviewView, axis: Axis, y: float) -> Iterator[str]:
    """From falling silent in a dead zone to being heard again."""
    since: datetime | None = None
    for moment in review.moments:
        if moment.call_sign != order.call_sign or not moment.kind.startswith("radio."):
            continue
        if moment.kind == "radio.silent":
            since = moment.at
        elif moment.kind == "radio.back" and since is not None:
            yield _silence(axis, since, moment.at, y)
            since = None
    if since is not None:
        yield _silence(axis, since, order.ended_at or axis.until, y)


def _silence(axis: Axis, since: datetime, until: datetime, y: float) -> str:
    left, width = axis.x(since), max(1.0, axis.x(until) - axis.x(since))
    return f'<rect class="silent" x="{left}" y="{y - 18}" width="{width:.1f}" height="36"/>'


def _alarms(moments: Sequence[MomentView], axis: Axis, y: float) -> Iterator[str]:
    for moment in moments:
        if moment.kind.startswith(("item.", "sos.raised")):
            x = axis.x(moment.at)
            yield f'<path class="alarm" d="M{x} {y - 21}l5 9h-10z"/>'


def _levels(
    order: OrderReviewView, review: ReviewView, axis: Axis, top: float, words: Words
) -> Iterator[str]:
    """The batteries of one unit."""
    low, high = top + BATTERY - 14, top + 10

    def y(pct: float) -> float:
        return round(low + (high - low) * pct / 100.0, 1)

    yield f'<text class="name" x="4" y="{high + 14}">{escape(order.call_sign)}</text>'
    yield f'<text x="4" y="{high + 28}">{escape(words("plot.battery"))}</text>'
    for pct in (0, 50, 100):
        yield _line("grid", LEFT, WIDTH - RIGHT, y(pct))
        yield f'<text x="{LEFT - 6}" y="{y(pct) + 4}" text-anchor="end">{pct}</text>'
    opened_at = review.incident.opened_at
    for battery in order.batteries:
        points = " ".join(
            f"{axis.x(opened_at + timedelta(seconds=at_s))},{y(pct)}"
            for at_s, pct in zip(battery.at_s, battery.level_pct, strict=True)
        )
        if points:
            yield f'<polyline class="level" points="{points}"/>'
        arrival, told = _arrival(order, order.eta.median_s), battery.foretold_arrival_pct
        if arrival is not None and arrival <= axis.until and told is not None:
            foretold = y(told)
            yield f'<circle class="foretold" cx="{axis.x(arrival)}" cy="{foretold}" r="4"/>'


def _legend(review: ReviewView, words: Words) -> str:
    """What the marks mean; only those that a timeline may have."""
    names = [name for _, name in _SEGMENTS]
    marks = [
        (_bar(name, 1.0, 18.0, 8.0, 12.0), f"plot.seg.{name}") for name in dict.fromkeys(names)
    ]
    marks += [
        ('<rect class="planned" x="1" y="2" width="18" height="11"/>', "plot.planned"),
        ('<path class="there" d="M10 2l6 6-6 6-6-6z"/>', "plot.there"),
        ('<path class="alarm" d="M10 3l5 9h-10z"/>', "plot.alarm"),
        ('<rect class="silent" x="1" y="2" width="18" height="12"/>', "plot.silent"),
        ('<circle class="foretold" cx="10" cy="8" r="4"/>', "plot.foretold"),
    ]
    shown = (
        f'<li><svg viewBox="0 0 20 16" aria-hidden="true">{mark}</svg>{escape(words(key))}</li>'
        for mark, key in marks
    )
    return f'<ul class="legend">{"".join(shown)}</ul>'


def _arrival(order: OrderReviewView, way_s: float | None) -> datetime | None:
    return None if way_s is None else order.issued_at + timedelta(seconds=way_s)


def _line(name: str, left: float, right: float, y: float) -> str:
    return f'<line class="{name}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
