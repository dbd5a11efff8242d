"""Which silence a dead zone explains, and until when it does.

A unit that was last heard shortly before radio ends on its way is not lost: it is expected back at
the far end. The last fix is where the reckoning starts; driving times come with their spread, and
the latest moment is the P90 of the way out, the wait of a client for its next try to connect, and
a margin. A unit whose scene lies inside stays a while and comes back out the way it went in.
Knows no road and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from geo.eta import Eta
from geo.radio.ahead import Silence

SILENT_S: Final = 75.0
"""s. Without a fix for so long a unit is silent: two reports missed at one in 30 s. Starting
value."""

EXPLAINED_S: Final = 120.0
"""s. A zone this far ahead of the last fix explains a silence: a report is up to a minute apart,
and the last one before the zone may be lost. Starting value."""

SILENT_S_MAX: Final = 1_800.0
"""s. A silence older than this, when first seen, is explained by nothing here."""

ENTERS_SOON_S: Final = 240.0
"""s. So long before a zone there is still time to call by radio. Starting value."""

RECONNECT_S: Final = 20.0
"""s. From radio to the first word: a third of the reference client's longest wait for a new try."""

MARGIN_S: Final = 120.0
"""s. After nine in ten would be back, before the alarm rises. Starting value."""

SCENE_S: Final = 1_800.0
"""s. At a scene without radio, before somebody comes out to report. Starting value."""

PATROL_S: Final = 900.0
"""s. A unit without an order may stop on its way through; so much later is its alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The first silence on a unit's way, as of its last fix."""

    silence: Silence
    log_sd: float
    """Spread of the driving time."""
    on_order: bool = True
    """False: on patrol, by the door that takes longest."""

    @property
    def at_scene(self) -> bool:
        """The way ends inside."""
        return self.silence.to_the_end and self.on_order

    @property
    def out_at(self) -> tuple[int, float]:
        """Edge and share where radio comes back."""
        return self.silence.enter_at if self.at_scene else self.silence.leave_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """When a unit enters, is back, and is missing."""

    enters_at: datetime
    back_at: datetime
    latest_at: datetime


def explains(ahead: Ahead) -> bool:
    """Whether the zone ahead of the last fix explains that nothing came since."""
    return ahead.silence.enter_s <= EXPLAINED_S


def foretell(last_at: datetime, ahead: Ahead) -> Foretold:
    """`last_at`: when the last fix was taken."""
    silence = ahead.silence
    drive_s, stay_s = silence.leave_s, 0.0
    if ahead.at_scene:
        drive_s, stay_s = 2.0 * silence.leave_s - silence.enter_s, SCENE_S
    late_s = MARGIN_S + (0.0 if ahead.on_order else PATROL_S)
    drive = Eta(median_s=drive_s, log_sd=ahead.log_sd)
    return Foretold(
        enters_at=last_at + timedelta(seconds=silence.enter_s),
        back_at=last_at + timedelta(seconds=drive_s + stay_s + RECONNECT_S),
        latest_at=last_at + timedelta(seconds=drive.p90_s + stay_s + RECONNECT_S + late_s),
    )
