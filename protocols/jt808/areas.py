"""Bodies about areas and routes: 0x86xx. Coordinates are magnitudes in 10⁻⁶ degrees.

Of `attributes` bit 0: there are times; 1: there is a speed limit; 6: south; 7: west.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from protocols.jt808.fields import Clock, Counted, Number, Size, Text
from protocols.jt808.layout import (
    ONLY_2019,
    U8,
    U16,
    U32,
    Body,
    Bytes32,
    Layout,
    Many,
    Part,
    Time,
    When,
)

TIMED: Final = 1
LIMITED: Final = 2

_Begins = Annotated[Time, When(codec=Clock(), field="attributes", bits=TIMED)]
_SpeedMax = Annotated[int, When(codec=Number(2), field="attributes", bits=LIMITED)]
_Overspeed = Annotated[int, When(codec=Number(1), field="attributes", bits=LIMITED)]
_NightSpeedMax = Annotated[
    int, When(codec=Number(2), field="attributes", bits=LIMITED, years=ONLY_2019)
]
_Name = Annotated[str, When(codec=Text(Counted(2)), years=ONLY_2019)]
_Ids = Annotated[tuple[int, ...], Many(Number(4), Size(1))]


class Circle(Layout, frozen=True, kw_only=True):
    id: U32
    attributes: U16
    latitude_e6: U32
    longitude_e6: U32
    radius_m: U32
    begins_at: _Begins = None
    ends_at: _Begins = None
    speed_kmh_max: _SpeedMax = 0
    overspeed_s: _Overspeed = 0
    night_speed_kmh_max: _NightSpeedMax = 0
    name: _Name = ""


class Circles(Body, frozen=True, kw_only=True):
    """0x8600: action 0 replaces, 1 appends, 2 changes."""

    ID: ClassVar[int] = 0x8600
    action: U8
    areas: Annotated[tuple[Circle, ...], Many(Part(Circle), Size(1))]


class Rectangle(Layout, frozen=True, kw_only=True):
    id: U32
    attributes: U16
    top_latitude_e6: U32
    left_longitude_e6: U32
    bottom_latitude_e6: U32
    right_longitude_e6: U32
    begins_at: _Begins = None
    ends_at: _Begins = None
    speed_kmh_max: _SpeedMax = 0
    overspeed_s: _Overspeed = 0
    night_speed_kmh_max: _NightSpeedMax = 0
    name: _Name = ""


class Rectangles(Body, frozen=True, kw_only=True):
    """0x8602; action as in 0x8600."""

    ID: ClassVar[int] = 0x8602
    action: U8
    areas: Annotated[tuple[Rectangle, ...], Many(Part(Rectangle), Size(1))]


class Corner(Layout, frozen=True, kw_only=True):
    latitude_e6: U32
    longitude_e6: U32


class Polygon(Body, frozen=True, kw_only=True):
    """0x8604."""

    ID: ClassVar[int] = 0x8604
    area: U32
    attributes: U16
    begins_at: _Begins = None
    ends_at: _Begins = None
    speed_kmh_max: _SpeedMax = 0
    overspeed_s: _Overspeed = 0
    corners: Annotated[tuple[Corner, ...], Many(Part(Corner), Size(2))]
    night_speed_kmh_max: _NightSpeedMax = 0
    name: _Name = ""


class Bend(Layout, frozen=True, kw_only=True):
    """A bend of a route and the segment behind it; bit 0 of `attributes`: it has time limits."""

    id: U32
    segment: U32
    latitude_e6: U32
    longitude_e6: U32
    width_m: U8
    attributes: U8
    time_s_max: Annotated[int, When(codec=Number(2), field="attributes", bits=TIMED)] = 0
    time_s_min: Annotated[int, When(codec=Number(2), field="attributes", bits=TIMED)] = 0
    speed_kmh_max: _SpeedMax = 0
    overspeed_s: _Overspeed = 0
    night_speed_kmh_max: _NightSpeedMax = 0


class RouteArea(Body, frozen=True, kw_only=True):
    """0x8606."""

    ID: ClassVar[int] = 0x8606
    route: U32
    attributes: U16
    begins_at: _Begins = None
    ends_at: _Begins = None
    bends: Annotated[tuple[Bend, ...], Many(Part(Bend), Size(2))]
    name: _Name = ""


class DeleteCircles(Body, frozen=True, kw_only=True):
    """0x8601; no ids: all. So with the three that follow."""

    ID: ClassVar[int] = 0x8601
    ids: _Ids = ()


class DeleteRectangles(Body, frozen=True, kw_only=True):
    """0x8603."""

    ID: ClassVar[int] = 0x8603
    ids: _Ids = ()


class DeletePolygons(Body, frozen=True, kw_only=True):
    """0x8605."""

    ID: ClassVar[int] = 0x8605
    ids: _Ids = ()


class DeleteRoutes(Body, frozen=True, kw_only=True):
    """0x8607."""

    ID: ClassVar[int] = 0x8607
    ids: _Ids = ()


class AskAreas(Body, frozen=True, kw_only=True):
    """0x8608 (2019): `kind` 1 circle, 2 rectangle, 3 polygon, 4 route; no ids: all."""

    ID: ClassVar[int] = 0x8608
    kind: U8
    ids: Annotated[tuple[int, ...], Many(Number(4), Size(4))] = ()


class AreasAnswer(Body, frozen=True, kw_only=True):
    """0x0608 (2019): what 0x8608 asked for, as it was set."""

    ID: ClassVar[int] = 0x0608
    kind: U8
    data: Bytes32
