"""A recommendation is recorded with all that it follows from, and follows from that again."""

from __future__ import annotations

import asyncio
import inspect
import zlib
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import cache, partial
from random import Random
from typing import Any

import msgspec
import pytest

from devices.battery.model import Load
from geo.eta import Eta
from geo.ground import Ground
from geo.live import kept as keptroads
from geo.live.kept import Roads
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from geo.walk import Walk
from server.dispatch.battery import Battery, Prospect
from server.dispatch.comparing import differences
from server.dispatch.contenders import Way
from server.dispatch.contest import Station
from server.dispatch.cover import Left
from server.dispatch.errors import RecordDamaged
from server.dispatch.premises import Premises, answer, canonical, sha256
from server.dispatch.ranking import Contender, Scene, rank
from server.dispatch.record import Asked, Recommended, pack, unpack
from server.dispatch.runcardfile import shipped
from server.dispatch.turnout import Turnout
from server.dispatch.weights import RULES
from server.ports import Footing, LiveRoads
from server.recommender import Recommender
from server.replay import Learned, Replayer, again
from server.views import DeviceKind, Priority, RecommendationView, UnitStatus
from server.weather import times_under
from tests.decision_county import (
    NOW,
    PRIORITIES,
    RoutingHere,
    SeededUnits,
    an_id,
    an_incident,
    some_factors,
    some_roads,
    some_stations,
)

SEED = 20_260_131
STATES, DECISIONS_PER_STATE, UNITS = 10, 100, 6

PORTS = {"live", "router", "batteries", "cover"}
"""What the recommender looks at, each with a place in the record."""
PINNED = {
    1: "1ca1daf36f6b0bc3330b2f0d8b7d202008b0dbfcbfe5b7487647fd2e28875abb",
    2: "fb01b3f0c68669acae9c3517ba664d9d1d8295299069ee9af80330441a6b5623",
    3: "197899f9098501afdf2a3aef55132e26f725f4108a9b88370840606f708b9073",
    4: "197899f9098501afdf2a3aef55132e26f725f4108a9b88370840606f708b9073",
    5: "d6c9bcf2c3866582b6c46c595534a6082208d559c915e04520cae41ff080cccb",
    6: "357aff52507b80102cf562aded2a9bc015195cc2436ce3e194c8905bf4cfdf60",
    7: "357aff52507b80102cf562aded2a9bc015195cc2436ce3e194c8905bf4cfdf60",
    8: "d8935652d3a3a238aa71332ccbce3a68b113a9bfb0dd378702c7c66ced563f2d",
}
"""SHA-256 of the answer to the fixed question, by rules."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a store would have of one recommendation."""

    packed: bytes
    shown: bytes
    made: Recommended
    learned: Learned | None


class Room:
    """Recommendations over the small county, under one state of its roads after the other."""

    def __init__(self, roadmap: RoadMap, seed: int) -> None:
        self.roadmap, self.chance = roadmap, Random(seed)
        self._index = SnapIndex(roadmap)
        self.router = RoutingHere(lambda: Ground(roadmap, engine="scipy"))
        self._times_of = cache(partial(times_under, roadmap))
        self._version = 0
        self._stations: list[Station] = []
        self.learned: Learned | None = None

    async def turn(self, roads: Roads, learned: Learned | None) -> None:
        """Another state of the roads."""
        self._version += 1
        self.learned = learned
        await self.router.set_learned(learned, version=self._version if learned else None)
        where = roads.where
        await self.router.set_roads(
            LiveRoads(
                version=self._version,
                county=roads.county,
                conditions=() if where is None else tuple(map(str, where.conditions)),
                weather=where,
                table=roads.table(self._times_of, self.roadmap.edge_count),
            )
        )

    def units(self, count: int) -> SeededUnits:
        self._stations = some_stations(self.roadmap, self.chance)
        return SeededUnits(self.roadmap, self._index, self.chance, count)

    async def decide(self, units: SeededUnits) -> Kept:
        chance = self.chance
        made = await Recommender(
            live=units,
            router=self.router,
            batteries=units.batteries,
            map_id=self.roadmap.meta.map_id,
            turnout=Turnout(road_s=chance.choice([0.0, 15.0])),
            shift=timedelta(hours=chance.choice([8, 12])),
            cover=units.cover,
        ).compute(
            an_incident(self.roadmap, chance),
            units.doing(chance),
            in_need=frozenset(chance.sample([each.id for each in units.units()], k=1)),
            cards=replace(shipped(), version=self._version),
            stations=self._stations,
            war=chance.random() < 0.3,
            recommendation_id=an_id(chance),
            now=NOW,
        )
        return Kept(
            packed=pack(made.record),
            shown=canonical(made.view),
            made=made,
            learned=self.learned,
        )


async def decided(
    roadmap: RoadMap, *, states: int, each: int, units: int, seed: int = SEED
) -> list[Kept]:
    room = Room(roadmap, seed)
    await room.router.start()
    found = []
    for state in range(states):
        factors = some_factors(roadmap, room.chance) if state % 3 else None
        await room.turn(some_roads(roadmap, room.chance), factors)
        for number in range(each):
            if number % 25 == 0:
                fleet = room.units(units)
            found.append(await room.decide(fleet))
    await room.router.close()
    return found


def a_replayer(roadmap: RoadMap) -> Replayer:
    footing = Footing(engine="scipy", against_one_ways=False)
    return Replayer(roadmap, footing, routing=RoutingHere)


@pytest.fixture(scope="module")
def one(small_map: RoadMap) -> Kept:
    """A recommendation of many units, under closed roads, weather and learned factors."""
    return asyncio.run(decided(small_map, states=2, each=1, units=30, seed=SEED + 1))[-1]


async def test_a_thousand_recorded_decisions_come_out_again_byte_for_byte(
    small_map: RoadMap,
) -> None:
    made = await decided(small_map, states=STATES, each=DECISIONS_PER_STATE, units=UNITS)
    edges, other, without_map = small_map.edge_count, 0, 0

    async with a_replayer(small_map) as replayer:
        for each in reversed(made):  # nothing may hang on what was asked before
            record, roads = unpack(each.packed), keptroads.unpack(each.made.roads, edges)
            view = await replayer.again(record, each.made.reckoned, roads, each.learned)
            other += canonical(view) != each.shown
            without_map += canonical(again(record)) != each.shown

    assert len(made) == 1_000
    assert (other, without_map) == (0, 0), f"seed {SEED}"
    assert len({each.made.record.circumstances.roads for each in made}) == STATES
    assert len({each.shown for each in made}) == len(made)


async def test_closing_a_road_changes_what_the_record_names(small_map: RoadMap) -> None:
    room = Room(small_map, SEED)
    await room.router.start()
    units = room.units(UNITS)
    (closed,) = [each for each in some_states(small_map) if each.changes][:1]
    before, after = replace(closed, changes=()), closed

    records = []
    for roads in (before, after, before):
        await room.turn(roads, None)
        records.append((await room.decide(units)).made.record)
    await room.router.close()

    first, second, third = records
    assert second.premises.road_version == first.premises.road_version + 1
    assert second.circumstances.roads != first.circumstances.roads
    assert third.premises.road_version > second.premises.road_version
    assert third.circumstances.roads == first.circumstances.roads, "opened again: the same roads"


def some_states(roadmap: RoadMap) -> list[Roads]:
    return [some_roads(roadmap, Random(seed)) for seed in range(5)]


async def test_a_record_holds_everything_to_the_last_bit(one: Kept) -> None:
    record = unpack(one.packed)

    assert record == one.made.record
    assert pack(record) == one.packed
    assert record.answer == sha256(one.shown)
    assert record.fits(one.made.reckoned)
    assert record.circumstances.learned_version is not None
    assert record.battery_version == 3
    assert {unit.unit_id for unit in record.premises.contenders} == set(record.asked.doing)


async def test_no_names_and_no_telephone_numbers_are_in_a_record(one: Kept) -> None:
    record = unpack(one.packed)

    assert {officer.badge for unit in record.asked.units for officer in unit.officers}
    told = msgspec.msgpack.encode(record)
    assert "王芳".encode() not in told
    assert b"13800000000" not in told


async def test_the_kept_row_has_the_same_canonical_text_as_the_view(one: Kept) -> None:
    """A row is plain values: types may change later and must not change what was signed."""
    row = msgspec.json.decode(msgspec.json.encode(one.made.view))

    assert canonical(row) == canonical(dict(reversed(row.items()))) == one.shown
    assert canonical(msgspec.convert(row, RecommendationView)) == one.shown


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-9], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]],
    ids=["cut off", "empty", "a byte"],
)
async def test_a_damaged_record_is_refused(one: Kept, spoil: Any) -> None:
    with pytest.raises(RecordDamaged):
        unpack(spoil(one.packed))


async def test_a_record_of_a_form_that_is_not_known_is_not_half_understood(one: Kept) -> None:
    """What it has beside what is known here would be left out of the answer without a word."""
    later = pack(replace(one.made.record, form=2))

    with pytest.raises(RecordDamaged, match="it has form 2, and form 1 is known here"):
        unpack(later)


async def test_a_record_of_another_map_is_refused(one: Kept, small_map: RoadMap) -> None:
    premises = replace(one.made.record.premises, map_id="of another county")
    roads = keptroads.unpack(one.made.roads, small_map.edge_count)

    async with a_replayer(small_map) as replayer:
        with pytest.raises(ValueError, match="of another county"):
            await replayer.again(
                replace(one.made.record, premises=premises), one.made.reckoned, roads, None
            )


# -- nothing is left out ------------------------------------------------------------------


def test_all_that_ranks_is_in_the_premises() -> None:
    """Whoever gives the ranking another argument must give it a place in the record."""
    known = {each.name for each in fields(Premises)}

    assert set(inspect.signature(rank).parameters) <= known
    assert set(inspect.signature(answer).parameters) == {"premises", "ranking"}


def test_all_that_is_asked_is_in_the_record() -> None:
    """Whoever asks the recommender more must record more, or a replay would not know of it."""
    recorded = {each.name for each in fields(Asked)} | {each.name for each in fields(Premises)}
    seen_in = {
        "unseen": "units",
        "now": "computed_at",
        "cards": "card",
        "shift": "shift_s",
        "rendezvous": "meeting",
    }

    asked = set(inspect.signature(Recommender.compute).parameters) - {"self"}
    made_with = set(inspect.signature(Recommender.__init__).parameters) - {"self"}

    assert {seen_in.get(name, name) for name in asked} <= recorded
    assert {seen_in.get(name, name) for name in made_with - PORTS} <= recorded


@pytest.mark.parametrize("kind", [Contender, Scene, Prospect, Battery])
def test_every_field_that_ranking_looks_at_is_in_the_bytes(kind: type, one: Kept) -> None:
    plain = msgspec.msgpack.decode(zlib.decompress(one.packed))["premises"]
    contender = next(each for each in plain["contenders"] if each["batteries"])
    prospect = contender["batteries"][0]
    kept = {
        Contender: contender,
        Scene: plain["scene"],
        Prospect: prospect,
        Battery: prospect["battery"],
    }

    assert kept[kind].keys() == {each.name for each in fields(kind)}


# -- the rules ------------------------------------------------------------------------------


def test_whoever_changes_the_rules_raises_their_number() -> None:
    """The same premises under the same rules: the same answer, on every machine."""
    asked = [fixed_premises(each) for each in PRIORITIES]
    asked += [replace(each, scene=replace(each.scene, violence=True)) for each in asked]
    answers = b"".join(canonical(answer(each)) for each in asked)

    assert sha256(answers) == PINNED.get(RULES), (
        "The answers to the fixed questions are others: raise RULES, and pin them under it."
    )


LEFT = Left(
    wait_s=610.0,
    calls_per_day=18.0,
    limit_s=1_200.0,
    people=2_300,
    places=4,
    worst="岭上村",
    worst_next_s=2_450.0,
)


def fixed_premises(priority: Priority) -> Premises:
    """Units of every sort, by hand: nothing here comes from a map, an engine or chance."""
    camera, handset = partial(a_prospect, "body_camera"), partial(a_prospect, "handset")
    contenders = [
        a_unit("P-01", eta_s=600.4, batteries=(camera(0.93),), coverage_s=95.0, on_duty_s=3_600.0),
        a_unit("P-02", eta_s=540.0, batteries=(camera(0.31, 0.72),), skills=("first_aid",)),
        a_unit("P-03", eta_s=545.0, walk=(700.0, 300.0), batteries=(handset(None),), log_sd=0.42),
        a_unit("P-04", eta_s=1_900.0, road_closed=True, position_age_s=1_300.0, off_road_m=420.0),
        a_unit("P-05", eta_s=None, position_age_s=None, off_road_m=None),
        a_unit("P-06", eta_s=None, has_device=False, connected=False),
        a_unit("P-07", eta_s=420.0, status=UnitStatus.EN_ROUTE, order_number=12),
        a_unit("P-08", eta_s=300.0, status=UnitStatus.OFF_DUTY),
        a_unit("P-09", eta_s=120.0, in_need=True),
        a_unit("P-10", eta_s=610.0, connected=False, turnout_s=60.0, snowy_track_m=900.0),
        a_unit("P-11", eta_s=580.0, kind="motorcycle", on_duty_s=31_000.0, rest_s=20_000.0),
        a_unit("P-13", eta_s=595.0, coverage_s=140.0, left=LEFT),
        a_unit("P-14", eta_s=700.0, has_camera=False),
        a_unit("P-12", eta_s=590.0, station="Ninghe", skills=("climbing", "first_aid")),
    ]
    return Premises(
        recommendation_id="0193e3a0-0000-7000-8000-000000000001",
        incident_id="0193e3a0-0000-7000-8000-000000000002",
        computed_at=NOW,
        map_id="a map",
        road_version=7,
        conditions=("rain", "snow,night"),
        run_cards_version=4,
        scene=Scene(scene_s=2_700.0, recording=Load.STREAM_LOW, priority=priority, temp_c=-4.5),
        contenders=tuple(contenders),
        ways={"P-01": Way(distance_m=8_120.5, eta=Eta(median_s=600.4, log_sd=0.21)), "P-02": None},
    )


def a_unit(name: str, *, walk: tuple[float, float] = (0.0, 0.0), **changed: Any) -> Contender:
    values: dict[str, Any] = {
        "unit_id": name,
        "call_sign": name,
        "status": UnitStatus.AVAILABLE,
        "order_number": None,
        "position_age_s": 4.0,
        "off_road_m": 6.0,
        "walk": Walk(duration_s=walk[0], distance_m=walk[1], climb_m=90.0, descent_m=0.0),
        "road_closed": False,
        "batteries": (),
        "has_device": True,
        "connected": True,
        "log_sd": 0.3,
    }
    return Contender(**(values | changed))


def a_prospect(
    kind: DeviceKind, p_last: float | None, p_recording: float | None = None
) -> Prospect:
    battery = Battery(device_id=f"{kind}-{p_last}", kind=kind, level_pct=50.0, level_at=NOW)
    return Prospect(
        battery=battery,
        p_last=p_last,
        age_s=2_400.0,
        p_recording=p_recording,
        now_pct=50.0,
        arrival_pct=44.0,
        end_pct=8.25,
    )


# -- what differs, in words --------------------------------------------------------------------


async def test_what_differs_is_said_by_unit_then_and_now(one: Kept) -> None:
    premises = one.made.record.premises
    timed = next(each for each in premises.contenders if each.eta_s is not None)
    later = replace(timed, eta_s=timed.eta_s + 1_000 if timed.eta_s is not None else None)
    others = tuple(later if each is timed else each for each in premises.contenders)
    now = answer(replace(premises, contenders=others))

    then = msgspec.json.decode(one.shown)
    found = differences(then, msgspec.json.decode(canonical(now)))

    said = [str(each) for each in found]
    assert f"{timed.call_sign}: travel time, s {timed.eta_s} then, {later.eta_s} now" in said
    assert differences(then, then) == []


async def test_a_unit_that_only_one_answer_has_is_said(one: Kept) -> None:
    then = msgspec.json.decode(one.shown)
    gone = then["candidates"][0]["call_sign"]
    now = {**then, "road_version": 99, "candidates": then["candidates"][1:]}

    said = [str(each) for each in differences(then, now)]

    assert said == [
        f"version of closed roads {then['road_version']} then, 99 now",
        f"{gone}: unit listed then, nothing now",
    ]
