"""Which roads a dispatcher means: picked edges, a road between two kilometres, an area.

Turns each into edges of one map, with the share of every edge that lies inside and the directions
that are meant. Picked edges carry an anchor on the ground, so that they are found again on a map
that was built anew and numbers its edges differently.
Knows no travel time, and not why somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import ExtentError, OffMapError
from geo.linear import LinearIndex, Stretch, point_at
from geo.projection import projection, require_inside
from geo.roadmap import EdgeFlag, RoadClass, RoadMap

PICKS_MAX: Final = 200
"""Edges picked one by one for one entry."""
CORNERS_MAX: Final = 200
"""Corners of one polygon."""
EDGES_MAX: Final = 20_000
"""Edges one extent may cover; more is a county, not a road or a slope."""
NEAR_MAX: Final = 12
"""Edges offered under one click."""
NEAR_M_MAX: Final = 2_000.0
"""Farthest that a click may lie from a road."""
POINT_KM: Final = 0.005
"""A single kilometre stone stands for this much road on either side of it."""
TOUCH_M: Final = 1.0
"""Less of an edge inside an area than this is a touch, not a stretch."""
REATTACH_M: Final = 20.0
"""An anchor's road may have been drawn anew by this much."""
REATTACH_DEG: Final = 45.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LonLat: TypeAlias = tuple[float, float]


class Direction(StrEnum):
    """Along an edge as drawn (tail to head), or along a road as its kilometres rise."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One edge somebody pointed at."""

    edge: int
    direction: Direction = Direction.BOTH
    lon: float = 0.0
    lat: float = 0.0
    """The middle of the edge: its anchor on another map."""
    bearing_deg: float = 0.0
    """Of the edge at its middle, tail to head, clockwise from north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    edges: tuple[Pick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadSpan:
    """A numbered road from one kilometre to another (`geo.linear`)."""

    ref: str
    from_km: float
    to_km: float
    direction: Direction = Direction.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Everything inside a polygon: its corners in order, degrees, not closed by hand."""

    corners: tuple[LonLat, ...]


Where: TypeAlias = Picks | RoadSpan | Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The arcs an extent covers: arc 2e tail to head of edge e, 2e + 1 back. Each arc once."""

    arcs: Ints
    share: Floats
    """(len(arcs),) part of the arc's length inside, above 0 up to 1."""

    @property
    def edges(self) -> Ints:
        return np.unique(self.arcs >> 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearEdge:
    """An edge near a place, as a person can tell it from others."""

    edge: int
    distance_m: float
    name: str
    ref: str
    km: float | None
    """Of the point nearest to the place, where the road has a number."""
    road_class: RoadClass
    length_m: float
    one_way: bool
    lonlat: Floats


class ExtentIndex:
    """Finds edges of one map; not thread-safe on first use of a road number."""

    def __init__(self, roadmap: RoadMap, linear: LinearIndex | None = None) -> None:
        self.roadmap = roadmap
        self.linear = linear or LinearIndex(roadmap)
        self._first = np.asarray(roadmap.edge_first_point)
        self._points = np.asarray(roadmap.point_lonlat)
        self._low = np.minimum.reduceat(self._points, self._first[:-1])
        self._high = np.maximum.reduceat(self._points, self._first[:-1])

    def cover(self, where: Where) -> Coverage:
        """The arcs meant. Raises `ExtentError`, whose code says what is wrong with it."""
        match where:
            case Picks():
                return self._picked(where.edges)
            case RoadSpan():
                return self._span(where)
            case Zone():
                edges, share = self.inside(where)
                sides = np.full(len(edges), Direction.BOTH, dtype=object)
                return _coverage(_bounded(edges), share, sides)

    def inside(self, zone: Zone) -> tuple[Ints, Floats]:
        """Edges with more than a touch inside, and the share of each inside: above 0 up to 1.

        Raises `ExtentError` (`bad_polygon`, `corner_count`).
        """
        polygon = self.polygon_m(zone)
        ring = np.array(zone.corners)
        edges = self._within(*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist())
        lines = self.lines_m(edges)
        shapely.prepare(polygon)
        hit = shapely.intersects(polygon, lines)
        edges, lines = edges[hit], lines[hit]
        length_m = shapely.length(lines)
        within_m = shapely.length(shapely.intersection(lines, polygon))
        real = (within_m > TOUCH_M) | (within_m > 0.5 * length_m)
        share = within_m[real] / np.maximum(length_m[real], 1e-9)
        return edges[real], share.clip(1e-6, 1.0)

    def near(self, lon: float, lat: float, within_m: float) -> list[NearEdge]:
        """Edges within so many metres of a place, nearest first, at most NEAR_MAX.

        Raises `OffMapError`.
        """
        require_inside(self.roadmap.meta.bounds, lon, lat)
        within_m = min(within_m, NEAR_M_MAX)
        reach_lat = within_m / 111_000.0
        reach_lon = reach_lat / max(np.cos(np.radians(lat)), 0.01)
        edges = self._within(lon - reach_lon, lat - reach_lat, lon + reach_lon, lat + reach_lat)
        point = shapely.Point(projection(self.roadmap.meta.crs).point_to_metres(lon, lat))
        lines = self.lines_m(edges)
        away_m = shapely.distance(lines, point)
        rows = [row for row in np.argsort(away_m, kind="stable") if away_m[row] <= within_m]
        return [
            self._near(
                int(edges[row]),
                float(away_m[row]),
                float(shapely.line_locate_point(lines[row], point, normalized=True)),
            )
            for row in rows[:NEAR_MAX]
        ]

    def anchored(self, pick: Pick) -> Pick:
        """The pick with its anchor on the ground. Raises `ExtentError` (`no_such_edge`)."""
        self._require_edge(pick.edge)
        lon, lat = point_at(self.roadmap, pick.edge, 0.5)
        return replace(pick, lon=lon, lat=lat, bearing_deg=self._bearing_deg(pick.edge))

    def reattached(self, picks: Picks) -> Picks:
        """The same roads on this map, found by their anchors; those that are gone are left out."""
        found = (self._reattach(each) for each in picks.edges)
        return Picks(edges=tuple(each for each in found if each is not None))

    def _picked(self, picks: Sequence[Pick]) -> Coverage:
        if not 1 <= len(picks) <= PICKS_MAX:
            raise ExtentError("edge_count", f"Pick 1 to {PICKS_MAX} stretches of road.")
        for each in picks:
            self._require_edge(each.edge)
        edges = np.array([each.edge for each in picks], dtype=np.int64)
        return _coverage(
            edges,
            np.ones(len(edges)),
            np.array([each.direction for each in picks], dtype=object),
        )

    def stretch(self, span: RoadSpan) -> Stretch:
        """The edges of a road between two kilometres. Raises `ExtentError`."""
        length_km = self.linear.length_km(span.ref)
        if length_km is None:
            raise ExtentError(
                "no_such_road",
                f"This map has no road with the number {span.ref!r}.",
                {"ref": span.ref},
            )
        low, high = sorted((span.from_km, span.to_km))
        if low < 0 or high > length_km + POINT_KM or not np.isfinite(high - low):
            ref = self.linear.known(span.ref) or span.ref
            raise ExtentError(
                "km_outside",
                f"{ref} runs from kilometre 0 to {length_km:.1f}.",
                {"ref": ref, "length_km": round(length_km, 3)},
            )
        slack_km = POINT_KM if low == high else 0.0
        found = self.linear.between(span.ref, low - slack_km, high + slack_km)
        assert found is not None
        return found

    def _span(self, span: RoadSpan) -> Coverage:
        found = self.stretch(span)
        sides = np.where(found.rising, span.direction, _SWAPPED[span.direction]).astype(object)
        return _coverage(_bounded(found.edges), found.share, sides)

    def polygon_m(self, zone: Zone) -> shapely.Polygon:
        """In projected metres. Raises `ExtentError` (`bad_polygon`, `corner_count`)."""
        if len(zone.corners) > CORNERS_MAX:
            raise ExtentError("corner_count", f"A polygon has at most {CORNERS_MAX} corners.")
        ring = np.asarray(zone.corners, dtype=np.float64)
        if ring.ndim != 2 or len(np.unique(ring, axis=0)) < 3 or not np.isfinite(ring).all():
            raise ExtentError("bad_polygon", "A polygon needs at least three different corners.")
        for lon, lat in zone.corners:
            if abs(lon) > 180 or abs(lat) > 90:
                raise ExtentError("bad_polygon", f"{lon}, {lat} is not a position.")
        polygon = shapely.Polygon(projection(self.roadmap.meta.crs).to_metres(ring))
        if not polygon.is_valid:
            why = shapely.is_valid_reason(polygon).split("[")[0]
            raise ExtentError("bad_polygon", f"The polygon's edges cross each other ({why}).")
        return polygon

    def _within(self, west: float, south: float, east: float, north: float) -> Ints:
        """Edges whose boxes touch a box of degrees."""
        low, high = self._low, self._high
        touch = (low[:, 0] <= east) & (high[:, 0] >= west)
        touch &= (low[:, 1] <= north) & (high[:, 1] >= south)
        return np.flatnonzero(touch)

    def lines_m(self, edges: Ints) -> NDArray[np.object_]:
        """Shapes in projected metres."""
        counts = np.diff(self._first)[edges]
        rows = np.repeat(np.arange(len(edges)), counts)
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        points = self._points[self._first[edges][rows] + nth]
        metres = projection(self.roadmap.meta.crs).to_metres(points)
        return np.asarray(shapely.linestrings(metres, indices=rows), dtype=object)

    def _near(self, edge: int, away_m: float, fraction: float) -> NearEdge:
        roadmap = self.roadmap
        stone = self.linear.kilometre(edge, fraction)
        name, flags = int(roadmap.edge_name[edge]), int(roadmap.edge_flags[edge])
        closed = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
        return NearEdge(
            edge=edge,
            distance_m=away_m,
            name=roadmap.names[name] if name >= 0 else "",
            ref=stone[0] if stone else "",
            km=stone[1] if stone else None,
            road_class=RoadClass(int(roadmap.edge_class[edge])),
            length_m=float(roadmap.edge_length_m[edge]),
            one_way=flags & closed in (EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD),
            lonlat=np.asarray(roadmap.shape(edge)),
        )

    def _require_edge(self, edge: int) -> None:
        if not 0 <= edge < self.roadmap.edge_count:
            raise ExtentError("no_such_edge", f"This map has no edge {edge}.", {"edge": edge})

    def _bearing_deg(self, edge: int) -> float:
        (x0, y0), (x1, y1) = (point_at(self.roadmap, edge, share) for share in (0.45, 0.55))
        east = (x1 - x0) * np.cos(np.radians(y0))
        return float(np.degrees(np.arctan2(east, y1 - y0)) % 360.0)

    def _reattach(self, pick: Pick) -> Pick | None:
        try:
            offered = self.near(pick.lon, pick.lat, REATTACH_M)
        except OffMapError:
            return None
        for each in offered:
            turn = abs((self._bearing_deg(each.edge) - pick.bearing_deg + 180.0) % 360.0 - 180.0)
            if turn <= REATTACH_DEG:
                return replace(pick, edge=each.edge)
            if turn >= 180.0 - REATTACH_DEG:
                return replace(pick, edge=each.edge, direction=_SWAPPED[pick.direction])
        return None


def _bounded(edges: Ints) -> Ints:
    """Raises `ExtentError` (`no_road_inside`, `too_many_edges`)."""
    if len(edges) == 0:
        raise ExtentError("no_road_inside", "No road of this map lies inside.")
    if len(edges) > EDGES_MAX:
        raise ExtentError(
            "too_many_edges",
            f"This covers {len(edges)} stretches of road; at most {EDGES_MAX} are possible. "
            "Draw a smaller area, or several.",
            {"edges": len(edges), "edges_max": EDGES_MAX},
        )
    return edges


_SWAPPED: Final = {
    Direction.BOTH: Direction.BOTH,
    Direction.FORWARD: Direction.BACKWARD,
    Direction.BACKWARD: Direction.FORWARD,
}


def _coverage(edges: Ints, share: Floats, sides: NDArray[np.object_]) -> Coverage:
    """Arcs in the directions meant; an edge named twice counts once, with its larger share."""
    forward, backward = sides != Direction.BACKWARD, sides != Direction.FORWARD
    arcs = np.concatenate((2 * edges[forward], 2 * edges[backward] + 1))
    shares = np.concatenate((share[forward], share[backward]))
    once, where = np.unique(arcs, return_inverse=True)
    most = np.zeros(len(once))
    np.maximum.at(most, where, shares)
    return Coverage(arcs=once.astype(np.int64), share=most)
