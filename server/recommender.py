"""Computes a recommendation: asks the live picture and the road graph, then ranks.

Writes nothing, and hands over what it was made from (`server.dispatch.record`). The rules are in
`server.dispatch.ranking`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from geo.driving.vehicles import Mode
from geo.errors import NoRouteError, OffMapError
from geo.meeting import Meeting
from geo.snap import Snap
from geo.walk import Approach
from server.areas import Areas
from server.dispatch.battery import Prospect, foresee
from server.dispatch.contenders import Way, contender, with_way
from server.dispatch.contest import Station
from server.dispatch.cover import Left
from server.dispatch.pairs import Pair, choose
from server.dispatch.premises import Premises, answer, canonical, sha256
from server.dispatch.ranking import Contender, Ranking, Scene, leading, rank_scored, scored
from server.dispatch.reckoned import Reckoned
from server.dispatch.record import Asked, Circumstances, Recommended, Record
from server.dispatch.runcards import RunCards
from server.dispatch.standing import Scored
from server.dispatch.travel import MODE_OF_PRIORITY, Arrival, Traveller, traveller
from server.dispatch.turnout import AT_ONCE, Turnout
from server.dispatch.weights import SHIFT_H
from server.ports import BatteryWatch, CoverSight, LiveRoads, LiveUnits, RendezvousSight, Router
from server.roadskept import RoadsKept
from server.routing import RoutingBusy
from server.unitskept import Nameless
from server.views import IncidentView, UnitStatus, UnitView

SHIFT: Final = timedelta(hours=SHIFT_H)
WAYS_MAX = 5
"""Best units whose road is computed, for its length and its spread; it costs more than its time."""
WAYS_LOOKED_AT_MAX = 4 * WAYS_MAX
"""Roads computed for one recommendation: who falls back by what its own road is like makes room
among the best for one whose road nobody has looked at yet."""
TRIES_MAX = 5
"""Computed anew when roads change under way; people change them, so twice in a row is rare."""


class Recommender:
    """Ranks the units in service for one incident."""

    def __init__(
        self,
        *,
        live: LiveUnits,
        router: Router,
        batteries: BatteryWatch,
        map_id: str,
        turnout: Turnout = AT_ONCE,
        shift: timedelta = SHIFT,
        cover: CoverSight | None = None,
        rendezvous: RendezvousSight | None = None,
    ) -> None:
        """`cover`: None, and nothing is said of what the county is left with; `rendezvous`: None,
        and no pair is told where to meet."""
        self._live = live
        self._router = router
        self._batteries = batteries
        self._map_id = map_id
        self._turnout, self._shift = turnout, shift
        self._areas = Areas(router)
        self._cover = cover
        self._rendezvous = rendezvous
        self._roads_kept = RoadsKept()
        self._nameless = Nameless()

    def unseen(self, unit_ids: Iterable[str]) -> list[str]:
        """Those of the units that the live picture does not show yet, in order of id."""
        return sorted(set(unit_ids) - {each.id for each in self._live.units()})

    async def compute(
        self,
        incident: IncidentView,
        doing: Mapping[str, tuple[UnitStatus, int | None]],
        *,
        unseen: Sequence[UnitView] = (),
        in_need: frozenset[str] = frozenset(),
        on_it: int = 0,
        cards: RunCards,
        stations: Sequence[Station] = (),
        war: bool = False,
        recommendation_id: str,
        now: datetime,
    ) -> Recommended:
        """Every unit of `doing` (status and open order's number by unit id), ranked or excluded.

        `unseen` are the views of those that the live picture does not show yet, `in_need` those
        who call for help themselves, `on_it` how many are there or on the way already, `cards` the
        run cards in force, `stations` all of the county; `war` is only recorded.
        Raises `RoutingBusy`. A place that no road reaches is a reason, not an error.
        """
        living = {each.id: each for each in (*unseen, *self._live.units()) if each.id in doing}
        snaps = {each: self._live.snap(each) for each in living}  # of the same moment
        card = cards.card(incident.type)
        asked = Asked(
            incident=msgspec.structs.replace(incident, orders=[]),
            units=self._nameless.of(living.values()),
            doing={each: doing[each] for each in living},
            in_need=tuple(sorted(in_need)),
            card=card,
            run_cards_version=cards.version,
            turnout=self._turnout,
            war=war,
            shift_s=self._shift.total_seconds(),
            stations=tuple(stations),
            skills=tuple(each for each in cards.skills if each.code in card.skills),
            left=self._left(living, now),
            on_it=on_it,
        )
        for _ in range(TRIES_MAX):
            roads = self._router.roads
            premises, ranking, reckoned = await self._premises(
                asked, snaps, roads, recommendation_id, now
            )
            if self._router.roads is roads:  # all of it is of one moment
                return self._recommended(asked, roads, premises, ranking, reckoned)
        raise RoutingBusy("roads change faster than anything is reckoned on them")

    def _recommended(
        self,
        asked: Asked,
        roads: LiveRoads,
        premises: Premises,
        ranking: Ranking,
        reckoned: Reckoned,
    ) -> Recommended:
        view, footing = answer(premises, ranking), self._router.footing
        kept, name = self._roads_kept.of(roads)
        record = Record(
            answer=sha256(canonical(view)),
            premises=premises,
            asked=asked,
            circumstances=Circumstances(
                engine=footing.engine,
                against_one_ways=footing.against_one_ways,
                learned_version=roads.learned_version,
                roads=name,
            ),
            battery_version=reckoned.version,
            battery_devices=reckoned.device_ids,
            battery_numbers=sha256(reckoned.numbers),
        )
        return Recommended(view=view, record=record, reckoned=reckoned, roads=kept)

    async def _premises(
        self,
        asked: Asked,
        snaps: Mapping[str, Snap | None],
        roads: LiveRoads,
        recommendation_id: str,
        now: datetime,
    ) -> tuple[Premises, Ranking, Reckoned]:
        incident = asked.incident
        mode = MODE_OF_PRIORITY[incident.priority]
        place, no_road = await self._place(incident, mode)
        travellers = {
            each.id: self._traveller(each, snap, mode, now)
            for each in asked.units
            if (snap := snaps[each.id]) is not None
        }
        arrivals = await self._arrivals(travellers, place, mode)
        scene = self._scene(asked, no_road, await self._areas.of(asked.stations, place), place, now)
        batteries, reckoned = self._batteries_over(asked, scene, arrivals, now)
        contenders = [
            self._contender(
                asked,
                scene,
                each,
                travellers.get(each.id),
                arrivals.get(each.id),
                batteries.get(each.id, ()),
                now,
            )
            for each in asked.units
        ]
        units = [scored(scene, one) for one in contenders]
        units, ways = await self._looked_at(scene, units, travellers, arrivals, mode)
        ranking = rank_scored(scene, units)
        pair = choose(scene, [each.contender for each in ranking.candidates])
        meets, meeting_place = await self._meeting(pair, travellers, arrivals, mode)
        premises = Premises(
            recommendation_id=recommendation_id,
            incident_id=incident.id,
            computed_at=now,
            map_id=self._map_id,
            road_version=roads.version,
            conditions=roads.conditions,
            run_cards_version=asked.run_cards_version,
            scene=scene,
            contenders=tuple(each.one for each in units),
            ways=ways,
            meeting=meets,
            meeting_place=meeting_place,
        )
        return premises, ranking, reckoned

    def _left(self, living: Iterable[str], now: datetime) -> dict[str, Left]:
        known = {} if self._cover is None else self._cover.left(now)
        return {each: known[each] for each in living if each in known}

    def _traveller(self, unit: UnitView, snap: Snap, mode: Mode, now: datetime) -> Traveller:
        turnout_s = self._turnout.seconds(mode, at_station=unit.at_station)
        return traveller(unit, snap, now, turnout_s=turnout_s)

    def _contender(
        self,
        asked: Asked,
        scene: Scene,
        unit: UnitView,
        at: Traveller | None,
        arrival: Arrival | None,
        batteries: tuple[Prospect, ...],
        now: datetime,
    ) -> Contender:
        status, order_number = asked.doing[unit.id]
        mode = MODE_OF_PRIORITY[scene.priority]
        closed = arrival is not None and bool(self._router.roads.closures_of(arrival.drop_off.snap))
        return contender(
            unit,
            status=status,
            order_number=order_number,
            off_road_m=None if at is None else at.snap.distance_m,
            eta_s=None if arrival is None else arrival.eta_s,
            walk=None if arrival is None else arrival.drop_off.walk,
            turnout_s=0.0 if at is None else at.turnout_s,
            road_closed=closed,
            log_sd=0.0 if at is None else self._router.unrouted_sd(at.vehicle, mode),
            batteries=batteries,
            left=None if arrival is None else asked.left.get(unit.id),
            away_s=0.0 if arrival is None else 2.0 * arrival.eta_s + scene.scene_s,
            in_need=unit.id in asked.in_need,
            now=now,
        )

    def _batteries_over(
        self, asked: Asked, scene: Scene, arrivals: Mapping[str, Arrival], now: datetime
    ) -> tuple[dict[str, tuple[Prospect, ...]], Reckoned]:
        """By unit id: what becomes of the batteries of those who can get there."""
        jobs = {
            device.id: scene.job(arrivals[unit.id].eta_s)
            for unit in asked.units
            if unit.id in arrivals
            for device in unit.devices
        }
        found = foresee(list(jobs.items()), self._batteries.endurance(jobs, now))
        known = {each.battery.device_id: each for each in found.prospects}
        told = {
            unit.id: tuple(known[each.id] for each in unit.devices if each.id in known)
            for unit in asked.units
        }
        return told, found.reckoned

    def _scene(
        self, asked: Asked, no_road: str, area: str, place: Approach | None, now: datetime
    ) -> Scene:
        incident, card = asked.incident, asked.card
        known = {skill for unit in asked.units for each in unit.officers for skill in each.skills}
        return Scene(
            scene_s=card.scene_min * 60.0,
            recording=card.recording,
            priority=incident.priority,
            temp_c=self._batteries.outdoors_c(incident.lon, incident.lat),
            no_road=no_road,
            skills=tuple(each for each in asked.skills if each.code in known),
            absent_skills=tuple(each for each in asked.skills if known and each.code not in known),
            kinds=card.vehicles,
            area=area,
            shift_s=asked.shift_s,
            units=card.units,
            on_it=asked.on_it,
            violence=card.violence,
            deadline_s=card.first_arrival_min * 60.0 - (now - incident.opened_at).total_seconds(),
            no_signal=place is not None
            and self._rendezvous is not None
            and self._rendezvous.no_signal(place),
        )

    async def _meeting(
        self,
        pair: Pair | None,
        travellers: Mapping[str, Traveller],
        arrivals: Mapping[str, Arrival],
        mode: Mode,
    ) -> tuple[Meeting | None, str]:
        """Where the two of a pair meet before the place, and in words."""
        if pair is None or self._rendezvous is None:
            return None, ""
        one, other = (
            (travellers[each.unit_id], arrivals[each.unit_id].drop_off)
            for each in (pair.first, pair.second)
        )
        return await self._rendezvous.meet(one, other, mode)

    async def _place(self, incident: IncidentView, mode: Mode) -> tuple[Approach | None, str]:
        """Where one can stop for the incident, or why no road reaches it."""
        try:
            return await self._router.approach(incident.lon, incident.lat, mode), ""
        except (NoRouteError, OffMapError) as error:
            return None, str(error)

    async def _arrivals(
        self, travellers: dict[str, Traveller], place: Approach | None, mode: Mode
    ) -> dict[str, Arrival]:
        """By unit id; units that no road connects are missing."""
        if place is None or not travellers:
            return {}
        found = await self._router.arrivals(list(travellers.values()), place, mode)
        pairs = zip(travellers, found, strict=True)
        return {unit_id: arrival for unit_id, arrival in pairs if arrival is not None}

    async def _looked_at(
        self,
        scene: Scene,
        units: list[Scored],
        travellers: dict[str, Traveller],
        arrivals: dict[str, Arrival],
        mode: Mode,
    ) -> tuple[list[Scored], dict[str, Way | None]]:
        """All units, the best of them by their own roads; these by unit id."""
        ways: dict[str, Way | None] = {}
        while room := WAYS_LOOKED_AT_MAX - len(ways):
            best = leading(units, WAYS_MAX)
            unknown = [each for each in best if each.unit_id not in ways][:room]
            if not unknown:
                break
            ways |= await self._ways(unknown, travellers, arrivals, mode)
            units = [_knowing(scene, each, ways.get(each.one.unit_id)) for each in units]
        return units, ways

    async def _ways(
        self,
        best: Sequence[Contender],
        travellers: dict[str, Traveller],
        arrivals: dict[str, Arrival],
        mode: Mode,
    ) -> dict[str, Way | None]:
        """By unit id."""
        ids = [one.unit_id for one in best]
        journeys = [(travellers[each], arrivals[each].drop_off) for each in ids]
        return dict(zip(ids, await self._router.ways(journeys, mode), strict=True))


def _knowing(scene: Scene, unit: Scored, way: Way | None) -> Scored:
    """Scored anew by its own road, where that was looked at."""
    return unit if way is None else scored(scene, with_way(unit.one, way))
