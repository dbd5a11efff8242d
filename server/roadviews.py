"""What people see of the roads: closures, conditions, and what our drives taught of them.

The same rules as in `server.views`, which embeds these in the console's feed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class RoadView(Struct, frozen=True, kw_only=True):
    """Common options of these views."""


class PickView(RoadView, frozen=True):
    """One edge of the map, with an anchor on the ground for a map that numbers it differently."""

    edge: int
    direction: Literal["both", "forward", "backward"] = "both"
    """Along the edge as drawn."""
    lon: float = 0.0
    lat: float = 0.0
    bearing_deg: float = 0.0


class EdgesExtent(RoadView, frozen=True, tag_field="kind", tag="edges"):
    edges: list[PickView]


class RoadExtent(RoadView, frozen=True, tag_field="kind", tag="road"):
    """A numbered road between two kilometres."""

    ref: str
    from_km: float
    to_km: float
    direction: Literal["both", "forward", "backward"] = "both"
    """`forward`: as the kilometres rise."""


class PolygonExtent(RoadView, frozen=True, tag_field="kind", tag="polygon"):
    corners: list[tuple[float, float]]
    """Longitude, latitude, in order; the first is not repeated at the end."""


ExtentView = EdgesExtent | RoadExtent | PolygonExtent
SpellStatus = Literal["scheduled", "preparing", "in_force", "ended"]


class SpellView(RoadView, frozen=True):
    """What a closed road and a condition have in common."""

    id: str
    number: int
    place: str
    reason: str
    set_by: str
    set_at: datetime
    starts_at: datetime
    expires_at: datetime | None
    """None: until somebody ends it."""
    status: SpellStatus
    """`preparing`: set, but travel times for it are still being computed."""
    ended_at: datetime | None
    ended_by: str | None
    """`system`: it ran out."""
    end_reason: str


class RoadStateView(SpellView, frozen=True):
    """A road closed or slowed."""

    state: Literal["closed", "slow"]
    factor: float | None
    """On the travel time, of a slow road."""
    kind: Literal["edges", "road", "polygon"]
    length_km: float | None
    """Of road it lies on; None when it has ended, or this map has lost its roads."""


class ConditionView(SpellView, frozen=True):
    """Weather, fog, ice or night on the roads of an area, or of the whole county."""

    condition: str
    """Canonical: `rain,night,fog=60,ice>1800`."""
    corners: list[tuple[float, float]] | None
    """Of the area; None: the whole county."""


class RoadsView(RoadView, frozen=True):
    """Everything that differs from the map now, and what ended last."""

    version: int
    """Grows with every change."""
    county: str
    """The condition in force outside all areas."""
    states: list[RoadStateView]
    """Running ones in order of number, then some that ended, newest first."""
    conditions: list[ConditionView]


class RoadEdgeView(RoadView, frozen=True):
    """A stretch of road near a place, to pick it."""

    edge: int
    distance_m: float
    name: str
    ref: str
    km: float | None
    road_class: str
    length_m: float
    one_way: bool
    coordinates: list[tuple[float, float]]


class RoadNumberView(RoadView, frozen=True):
    """A numbered road of the map."""

    ref: str
    length_km: float


class SurveyView(RoadView, frozen=True):
    """What an extent would cover."""

    place: str
    edge_count: int
    length_km: float
    lines: list[list[tuple[float, float]]]


class TripSpreadView(RoadView, frozen=True):
    """What journeys differ by, as standard deviations of the logarithm of their time."""

    learned_sd: float
    """On roads that drives told all of that they can."""
    unlearned_sd: float
    """On roads that only the model knows."""
    rough_sd: float
    """On tracks."""
    learned_drives: int
    unlearned_drives: int
    rough_drives: int
    """Drives that each is known from; of none it is the starting value."""


class LearnedVersionView(RoadView, frozen=True):
    """Travel times learned from drives, without the factors themselves."""

    version: int
    created_at: datetime
    created_by: str
    reason: str
    drives: int
    """That it was learned from."""
    arcs: int
    """Roads in one direction that were driven at least once."""
    newest_at: datetime | None
    """End of the newest drive in it."""
    spread: dict[str, TripSpreadView]
    """By mode: routine, urgent."""


class LearningView(RoadView, frozen=True):
    """What there is to learn from, what was learned, and what is in force."""

    drives: int
    """Kept, matched to this map."""
    without_roads: int
    """Of these, those that no road fitted."""
    waiting: int
    """To be matched next; 20 may be more."""
    active: int | None
    """Version in force; None: the model alone."""
    activated_at: datetime | None
    activated_by: str | None
    reason: str | None
    versions: list[LearnedVersionView]
    """Newest first."""


class LearnedWayView(RoadView, frozen=True):
    """What is known of one direction of a road in one mode of driving."""

    mode: Literal["routine", "urgent"]
    direction: Literal["rising", "falling", "forward", "backward"]
    """By the kilometres of a numbered road; else as the edge is drawn."""
    drives: int
    slower_pct: float
    """Against the model; below 0: quicker."""
    low_pct: float
    high_pct: float
    """Nine times in ten it lies between these."""
    kmh: float | None
    """A patrol car on a dry road by what was learned; None: nobody may drive that way."""
    model_kmh: float | None
    """By the model alone: its class, surface, bends and slope."""
    words: dict[str, str]
    """`en`, `zh`."""


class LearnedRoadView(RoadView, frozen=True):
    """What drives taught about a road."""

    road: str
    """Number or name; empty where it has neither."""
    edge: int | None
    version: int | None
    ways: list[LearnedWayView]


class SlowerView(RoadView, frozen=True):
    """How far off the model one direction of a road is."""

    drives: int
    slower_pct: float
    """Below 0: quicker."""
    low_pct: float
    high_pct: float
    """Nine times in ten it lies between these."""


class LearnedLineView(RoadView, frozen=True):
    """One edge of the map that was driven."""

    edge: int
    coordinates: list[tuple[float, float]]
    forward: SlowerView | None
    """Along the coordinates; None: never driven that way."""
    backward: SlowerView | None


class LearnedLinesView(RoadView, frozen=True):
    """What drives taught, to draw."""

    version: int | None
    """In force; None: the model alone."""
    left_out: int
    """Roads, the least driven, for which there was no room."""
    lines: list[LearnedLineView]
    """The most driven first."""
