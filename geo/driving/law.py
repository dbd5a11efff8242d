"""Speed limits of law in routine driving; urgent duty is exempt where safe (art. 53 of the Law).

Implementing Regulations of the Road Traffic Safety Law of China, in force since 2004:
art. 45, without signs: 40 km/h on roads without centre line, 70 with one lane each way;
art. 46: 30 km/h on sharp bends and narrow bridges, down steep slopes, on ice and mud, and where
one sees less than 50 m (`geo.driving.weather` keeps that one in every mode). Sharp bends need no
rule of their own: under 30 m of radius the car's own limit is lower.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.desired import effective_surface, single_track
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Surface

UNMARKED_KMH: Final = 40.0
ONE_LANE_KMH: Final = 70.0
CAREFUL_KMH: Final = 30.0

MARKED_CLASSES: Final = (
    RoadClass.MOTORWAY,
    RoadClass.TRUNK,
    RoadClass.PRIMARY,
    RoadClass.SECONDARY,
    RoadClass.TERTIARY,
)
"""Taken to have a centre line where markings are untagged. Starting value."""

STEEP_PCT: Final = (8.0, 12.0)
"""%. The law names no figure. No limit up to the first, CAREFUL_KMH from the second, evenly
between: heights are too coarse for a sharp line. Starting values."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def limit_kmh(roadmap: RoadMap, *, backward: bool) -> Floats:
    """(M,) limit of each edge, by sign or by law."""
    signed = roadmap.edge_maxspeed_kmh[:, int(backward)].astype(np.float64)
    limit = np.where(signed > 0.0, signed, _unsigned_kmh(roadmap))
    bridge = (roadmap.edge_flags & int(EdgeFlag.BRIDGE)) != 0
    careful = (bridge & single_track(roadmap)) | (effective_surface(roadmap) == Surface.MUD)
    return np.where(careful, np.minimum(limit, CAREFUL_KMH), limit)


def place_limit_kmh(grade_pct: Floats, icy: Bools) -> Floats:
    """(K,) limit of single places: down steep slopes and on ice; inf elsewhere."""
    share = ((-grade_pct - STEEP_PCT[0]) / (STEEP_PCT[1] - STEEP_PCT[0])).clip(0.0, 1.0)
    steep = np.where(share > 0.0, ONE_LANE_KMH + share * (CAREFUL_KMH - ONE_LANE_KMH), np.inf)
    return np.where(icy, np.minimum(steep, CAREFUL_KMH), steep)


def _unsigned_kmh(roadmap: RoadMap) -> Floats:
    flags = roadmap.edge_flags
    marked = np.isin(roadmap.edge_class, MARKED_CLASSES) & ((flags & int(EdgeFlag.UNMARKED)) == 0)
    marked |= (flags & int(EdgeFlag.MARKED)) != 0
    marked &= ~single_track(roadmap)
    shut = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
    one_way = (flags & shut) != 0
    lanes_each_way = roadmap.edge_lanes / np.where(one_way, 1.0, 2.0)
    wide = (roadmap.edge_class == RoadClass.MOTORWAY) | (lanes_each_way >= 2.0)
    return np.where(wide, np.inf, np.where(marked, ONE_LANE_KMH, UNMARKED_KMH))
