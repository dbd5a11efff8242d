"""What lies over the map now, as it is kept with recommendations: made once, however many ask."""

from __future__ import annotations

from geo.live import kept
from server.dispatch.premises import sha256
from server.ports import LiveRoads


class RoadsKept:
    """Remembers the roads it was asked for last."""

    def __init__(self) -> None:
        self._last: tuple[LiveRoads, bytes, str] | None = None

    def of(self, roads: LiveRoads) -> tuple[bytes, str]:
        """Their bytes (`geo.live.kept`) and their SHA-256, which is their name."""
        if self._last is None or self._last[0] is not roads:
            changes = () if roads.table is None else roads.table.changes
            packed = kept.pack(roads.weather, changes)
            self._last = roads, packed, sha256(packed)
        return self._last[1:]
