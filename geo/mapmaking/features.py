"""What is drawn beside the roads, to and from files: names, places, areas, waterways.

Lines and rings are end to end in one array, with the counts to cut them apart again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roadmap import Area, Place, RoadMap, Waterway

NAMES_FILE = "names.json"
PLACES_FILE = "places.json"
AREAS_FILE = "areas.json"
RINGS_FILE = "area_rings.npy"
WATERWAYS_FILE = "waterways.json"
LINES_FILE = "waterway_lines.npy"
FILES = (NAMES_FILE, PLACES_FILE, AREAS_FILE, RINGS_FILE, WATERWAYS_FILE, LINES_FILE)

Floats = NDArray[np.float64]


def write(roadmap: RoadMap, folder: Path) -> None:
    """Write the files of `FILES`."""
    _dump(folder / NAMES_FILE, roadmap.names)
    _dump(folder / PLACES_FILE, [asdict(place) for place in roadmap.places])
    areas = [
        {"kind": area.kind, "points": [len(ring) for ring in area.rings]} for area in roadmap.areas
    ]
    _dump(folder / AREAS_FILE, areas)
    np.save(folder / RINGS_FILE, _joined(ring for area in roadmap.areas for ring in area.rings))
    lines = [
        {"kind": line.kind, "name": line.name, "points": len(line.lonlat)}
        for line in roadmap.waterways
    ]
    _dump(folder / WATERWAYS_FILE, lines)
    np.save(folder / LINES_FILE, _joined(line.lonlat for line in roadmap.waterways))


def read(folder: Path) -> dict[str, Any]:
    """The fields names, places, areas, waterways of a RoadMap; ValueError and kin when unfit."""
    areas = _load(folder / AREAS_FILE)
    lines = _load(folder / WATERWAYS_FILE)
    rings = iter(_parted(folder / RINGS_FILE, [n for area in areas for n in area["points"]]))
    shapes = _parted(folder / LINES_FILE, [line["points"] for line in lines])
    return {
        "names": tuple(str(name) for name in _load(folder / NAMES_FILE)),
        "places": tuple(Place(**place) for place in _load(folder / PLACES_FILE)),
        "areas": tuple(
            Area(kind=area["kind"], rings=tuple(next(rings) for _ in area["points"]))
            for area in areas
        ),
        "waterways": tuple(
            Waterway(kind=line["kind"], name=line["name"], lonlat=shape)
            for line, shape in zip(lines, shapes, strict=True)
        ),
    }


def _joined(shapes: Iterable[Floats]) -> Floats:
    parts = [np.asarray(shape, np.float64) for shape in shapes]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def _parted(path: Path, counts: list[int]) -> list[Floats]:
    joined = np.load(path, allow_pickle=False)
    if joined.ndim != 2 or joined.shape[1] != 2 or len(joined) != sum(counts):
        raise ValueError(f"{path.name} does not hold the points counted")
    return np.split(joined, np.cumsum(counts)[:-1]) if counts else []


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _load(path: Path) -> Any:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, list):
        raise ValueError(f"{path.name} is no list")
    return value
