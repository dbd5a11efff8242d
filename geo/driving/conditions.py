"""Weather, ice, fog and night on the roads, and how people write them.

`rain,night,fog=60,ice>1800`: it rains at night, one sees 60 m, and above 1,800 m the roads are icy.
Knows nothing of what they do to a vehicle; that is `geo.driving.vehicles` and `geo.driving.speed`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from geo.errors import ConditionError

FOG_M_MIN: Final = 5.0
FOG_M_MAX: Final = 10_000.0
"""m. Fog is a visibility under 1,000 m, haze reaches to 10 km (WMO-No. 8, chapter 9)."""

ICE_M_MIN: Final = -500.0
ICE_M_MAX: Final = 9_000.0
"""m above sea level. From the Dead Sea to the Himalaya."""

TEXT_LEN_MAX: Final = 100
"""Characters of a condition in writing."""


class Weather(StrEnum):
    """In order of badness."""

    DRY = "dry"
    RAIN = "rain"
    HEAVY_RAIN = "heavy_rain"
    SNOW = "snow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the weather and the hour make of the roads. Plain `Condition()` is a dry day."""

    weather: Weather = Weather.DRY
    ice_above_m: float | None = None
    """Roads are icy from this height above sea level up."""
    fog_visibility_m: float | None = None
    night: bool = False

    def __post_init__(self) -> None:
        """Raises ConditionError for heights and visibilities that cannot be."""
        _check("fog", self.fog_visibility_m, FOG_M_MIN, FOG_M_MAX)
        _check("ice", self.ice_above_m, ICE_M_MIN, ICE_M_MAX)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `rain,night,fog=60,ice>1800`, in any order; `dry` or nothing is a dry day.

        Raises ConditionError that says what is wrong and what may be written.
        """
        if len(text) > TEXT_LEN_MAX:
            raise ConditionError(f"A condition has at most {TEXT_LEN_MAX} characters.")
        fields: dict[str, Any] = {}
        for item in filter(None, (part.strip().lower() for part in text.split(","))):
            name, value = _read(item)
            if name in fields:
                raise ConditionError(f'"{text}" says {name.split("_")[0]} twice. Say it once.')
            fields[name] = value
        return cls(**fields)

    def __str__(self) -> str:
        """The one canonical writing; `Condition.parse` reads it back."""
        said = [
            self.weather.value if self.weather is not Weather.DRY else "",
            "night" if self.night else "",
            "" if self.fog_visibility_m is None else f"fog={_number(self.fog_visibility_m)}",
            "" if self.ice_above_m is None else f"ice>{_number(self.ice_above_m)}",
        ]
        return ",".join(filter(None, said)) or Weather.DRY.value


_FOG = re.compile(r"fog\s*=\s*(\d+(?:\.\d+)?)\s*m?")
_ICE = re.compile(r"ice\s*>\s*(-?\d+(?:\.\d+)?)\s*m?")


def _read(item: str) -> tuple[str, Any]:
    if item == "night":
        return "night", True
    if item in tuple(Weather):
        return "weather", Weather(item)
    if fog := _FOG.fullmatch(item):
        return "fog_visibility_m", float(fog[1])
    if ice := _ICE.fullmatch(item):
        return "ice_above_m", float(ice[1])
    weathers = ", ".join(Weather)
    raise ConditionError(
        f'"{item}" is no condition. Write one of {weathers}; and with it, joined by commas, '
        "night, fog=METRES of visibility, ice>METRES above sea level: rain,night,fog=60,ice>1800"
    )


def _check(what: str, value_m: float | None, low_m: float, high_m: float) -> None:
    if value_m is not None and not (math.isfinite(value_m) and low_m <= value_m <= high_m):
        raise ConditionError(f"{what} takes {low_m:g} to {high_m:g} metres, not {value_m:g}.")


def _number(value_m: float) -> str:
    """`1800`, not `1800.0`; to the millimetre."""
    return f"{round(value_m, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


DRY: Final = Condition()
