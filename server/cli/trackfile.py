"""Tracks from files: CSV with a header, or GeoJSON.

CSV: columns `time`, `lon`, `lat` and, if known, `accuracy_m`; others are ignored. GeoJSON: a
FeatureCollection of Points with `time` (and `accuracy_m`) in their properties, or a Feature with a
LineString whose properties hold as many `coordTimes`, as GPX converters write them. A time is
ISO 8601 with its zone, or seconds since 1970. Raises TrackError that names the file and the fix.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from geo.errors import TrackError
from geo.learning.track import FIXES_MAX, Track

BYTES_MAX: Final = 16 << 20
SUFFIXES: Final = (".csv", ".geojson", ".json")

Fix = tuple[float, float, float, float]
"""Seconds, longitude, latitude, accuracy (NaN: unknown)."""


class Geometry(msgspec.Struct):
    type: str
    coordinates: list[Any]


class Feature(msgspec.Struct, tag="Feature"):
    geometry: Geometry
    properties: dict[str, Any] | None = None


class Collection(msgspec.Struct, tag="FeatureCollection"):
    features: list[Feature]


def read_track(file: Path) -> Track:
    """The track of one file."""
    try:
        if file.stat().st_size > BYTES_MAX:
            raise TrackError(f"it is larger than {BYTES_MAX >> 20} MB")
        found = list(_of_csv(file) if file.suffix.lower() == ".csv" else _of_geojson(file))
        columns = np.array(found, dtype=np.float64).reshape(-1, 4)
        return Track.of(columns[:, 0], columns[:, 1:3], columns[:, 3])
    except OSError as error:
        raise TrackError(f"{file}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrackError(f"{file} is no text: {error}") from error
    except TrackError as error:
        raise TrackError(f"{file}: {error}") from error


def _of_csv(file: Path) -> Iterator[Fix]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        missing = {"time", "lon", "lat"} - set(rows.fieldnames or ())
        if missing:
            raise TrackError(f"its first line lacks {', '.join(sorted(missing))}")
        for number, row in enumerate(rows, start=1):
            _require_few(number)
            yield _fix(number, row["time"], row["lon"], row["lat"], row.get("accuracy_m"))


def _of_geojson(file: Path) -> Iterator[Fix]:
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Feature | Collection)
    except msgspec.DecodeError as error:
        raise TrackError(f"it is no GeoJSON Feature or FeatureCollection: {error}") from error
    features = found.features if isinstance(found, Collection) else [found]
    if len(features) == 1 and features[0].geometry.type == "LineString":
        yield from _of_line(features[0])
        return
    for number, each in enumerate(features, start=1):
        _require_few(number)
        if each.geometry.type != "Point" or len(each.geometry.coordinates) < 2:
            raise TrackError(f"feature {number} is no Point of LON, LAT")
        said = each.properties or {}
        lon, lat = each.geometry.coordinates[:2]
        yield _fix(number, said.get("time"), lon, lat, said.get("accuracy_m"))


def _of_line(line: Feature) -> Iterator[Fix]:
    times = (line.properties or {}).get("coordTimes")
    places = line.geometry.coordinates
    if not isinstance(times, list) or len(times) != len(places):
        raise TrackError(f"its LineString needs {len(places)} coordTimes in the properties")
    for number, (time, place) in enumerate(zip(times, places, strict=True), start=1):
        _require_few(number)
        if not isinstance(place, list) or len(place) < 2:
            raise TrackError(f"fix {number} is no LON, LAT")
        yield _fix(number, time, place[0], place[1], None)


def _fix(number: int, time: Any, lon: Any, lat: Any, accuracy_m: Any) -> Fix:
    try:
        accuracy = float("nan") if accuracy_m in (None, "") else float(accuracy_m)
        return _seconds(time), float(lon), float(lat), accuracy
    except (TypeError, ValueError) as error:
        raise TrackError(
            f"fix {number} is no time with LON, LAT: {time!r}, {lon!r}, {lat!r}"
        ) from error


def _seconds(time: Any) -> float:
    if isinstance(time, int | float):
        return float(time)
    try:
        return float(time)
    except ValueError:
        at = datetime.fromisoformat(time)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at.timestamp()


def _require_few(number: int) -> None:
    if number > FIXES_MAX:
        raise TrackError(f"it has more than {FIXES_MAX} fixes; cut it in parts")
