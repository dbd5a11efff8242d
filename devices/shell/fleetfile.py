"""The fleet file: which devices to simulate, with their tokens, and the demo dispatcher's login.

Written by `ridgeline demo` and by whoever enrols devices; keep it as secret as the tokens in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from devices.sim.packs import Kind
from protocols.errors import MALFORMED_JSON

FILE_BYTES_MAX: Final = 16 << 20


class FleetFileError(Exception):
    """The fleet file cannot be used; says why."""


class FleetDevice(Struct, frozen=True, kw_only=True):
    """One device. Devices of one unit ride together."""

    device_id: str
    token: str
    kind: Kind
    model: str = ""
    """Whose devices are like each other."""
    unit_id: str
    call_sign: str = ""
    unit_kind: str = "patrol_car"
    home: tuple[float, float] | None = None
    """Longitude, latitude of the unit's station."""
    badges: list[str] = []
    """Of the unit's officers; the first one answers orders."""
    simulated: bool = True


class Login(Struct, frozen=True, kw_only=True):
    username: str
    password: str


class FleetFile(Struct, frozen=True, kw_only=True):
    devices: Annotated[list[FleetDevice], Meta(min_length=1)]
    dispatcher: Login | None = None

    def units(self, count: int | None = None) -> list[list[FleetDevice]]:
        """The simulated devices of each unit, in the file's order; the first `count` units."""
        by_unit: dict[str, list[FleetDevice]] = {}
        for device in self.devices:
            if device.simulated:
                by_unit.setdefault(device.unit_id, []).append(device)
        return list(by_unit.values())[:count]


def read(path: Path) -> FleetFile:
    """Raises FleetFileError."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise FleetFileError(f"{path} is over {FILE_BYTES_MAX >> 20} MiB; it is no fleet file.")
        fleet = msgspec.json.decode(path.read_bytes(), type=FleetFile)
    except OSError as error:
        raise FleetFileError(f"{path} cannot be read: {error.strerror}.") from error
    except MALFORMED_JSON as error:
        raise FleetFileError(f"{path} is no fleet file: {error}.") from error
    if not fleet.units():
        raise FleetFileError(f'{path} names no device with "simulated": true.')
    return fleet
