"""What happens in a county, whoever is sent: calls, and what people do about them. Seeded.

Calls are a Poisson process, near villages by population, those about roads on roads; types are
those of the run cards, but what the room gives itself to do. Every chance belongs to a call, never
to a unit, so that two policies meet the same calls and the same people and differ by whom they send
alone. All times are starting values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from random import Random
from types import MappingProxyType
from typing import Final

import numpy as np

from devices.battery.model import Load
from devices.sim import force
from devices.sim.climate import SEA_LEVEL_C
from devices.sim.incidents import Kind, Planned, stream
from devices.sim.officers import Crew, Spread
from geo.driving.vehicles import Vehicle
from server.dispatch.battery import STREAMS
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import ROOM_TASKS, RunCard, RunCards
from server.dispatch.travel import VEHICLE_OF_KIND
from server.evaluation.county import County, Station
from server.evaluation.history import CALLS_MAX, History, Home, PastCall, Shift
from server.evaluation.trips import place_on
from server.views import Priority

DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0
DAYS_MAX: Final = 366

HANDLING: Final = Spread(median_s=60.0, sigma=0.5, low_s=15.0, high_s=300.0)
"""From the call to the choice of a unit."""
SCENE_SIGMA: Final = 0.35
SCENE_S_MAX: Final = 6 * HOUR_S
SILENT_SHARE: Final = 0.02
"""Of orders that a crew does not notice: radio turned down, nobody in the car. Starting value."""
HIGH_SHARE: Final = 0.5
"""Of streams with the higher rate."""
ROADSIDE: Final = frozenset({"traffic_collision", "road_blocked"})
ROADSIDE_TRIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How much happens."""

    name: str
    per_day: float
    surge_per_hour: float = 0.0
    """On top, on the first day from noon on."""
    surge_h: float = 0.0


TRAFFIC: Final = {
    each.name: each
    for each in (
        Traffic(name="peace", per_day=80.0),
        Traffic(name="busy", per_day=200.0),
        Traffic(name="surge", per_day=80.0, surge_per_hour=30.0, surge_h=3.0),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One incident."""

    number: int
    at_s: float
    type: RunCard
    priority: Priority
    lon: float
    lat: float
    handling_s: float
    scene_s: float
    recording: frozenset[Load]
    """What the body camera does at the scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the crew does that is sent somewhere, whichever it is."""

    answers_s: float
    """From when the order reaches it to the yes or no."""
    declines: bool
    silent: bool
    """Nobody notices the order."""
    leaves_s: float
    """From the yes until the wheels turn."""
    pace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One unit of the force."""

    call_sign: str
    vehicle: Vehicle
    station: Station
    shifts: tuple[tuple[float, float], ...] | None = None
    """From when until when it is on duty, in virtual seconds; None: always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One seed."""

    seed: int
    days: int
    posts: tuple[Post, ...]
    calls: tuple[Call, ...]
    sea_level_c: float
    """Mean temperature of the day at sea level."""
    cards: RunCards

    @property
    def ends_s(self) -> float:
        """After it nobody calls any more."""
        return self.days * DAY_S

    def answer(self, asked: str, priority: Priority, *, at_home: bool) -> Answer:
        """Of whoever is `asked`: the same words, the same answer."""
        crew = Crew(Random(f"{self.seed}-answer-{asked}"))
        declines = crew.declines(priority) is not None
        answers_s = crew.looks_after_s() + crew.answers_after_s(priority)
        pace = crew.pace()
        leaves_s = crew.leaves_after_s(in_car=not at_home)
        silent = Random(f"{self.seed}-silent-{asked}").random() < SILENT_SHARE
        return Answer(
            answers_s=answers_s, declines=declines, silent=silent, leaves_s=leaves_s, pace=pace
        )


def make(
    county: County,
    *,
    seed: int,
    days: int,
    units: int,
    traffic: Traffic,
    sea_level_c: float = SEA_LEVEL_C,
    cards: RunCards | None = None,
) -> Scenario:
    """`cards`: the county's run cards; None: those that come with Ridgeline.

    Raises ValueError for more than can be, or for a map on which nothing can happen.
    """
    if not 1 <= days <= DAYS_MAX:
        raise ValueError(f"days are 1 to {DAYS_MAX}, not {days}")
    if traffic.per_day * days > CALLS_MAX:
        raise ValueError(f"at most {CALLS_MAX} calls, not {traffic.per_day * days:.0f}")
    cards = cards or shipped()
    return Scenario(
        seed=seed,
        days=days,
        posts=tuple(_posts(county, units, seed)),
        calls=tuple(_calls(county, seed, days, traffic, cards)),
        sea_level_c=sea_level_c,
        cards=cards,
    )


def replay(
    county: County,
    past: History,
    *,
    seed: int,
    units: int,
    moves: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    sea_level_c: float = SEA_LEVEL_C,
    cards: RunCards | None = None,
) -> Scenario:
    """The county's own calls, with people of a seed, and its own units where the past has them.
    Days begin at midnight where the first call came from. `units`: so many are invented else.
    `moves`: where units are posted instead, lon and lat by call sign.

    Raises ValueError for a call or a unit that cannot be, naming it.
    """
    midnight = past.midnight
    cards = cards or shipped()
    calls = tuple(
        _past_call(county, cards, seed, number, each, midnight)
        for number, each in enumerate(past.calls, start=1)
    )
    days = past.days
    if days > DAYS_MAX:
        raise ValueError(f"the calls span {days} days; at most {DAYS_MAX}")
    force = _past_posts(county, past, days * DAY_S) if past.units else _posts(county, units, seed)
    posts = tuple(_moved(county, list(force), moves))
    return Scenario(
        seed=seed, days=days, posts=posts, calls=calls, sea_level_c=sea_level_c, cards=cards
    )


def _moved(
    county: County, posts: Sequence[Post], moves: Mapping[str, tuple[float, float]]
) -> Iterator[Post]:
    known = [post.call_sign for post in posts]
    for name in moves:
        if name not in known:
            raise ValueError(f"there is no unit {name}; there are {', '.join(known)}")
    for post in posts:
        place = moves.get(post.call_sign)
        yield post if place is None else replace(post, station=county.post_at(*place))


def _past_call(
    county: County, cards: RunCards, seed: int, number: int, past: PastCall, midnight: datetime
) -> Call:
    if county.joined(past.lon, past.lat) is None:
        raise ValueError(f"row {past.row}: no road of the map leads to {past.lon:g}, {past.lat:g}")
    rng = Random(f"{seed}-call-{number}")
    kind = cards.card(past.type)
    handling_s, drawn_s = HANDLING.draw(rng), at_scene(kind).draw(rng)
    return Call(
        number=number,
        at_s=(past.at - midnight).total_seconds(),
        type=kind,
        priority=past.priority or kind.priority,
        lon=past.lon,
        lat=past.lat,
        handling_s=handling_s,
        scene_s=drawn_s if past.scene_min is None else 60.0 * past.scene_min,
        recording=frozenset({_recording(kind.recording, rng)}),
    )


def _past_posts(county: County, past: History, ends_s: float) -> Iterator[Post]:
    """Whoever has no station known is at home at one after the other."""
    stations: dict[Home, Station] = {}
    for number, unit in enumerate(past.units):
        if (home := unit.station) is None:
            station = county.stations[number % len(county.stations)]
        else:
            if home not in stations:
                stations[home] = county.post_at(home.lon, home.lat)
            station = stations[home]
        yield Post(
            call_sign=unit.call_sign,
            vehicle=VEHICLE_OF_KIND[unit.kind],
            station=station,
            shifts=None if unit.shifts is None else _on_duty(unit.shifts, past.midnight, ends_s),
        )


def _on_duty(
    shifts: Sequence[Shift], midnight: datetime, ends_s: float
) -> tuple[tuple[float, float], ...]:
    """What lies within the days; one that is not over lasts until long after them."""
    found = [
        (
            max((on - midnight).total_seconds(), 0.0),
            ends_s + DAYS_MAX * DAY_S if off is None else (off - midnight).total_seconds(),
        )
        for on, off in shifts
    ]
    return tuple((on_s, off_s) for on_s, off_s in found if off_s > on_s and on_s < ends_s)


def _posts(county: County, units: int, seed: int) -> Iterator[Post]:
    rng, stations = Random(f"{seed}-force"), county.stations
    for number in range(1, units + 1):
        kind, call_sign = force.draw_kind(number, rng)
        station = stations[(number - 1) % len(stations)]
        yield Post(call_sign=call_sign, vehicle=VEHICLE_OF_KIND[kind], station=station)


def _calls(
    county: County, seed: int, days: int, traffic: Traffic, cards: RunCards
) -> Iterator[Call]:
    planned = list(
        takewhile(
            lambda each: each.at_s < days * DAY_S,
            _stream(county, cards, f"{seed}", traffic.per_day / 24.0),
        )
    )
    noon_s = DAY_S / 2.0
    planned += [
        replace(each, at_s=noon_s + each.at_s)
        for each in takewhile(
            lambda each: each.at_s < traffic.surge_h * HOUR_S,
            _stream(county, cards, f"{seed}-surge", traffic.surge_per_hour),
        )
    ]
    planned.sort(key=lambda each: each.at_s)
    for number, each in enumerate(planned, start=1):
        yield _call(county, cards, seed, number, each)


def _stream(county: County, cards: RunCards, seed: str, per_hour: float) -> Iterator[Planned]:
    return stream(
        seed=seed,
        places=county.roadmap.places,
        kinds=[
            Kind(code=card.code, priority=card.priority)
            for card in cards.cards
            if card.code not in ROOM_TASKS
        ],
        per_hour=per_hour,
        on_road=county.joined,
        first_after_s=(),
    )


def _call(county: County, cards: RunCards, seed: int, number: int, planned: Planned) -> Call:
    rng = Random(f"{seed}-call-{number}")
    kind = cards.by_code[planned.type]
    lon, lat = planned.lon, planned.lat
    if kind.code in ROADSIDE:
        lon, lat = _on_a_road(county, rng) or (lon, lat)
    return Call(
        number=number,
        at_s=planned.at_s,
        type=kind,
        priority=planned.priority,
        lon=lon,
        lat=lat,
        handling_s=HANDLING.draw(rng),
        scene_s=at_scene(kind).draw(rng),
        recording=frozenset({_recording(kind.recording, rng)}),
    )


def at_scene(kind: RunCard) -> Spread:
    """How long a crew stays."""
    return Spread(median_s=60.0 * kind.scene_min, sigma=SCENE_SIGMA, low_s=60.0, high_s=SCENE_S_MAX)


def _recording(wanted: Load, rng: Random) -> Load:
    """Streams differ, as whoever watches asks."""
    if wanted not in STREAMS:
        return wanted
    return Load.STREAM_HIGH if rng.random() < HIGH_SHARE else Load.STREAM_LOW


def _on_a_road(county: County, rng: Random) -> tuple[float, float] | None:
    """Somewhere on the roads that carry traffic, a long one more often."""
    along_m = county.roadside_m
    for _ in range(ROADSIDE_TRIES):
        edge = int(np.searchsorted(along_m, rng.random() * along_m[-1], side="right"))
        place = place_on(county.roadmap, edge, rng.random())
        if (found := county.joined(place.lon, place.lat)) is not None:
            return found
    return None
