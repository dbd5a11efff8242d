"""Setting off on a heading, with a turnout, or from a standstill."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geo.departure import MOVING_MPS_MIN, TURN_ROUND_S, Departure
from geo.ground import Ground
from geo.roadmap import EdgeFlag
from tests.geo.maps import grid_map, lonlat, one_road
from tests.geo.test_ground import random_snaps

ROAD = [(0.0, 0.0), (900.0, 0.0), (900.0, 900.0)]
"""East, then north."""


@pytest.fixture
def ground() -> Ground:
    return Ground(one_road(ROAD), engine="scipy")


@pytest.mark.parametrize(
    ("place", "heading_deg", "speed_mps", "ahead"),
    [
        ((450.0, 0.0), 90.0, 12.0, 0),
        ((450.0, 0.0), 60.0, 12.0, 0),
        ((450.0, 0.0), 265.0, 12.0, 1),
        ((450.0, 0.0), 0.0, 12.0, None),  # across the road
        ((450.0, 0.0), 90.0, MOVING_MPS_MIN - 0.1, None),
        ((450.0, 0.0), None, 12.0, None),
        ((450.0, 0.0), 90.0, None, None),
        ((900.0, 450.0), 359.0, 12.0, 0),
        ((900.0, 450.0), 180.0, 12.0, 1),
    ],
)
def test_ahead_is_where_the_unit_moves(
    ground: Ground,
    place: tuple[float, float],
    heading_deg: float | None,
    speed_mps: float | None,
    ahead: int | None,
) -> None:
    snap = ground.snap(*lonlat(*place))

    start = ground.departure(snap, heading_deg=heading_deg, speed_mps=speed_mps)

    assert start.ahead == ahead


def test_what_lies_behind_costs_turning_round(ground: Ground) -> None:
    here, behind, before = (
        ground.snap(*lonlat(*place)) for place in ((450.0, 0.0), (100.0, 0.0), (800.0, 0.0))
    )
    moving = ground.departure(here, heading_deg=90.0, speed_mps=12.0)

    standing_s = ground.matrix([here], [behind, before])[0]
    moving_s = ground.matrix([moving], [behind, before])[0]

    assert (moving_s - standing_s).tolist() == pytest.approx([TURN_ROUND_S, 0.0])
    back = ground.route(moving, behind)
    assert back.turn_s.tolist() == [TURN_ROUND_S]
    assert back.duration_s == moving_s[0]


def test_turnout_comes_before_everything(ground: Ground) -> None:
    here, there = ground.snap(*lonlat(100.0, 0.0)), ground.snap(*lonlat(900.0, 300.0))
    late = Departure(snap=here, turnout_s=90.0)

    assert ground.etas([late], there)[0] == pytest.approx(ground.etas([here], there)[0] + 90.0)
    assert ground.route(late, there).turn_s.tolist() == [90.0]
    node = ground.roadmap.node_count - 1
    gained_s = ground.reach(late, 3_600.0)[node] - ground.reach(here, 3_600.0)[node]
    assert gained_s == pytest.approx(90.0)
    for wrong in (-1.0, math.nan, 1e9):
        with pytest.raises(ValueError, match="turnout"):
            Departure(snap=here, turnout_s=wrong)


def test_a_heading_against_a_one_way_does_not_open_it() -> None:
    ground = Ground(one_road(ROAD, flags=EdgeFlag.CLOSED_BACKWARD), engine="scipy")
    here, behind = ground.snap(*lonlat(450.0, 0.0)), ground.snap(*lonlat(100.0, 0.0))
    wrong_way = ground.departure(here, heading_deg=270.0, speed_mps=12.0)

    assert np.isinf(ground.etas([wrong_way], behind)).all()


def test_many_departures_at_once_are_as_one_by_one() -> None:
    ground = Ground(grid_map(), engine="scipy")
    snaps = random_snaps(ground, 60, seed=8)
    snaps += [replace(snap, fraction=end) for snap, end in zip(snaps, (0.0, 1.0), strict=False)]
    rng = np.random.default_rng(8)
    headings_deg = [None, *rng.uniform(0.0, 360.0, len(snaps) - 1).tolist()]
    speeds_mps = [*rng.choice([0.5, 9.0], len(snaps) - 1).tolist(), None]
    turnouts_s = rng.choice([0.0, 60.0], len(snaps)).tolist()

    together = ground.departures(
        snaps, headings_deg=headings_deg, speeds_mps=speeds_mps, turnouts_s=turnouts_s
    )

    assert together == [
        ground.departure(snap, heading_deg=heading, speed_mps=speed, turnout_s=turnout)
        for snap, heading, speed, turnout in zip(
            snaps, headings_deg, speeds_mps, turnouts_s, strict=True
        )
    ]
    assert {each.ahead for each in together} == {0, 1, None}
    assert ground.departures([], headings_deg=[], speeds_mps=[], turnouts_s=[]) == []


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_a_point_drawn_twice_does_not_turn_the_road(fraction: float) -> None:
    twice = [(0.0, 0.0), (0.0, 0.0), (900.0, 0.0), (900.0, 0.0)]
    ground = Ground(one_road(twice), engine="scipy")
    snap = replace(ground.snap(*lonlat(450.0, 0.0)), fraction=fraction)

    start = ground.departure(snap, heading_deg=90.0, speed_mps=12.0)

    assert start.ahead == 0
