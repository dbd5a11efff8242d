"""Keeps travel times ready for whoever is on duty, so that no emergency waits for them.

Modelling the times of one kind of vehicle in one mode and weather takes a second or more on a
county's map. It is done beforehand for every kind that a unit on duty has, in both modes, under the
weather in force and under the one that is about to be; and again for what has changed on the roads.
Until then the first question makes what it needs itself.

Modelling is done on other threads. What is left, customising an engine, has to be done on the one
that owns all engines: 20 to 60 ms a metric on a county's map, one metric between two questions. A
closed road cannot wait for that, so the first question after it pays for its own metric, and the
others are brought up to date behind it. Knows no store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from itertools import product

from geo.driving.conditions import Condition
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode, Vehicle
from geo.metrics import KEPT_MAX
from server.dispatch.travel import VEHICLE_OF_KIND
from server.ports import LiveUnits, Router
from server.routing import RoutingBusy
from server.views import UnitStatus, UnitView

logger = logging.getLogger(__name__)

RETRY_S = 1.0
"""After routing was too busy to be asked."""

assert 2 * len(Vehicle) * len(Mode) <= KEPT_MAX, "two weathers of every kind are kept"


class Warmth:
    """`run` keeps routing ready until cancelled; `wake` it when something may have changed."""

    def __init__(self, *, live: LiveUnits, router: Router) -> None:
        self._live, self._router = live, router
        self._wake = asyncio.Event()
        self._wake.set()
        self._coming: Condition | None = None
        """The county's next condition, while it is not in force."""
        self._on_duty = self._vehicles()

    def wake(self) -> None:
        """The roads or the learned travel times are others now."""
        self._wake.set()

    def unit_changed(self, unit_id: str) -> None:
        """A unit looks different; only a kind of vehicle that was not on duty matters."""
        unit = self._live.unit(unit_id)
        if unit is not None and not _driven([unit]) <= self._on_duty:
            self._wake.set()

    async def ready_for(self, condition: Condition) -> None:
        """Return when all on duty can answer under a condition that is not in force yet."""
        self._coming = condition
        await self._insist()

    async def run(self) -> None:
        """Make ready again whenever something changed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._router.roads.county == self._coming:
                self._coming = None
            await self._insist()

    async def _insist(self) -> None:
        while True:
            try:
                await self._router.keep_ready(self._wanted())
            except RoutingBusy as error:
                logger.info("travel times are made ready later: %s", error)
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _wanted(self) -> list[Profile]:
        """Those who hurry first, under the weather in force first."""
        self._on_duty = self._vehicles()
        conditions = dict.fromkeys(
            each for each in (self._router.roads.county, self._coming) if each is not None
        )
        every = product(conditions, (Mode.URGENT, Mode.ROUTINE), sorted(self._on_duty))
        return [
            Profile(vehicle=vehicle, mode=mode, condition=condition)
            for condition, mode, vehicle in every
        ]

    def _vehicles(self) -> frozenset[Vehicle]:
        """A patrol car at least: it is what is asked for where none is named."""
        return frozenset({Vehicle.PATROL_CAR}) | _driven(self._live.units())


def _driven(units: Iterable[UnitView]) -> frozenset[Vehicle]:
    """By those on duty."""
    on_duty = (each for each in units if each.status != UnitStatus.OFF_DUTY)
    return frozenset(VEHICLE_OF_KIND[each.kind] for each in on_duty)
