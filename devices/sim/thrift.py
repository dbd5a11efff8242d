"""What a simulated device and its crew do to save its battery: limits it keeps, advice they follow.

Limits hold until the room sends others; advice until the unit is back home, where it all begins
anew. Knows no battery, no command and no road.
"""

from __future__ import annotations

from typing import Final

from devices.limits import NO_LIMITS, may_stream, strictest
from devices.sim.packs import Mode
from protocols.native import Limits

GOOD_SIGNAL_DBM: Final = -95
"""Wherever there is any."""
BY_HAND: Final[dict[str, Limits]] = {
    "record_locally": Limits(stream="off"),
    "snippets": Limits(stream="snippets"),
    "lower_bitrate": Limits(stream="low"),
    "seldom_fixes": Limits(fix_s=30),
}
"""What a person sets at the device, by the `why` of an advice."""


class Thrift:
    """Of one device."""

    def __init__(self) -> None:
        self._kept, self._advised = NO_LIMITS, set[str]()

    @property
    def limits(self) -> Limits:
        """All that holds now."""
        by_hand = [BY_HAND[each] for each in self._advised if each in BY_HAND]
        return strictest([self._kept, *by_hand])

    def keep(self, limits: Limits) -> None:
        """From now on these, in place of those before."""
        self._kept = limits

    def follow(self, why: str) -> None:
        """The crew said yes to an advice."""
        self._advised.add(why)

    def come_home(self) -> None:
        """What the crew did is over; a device keeps its limits until it is told."""
        self._advised.clear()

    def mode(self, wanted: Mode, *, has_signal: bool) -> Mode:
        """What the device does of what its crew would have it do: a stream may become a record."""
        rsrp_dbm = GOOD_SIGNAL_DBM if has_signal else None
        streams = may_stream(self.limits, rsrp_dbm=rsrp_dbm)
        return "record" if wanted == "stream" and not streams else wanted

    def charges(self, *, driving: bool) -> bool:
        """Away from the station."""
        return "power_bank" in self._advised or (driving and "charge_in_car" in self._advised)

    def fix_s(self, wanted_s: float) -> float:
        """Between two fixes."""
        return max(wanted_s, float(self.limits.fix_s or 0))
