"""When a way ahead counts as another than the one that was given."""

from __future__ import annotations

import numpy as np
import pytest

from geo.ground import Route
from geo.routing.journey import Legs
from server.dispatch.waychange import is_another


def a_way(*arcs: int, leg_s: float = 100.0) -> Route:
    """Each leg takes so long; the first one's rest does not count."""
    times = np.full(len(arcs), leg_s)
    return Route(
        duration_s=float(times.sum()),
        distance_m=1000.0 * len(arcs),
        lonlat=np.zeros((2, 2)),
        legs=Legs.along(np.array(arcs, dtype=np.int64)),
        leg_s=times,
        turn_s=np.zeros(len(arcs)),
    )


GIVEN = a_way(2, 4, 6, 8, 10, 12, 14, 16)


@pytest.mark.parametrize(
    ("now", "another"),
    [
        (a_way(6, 8, 10, 12, 14, 16), False),
        (a_way(6, 8, 11, 13), True),
        (a_way(20, 8, 10, 12, 14, 16), True),
        (a_way(6, 8, 10, 12, 14, 16, leg_s=111), False),  # 55 s later
        (a_way(6, 8, 10, 12, 14, 16, leg_s=113), True),
        (a_way(6, 8, 10, 12, 14, 16, leg_s=87), True),
        (a_way(16, leg_s=500), False),
        (a_way(), False),
    ],
    ids=[
        "further on",
        "other roads",
        "off it",
        "a little later",
        "later",
        "sooner",
        "last",
        "there",
    ],
)
def test_other_roads_or_another_time_make_another_way(now: Route, another: bool) -> None:
    assert is_another(GIVEN, now) is another
