"""The kinds of road: how each is tagged, how it may turn, what its builder pays for.

Widths are those of China's design classes (JTG B01-2014): second class 8.5 m of road bed, third
7.5 m, fourth 6.5 m with two lanes and 4.5 m with one; narrower what no standard was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from geo.synth.curves import Curvature
from geo.synth.pathgrid import RoadCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of road; `surfaces` are (OpenStreetMap value, share)."""

    highway: str
    surfaces: tuple[tuple[str, float], ...]
    curvature: Curvature
    lanes: int = 0
    maxspeed_kmh: int = 0
    maxspeed_share: float = 0.0
    """Share of roads of this kind whose limit is tagged."""
    smoothness: dict[str, str] = field(default_factory=dict)
    """By surface."""
    more: dict[str, str] = field(default_factory=dict)

    def tags(self, rng: np.random.Generator, **extra: str) -> dict[str, str]:
        """OpenStreetMap tags of one road of this kind."""
        tags = {"highway": self.highway, **self.more, **{k: v for k, v in extra.items() if v}}
        surface = self._surface(float(rng.random()))
        if surface:
            tags["surface"] = surface
        if surface in self.smoothness:
            tags["smoothness"] = self.smoothness[surface]
        if self.lanes:
            tags["lanes"] = str(self.lanes)
        if rng.random() < self.maxspeed_share:
            tags["maxspeed"] = str(self.maxspeed_kmh)
        return tags

    def _surface(self, draw: float) -> str:
        for name, share in self.surfaces:
            draw -= share
            if draw < 0:
                return name
        return self.surfaces[-1][0]


TRUNK = Kind(
    highway="trunk",
    surfaces=(("asphalt", 1.0),),
    curvature=Curvature(radius_m=320, hairpin_m=30, step_m=55, ease=4),
    lanes=2,
    maxspeed_kmh=60,
    maxspeed_share=0.6,
    more={"width": "8.5", "lane_markings": "yes"},
)
PROVINCIAL = Kind(
    highway="secondary",
    surfaces=(("asphalt", 1.0),),
    curvature=Curvature(radius_m=160, hairpin_m=19, step_m=52, ease=2),
    lanes=2,
    maxspeed_kmh=40,
    maxspeed_share=0.3,
    more={"width": "7", "lane_markings": "yes"},
)
COUNTY = Kind(
    highway="tertiary",
    surfaces=(("asphalt", 0.6), ("concrete", 0.3), ("", 0.1)),
    curvature=Curvature(radius_m=95, hairpin_m=15, step_m=50, ease=1),
    lanes=2,
    maxspeed_kmh=40,
    maxspeed_share=0.15,
    more={"width": "6", "lane_markings": "yes"},
)
TOWNSHIP = Kind(
    highway="unclassified",
    surfaces=(("concrete", 0.75), ("asphalt", 0.1), ("", 0.15)),
    curvature=Curvature(radius_m=60, hairpin_m=13, step_m=50, ease=1),
    lanes=1,
    maxspeed_kmh=30,
    maxspeed_share=0.08,
    more={"width": "4.5", "lane_markings": "no"},
)
LANE = Kind(
    highway="unclassified",
    surfaces=(("concrete", 0.35), ("gravel", 0.3), ("compacted", 0.15), ("", 0.2)),
    curvature=Curvature(radius_m=40, hairpin_m=11, step_m=48, ease=1),
    lanes=1,
    smoothness={"gravel": "bad", "compacted": "intermediate"},
    more={"width": "3.5", "lane_markings": "no"},
)
TRACK = Kind(
    highway="track",
    surfaces=(("gravel", 0.35), ("earth", 0.4), ("", 0.25)),
    curvature=Curvature(radius_m=32, hairpin_m=10, step_m=48),
    smoothness={"gravel": "bad", "earth": "very_bad"},
    more={"tracktype": "grade3", "width": "3"},
)
STREET = Kind(
    highway="residential",
    surfaces=(("asphalt", 0.5), ("concrete", 0.4), ("", 0.1)),
    curvature=Curvature(radius_m=20, hairpin_m=8, step_m=60),
    more={"width": "6", "lit": "yes"},
)
ALLEY = Kind(
    highway="residential",
    surfaces=(("concrete", 0.7), ("", 0.3)),
    curvature=Curvature(radius_m=12, hairpin_m=8, step_m=60),
    more={"width": "4", "lit": "yes"},
)
YARD = Kind(
    highway="service",
    surfaces=(("concrete", 0.5), ("gravel", 0.2), ("", 0.3)),
    curvature=Curvature(radius_m=10, hairpin_m=8, step_m=60),
    more={"width": "3.5", "lit": "no"},
)

TRUNK_COST = RoadCost(grade_easy=0.045, grade_max=0.065, water_m=320, move_m=35)
COUNTY_COST = RoadCost(grade_easy=0.07, grade_max=0.090, water_m=260, move_m=30)
LANE_COST = RoadCost(grade_easy=0.075, grade_max=0.10, water_m=160, move_m=20)
TRACK_COST = RoadCost(grade_easy=0.10, grade_max=0.125, water_m=80, move_m=12)
