"""A county's force as invented: where its stations are and what its units drive.

For the demo's roster and for the evaluator, so that both speak of the same county.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal

from geo.roadmap import Place, RoadMap

UnitKind = Literal["patrol_car", "off_road", "motorcycle", "foot"]

UNITS_DEFAULT: Final = 26
STATIONS_MAX: Final = 9
FLEET: Final[tuple[tuple[UnitKind, str, int], ...]] = (
    ("patrol_car", "P", 6),
    ("off_road", "X", 3),
    ("motorcycle", "M", 1),
)
"""Kind, letter of its call signs, and its share among ten units."""


def stations(roadmap: RoadMap) -> list[Place]:
    """The map's police stations; where it has none, its largest settlements.

    Raises ValueError for a map without any named place.
    """
    marked = [place for place in roadmap.places if place.kind == "station"]
    settled = sorted(roadmap.places, key=lambda place: (-place.population, place.name))
    names: set[str] = set()
    chosen: list[Place] = []
    for place in marked or settled:
        if place.name not in names and len(chosen) < STATIONS_MAX:
            names.add(place.name)
            chosen.append(place)
    if not chosen:
        raise ValueError("the map has no place with a name, so there is nowhere for a station")
    return chosen


def draw_kind(number: int, rng: Random) -> tuple[UnitKind, str]:
    """What the unit of this number drives, and its call sign."""
    kind, letter = rng.choices(
        [(kind, letter) for kind, letter, _ in FLEET], [share for *_, share in FLEET]
    )[0]
    return kind, f"{letter}-{number:02d}"
