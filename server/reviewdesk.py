"""After-action reviews: reads what was kept of an incident, and makes the review of it.

Everything is read from one state of the database; what its drives were against the model is
reckoned on another thread. Who reads one is in the command log before he sees it. Knows no face.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np

from geo.driving.conditions import Condition
from geo.driving.speed import Profile, travel_times_ms
from geo.driving.vehicles import Mode
from geo.roadmap import RoadMap
from geo.routing.engine import Weights
from server import runcardversions
from server.afteraction import AfterAction
from server.dispatch.errors import Conflict, NotFound
from server.dispatch.runcards import RunCard
from server.dispatch.timers import TimerTable
from server.dispatch.travel import VEHICLE_OF_KIND
from server.journal.kinds import JournalKind
from server.oneatatime import OneAtATime
from server.ports import CardsInForce, Clock
from server.reviewpasts import run_cards_of
from server.reviewviews import DriveReviewView, ReviewView
from server.stores import journal, reviews
from server.stores.pool import snapshot
from server.stores.reviews import Material, Trip

logger = logging.getLogger(__name__)

WAITING_MAX: Final = 4
PROFILES_MAX: Final = 4
"""Whose travel times over the whole map are kept."""


class ReviewDesk:
    """`by` is who reads: `user:<username>` or `operator:<name>`."""

    def __init__(
        self,
        *,
        pool: Any,
        timers: TimerTable,
        cards: CardsInForce,
        roadmap: RoadMap | None,
        clock: Clock,
    ) -> None:
        """Without a map, no drive is compared with the model."""
        self._pool, self._timers, self._cards = pool, timers, cards
        self._roadmap, self._clock = roadmap, clock
        self._one = OneAtATime(WAITING_MAX)
        self._times_ms = lru_cache(PROFILES_MAX)(self._times_of)

    async def by_number(
        self, number: int, *, by: str, what_for: JournalKind = JournalKind.REVIEW_READ
    ) -> ReviewView:
        """Raises `NotFound`, `TooMany`."""
        async with self._pool.acquire() as conn:
            incident_id = await reviews.id_of(conn, number)
        if incident_id is None:
            raise NotFound("not_found", f"There is no incident {number}.")
        return await self.review(incident_id, by=by, what_for=what_for)

    async def review(
        self, incident_id: str, *, by: str, what_for: JournalKind = JournalKind.REVIEW_READ
    ) -> ReviewView:
        """`what_for` is what the log says of it. Raises `NotFound`, `TooMany`."""
        async with self._one.turn():
            now = self._clock()
            async with snapshot(self._pool) as conn:
                found = await reviews.load(conn, incident_id, now)
                if found is None:
                    raise NotFound("not_found", "There is no such incident.")
                cards = await _cards(conn, found)
            view = await asyncio.to_thread(self._make, found, cards, now)
            await self._log(view, what_for, by=by)
        return view

    def _make(self, found: Material, cards: Mapping[int, RunCard], now: datetime) -> ReviewView:
        card = self._cards().card(found.incident.type)
        review = AfterAction(found, card=card, cards=cards, timers=self._timers, now=now)
        return review.view({each: self._drive(trip) for each, trip in found.trips.items()})

    def _drive(self, trip: Trip) -> DriveReviewView:
        """Against the model alone, without anything learned."""
        driven_s = float(trip.took_s[trip.counts].sum())
        km = model_s = None
        here = self._roadmap is not None and trip.map_id == self._roadmap.meta.map_id
        if self._roadmap is not None and here and len(trip.arcs):
            km = float(trip.shares @ self._roadmap.edge_length_m[trip.arcs >> 1]) / 1000.0
            times_ms = self._times_ms(trip.vehicle, trip.mode, trip.condition)
            each_s = times_ms[trip.arcs].astype(np.float64) / 1000.0 * trip.shares
            model_s = float(each_s[trip.counts].sum())
        return DriveReviewView(
            mode=trip.mode,
            condition=trip.condition,
            km=km,
            driven_s=driven_s,
            model_s=model_s,
            factor=driven_s / model_s if model_s else None,
            unmatched_s=trip.unmatched_s,
            note=trip.note,
            version=trip.version,
        )

    def _times_of(self, kind: str, mode: str, condition: str) -> Weights:
        assert self._roadmap is not None
        profile = Profile(
            vehicle=VEHICLE_OF_KIND[kind], mode=Mode(mode), condition=Condition.parse(condition)
        )
        return travel_times_ms(self._roadmap, profile)

    async def _log(self, view: ReviewView, kind: JournalKind, *, by: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor=by,
                subject=f"incident:{view.incident.id}",
                kind=kind,
                body={"number": view.incident.number},
            )


async def _cards(conn: Any, found: Material) -> dict[int, RunCard]:
    """Of the incident's type, those that were in force when somebody was sent, by version."""
    cards = {}
    for version in sorted(set(run_cards_of(found).values())):
        try:
            kept = await runcardversions.load(conn, version or None)
        except (NotFound, Conflict) as error:
            logger.warning("run cards %d cannot be read: %s", version, error)
            continue
        cards[version] = kept.card(found.incident.type)
    return cards
