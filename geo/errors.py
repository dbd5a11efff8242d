"""What can go wrong on the ground.

GeoError
├── MapSourceError       the file to build from is broken, empty, or not what it claims
├── MapFolderError       the map folder is missing, corrupt, or of another format version
├── ConditionError       road conditions written or measured as they cannot be
├── TrackError           fixes that are no track: too few, too many, no positions
├── OffMapError          a position outside the map
├── ExtentError          no road, or no such place, where somebody wants a road changed
├── EngineUnavailable    the routing engine asked for cannot run on this machine
└── NoRouteError         no road leads from here to there; says why
"""

from __future__ import annotations

from typing import Any


class GeoError(Exception):
    """Base of everything `geo` raises on purpose; its text is fit for a person to read."""


class MapSourceError(GeoError):
    """A source file cannot be read as a map or as elevation."""


class MapFolderError(GeoError):
    """A map folder is missing, corrupt, or written by another format version."""


class ConditionError(GeoError):
    """Road conditions that cannot be read or cannot be."""


class TrackError(GeoError):
    """Fixes that cannot be matched as one track; says what is wrong with them."""


class OffMapError(GeoError):
    """A position lies outside the map."""


class NoRouteError(GeoError):
    """No road leads from the one place to the other."""


class ExtentError(GeoError):
    """Picked edges, a road between kilometres or an area that this map cannot take.

    `code` is one of edge_count, no_such_edge, no_such_road, km_outside, bad_polygon, corner_count,
    too_many_edges, no_road_inside.
    """

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail or {}


class EngineUnavailable(GeoError):
    """The routing engine asked for cannot run on this machine; says why."""
