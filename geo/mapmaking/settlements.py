"""Places of OpenStreetMap: which nodes are towns, villages, stations, and what they are called."""

from __future__ import annotations

from typing import Any

from geo.roadmap import Place

PLACES = {
    "city": "town",
    "town": "town",
    "village": "village",
    "hamlet": "hamlet",
    "isolated_dwelling": "hamlet",
}
LATIN_KEYS = ("name:en", "int_name", "name:zh-Latn-pinyin", "name:zh_pinyin", "name:latin")
NAMELESS_STATION = "Police"
TWIN_DEG = 0.002
"""Stations of one name this near each other are one (about 200 m)."""
POPULATION_MAX = 100_000_000


def without_twins(places: list[Place]) -> list[Place]:
    """Drop a station drawn both as a point and as a building; the one with a name stays."""
    kept = [place for place in places if place.kind != "station"]
    stations = [place for place in places if place.kind == "station"]
    for one in sorted(stations, key=lambda place: (place.name == NAMELESS_STATION, place.name)):
        near = any(
            place.kind == "station"
            and abs(place.lat - one.lat) < TWIN_DEG
            and abs(place.lon - one.lon) < TWIN_DEG
            and (one.name in (place.name, NAMELESS_STATION))
            for place in kept
        )
        if not near:
            kept.append(one)
    return kept


def station(tags: Any, lon: float, lat: float) -> Place:
    """A police station, named or not."""
    name = tags.get("name") or tags.get("operator") or NAMELESS_STATION
    return Place(name=name, kind="station", lon=lon, lat=lat, latin=latin_name(tags, name))


def settlement(tags: Any, lon: float, lat: float) -> Place:
    """A node whose `place` is one of PLACES and that has a name."""
    digits = tags.get("population", "").replace(",", "").replace(" ", "")
    population = min(int(digits), POPULATION_MAX) if digits.isdecimal() else 0
    name = tags["name"]
    return Place(
        name=name,
        kind=PLACES[tags["place"]],
        lon=lon,
        lat=lat,
        population=population,
        latin=latin_name(tags, name),
    )


def latin_name(tags: Any, name: str) -> str:
    """The name in Latin letters where the name itself is in another script."""
    if all(ord(letter) < 0x250 for letter in name):
        return ""
    return next((tags[key] for key in LATIN_KEYS if tags.get(key)), "")
