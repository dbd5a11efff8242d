"""The road map as flat arrays: what every other part of `geo` reads.

A `SourceMap` is what an importer (OpenStreetMap, the synthetic county) hands to
`geo.mapmaking.build`; a `RoadMap` is what the build makes of it and `geo.mapfolder` saves and
loads. Knows no file format and no travel time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION: Final = 2
"""Of a map and its folder; rises when what is in them does not mean the same any more."""


class RoadClass(IntEnum):
    """Class of a road, after OpenStreetMap's `highway`; links count as their parent class."""

    MOTORWAY = 0
    TRUNK = 1
    PRIMARY = 2
    SECONDARY = 3
    TERTIARY = 4
    UNCLASSIFIED = 5
    RESIDENTIAL = 6
    LIVING_STREET = 7
    SERVICE = 8
    TRACK = 9


class Surface(IntEnum):
    """Surface of a road, after OpenStreetMap's `surface`, grouped by the speed it allows."""

    UNKNOWN = 0
    PAVED = 1
    PAVING_STONES = 2
    COMPACTED = 3
    GRAVEL = 4
    COBBLESTONE = 5
    EARTH = 6
    MUD = 7


class Smoothness(IntEnum):
    """How even a road is, after OpenStreetMap's `smoothness`, best first."""

    UNKNOWN = 0
    EXCELLENT = 1
    GOOD = 2
    INTERMEDIATE = 3
    BAD = 4
    VERY_BAD = 5
    HORRIBLE = 6
    VERY_HORRIBLE = 7
    IMPASSABLE = 8


class Barrier(IntEnum):
    """What stands across a road at a node, after OpenStreetMap's `barrier`, by who gets past."""

    NONE = 0
    GATE = 1
    """Opens for whoever may pass: gate, lift gate, chain."""
    POSTS = 2
    """Lets nothing wider than a motorcycle through: bollards, a block."""
    HEAP = 3
    """Nothing drives over it: jersey barriers, logs, debris."""


BARRIER_CLASS_MIN: Final = RoadClass.UNCLASSIFIED
"""From this class down a barrier is believed: on a main road it is a mistake, or stands open."""


class EdgeFlag(IntFlag):
    """Facts of an edge, one bit each (uint16)."""

    NONE = 0
    CLOSED_FORWARD = 1
    """No motor vehicle may go tail → head (one-way, access)."""
    CLOSED_BACKWARD = 2
    BRIDGE = 4
    TUNNEL = 8
    ROUNDABOUT = 16
    FERRY = 32
    PRIVATE = 64
    LINK = 128
    """A ramp or slip road."""
    LIT = 256
    """Street lamps are tagged; UNLIT: tagged that there are none; neither: untagged."""
    UNLIT = 512
    MARKED = 1024
    """Lane markings are tagged; UNMARKED: tagged that there are none; neither: untagged."""
    UNMARKED = 2048
    SEASONAL = 4096
    """Closed for a part of the year, as a rule for the winter. Open unless somebody closes it."""
    ONE_WAY = 8192
    """Closed one way by a sign alone, and not on a motorway or a roundabout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWay:
    """One road as drawn. `node_ids` decide what is joined: ways meet where they share an id."""

    way_id: int
    node_ids: NDArray[np.int64]
    lonlat: NDArray[np.float64]
    """(k, 2) degrees."""
    tags: dict[str, str]
    """OpenStreetMap tags: highway, surface, maxspeed, oneway, bridge, tunnel, name, ref, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A turn at a node that signs forbid, or the only one they allow."""

    from_way: int
    via_node: int
    to_way: int
    only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A town, village or station with a name."""

    name: str
    kind: str
    """town | village | hamlet | station"""
    lon: float
    lat: float
    population: int = 0
    latin: str = ""
    """Name in Latin letters where the main name is not (pinyin), for search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Land cover or water drawn under the roads."""

    kind: str
    """water | forest | farmland | residential | rock"""
    rings: tuple[NDArray[np.float64], ...]
    """Outer ring first, then holes; each (k, 2) degrees, closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterway:
    """A river or stream drawn as a line."""

    kind: str
    name: str
    lonlat: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """North-up grid of heights in metres, NaN where unknown; cell centres `step` degrees apart."""

    west: float
    """Longitude of the centre of column 0."""
    north: float
    """Latitude of the centre of row 0."""
    step_lon: float
    step_lat: float
    height_m: NDArray[np.float32]
    """(rows, columns)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """Everything an importer found."""

    name: str
    source: str
    licence: str
    attribution: str
    synthetic: bool
    bounds: tuple[float, float, float, float]
    """West, south, east, north, degrees."""
    ways: list[SourceWay]
    places: list[Place]
    areas: list[Area] = field(default_factory=list)
    waterways: list[Waterway] = field(default_factory=list)
    elevation: Elevation | None = None
    barriers: dict[int, Barrier] = field(default_factory=dict)
    """By node id."""
    restrictions: list[Restriction] = field(default_factory=list)
    restrictions_unread: int = 0
    """Turn restrictions by the hour, for some vehicles, or over several roads: left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMeta:
    """Who made this map of what."""

    format_version: int
    map_id: str
    """Hash of the graph: two maps with the same id route the same."""
    name: str
    source: str
    licence: str
    attribution: str
    synthetic: bool
    bounds: tuple[float, float, float, float]
    """West, south, east, north, degrees."""
    crs: str
    """Metric projection of this map, e.g. EPSG:32631."""
    built_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadMap:
    """The road graph: N nodes (junctions, dead ends, barriers), M edges between them, P points.

    Edge `e` runs from `edge_tail[e]` to `edge_head[e]`. It carries two arcs: arc 2e forward,
    arc 2e+1 backward, so one topology serves every metric (forbidden = closed). Its shape is
    `point_*[edge_first_point[e]:edge_first_point[e + 1]]`, both end nodes included.
    Nodes are numbered along a space-filling curve.
    """

    meta: MapMeta
    node_lonlat: NDArray[np.float64]
    """(N, 2) degrees."""
    node_barrier: NDArray[np.uint8]
    """(N,) Barrier, in the way of roads from BARRIER_CLASS_MIN down."""
    ban_leave: NDArray[np.int32]
    """(B,) forbidden turns: the arc left …"""
    ban_enter: NDArray[np.int32]
    """(B,) … and the arc entered."""
    edge_order: NDArray[np.uint32]
    """(M,) elimination order of the edges for contraction hierarchies; a permutation."""
    edge_tail: NDArray[np.int32]
    edge_head: NDArray[np.int32]
    edge_first_point: NDArray[np.int64]
    """(M + 1,)"""
    edge_length_m: NDArray[np.float32]
    edge_class: NDArray[np.uint8]
    """RoadClass"""
    edge_surface: NDArray[np.uint8]
    """Surface"""
    edge_flags: NDArray[np.uint16]
    """EdgeFlag"""
    edge_maxspeed_kmh: NDArray[np.uint8]
    """(M, 2) tagged limit forward, backward; 0 where untagged."""
    edge_lanes: NDArray[np.uint8]
    """0 where untagged."""
    edge_smoothness: NDArray[np.uint8]
    """Smoothness"""
    edge_width_dm: NDArray[np.uint8]
    """Carriageway in tenths of a metre; 0 where untagged."""
    edge_crossing_s: NDArray[np.float32]
    """Seconds a ferry takes over the edge, by its timetable; 0 where untagged."""
    edge_way_id: NDArray[np.int64]
    edge_name: NDArray[np.int32]
    """Index into `names`; -1 none."""
    edge_ref: NDArray[np.int32]
    """Road number, index into `names`; -1 none."""
    point_lonlat: NDArray[np.float64]
    """(P, 2) degrees."""
    point_ele_m: NDArray[np.float32]
    """(P,) smoothed height along the way; NaN without elevation data."""
    names: tuple[str, ...]
    places: tuple[Place, ...]
    areas: tuple[Area, ...]
    waterways: tuple[Waterway, ...]
    elevation: Elevation | None

    @property
    def node_count(self) -> int:
        return len(self.node_lonlat)

    @property
    def edge_count(self) -> int:
        return len(self.edge_tail)

    def seasonal_arcs(self) -> NDArray[np.int64]:
        """The arcs of roads that are closed for a part of the year: a set to close in winter."""
        edges = np.flatnonzero(self.edge_flags & int(EdgeFlag.SEASONAL))
        return np.column_stack((2 * edges, 2 * edges + 1)).ravel()

    def shape(self, edge: int) -> NDArray[np.float64]:
        """Points of one edge, (k, 2) degrees, tail to head."""
        return self.point_lonlat[self.edge_first_point[edge] : self.edge_first_point[edge + 1]]
