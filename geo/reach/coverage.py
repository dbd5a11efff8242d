"""Coverage: which villages, and how many people, somebody reaches in time, and a second one too.

A village counts as covered when the chance that the likeliest unit is there within the limit is at
least LIKELY (0.9), as doubly covered when that holds for the second likeliest too. A mean time
would hide the far villages; this does not. The chance is that of one journey alone: units of one
county meet the same weather on the same roads, so their chances are not multiplied.

The spread of a journey needs the road itself, which costs more than its time. `Survey` asks for it
only where it decides: far from the limit a village is covered, or not, whatever its road.

    survey = Survey(villages, times_s, limit_s)
    coverage = survey.verdict({pair: eta of that road for pair in survey.undecided()})

Knows no unit and no station, only places to start from, numbered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from geo.errors import NoRouteError
from geo.eta import LIKELY, SD_MAX, SD_MIN, UNROUTED_SD, Eta, Spreads, unrouted
from geo.reach.isochrone import DIGITS
from geo.reach.times import SOURCES_MAX, Reach
from geo.roadmap import Place, RoadMap
from geo.walk import Approach

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.departure import Start
    from geo.driving.speed import Profile
    from geo.ground import Ground

LIMIT_S_MAX: Final = 4 * 3_600.0

FOLLOWED_S: Final = 6 * 3_600.0
"""How far roads are followed: beyond the limit, so that the worst villages have a time."""

VILLAGES_MAX: Final = 20_000

WORST_LEN: Final = 20
"""Villages named as the worst."""

RIVALS_MAX: Final = 4
"""Sources looked at for each village, the soonest by median: a slower one on a surer road may be
the likelier."""

SETTLEMENTS: Final = frozenset({"town", "village", "hamlet"})

Floats = NDArray[np.float64]
Pair = tuple[int, int]
"""A source and a village, by their numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Village:
    """A settlement and the ways to it from the roads."""

    place: Place
    approach: Approach | None
    """None: no drivable road near it."""

    @property
    def walk_s(self) -> float:
        """On foot from the nearest road; nothing where the village lies on it."""
        return 0.0 if self.approach is None else self.approach.nearest.walk.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How soon one source is in a village."""

    source: int
    eta: Eta
    chance: float
    """P(arrive within the limit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One village and who gets there first and second; None: nobody can."""

    village: Village
    first: Arrival | None
    second: Arrival | None

    @property
    def units_in_time(self) -> int:
        """0 not covered, 1 covered, 2 doubly covered."""
        return sum(each is not None and each.chance >= LIKELY for each in (self.first, self.second))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many, and how many of them are covered once and twice."""

    total: int
    covered: int
    covered_twice: int

    @property
    def share(self) -> float | None:
        """Of those that are covered; None of nothing."""
        return self.covered / self.total if self.total else None

    @property
    def share_twice(self) -> float | None:
        return self.covered_twice / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The verdict over all villages."""

    limit_s: float
    reached: tuple[Reached, ...]
    """One for each village, in their order."""

    @property
    def villages(self) -> Tally:
        return _tally(self.reached, lambda each: 1)

    @property
    def people(self) -> Tally:
        """Of the villages whose population is known."""
        return _tally(self.reached, lambda each: each.village.place.population)

    @property
    def unknown(self) -> Tally:
        """Villages whose population is not known (0 on the map): not counted among the people."""
        return _tally(self.reached, lambda each: int(each.village.place.population == 0))

    def worst(self, length: int = WORST_LEN) -> list[Reached]:
        """Villages that are not covered: those nobody reaches, then the latest by P90."""
        late = [each for each in self.reached if each.units_in_time == 0]
        return sorted(late, key=_lateness, reverse=True)[:length]


class Survey:
    """Finds the best sources of every village, and what must be known to judge them."""

    def __init__(self, villages: Sequence[Village], times_s: Floats, limit_s: float) -> None:
        """`times_s`: (S, V) median seconds of each source to each village, as `times_to` gives.

        Raises ValueError for a limit, a number of sources or of villages out of range.
        """
        if not 0.0 < limit_s <= LIMIT_S_MAX:
            raise ValueError(f"the limit is more than 0 and at most {LIMIT_S_MAX / 60:.0f} minutes")
        if len(times_s) > SOURCES_MAX:
            raise ValueError(f"at most {SOURCES_MAX} places to start from")
        if len(villages) > VILLAGES_MAX:
            raise ValueError(f"at most {VILLAGES_MAX} villages")
        self.villages, self.limit_s = tuple(villages), limit_s
        self._times_s = times_s
        self._best = np.argsort(times_s, axis=0, kind="stable")[:RIVALS_MAX]

    def undecided(self) -> list[Pair]:
        """Pairs of source and village whose road decides whether the village is covered."""
        z = float(ndtri(LIKELY))
        sure_s, hopeless_s = self.limit_s * np.exp(-z * np.array([SD_MAX, SD_MIN]))
        sure_len = (self._times_s < sure_s).sum(axis=0)
        return [
            (source, village)
            for (source, village), time_s in self._pairs()
            if sure_len[village] < 2 and sure_s <= time_s <= hopeless_s
        ]

    def verdict(self, etas: Mapping[Pair, Eta], *, log_sd: float = UNROUTED_SD) -> Coverage:
        """`etas`: of the undecided pairs, walk included; others spread by `log_sd`."""
        arrivals: dict[int, list[Arrival]] = {}
        for (source, village), time_s in self._pairs():
            eta = etas.get((source, village)) or unrouted(time_s, log_sd)
            arrival = Arrival(source=source, eta=eta, chance=eta.chance_by(self.limit_s))
            arrivals.setdefault(village, []).append(arrival)
        return Coverage(
            limit_s=self.limit_s,
            reached=tuple(
                _reached(village, arrivals.get(number, []))
                for number, village in enumerate(self.villages)
            ),
        )

    def _pairs(self) -> Iterator[tuple[Pair, float]]:
        """The best sources of every village with their times, where there is a way."""
        for row in self._best:
            for village, source in enumerate(row.tolist()):
                time_s = float(self._times_s[source, village])
                if np.isfinite(time_s):
                    yield (source, village), time_s


def settlements(roadmap: RoadMap) -> list[Place]:
    """Towns, villages and hamlets, in the order in which they are numbered."""
    return [place for place in roadmap.places if place.kind in SETTLEMENTS]


def villages_of(roadmap: RoadMap, approach: Callable[[float, float], Approach]) -> list[Village]:
    """The settlements of a map, each with the ways to it where there is a road."""
    return [
        Village(place=place, approach=_approached(place, approach))
        for place in settlements(roadmap)
    ]


def times_to(villages: Sequence[Village], reach: Reach) -> Floats:
    """(V,) median seconds to each village, walk included; inf where there is no way."""
    ways = [
        (number, each.snap.edge, each.snap.fraction, each.walk.duration_s)
        for number, village in enumerate(villages)
        if village.approach is not None
        for each in village.approach.drop_offs
    ]
    number, edge, fraction, walk_s = np.array(ways, dtype=np.float64).reshape(-1, 4).T
    by_road_s = reach.at(edge.astype(np.int64), fraction)
    times_s = np.full(len(villages), np.inf)
    np.minimum.at(times_s, number.astype(np.int64), by_road_s + walk_s)
    return times_s


def eta_to(
    ground: Ground,
    spreads: Spreads,
    source: Start,
    village: Village,
    *,
    profile: Profile | None = None,
) -> Eta:
    """The time to a village by its own road, walk included. Raises NoRouteError."""
    if village.approach is None:
        raise NoRouteError(f"no road near {village.place.name}")
    _, (best,) = ground.arrivals([source], village.approach, profile=profile)
    drop_off = village.approach.drop_offs[best]
    route = ground.route(source, drop_off.snap, profile=profile)
    walk_s = drop_off.walk.duration_s
    return spreads.eta(route.duration_s, route.legs.arc, route.leg_s, walk_s=walk_s)


def cover(
    ground: Ground,
    spreads: Spreads,
    villages: Sequence[Village],
    sources: Sequence[Start],
    limit_s: float,
    *,
    profile: Profile | None = None,
) -> Coverage:
    """The whole survey at one go, on the thread of the Ground."""
    reaches = (Reach.of(ground, [each], FOLLOWED_S, profile=profile) for each in sources)
    times_s = np.array([times_to(villages, reach) for reach in reaches])
    survey = Survey(villages, times_s.reshape(-1, len(villages)), limit_s)
    etas = {
        (source, village): eta_to(
            ground, spreads, sources[source], villages[village], profile=profile
        )
        for source, village in survey.undecided()
    }
    return survey.verdict(etas, log_sd=spreads.unrouted_sd)


def summary(found: Coverage) -> dict[str, Any]:
    """The numbers as JSON: villages, people, villages of unknown size, and the worst."""
    return {
        "minutes": found.limit_s / 60.0,
        "likely": LIKELY,
        "villages": _tally_json(found.villages),
        "people": _tally_json(found.people),
        "population_unknown": _tally_json(found.unknown),
        "worst": [feature(each)["properties"] for each in found.worst()],
    }


def feature(each: Reached) -> dict[str, Any]:
    """A village as a GeoJSON Feature."""
    place, first = each.village.place, each.first
    return {
        "type": "Feature",
        "geometry": {
            "type": "Point",
            "coordinates": [round(place.lon, DIGITS), round(place.lat, DIGITS)],
        },
        "properties": {
            "name": place.name,
            "latin": place.latin,
            "kind": place.kind,
            "population": place.population or None,
            "units_in_time": each.units_in_time,
            "source": None if first is None else first.source,
            "median_s": None if first is None else round(first.eta.median_s, 1),
            "p90_s": None if first is None else round(first.eta.p90_s, 1),
            "chance": None if first is None else round(first.chance, 3),
            "second_chance": None if each.second is None else round(each.second.chance, 3),
            "walk_s": round(each.village.walk_s, 1),
        },
    }


def _tally_json(tally: Tally) -> dict[str, Any]:
    return {
        "total": tally.total,
        "covered": tally.covered,
        "covered_twice": tally.covered_twice,
        "share": tally.share,
        "share_twice": tally.share_twice,
    }


def _approached(place: Place, approach: Callable[[float, float], Approach]) -> Approach | None:
    try:
        return approach(place.lon, place.lat)
    except NoRouteError:
        return None


def _reached(village: Village, arrivals: list[Arrival]) -> Reached:
    first, second, *_ = (*sorted(arrivals, key=lambda each: -each.chance), None, None)
    return Reached(village=village, first=first, second=second)


def _lateness(each: Reached) -> tuple[float, int]:
    late_s = np.inf if each.first is None else each.first.eta.p90_s
    return float(late_s), each.village.place.population


def _tally(reached: Sequence[Reached], weight: Callable[[Reached], int]) -> Tally:
    def total(units_min: int) -> int:
        return sum(weight(each) for each in reached if each.units_in_time >= units_min)

    return Tally(total=total(0), covered=total(1), covered_twice=total(2))
