"""What people see of the map's tools: where a unit has been, and how far it is from here to there.

The same rules as in `server.views`.
"""

from __future__ import annotations

from datetime import datetime

from server.playbackviews import TrackView
from server.views import View


class TrailView(View, frozen=True):
    """Where one unit was between two moments, device by device."""

    unit_id: str
    since: datetime
    until: datetime
    stale_s: float
    """Silent for longer, a run ends; heard of later, a fix was never shown as where the unit is."""
    tracks: list[TrackView]


class TravelView(View, frozen=True):
    """The quickest way between two places, as the roads are now."""

    vehicle: str
    mode: str
    condition: str
    """In force outside all areas."""
    duration_s: float
    """Median: by road, then on foot."""
    p90_s: float
    """Nine times in ten sooner."""
    road_m: float
    start_m: float
    """From the first place to the road where the way begins; no time is counted for it."""
    walk_m: float
    walk_s: float
    """From the road to the second place; part of the duration."""
    coordinates: list[tuple[float, float]]
    """Of the way by road."""
