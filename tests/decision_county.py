"""A county in one process, by seed: units, their batteries, the roads; for decisions without a
database. Everything that a recommendation looks at differs from one to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeVar

import numpy as np

from devices.battery.estimator import Estimator
from devices.battery.model import Load, loads_in, mask_of
from devices.battery.outlook import Outlooks, basis_of
from devices.battery.reports import Reports
from geo.driving.conditions import Condition
from geo.driving.vehicles import Mode
from geo.errors import NoRouteError, OffMapError
from geo.eta import TripSpread
from geo.ground import Ground
from geo.learning.factors import LearnedFactors
from geo.live.conditionfield import SetCondition, field
from geo.live.extent import Coverage
from geo.live.kept import Roads
from geo.live.roadstate import RoadChange
from geo.roadmap import RoadMap
from geo.snap import Snap, SnapIndex
from server.batteries import STARTING_PRIORS
from server.dispatch.battery import OWN_BATTERY, Battery, Endurance
from server.dispatch.contest import Station
from server.dispatch.cover import Left
from server.dispatch.runcardfile import shipped
from server.routing import RoutingService
from server.views import (
    DeviceKind,
    DeviceView,
    IncidentView,
    OfficerView,
    PositionView,
    Priority,
    UnitKind,
    UnitStatus,
    UnitView,
)

NOW: Final = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
KINDS: Final[tuple[UnitKind, ...]] = ("patrol_car", "patrol_car", "off_road", "foot")
PRIORITIES: Final[tuple[Priority, ...]] = ("routine", "priority", "emergency")
WEATHER: Final = ("rain", "snow,night")
STATIONS: Final = ("宁河派出所", "双桥派出所")
SKILLS: Final = sorted(each.code for each in shipped().skills)
LOADS: Final = ({Load.STANDBY}, {Load.RECORD}, {Load.STREAM_LOW, Load.SCREEN})

T = TypeVar("T")
Doing = dict[str, tuple[UnitStatus, int | None]]


def an_id(chance: Random) -> str:
    """In the form of a UUIDv7."""
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-a{text[17:20]}-{text[20:]}"


class RoutingHere(RoutingService):
    """The same answers on the thread that asks: thousands of small questions cost half."""

    async def _run(self, job: Callable[[Ground], T]) -> T:
        return self._on_thread(job)

    async def _insist(self, job: Callable[[Ground], T]) -> T:
        return self._on_thread(job)


class SeededUnits:
    """A live picture of units anywhere on the roads, and their batteries."""

    def __init__(self, roadmap: RoadMap, index: SnapIndex, chance: Random, count: int) -> None:
        self._index = index
        views = [_unit(roadmap, chance, number) for number in range(count)]
        self._views = {each.id: each for each in views}
        self._snaps = {each.id: self._find(each) for each in views}
        self.cover = SeededCover(self._views, chance)
        self.batteries = SeededBatteries(
            {
                device.id: device.kind
                for each in views
                for device in each.devices
                if device.kind in OWN_BATTERY
            },
            chance,
        )

    def units(self) -> list[UnitView]:
        return list(self._views.values())

    def unit(self, unit_id: str) -> UnitView | None:
        return self._views.get(unit_id)

    def snap(self, unit_id: str) -> Snap | None:
        return self._snaps[unit_id]

    def doing(self, chance: Random, *, available: float = 0.7) -> Doing:
        """What the database says of each; a few came off duty a moment ago."""
        others = [UnitStatus.ASSIGNED, UnitStatus.EN_ROUTE, UnitStatus.ON_SCENE]
        found: Doing = {}
        for number, unit_id in enumerate(self._views):
            status = UnitStatus.AVAILABLE
            if chance.random() > available:
                status = chance.choice([*others, UnitStatus.OFF_DUTY])
            found[unit_id] = (status, number if status in others else None)
        return found

    def _find(self, view: UnitView) -> Snap | None:
        if view.position is None:
            return None
        try:
            return self._index.snap(view.position.lon, view.position.lat)
        except (OffMapError, NoRouteError):
            return None


class SeededCover:
    """What the county is left with while any of these is away."""

    def __init__(self, unit_ids: Iterable[str], chance: Random) -> None:
        self._left = {
            each: Left(
                wait_s=chance.uniform(0.0, 900.0),
                calls_per_day=chance.uniform(2.0, 60.0),
                limit_s=1_200.0,
                people=chance.randrange(4_000),
                places=chance.randrange(9),
                worst=chance.choice(["", "岭上村"]),
                worst_next_s=chance.choice([None, chance.uniform(1_300.0, 4_000.0)]),
            )
            for each in unit_ids
            if chance.random() < 0.8
        }

    def left(self, now: datetime) -> Mapping[str, Left]:
        return self._left


class SeededBatteries:
    """What every device said of itself, once."""

    def __init__(self, kinds: dict[str, DeviceKind], chance: Random) -> None:
        self._kinds, self._row = kinds, {each: n for n, each in enumerate(kinds)}
        self._standing: dict[str, Battery] = {}
        self._known = Estimator([STARTING_PRIORS[kind] for kind in kinds.values()])
        count = len(kinds)
        self._known.update(
            np.arange(count),
            Reports(
                at_s=np.array([NOW.timestamp() - chance.uniform(5, 4_000) for _ in kinds]),
                level_pct=np.array(
                    [chance.choice([np.nan, *range(4, 101)]) for _ in kinds], dtype=float
                ),
                mask=np.array([mask_of(frozenset(chance.choice(LOADS))) for _ in kinds]),
                charging=np.array([chance.random() < 0.15 for _ in kinds]),
                temp_c=np.array([chance.uniform(-15, 25) for _ in kinds]),
                weak=np.array([float(chance.random() < 0.2) for _ in kinds]),
            ),
        )
        self._outdoors_c = chance.choice([None, chance.uniform(-12, 20)])

    def endurance(self, device_ids: Iterable[str], now: datetime) -> Endurance:
        """As `server.batteries` has it."""
        known = {each: self._row[each] for each in device_ids if each in self._row}
        told = [each for each, row in known.items() if not np.isnan(self._known.level_pct[row])]
        rows = np.array([known[each] for each in told], dtype=np.int64)
        basis = basis_of(self._known, rows, now.timestamp()).rounded()
        return Endurance(
            at=now,
            batteries={each: self._battery(each, row) for each, row in known.items()},
            index={each: n for n, each in enumerate(told)},
            basis=basis,
            outlooks=Outlooks(basis),
            version=3,
        )

    def outdoors_c(self, lon: float, lat: float) -> float | None:
        return self._outdoors_c

    def _battery(self, device_id: str, row: int) -> Battery:
        """As it stands, put together once."""
        if device_id not in self._standing:
            self._standing[device_id] = self._put_together(device_id, row)
        return self._standing[device_id]

    def _put_together(self, device_id: str, row: int) -> Battery:
        known = self._known
        level_pct = float(known.level_pct[row])
        heard = not np.isnan(level_pct)
        return Battery(
            device_id=device_id,
            kind=self._kinds[device_id],
            level_pct=level_pct if heard else None,
            level_at=datetime.fromtimestamp(known.at_s[row], UTC) if heard else None,
            loads=loads_in(int(known.mask[row])),
            charging=bool(known.charging[row]),
            temp_c=float(known.temp_c[row]),
            weak=float(known.weak[row]),
            counts=known.counts_of(row),
        )


def an_incident(roadmap: RoadMap, chance: Random, number: int = 1) -> IncidentView:
    """Of any type, beside any road."""
    lon, lat = _somewhere(roadmap, chance)
    return IncidentView(
        id=an_id(chance),
        number=number,
        type=chance.choice(list(shipped().by_code)),
        priority=chance.choice(PRIORITIES),
        note="两车相撞",
        place="",
        lon=lon,
        lat=lat,
        status="open",
        opened_by="user:wang",
        opened_at=NOW,
        closed_by=None,
        closed_at=None,
        outcome="",
    )


def some_stations(roadmap: RoadMap, chance: Random) -> list[Station]:
    """Anywhere beside the roads."""
    places = [_somewhere(roadmap, chance) for _ in STATIONS]
    return [
        Station(name=name, lon=lon, lat=lat)
        for name, (lon, lat) in zip(STATIONS, places, strict=True)
    ]


def some_roads(roadmap: RoadMap, chance: Random) -> Roads:
    """A few roads closed or slow, one weather for the county and another for a part of it."""
    edges = roadmap.edge_count
    changes = []
    for _ in range(1 + chance.randrange(3)):
        edge = chance.randrange(edges)
        coverage = Coverage(
            arcs=np.array([2 * edge, 2 * edge + 1]), share=np.full(2, chance.uniform(0.1, 1.0))
        )
        factor = chance.choice([None, chance.uniform(1.1, 6.0)])
        changes.append(RoadChange(coverage=coverage, factor=factor))
    weather = [
        SetCondition(condition=Condition.parse(chance.choice(("dry", *WEATHER))), edges=None)
    ]
    if chance.random() < 0.6:
        area = np.sort(np.array(chance.sample(range(edges), edges // 4)))
        condition = Condition.parse(chance.choice(WEATHER))
        weather.append(SetCondition(condition=condition, edges=area))
    return Roads(where=field(weather, edges), changes=tuple(changes))


def some_factors(roadmap: RoadMap, chance: Random) -> dict[Mode, LearnedFactors]:
    """As if drives had taught that every road is somewhat off the model."""
    arcs = 2 * roadmap.edge_count
    numbers = np.random.default_rng(chance.getrandbits(32))
    return {
        mode: LearnedFactors(
            factor=numbers.uniform(0.8, 1.5, arcs).astype(np.float32),
            log_sd=numbers.uniform(0.02, 0.1, arcs).astype(np.float32),
            unknown=numbers.uniform(0.0, 1.0, arcs).astype(np.float32),
            trips=np.full(arcs, 4, dtype=np.int32),
            spread=TripSpread(learned_sd=chance.uniform(0.14, 0.24)),
        )
        for mode in Mode
    }


def _unit(roadmap: RoadMap, chance: Random, number: int) -> UnitView:
    lon, lat = _somewhere(roadmap, chance)
    seen_at = NOW - timedelta(seconds=chance.choice([2, 20, 600]) + chance.random())
    moving = chance.random() < 0.5
    name = f"P-{number:03d}"
    return UnitView(
        id=an_id(chance),
        call_sign=name,
        kind=chance.choice(KINDS),
        station=chance.choice([None, *STATIONS]),
        status=UnitStatus.AVAILABLE,
        order_id=None,
        incident_id=None,
        officers=[
            OfficerView(
                badge=f"B-{number}",
                name="王芳",
                phone="13800000000",
                skills=sorted(chance.sample(SKILLS, chance.randrange(3))),
            )
        ],
        leader=None,
        position=None
        if chance.random() < 0.05
        else PositionView(
            device_id=f"{name}-handset",
            lon=lon,
            lat=lat,
            observed_at=seen_at,
            received_at=seen_at,
            accuracy_m=8.0,
            speed_mps=chance.uniform(5, 20) if moving else 0.0,
            heading_deg=chance.uniform(0, 360) if moving else None,
        ),
        devices=[_device(chance, name, kind, seen_at) for kind in ("body_camera", "handset")],
        at_station=not moving and chance.random() < 0.4,
        on_duty_since=NOW - timedelta(hours=chance.uniform(0, 9)),
        rest_s=chance.choice([None, chance.uniform(4, 16) * 3600.0]),
    )


def _device(chance: Random, name: str, kind: DeviceKind, seen_at: datetime) -> DeviceView:
    return DeviceView(
        id=f"{name}-{kind}",
        kind=kind,
        model="",
        online=chance.random() < 0.8,
        last_seen_at=seen_at,
        battery_pct=60,
        battery_at=seen_at,
        charging=False,
        mode="standby",
    )


def _somewhere(roadmap: RoadMap, chance: Random) -> tuple[float, float]:
    """At most 200 m from a road."""
    points = roadmap.point_lonlat
    lon, lat = points[chance.randrange(len(points))].tolist()
    west, south, east, north = roadmap.meta.bounds
    lon, lat = lon + chance.uniform(-0.002, 0.002), lat + chance.uniform(-0.002, 0.002)
    return min(max(lon, west), east), min(max(lat, south), north)
