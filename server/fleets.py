"""Units as routing takes them, kept as long as none of them moves.

A recommendation, the next one for another incident and one computed anew because a road was closed
ask from the same units: what is worked out of them then, also inside `geo.ground`, is theirs.
Knows no road. Belongs to the routing thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from server.dispatch.travel import Traveller

if TYPE_CHECKING:
    from geo.departure import Departure
    from geo.ground import Fleet, Ground

FLEETS_MAX: Final = 8
"""Three kinds of vehicle and people on foot, in two modes; the one made first makes room."""


class Fleets:
    """Fleets by who is in them."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Sequence[Traveller], Fleet]] = deque(maxlen=FLEETS_MAX)

    def of(self, ground: Ground, travellers: Sequence[Traveller]) -> Fleet:
        """The same one for equal travellers."""
        for known, fleet in self._kept:
            if known == travellers:
                return fleet
        fleet = ground.fleet(departures(ground, travellers))
        self._kept.append((travellers, fleet))
        return fleet


def departures(ground: Ground, travellers: Sequence[Traveller]) -> list[Departure]:
    """How each sets off."""
    return ground.departures(
        [each.snap for each in travellers],
        headings_deg=[each.heading_deg for each in travellers],
        speeds_mps=[each.speed_mps for each in travellers],
        turnouts_s=[each.turnout_s for each in travellers],
    )
