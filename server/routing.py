"""Travel over the road graph for the event loop: one named thread owns the `Ground`.

The contraction-hierarchy engine is bound to its thread and a query takes milliseconds, so all
routing runs on one thread, in the order asked. The queue is bounded: when it is full the caller
hears `RoutingBusy` at once instead of waiting for an answer nobody needs any more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from geo.departure import snap_of
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode, Vehicle
from geo.errors import NoRouteError
from geo.eta import Eta, Spreads
from geo.live.slippery import slippery_tracks_m
from geo.meeting import Meeting, Silent, degrees, meeting
from geo.reach.coverage import FOLLOWED_S, Village, eta_to, times_to
from geo.reach.times import Reach
from server.dispatch.contenders import Way
from server.dispatch.travel import Arrival, Lead, Terms, Traveller
from server.fleets import Fleets, departures
from server.oneatatime import TooMany
from server.ports import Footing, LiveRoads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.departure import Departure, Start
    from geo.ground import Fleet, Ground, Route
    from geo.learning.factors import LearnedFactors
    from geo.snap import Snap
    from geo.walk import Approach, DropOff

QUEUE_LEN_MAX = 64
"""Queries under way or waiting; at 10 ms each the last waits two thirds of a second."""

CLOSED_GROUPS_MAX = 8
"""Closed roads with units inside them that one query looks at apart; units in more of them than
that count as shut in."""

T = TypeVar("T")


class RoutingBusy(TooMany):
    """Too many queries wait; try again in a moment."""


class RoutingService:
    """Owns the routing thread; `start` opens the ground on it, `close` ends it."""

    def __init__(
        self, ground_factory: Callable[[], Ground], *, queue_len_max: int = QUEUE_LEN_MAX
    ) -> None:
        self._open = ground_factory
        self._ground: Ground | None = None
        self._footing: Footing | None = None
        self._spreads: dict[Mode | None, Spreads] = {}
        """By the mode they were learned in; None: on foot."""
        self._degrees: NDArray[np.int64] | None = None
        """How many edges meet at each node; known from the first meeting on."""
        self._queue_len_max = queue_len_max
        self._places = threading.BoundedSemaphore(queue_len_max)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="routing")
        self._stopping = False
        self.refused_count = 0
        self._roads = LiveRoads()
        self._fleets = Fleets()
        self._modelling: dict[Profile, asyncio.Task[None]] = {}

    @property
    def roads(self) -> LiveRoads:
        """What holds on the roads; another one only ever between two queries."""
        return self._roads

    @property
    def footing(self) -> Footing:
        """See `ports.Router`."""
        assert self._footing is not None, "asked before `start`"
        return self._footing

    async def start(self) -> None:
        """Open the ground now, so that a broken map is known at start. Raises `GeoError`."""
        await self._run(lambda ground: None)

    async def snap(self, lon: float, lat: float) -> Snap:
        """Nearest point on a road. Raises `OffMapError`, `NoRouteError`, `RoutingBusy`."""
        return await self._run(lambda ground: ground.snap(lon, lat))

    async def etas(self, sources: Sequence[Snap], target: Snap) -> NDArray[np.float64]:
        """Seconds from each source to the target, inf where no road leads. Raises `RoutingBusy`."""
        return await self._run(
            lambda ground: self._matrix(ground, ground.fleet(sources), sources, (target,))[:, 0]
        )

    async def route(self, source: Snap, target: Snap) -> Route:
        """The road itself. Raises `NoRouteError`, `RoutingBusy`."""
        return await self._run(lambda ground: self._route(ground, source, target))

    async def approach(self, lon: float, lat: float, mode: Mode) -> Approach:
        """See `ports.Router`."""
        return await self._run(
            lambda ground: ground.approach(lon, lat, profile=replace(ground.profile, mode=mode))
        )

    async def arrivals(
        self, travellers: Sequence[Traveller], place: Approach, mode: Mode
    ) -> list[Arrival | None]:
        """See `ports.Router`."""
        await self._model({each.vehicle for each in travellers}, mode)
        return await self._run(lambda ground: self._arrivals(ground, travellers, place, mode))

    async def remaining(
        self, journeys: Sequence[tuple[Traveller, Approach]], mode: Mode
    ) -> list[Arrival | None]:
        """See `ports.Router`."""
        await self._model({traveller.vehicle for traveller, _ in journeys}, mode)
        return await self._run(lambda ground: self._remaining(ground, journeys, mode))

    async def lead(self, traveller: Traveller, lon: float, lat: float, mode: Mode) -> Lead:
        """See `ports.Router`."""
        await self._model({traveller.vehicle}, mode)
        return await self._run(lambda ground: self._lead(ground, traveller, lon, lat, mode))

    async def ways(
        self, journeys: Sequence[tuple[Traveller, DropOff]], mode: Mode
    ) -> list[Way | None]:
        """See `ports.Router`."""
        return await self._run(
            lambda ground: [self._way(ground, *journey, mode) for journey in journeys]
        )

    async def meeting(
        self,
        first: tuple[Traveller, DropOff],
        second: tuple[Traveller, DropOff],
        mode: Mode,
        silent: Silent,
    ) -> Meeting | None:
        """See `ports.Router`."""

        def find(ground: Ground) -> Meeting | None:
            try:
                one, other = (self._route_of(ground, *each, mode)[0] for each in (first, second))
            except NoRouteError:
                return None
            if self._degrees is None:
                self._degrees = degrees(ground.roadmap)
            return meeting(ground.roadmap, self._degrees, one, other, silent)

        return await self._run(find)

    async def reach(
        self, travellers: Sequence[Traveller], limit_s: float, terms: Terms
    ) -> list[Reach]:
        """See `ports.Router`."""
        await self._ready(self._profile(each.vehicle, terms) for each in travellers)
        return await self._run(
            lambda ground: [self._reach(ground, each, limit_s, terms) for each in travellers]
        )

    async def spread(self, route: Route, mode: Mode | None) -> float:
        """See `ports.Router`."""
        return await self._run(
            lambda _: self._spreads[mode].eta(route.duration_s, route.legs.arc, route.leg_s).log_sd
        )

    def unrouted_sd(self, vehicle: Vehicle, mode: Mode) -> float:
        """See `ports.Router`."""
        return self._spreads[None if vehicle is Vehicle.FOOT else mode].unrouted_sd

    async def times_to(
        self, villages: Sequence[Village], traveller: Traveller, terms: Terms
    ) -> NDArray[np.float64]:
        """See `ports.Router`."""
        (reach,) = await self.reach([traveller], FOLLOWED_S, terms)
        return await asyncio.to_thread(times_to, villages, reach)

    async def etas_to(self, pairs: Sequence[tuple[Traveller, Village]], terms: Terms) -> list[Eta]:
        """See `ports.Router`."""
        await self._ready(self._profile(traveller.vehicle, terms) for traveller, _ in pairs)
        return await self._run(
            lambda ground: [self._eta_to(ground, *pair, terms) for pair in pairs]
        )

    async def keep_ready(self, profiles: Sequence[Profile]) -> None:
        """See `ports.Router`."""
        await self._insist(lambda ground: ground.keep(profiles))
        await self._ready(profiles)
        for profile in profiles:  # one by one, so that a question in between does not wait for all
            await self._insist(partial(_catch_up, profile))

    async def set_roads(self, roads: LiveRoads) -> None:
        """Put closed and slowed roads and weather in force for every query asked after this one.

        Waits for its turn among the queries, and is never refused: a closed road must close.
        Another weather of the county is in force as soon as its travel times are known: have them
        made by `keep_ready` before. Raises `RoutingBusy` once routing has stopped.
        """

        def take_over(ground: Ground) -> None:
            if roads.county != self._roads.county:
                ground.set_condition(roads.county)
            ground.set_overrides(roads.overrides)
            self._roads = replace(roads, learned_version=self._roads.learned_version)

        await self._insist(take_over)

    async def set_learned(
        self, learned: Mapping[Mode, LearnedFactors] | None, *, version: int | None = None
    ) -> None:
        """Put learned travel times in force like `set_roads`; None: the model alone."""

        def take_over(ground: Ground) -> None:
            known = learned or {}
            ground.set_factors({mode: each.factor for mode, each in known.items()})
            for mode in Mode:
                self._spreads[mode] = Spreads(ground.roadmap, learned=known.get(mode))
            # Another object: answers from before do not hold any more.
            self._roads = replace(self._roads, learned_version=version)

        await self._insist(take_over)

    async def close(self) -> None:
        """Refuse what waits, let the query under way end, close the ground, end the thread."""
        if self._stopping:
            return
        self._stopping = True
        await asyncio.gather(*self._modelling.values(), return_exceptions=True)
        self._thread.submit(self._close_ground)
        await asyncio.to_thread(self._thread.shutdown, wait=True)

    async def _insist(self, job: Callable[[Ground], T]) -> T:
        """Like `_run`, but never refused for a full queue."""
        if self._stopping:
            raise RoutingBusy("routing has stopped")
        return await asyncio.wrap_future(self._thread.submit(self._on_thread, job))

    async def _run(self, job: Callable[[Ground], T]) -> T:
        if self._stopping:
            raise RoutingBusy("routing has stopped")
        if not self._places.acquire(blocking=False):
            self.refused_count += 1
            raise RoutingBusy(f"{self._queue_len_max} routing queries wait already")
        future = self._thread.submit(self._on_thread, job)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def _on_thread(self, job: Callable[[Ground], T]) -> T:
        if self._stopping:
            raise RoutingBusy("routing has stopped")
        if self._ground is None:
            self._ground = self._open()
            self._footing = Footing(
                engine=self._ground.engine_name,
                against_one_ways=self._ground.against_one_ways,
            )
            self._spreads = dict.fromkeys(Mode, Spreads(self._ground.roadmap))
            self._spreads[None] = Spreads(self._ground.roadmap, on_foot=True)
        return job(self._ground)

    def _spreads_of(self, profile: Profile) -> Spreads:
        return self._spreads[None if profile.vehicle is Vehicle.FOOT else profile.mode]

    async def _model(self, vehicles: Set[Vehicle], mode: Mode) -> None:
        """Model what was never asked before."""
        await self._ready(self._profile(each, Terms(mode=mode)) for each in vehicles)

    def _profile(self, vehicle: Vehicle, terms: Terms) -> Profile:
        condition = self._roads.county if terms.condition is None else terms.condition
        return Profile(vehicle=vehicle, mode=terms.mode, condition=condition)

    async def _ready(self, profiles: Iterable[Profile]) -> None:
        """Return when all can answer at once. Raises `RoutingBusy`.

        Modelling takes long, so it is done off the routing thread, once for all who wait for it.
        """
        wanted = list(profiles)

        def unknown(ground: Ground) -> list[Profile]:
            return [each for each in wanted if not ground.knows(each)]

        for profile in await self._insist(unknown):
            task = self._modelling.get(profile)
            if task is None:
                task = asyncio.create_task(self._prepare(profile), name=f"model {profile}")
                self._modelling[profile] = task
                task.add_done_callback(partial(self._forget, profile))
            await asyncio.shield(task)

    def _forget(self, profile: Profile, _task: asyncio.Task[None]) -> None:
        del self._modelling[profile]

    async def _prepare(self, profile: Profile) -> None:
        models = await self._insist(lambda ground: ground.models)
        modelled = await asyncio.to_thread(models.of, profile)
        await self._insist(lambda ground: ground.prepare(profile, modelled))

    def _remaining(
        self, ground: Ground, journeys: Sequence[tuple[Traveller, Approach]], mode: Mode
    ) -> list[Arrival | None]:
        """All who go to one place together. They move: kept fleets are for those who stand."""
        rows_of: dict[Approach, list[int]] = {}
        for row, (_, place) in enumerate(journeys):
            rows_of.setdefault(place, []).append(row)
        found: list[Arrival | None] = [None] * len(journeys)
        for place, rows in rows_of.items():
            them = [journeys[row][0] for row in rows]
            arrivals = self._arrivals(ground, them, place, mode, keep=False)
            for row, arrival in zip(rows, arrivals, strict=True):
                found[row] = arrival
        return found

    def _arrivals(
        self,
        ground: Ground,
        travellers: Sequence[Traveller],
        place: Approach,
        mode: Mode,
        *,
        keep: bool = True,
    ) -> list[Arrival | None]:
        """`keep`: the fleet is asked from again."""
        total_s = np.full((len(travellers), len(place.drop_offs)), np.inf)
        targets = [each.snap for each in place.drop_offs]
        walks_s = np.array([each.walk.duration_s for each in place.drop_offs])
        for vehicle in {each.vehicle for each in travellers}:
            rows = [row for row, each in enumerate(travellers) if each.vehicle is vehicle]
            profile = replace(ground.profile, vehicle=vehicle, mode=mode)
            them = [travellers[row] for row in rows]
            at = [each.snap for each in them]
            fleet = (
                self._fleets.of(ground, them) if keep else ground.fleet(departures(ground, them))
            )
            total_s[rows] = self._matrix(ground, fleet, at, targets, profile) + walks_s
        best = total_s.argmin(axis=1)
        return [
            Arrival(eta_s=eta_s, drop_off=place.drop_offs[column]) if eta_s < np.inf else None
            for eta_s, column in zip(total_s.min(axis=1).tolist(), best.tolist(), strict=True)
        ]

    def _lead(
        self, ground: Ground, traveller: Traveller, lon: float, lat: float, mode: Mode
    ) -> Lead:
        profile = replace(ground.profile, vehicle=traveller.vehicle, mode=mode)
        place = ground.approach(lon, lat, profile=profile)
        (arrival,) = self._arrivals(ground, [traveller], place, mode)
        drop_off = place.nearest if arrival is None else arrival.drop_off
        route = self._route(ground, _start(ground, traveller), drop_off.snap, profile)
        return Lead(route=route, drop_off=drop_off)

    def _matrix(
        self,
        ground: Ground,
        fleet: Fleet,
        at: Sequence[Snap],
        targets: Sequence[Snap],
        profile: Profile | None = None,
    ) -> NDArray[np.float64]:
        """Those that set off inside closed roads apart, so that others do not drive through.

        `at`: where the fleet is.
        """
        found = np.full((len(at), len(targets)), np.inf)
        columns_by = self._by_closures(targets)
        for closures, rows in self._by_closures(at).items():
            some = fleet if len(rows) == len(at) else fleet.take(rows)
            for others, columns in columns_by.items():
                with self._inside(ground, closures | others):
                    found[np.ix_(rows, columns)] = ground.matrix(
                        some, [targets[column] for column in columns], profile=profile
                    )
        return found

    def _by_closures(self, places: Sequence[Snap]) -> dict[frozenset[int], list[int]]:
        """Which places lie in which closed roads; those beyond the maximum count as in none."""
        if self._roads.table is None:
            return {frozenset(): list(range(len(places)))}
        groups: dict[frozenset[int], list[int]] = {frozenset(): []}
        for number, place in enumerate(places):
            closures = self._roads.closures_of(place)
            if closures not in groups and len(groups) > CLOSED_GROUPS_MAX:
                closures = frozenset()
            groups.setdefault(closures, []).append(number)
        return {closures: numbers for closures, numbers in groups.items() if numbers}

    def _route(
        self, ground: Ground, source: Start, target: Snap, profile: Profile | None = None
    ) -> Route:
        closures = self._roads.closures_of(snap_of(source)) | self._roads.closures_of(target)
        with self._inside(ground, closures):
            return ground.route(source, target, profile=profile)

    def _reach(self, ground: Ground, source: Traveller, limit_s: float, terms: Terms) -> Reach:
        profile, closures = self._profile(source.vehicle, terms), self._closures_of(source)
        with self._inside(ground, closures, weather=terms.condition is None):
            return Reach.of(ground, [_start(ground, source)], limit_s, profile=profile)

    def _eta_to(self, ground: Ground, source: Traveller, village: Village, terms: Terms) -> Eta:
        profile, closures = self._profile(source.vehicle, terms), self._closures_of(source)
        spreads = self._spreads_of(profile)
        with self._inside(ground, closures, weather=terms.condition is None):
            return eta_to(ground, spreads, _start(ground, source), village, profile=profile)

    def _closures_of(self, traveller: Traveller) -> frozenset[int]:
        return self._roads.closures_of(traveller.snap)

    @contextmanager
    def _inside(
        self, ground: Ground, closures: frozenset[int], *, weather: bool = True
    ) -> Iterator[None]:
        """For the time of one query, for somebody who starts or ends inside closed roads, or who
        asks what another weather than that of some areas would bring."""
        table = self._roads.table
        if table is None or (overrides := table.into(closures, weather=weather)) is table.overrides:
            yield
            return
        ground.set_overrides(overrides)
        try:
            yield
        finally:
            ground.set_overrides(table.overrides)

    def _way(
        self, ground: Ground, traveller: Traveller, drop_off: DropOff, mode: Mode
    ) -> Way | None:
        try:
            route, profile = self._route_of(ground, traveller, drop_off, mode)
        except NoRouteError:
            return None
        eta = self._spreads_of(profile).eta(
            route.duration_s, route.legs.arc, route.leg_s, walk_s=drop_off.walk.duration_s
        )
        return Way(
            distance_m=route.distance_m,
            eta=eta,
            snowy_track_m=slippery_tracks_m(
                ground.roadmap, route.legs, self._roads.county, self._roads.weather
            ),
        )

    def _route_of(
        self, ground: Ground, traveller: Traveller, drop_off: DropOff, mode: Mode
    ) -> tuple[Route, Profile]:
        profile = replace(ground.profile, vehicle=traveller.vehicle, mode=mode)
        return self._route(ground, _start(ground, traveller), drop_off.snap, profile), profile

    def _close_ground(self) -> None:
        if self._ground is not None:
            self._ground.close()
            self._ground = None


def _start(ground: Ground, traveller: Traveller) -> Departure:
    return departures(ground, [traveller])[0]


def _catch_up(profile: Profile, ground: Ground) -> None:
    if ground.knows(profile):
        ground.prepare(profile)
