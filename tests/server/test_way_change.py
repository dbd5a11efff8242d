"""When a way ahead counts as another than the one that was given."""

from __future__ import annotations

import numpy as np
import pytest

from geo.ground import Route
from geo.routing.journey import NO_LEGS, Journey, Legs
from geo.snap import Snap
from geo.wayline import WayLines
from server.dispatch.waychange import is_another
from tests.geo.maps import one_road

HERE = Snap(edge=0, fraction=0.5, lon=1.0, lat=42.0, distance_m=0.0)
LINES = WayLines(one_road([(0.0, 0.0), (100.0, 0.0)]))


def a_way(*arcs: int, leg_s: float = 100.0) -> Route:
    """Each leg takes so long; the first one's rest does not count."""
    leg_ms = np.full(len(arcs), round(1000.0 * leg_s))
    journey = Journey(
        total_ms=int(leg_ms.sum()),
        legs=Legs.along(np.array(arcs)) if arcs else NO_LEGS,
        leg_ms=leg_ms,
        between_ms=lambda: np.zeros(len(arcs) - 1, dtype=np.int64),
    )
    return Route(source=HERE, target=HERE, journey=journey, lines=LINES)


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
