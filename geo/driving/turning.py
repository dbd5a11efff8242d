"""What a turn at a junction costs: braking for it, turning, gathering speed after it.

The speeds of `geo.driving.speed` run straight through junctions; a way that turns off pays here.
Knows no map: who may turn where, and which turns there are, is not its business.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving import weather
from geo.driving.conditions import Condition
from geo.driving.drive import SPEED_MPS_MIN
from geo.driving.vehicles import MODES, VEHICLES, Mode, Vehicle
from geo.roadmap import Surface

CORNER_M: Final = 10.0
"""m. From the middle of a junction to where a driver begins to turn: the radius of a right-angled
turn. Starting value."""

CORNER_RADIUS_M_MIN: Final = 5.0
"""m. Sharpest turn in one sweep."""

U_TURN_DEG: Final = 170.0
"""Degrees. From here up a change of direction is a U-turn."""

U_TURN_S: Final = 20.0
"""s. OSRM profiles/car.lua `u_turn_penalty`."""

Floats = NDArray[np.float64]


def turn_times_ms(
    angle_deg: Floats,
    v_in_mps: Floats,
    v_out_mps: Floats,
    *,
    vehicle: Vehicle,
    mode: Mode,
    condition: Condition,
) -> NDArray[np.uint32]:
    """(K,) milliseconds lost on turns of these changes of direction (0 straight on … 180; sign
    does not count), out of roads driven at v_in and into roads driven at v_out.

    The arc of a corner of CORNER_M along both legs has R = CORNER_M / tan(angle / 2), the lateral
    limit of the mode gives its speed w, and against driving on at v_in and having v_out at once,
    braking at b to w loses (v_in - w)^2 / (2 b v_in), gathering speed (v_out - w)^2 / (2 a v_out).
    """
    angle = np.minimum(np.abs(np.asarray(angle_deg, dtype=np.float64)), 180.0)
    if vehicle is Vehicle.FOOT:
        return np.zeros(angle.shape, dtype=np.uint32)
    constants = MODES[mode]
    grip = weather.lateral_mps2(np.array(weather.FRICTION[condition.weather]))
    across = np.minimum(constants.lateral_mps2[Surface.PAVED], grip)
    gather = np.minimum(constants.acceleration_mps2 * VEHICLES[vehicle].acceleration_factor, grip)
    brake = np.minimum(constants.braking_mps2, grip)
    v_in, v_out = (np.maximum(speed, SPEED_MPS_MIN) for speed in (v_in_mps, v_out_mps))
    slowest = np.minimum(np.minimum(v_in, v_out), _corner_mps(angle, across))
    lost_s = (v_in - slowest) ** 2 / (2.0 * brake * v_in)
    lost_s += (v_out - slowest) ** 2 / (2.0 * gather * v_out)
    lost_s = np.where(angle >= U_TURN_DEG, np.maximum(lost_s, U_TURN_S), lost_s)
    return np.rint(lost_s * 1000.0).astype(np.uint32)


def _corner_mps(angle_deg: Floats, lateral_mps2: Floats) -> Floats:
    """Speed through a corner; inf straight on."""
    with np.errstate(divide="ignore", over="ignore"):
        radius_m = CORNER_M / np.tan(np.radians(angle_deg) / 2.0)
        speed: Floats = np.sqrt(lateral_mps2 * np.maximum(radius_m, CORNER_RADIUS_M_MIN))
    return speed
