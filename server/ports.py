"""What the pipeline asks of the world around it, as small protocols.

The shells implement them (`server.board`, `server.routing`, `server.stores.fanout`); tests hand in
small stand-ins. Knows no implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from geo.driving.conditions import DRY, Condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from geo.driving.speed import Profile
    from geo.driving.vehicles import Mode, Vehicle
    from geo.eta import Eta
    from geo.ground import Route
    from geo.live.conditionfield import ConditionField
    from geo.live.roadstate import Overrides, RoadTable
    from geo.meeting import Meeting, Silent
    from geo.reach.coverage import Village
    from geo.reach.times import Reach
    from geo.snap import Snap
    from geo.walk import Approach, DropOff
    from server.dispatch.battery import Endurance
    from server.dispatch.contenders import Way
    from server.dispatch.cover import Left
    from server.dispatch.runcards import RunCards
    from server.dispatch.travel import Arrival, Lead, Terms, Traveller
    from server.roadviews import RoadsView
    from server.stanceviews import StanceView
    from server.views import UnitView

Clock = Callable[[], datetime]
"""The wall clock: an aware UTC datetime."""

CardsInForce = Callable[[], "RunCards"]
"""The run cards that are in force, as far as this process knows."""

NewId = Callable[[], str]
"""A fresh UUIDv7."""


class FanOut(Protocol):
    """Tells every process of the county that something changed; a hint, never the truth.

    Topics: `unit` (unit id), `incident` (incident id), `device` (device id: a command waits),
    `stance` (empty: peace or war), `sos` (id of a call for help), `fix` and `presence` (JSON),
    `user` (user name: what he may do is another thing), `roads` (their version), `learning` and
    `dead_zones` (map id), `work` (item of the worklist),
    `next_path` (order id: no device has received it; another path may try). Publish only after the
    transaction has committed.
    """

    def publish(self, topic: str, payload: str) -> None:
        """Never blocks and never raises; a full queue drops and counts."""

    def subscribe(self, topic: str, callback: Callable[[str], None]) -> None:
        """Call `callback` with each payload, on the event loop."""


class LiveUnits(Protocol):
    """The live picture of the units: rows of the database with the newest fixes and presence."""

    def units(self) -> list[UnitView]: ...

    def unit(self, unit_id: str) -> UnitView | None: ...

    def snap(self, unit_id: str) -> Snap | None:
        """Where the unit's newest fix meets a road; None: no unit, no fix, or no road near it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoads:
    """Everything that differs from the map, as routing takes it over at once."""

    version: int = 0
    """Grows with every change."""
    county: Condition = DRY
    """Holds outside all areas."""
    conditions: tuple[str, ...] = ("dry",)
    """Every condition that holds somewhere, the county's first."""
    weather: ConditionField | None = None
    """Where they hold; another object whenever it is another weather."""
    table: RoadTable | None = None
    """Closed and slowed roads, and weather of areas; None: nothing."""
    learned_version: int | None = None
    """Of learned travel times, as routing has taken them over; None: the model alone."""

    @property
    def overrides(self) -> Overrides:
        return {} if self.table is None else self.table.overrides

    def closures_at(self, edge: int) -> frozenset[int]:
        """What closes this edge; see `geo.live.roadstate`."""
        return frozenset() if self.table is None else self.table.closures_at(edge)

    def closures_of(self, place: Snap) -> frozenset[int]:
        """What closes the road at a place; at its very ends, which are junctions, nothing does."""
        return self.closures_at(place.edge) if 0.0 < place.fraction < 1.0 else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """By what roads are found, as long as the process lives."""

    engine: str
    """"cch" or "scipy"."""
    against_one_ways: bool
    """Whether urgent vehicles may go against one-way streets."""


class RoadNews(Protocol):
    """What people see of closed roads and conditions."""

    def view(self) -> RoadsView: ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `view` has changed."""


class StanceNews(Protocol):
    """What people see of peace and war."""

    def view(self) -> StanceView: ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `view` is another."""


class RoadWatch(Protocol):
    """Keeps routing up to date with the roads."""

    async def catch_up(self, version: int) -> None:
        """Return when every change up to this version is in force. Raises `RoutingBusy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedBack:
    """A unit that is silent where we know of no radio, and when it will be heard again."""

    unit_id: str
    silent_since: datetime
    at: datetime
    """As likely sooner as later."""
    at_latest: datetime
    """Silent still then, it is missing."""
    place: dict[str, str]
    """Where radio comes back, by language, `en` and `zh`."""


class RadioOutlook(Protocol):
    """Which silence is to be expected: timers that wait for a unit stretch to `at_latest`."""

    def expected_back(self, unit_id: str) -> ExpectedBack | None:
        """None: the unit is heard, or nothing explains its silence. Never waits."""


class CoverSight(Protocol):
    """What the county is left with while a unit is away."""

    def left(self, now: datetime) -> Mapping[str, Left]:
        """By unit id, of free units; none where nobody has looked lately. Never waits."""


class BatteryWatch(Protocol):
    """The batteries of all devices, and how cold it is."""

    def endurance(self, device_ids: Iterable[str], now: datetime) -> Endurance:
        """Devices without a battery of their own are left out. Never waits."""

    def outdoors_c(self, lon: float, lat: float) -> float | None:
        """None: unknown."""


class RunCardWatch(Protocol):
    """The county's run cards."""

    async def current(self, conn: Any) -> RunCards:
        """As any process put in force last."""


class RunCardNews(Protocol):
    """Which run cards are in force here."""

    def in_force(self) -> RunCards: ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `in_force` is another."""


class RendezvousSight(Protocol):
    """Where two who drive to one place come together before it."""

    def no_signal(self, place: Approach) -> bool:
        """Whether we know of no radio there."""

    async def meet(
        self, one: tuple[Traveller, DropOff], other: tuple[Traveller, DropOff], mode: Mode
    ) -> tuple[Meeting | None, str]:
        """Where, and in words; None: nowhere. Raises `RoutingBusy`."""


class Router(Protocol):
    """Travel over the road graph, from any task of the event loop."""

    @property
    def roads(self) -> LiveRoads:
        """What holds on the roads: the same object before and after a query held during it."""

    @property
    def footing(self) -> Footing:
        """By what roads are found; known from the first query on."""

    async def set_roads(self, roads: LiveRoads) -> None:
        """In force for every query asked after this one; never refused for a full queue."""

    async def keep_ready(self, profiles: Sequence[Profile]) -> None:
        """Return when these can answer at once, as the roads are now; until others are named they
        are not forgotten. Raises `RoutingBusy`, and ValueError for too many."""

    async def snap(self, lon: float, lat: float) -> Snap:
        """Raises `OffMapError`, `NoRouteError`, `RoutingBusy`."""

    async def etas(self, sources: Sequence[Snap], target: Snap) -> NDArray[np.float64]:
        """Seconds, (len(sources),); inf where no road leads. Raises `RoutingBusy`."""

    async def route(self, source: Snap, target: Snap) -> Route:
        """Raises `NoRouteError`, `RoutingBusy`."""

    async def approach(self, lon: float, lat: float, mode: Mode) -> Approach:
        """Where a vehicle can stop for a place, and the walk from there. Raises `OffMapError`,
        `NoRouteError`, `RoutingBusy`."""

    async def arrivals(
        self, travellers: Sequence[Traveller], place: Approach, mode: Mode
    ) -> list[Arrival | None]:
        """When each would be at the place, None where no road leads. Raises `RoutingBusy`."""

    async def remaining(
        self, journeys: Sequence[tuple[Traveller, Approach]], mode: Mode
    ) -> list[Arrival | None]:
        """When each, under way, would be at its own place, None where no road leads. Raises
        `RoutingBusy`."""

    async def lead(self, traveller: Traveller, lon: float, lat: float, mode: Mode) -> Lead:
        """The way of one to a place, as `arrivals` times it. Raises `OffMapError`,
        `NoRouteError`, `RoutingBusy`."""

    async def ways(
        self, journeys: Sequence[tuple[Traveller, DropOff]], mode: Mode
    ) -> list[Way | None]:
        """The fastest way of each, None where none leads. Raises `RoutingBusy`."""

    async def meeting(
        self,
        first: tuple[Traveller, DropOff],
        second: tuple[Traveller, DropOff],
        mode: Mode,
        silent: Silent,
    ) -> Meeting | None:
        """Where two on their ways to one place come together before it; None: nowhere. `silent`:
        where we know of no radio. Raises `RoutingBusy`."""

    async def reach(
        self, travellers: Sequence[Traveller], limit_s: float, terms: Terms
    ) -> list[Reach]:
        """Times from each to anywhere up to the limit, each as it drives. Raises `RoutingBusy`."""

    async def times_to(
        self, villages: Sequence[Village], traveller: Traveller, terms: Terms
    ) -> NDArray[np.float64]:
        """(V,) median seconds to each, inf where there is no way. Raises `RoutingBusy`."""

    async def spread(self, route: Route, mode: Mode | None) -> float:
        """Standard deviation of the log of a way's time; None: on foot. Raises `RoutingBusy`."""

    def unrouted_sd(self, vehicle: Vehicle, mode: Mode) -> float:
        """Standard deviation of the log of a time whose way is not computed, by what was learned so
        far. Never waits."""

    async def etas_to(self, pairs: Sequence[tuple[Traveller, Village]], terms: Terms) -> list[Eta]:
        """The time to each village by its own road. Raises `NoRouteError`, `RoutingBusy`."""
