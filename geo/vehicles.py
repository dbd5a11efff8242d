"""Who goes: kinds of vehicle and ways of driving."""

from __future__ import annotations

from enum import StrEnum


class Vehicle(StrEnum):
    PATROL_CAR = "patrol_car"
    FOUR_BY_FOUR = "four_by_four"
    MOTORCYCLE = "motorcycle"
    FOOT = "foot"


class Mode(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
