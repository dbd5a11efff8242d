"""Search for a place: villages in Chinese or Latin letters, streets, road + kilometre, coordinates.

One text box takes them all:
"大理", "dali", "dl", "Escaldes", "G320", "G320 k12.5", "G320 K12+500", "CS-340 km 3", "42.51,1.52".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geo import pinyin
from geo.linear import LinearIndex, point_at
from geo.roadmap import Place, RoadMap

QUERY_CHARS_MAX = 200
LIMIT_MAX = 100

_COORDINATES = re.compile(r"([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?")
_ROAD_KM = re.compile(
    r"(?P<ref>.*?[\w)])"
    r"(?:\s+|\s*(?=k|公里|千米|桩号))"
    r"(?:km|k|公里桩|公里|千米|桩号)?\s*"
    r"(?P<km>\d+(?:\.\d+)?)(?:\+(?P<m>\d{1,3}))?"
    r"\s*(?:km|k|公里|千米)?"
)
_KIND_RANK = {"town": 0, "village": 1, "station": 2, "hamlet": 3, "road": 4, "street": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One answer of a search."""

    kind: str
    """town | village | hamlet | station | road | street | road_km | coordinates"""
    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class _Entry:
    keys: tuple[str, ...]
    """Folded forms of the name."""
    words: tuple[str, ...]
    """Folded words of the name after the first."""
    initials: tuple[str, ...]
    """Of a Chinese name, in pinyin."""
    population: int
    found: Found


def fold(text: str) -> str:
    """Letters and digits alone, without case, accents, width or spaces."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())


class PlaceIndex:
    """All that can be searched on one map, folded once."""

    def __init__(self, roadmap: RoadMap, linear: LinearIndex | None = None) -> None:
        self._bounds = roadmap.meta.bounds
        self._linear = linear or LinearIndex(roadmap)
        self._entries = [
            *(_place_entry(place) for place in roadmap.places),
            *_road_entries(roadmap, self._linear),
            *_street_entries(roadmap),
        ]

    def search(self, text: str, limit: int = 10) -> list[Found]:
        """Best first: coordinates, road + kilometre, then names that are the text, start with it,
        have a word that starts with it, contain it; Chinese ones also in pinyin, and after all
        others those whose initials start with it. Empty when nothing fits.
        """
        text = unicodedata.normalize("NFKC", text[:QUERY_CHARS_MAX]).strip()
        limit = max(0, min(limit, LIMIT_MAX))
        coordinates = self._coordinates(text)
        if coordinates:
            return [coordinates][:limit]
        stone = self._road_km(text)
        return [*([stone] if stone else []), *self._names(fold(text))][:limit]

    def _coordinates(self, text: str) -> Found | None:
        """Latitude, longitude; the other way round where only that lies on the map."""
        match = _COORDINATES.fullmatch(text)
        if not match:
            return None
        lat, lon = float(match[1]), float(match[2])
        if not self._on_map(lon, lat) and self._on_map(lat, lon):
            lat, lon = lon, lat
        if abs(lat) > 90 or abs(lon) > 180:
            return None
        return Found(kind="coordinates", name=f"{lat:.5f}, {lon:.5f}", lon=lon, lat=lat)

    def _on_map(self, lon: float, lat: float) -> bool:
        west, south, east, north = self._bounds
        return west <= lon <= east and south <= lat <= north

    def _road_km(self, text: str) -> Found | None:
        match = _ROAD_KM.fullmatch(text.casefold())
        if not match:
            return None
        km = float(match["km"]) + int(match["m"] or 0) / 1000
        point = self._linear.locate(match["ref"], km)
        if point is None:
            return None
        return Found(
            kind="road_km", name=f"{point.ref} km {point.km:g}", lon=point.lon, lat=point.lat
        )

    def _names(self, key: str) -> list[Found]:
        if not key:
            return []
        ranked = [
            (rank, _KIND_RANK.get(entry.found.kind, 9), -entry.population, entry.found.name, number)
            for number, entry in enumerate(self._entries)
            if (rank := _rank(entry, key)) is not None
        ]
        return [self._entries[number].found for *_, number in sorted(ranked)]


def _rank(entry: _Entry, key: str) -> int | None:
    if key in entry.keys:
        return 0
    if any(one.startswith(key) for one in entry.keys):
        return 1
    if any(word.startswith(key) for word in entry.words):
        return 2
    if any(key in one for one in entry.keys):
        return 3
    if any(one.startswith(key) for one in entry.initials):
        return 4
    return None


def _entry(found: Found, population: int, *names: str) -> _Entry:
    spelt = (each for name in names for each in (fold(name), *pinyin.syllables(name)))
    keys = dict.fromkeys(filter(None, spelt))
    words = [fold(word) for name in names for word in re.split(r"[\s'’\-/]+", name)[1:]]
    initials = tuple(each for name in names for each in pinyin.initials(name))
    return _Entry(tuple(keys), tuple(filter(None, words)), initials, population, found)


def _place_entry(place: Place) -> _Entry:
    found = Found(kind=place.kind, name=place.name, lon=place.lon, lat=place.lat)
    return _entry(found, place.population, place.name, place.latin)


def _road_entries(roadmap: RoadMap, linear: LinearIndex) -> Iterator[_Entry]:
    """Each road number, at the middle of its longest edge."""
    for ref, lon, lat in _at_longest_edge(roadmap, roadmap.edge_ref):
        yield _entry(Found(kind="road", name=linear.known(ref) or ref, lon=lon, lat=lat), 0, ref)


def _street_entries(roadmap: RoadMap) -> Iterator[_Entry]:
    for name, lon, lat in _at_longest_edge(roadmap, roadmap.edge_name):
        yield _entry(Found(kind="street", name=name, lon=lon, lat=lat), 0, name)


def _at_longest_edge(roadmap: RoadMap, column: np.ndarray) -> Iterator[tuple[str, float, float]]:
    edges = np.flatnonzero(column >= 0)
    edges = edges[np.lexsort((-roadmap.edge_length_m[edges], column[edges]))]
    values, first = np.unique(column[edges], return_index=True)
    for value, at in zip(values, first, strict=True):
        lon, lat = point_at(roadmap, int(edges[at]), 0.5)
        yield roadmap.names[int(value)], lon, lat
