"""Units as a GeoJSON file names them: points with an id, a call sign or a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from geo.errors import NoRouteError, OffMapError
from geo.ground import Ground
from geo.snap import Snap
from protocols.errors import MALFORMED_JSON

UNITS_MAX: Final = 10_000
"""Units in one file."""
UNITS_BYTES_MAX: Final = 16 << 20


class Geometry(msgspec.Struct):
    type: str
    coordinates: list[Any] = []


class Feature(msgspec.Struct, tag="Feature"):
    geometry: Geometry | None
    id: str | int | None = None
    properties: dict[str, Any] | None = None


class Units(msgspec.Struct, tag="FeatureCollection"):
    features: list[Feature]


def read_units(file: Path) -> list[Feature]:
    try:
        if file.stat().st_size > UNITS_BYTES_MAX:
            raise click.ClickException(f"{file} is larger than {UNITS_BYTES_MAX >> 20} MB")
        units = msgspec.json.decode(file.read_bytes(), type=Units)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    except MALFORMED_JSON as error:
        raise click.ClickException(f"{file} is not a GeoJSON FeatureCollection: {error}") from error
    if len(units.features) > UNITS_MAX:
        raise click.ClickException(f"{file} has more than {UNITS_MAX} units")
    return units.features


def unit_name(unit: Feature, number: int) -> str:
    properties = unit.properties or {}
    candidates = (unit.id, *(properties.get(key) for key in ("id", "call_sign", "name")))
    return next((str(name) for name in candidates if name not in (None, "")), f"#{number}")


def snap_unit(ground: Ground, unit: Feature, name: str) -> Snap | str:
    """Where the unit is on the road, or why it is on none."""
    if unit.geometry is None:
        return "no position"
    match unit.geometry:
        case Geometry(
            type="Point", coordinates=[int() | float() as lon, int() | float() as lat, *_]
        ):
            pass
        case _:
            raise click.ClickException(f"unit {name}: its geometry is not a Point of LON, LAT")
    try:
        return ground.snap(float(lon), float(lat))
    except OffMapError as error:
        return f"off map: {error}"
    except NoRouteError as error:
        return str(error)
