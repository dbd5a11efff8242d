"""Travel times as routers of the field reckon them: a speed by class, tagged limit and surface.

No curve, no grade, no turn. For the comparison alone: nothing in the product drives by it. Numbers
are those of OSRM's car profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Surface
from geo.snap import Snap

CLASS_KMH: Final = {
    RoadClass.MOTORWAY: 90,
    RoadClass.TRUNK: 85,
    RoadClass.PRIMARY: 65,
    RoadClass.SECONDARY: 55,
    RoadClass.TERTIARY: 40,
    RoadClass.UNCLASSIFIED: 25,
    RoadClass.RESIDENTIAL: 25,
    RoadClass.LIVING_STREET: 10,
    RoadClass.SERVICE: 15,
    RoadClass.TRACK: 15,
}
"""OSRM's car profile; tracks, which it leaves out, as GraphHopper's grade 2."""
SURFACE_KMH: Final = {
    Surface.PAVING_STONES: 60,
    Surface.COMPACTED: 80,
    Surface.GRAVEL: 40,
    Surface.COBBLESTONE: 30,
    Surface.EARTH: 20,
    Surface.MUD: 10,
}
"""OSRM's car profile."""
LINK_FACTOR: Final = 0.5
MAXSPEED_FACTOR: Final = 0.8
"""OSRM's car profile: ramps go at about half the speed, a tagged limit counts for so much."""


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Ends:
    """(K, 2) junctions at both ends of the places' roads, and seconds to or from each."""

    nodes: NDArray[np.int64]
    offsets_s: Floats


class ClassSpeed:
    """Quickest ways at a speed by class, limit and surface, from the middle of roads."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._roadmap = roadmap
        self.arc_s = class_times_s(roadmap)
        ends = np.stack([roadmap.edge_tail, roadmap.edge_head], axis=1).astype(np.int64)
        self._ends = ends
        tail, head = ends.ravel(), ends[:, ::-1].ravel()
        quickest = np.lexsort((self.arc_s.ravel(), tail, head))
        pairs = np.stack([head[quickest], tail[quickest]])
        alone = np.concatenate([[True], (np.diff(pairs, axis=1) != 0).any(axis=0)])
        kept = quickest[alone][np.isfinite(self.arc_s.ravel()[quickest[alone]])]
        entries = (self.arc_s.ravel()[kept], (head[kept], tail[kept]))
        self._backward = csr_array(entries, shape=(roadmap.node_count, roadmap.node_count))

    def times_s(self, units: Sequence[Snap], scenes: Sequence[Snap]) -> Floats:
        """(U, S) seconds; inf where there is no way."""
        leaving, entering = self._at(units, leaving=True), self._at(scenes, leaving=False)
        found = np.full((len(units), len(scenes)), np.inf)
        for number in range(len(scenes)):
            back = dijkstra(self._backward, indices=entering.nodes[number])
            to_scene = (back + entering.offsets_s[number][:, None]).min(axis=0)
            found[:, number] = (to_scene[leaving.nodes] + leaving.offsets_s).min(axis=1)
        quickest: Floats = np.minimum(found, self._along(units, scenes))
        return quickest

    def _at(self, snaps: Sequence[Snap], *, leaving: bool) -> _Ends:
        edges = np.array([snap.edge for snap in snaps])
        share = np.array([snap.fraction for snap in snaps])
        forward, backward = self.arc_s[edges, 0], self.arc_s[edges, 1]
        to_tail, to_head = (backward, forward) if leaving else (forward, backward)
        with np.errstate(invalid="ignore"):
            offsets = np.stack([to_tail * share, to_head * (1.0 - share)], axis=1)
        offsets[np.isnan(offsets)] = 0.0  # at the very end of a closed direction
        return _Ends(self._ends[edges], offsets)

    def _along(self, units: Sequence[Snap], scenes: Sequence[Snap]) -> Floats:
        """(U, S) seconds along the road that both are on."""
        found = np.full((len(units), len(scenes)), np.inf)
        for i, unit in enumerate(units):
            for j, scene in enumerate(scenes):
                if unit.edge == scene.edge:
                    way = scene.fraction - unit.fraction
                    found[i, j] = abs(way) * self.arc_s[unit.edge, int(way < 0)] if way else 0.0
        return found


def class_times_s(roadmap: RoadMap) -> Floats:
    """(M, 2) seconds along each road, forward and backward; inf where nobody may go."""
    kmh = np.array([CLASS_KMH[RoadClass(number)] for number in roadmap.edge_class], np.float64)
    kmh[(roadmap.edge_flags & int(EdgeFlag.LINK)) != 0] *= LINK_FACTOR
    both = np.stack([kmh, kmh], axis=1)
    limit = np.asarray(roadmap.edge_maxspeed_kmh, dtype=np.float64)
    both = np.where(limit > 0, limit * MAXSPEED_FACTOR, both)
    cap = np.array([SURFACE_KMH.get(Surface(number), 999) for number in roadmap.edge_surface])
    seconds = roadmap.edge_length_m[:, None] * 3.6 / np.minimum(both, cap[:, None])
    for column, flag in enumerate((EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)):
        seconds[(roadmap.edge_flags & int(flag)) != 0, column] = np.inf
    return np.asarray(seconds, dtype=np.float64)
