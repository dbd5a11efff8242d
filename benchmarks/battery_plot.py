"""How often the truth lies inside what was foretold, as an SVG.

Above the broken line: too careful; below it: too sure. Made by `benchmarks.battery --write`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from devices.battery.model import Floats

WIDTH, HEIGHT = 560, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 520, 60, 440
INK, FAINT, BAND = "#263238", "#e3e7ea", "#dfe8df"
COLOURS: Final = ("#1b6ca8", "#c8551b")
BAND_SHARE: Final = 0.05


def svg(places: Mapping[str, Floats]) -> str:
    """`places`: by system, (K,) probability foretold of a time no longer than the true one."""
    body = "\n".join([*_frame(), *_curves(places)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _frame() -> Iterator[str]:
    band = [(0.0, 0.0), (0.0, BAND_SHARE), (1.0 - BAND_SHARE, 1.0), (1.0, 1.0)]
    band += [(1.0, 1.0 - BAND_SHARE), (BAND_SHARE, 0.0)]
    yield f'<polygon points="{_points(band)}" fill="{BAND}"/>'
    for share in np.linspace(0.0, 1.0, 6).tolist():
        x, y = _xy(share, share)
        yield f'<path d="M{LEFT} {y:.1f}H{RIGHT}M{x:.1f} {TOP}V{BOTTOM}" stroke="{FAINT}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        yield f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{share:.0%}</text>'
    yield f'<polyline points="{_points([(0, 0), (1, 1)])}" stroke="{INK}" stroke-dasharray="5 4"/>'
    yield f'<text x="{LEFT}" y="30" font-size="16" font-weight="600">Time to empty</text>'
    yield f'<text x="{LEFT}" y="{TOP - 10}">true times inside the interval</text>'
    yield f'<text x="{RIGHT}" y="{BOTTOM + 38}" text-anchor="end">interval foretold</text>'


def _curves(places: Mapping[str, Floats]) -> Iterator[str]:
    shares = np.linspace(0.0, 1.0, 101)
    for n, ((system, place), colour) in enumerate(zip(places.items(), COLOURS, strict=True)):
        inside = (np.abs(2.0 * place - 1.0)[:, None] <= shares).mean(axis=0)
        points = _points(list(zip(shares.tolist(), inside.tolist(), strict=True)))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        x, y = LEFT + 200 * n, HEIGHT - 22
        yield f'<path d="M{x} {y}h24" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 31}" y="{y + 4}">{system}, n = {len(place)}</text>'


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join("{:.1f},{:.1f}".format(*_xy(*point)) for point in points)


def _xy(share: float, inside: float) -> tuple[float, float]:
    return LEFT + share * (RIGHT - LEFT), BOTTOM - inside * (BOTTOM - TOP)
