"""Names places of this county's map for people. Knows no incident."""

from __future__ import annotations

from geo.describe import Describer
from geo.errors import OffMapError
from geo.projection import require_inside
from geo.roadmap import RoadMap


class PlaceNames:
    """One describer for everybody: its index of the roads is large."""

    def __init__(self, roadmap: RoadMap, describer: Describer) -> None:
        self._bounds, self._describer = roadmap.meta.bounds, describer

    def of(self, lon: float, lat: float) -> str:
        """The nearest place and road; the coordinates where the map has neither."""
        return self._describer.describe(lon, lat) or f"{lat:.5f}, {lon:.5f}"

    def inside(self, lon: float, lat: float) -> str | None:
        """The same; None outside the map."""
        try:
            require_inside(self._bounds, lon, lat)
        except OffMapError:
            return None
        return self.of(lon, lat)
