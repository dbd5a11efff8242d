"""Dead zones as people see them: GeoJSON for the map, versions, and what a unit's silence means.

The TypeScript types in web/src/console/zones mirror these. Pure.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from server.views import View


class DoorView(View, frozen=True):
    """Where a road leads out of a zone."""

    lon: float
    lat: float
    place: dict[str, str]
    """By language, `en` and `zh`."""


class ZoneGeometry(View, frozen=True, tag_field="type", tag="MultiLineString"):
    coordinates: list[list[tuple[float, float]]]


class ZoneProperties(View, frozen=True):
    place: dict[str, str]
    standing: Literal["learned", "confirmed", "dismissed"]
    """`dismissed`: a person says that there is radio; not in force."""
    length_km: float
    passages: int
    """Drives over the stretch of it that was driven most, of which it is known."""
    silences: int
    """Of these, without radio."""
    doors: list[DoorView]


class ZoneFeature(View, frozen=True, tag_field="type", tag="Feature"):
    id: int
    """Names the zone as long as its roads are the same."""
    geometry: ZoneGeometry
    properties: ZoneProperties


class DeadZonesView(View, frozen=True, tag_field="type", tag="FeatureCollection"):
    """Every dead zone of the map."""

    version: int | None
    """None: nothing learned is in force."""
    features: list[ZoneFeature]


class ZoneVersionView(View, frozen=True):
    version: int
    created_at: datetime
    created_by: str
    reason: str
    drives: int
    """That said anything of radio."""
    pieces: int
    """Stretches of road without it."""


class LearnedZonesView(View, frozen=True):
    """Versions of dead zones, and which is in force."""

    active: int | None
    activated_at: datetime | None
    activated_by: str | None
    reason: str | None
    versions: list[ZoneVersionView]
    """Newest first."""
