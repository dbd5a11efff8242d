"""What the county is left with when a unit goes: in people, in minutes, and who could move up.

The next call comes from somewhere, by chance, and the soonest free unit may be busy by then. With
the free units of a place in the order of their times t_1 <= t_2 <= ..., each busy with probability
q when it is needed, the time to be expected there is

    E = sum over k of (1 - q) q^(k-1) t_k,  k up to DEPTH, and the horizon for what is left

the queueing view of MEXCLP (Daskin 1983) told in time instead of in "covered or not". A unit that
leaves makes everybody behind it step up one place; what E grows by, over all places by their share
of calls, times the calls that are to be expected until it is back, are minutes that *others* wait:
the same minutes a travel time is made of. So a far valley's only car costs much, one of two cars
before the same station next to nothing.

Who should move up where follows DMEXCLP (Jagtenberg, Bhulai, van der Mei 2015): the free unit and
the post whose

    sum over places of share * (1 - q) q^k * [within the limit],  k: other free units within it

gains most over where that unit stands. Only as a proposal, only for a gain worth a drive.

Knows no map and no clock: times are tables, places and units are numbered. Pure: same input, same
output; ties go to the lower number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

DEPTH: Final = 4
"""Units looked at behind each other for one place; a fifth counts q^4, one in a hundred."""
PRIOR_CALLS: Final = 60.0
"""Calls of the county's own log at which it weighs as much as the population. Starting value."""
RESIDENTS: Final[Mapping[str, float]] = {"town": 5_000.0, "village": 400.0, "hamlet": 60.0}
"""People of a place, by its kind, where the map says so of none of that kind. Starting values."""

STEADY_S: Final = 180.0
"""s. A move that has been proposed for so long without a break is worth a word."""
BACK_SOON_S: Final = 1_200.0
"""s. Nobody moves up in the place of whoever is expected to be free again within this: he would
hardly be there before. Starting value."""
NOT_AGAIN_S: Final = 3_600.0
"""s. For so long nobody is asked again for a move that a person said no to. Starting value."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How cover is reckoned; all of them settings, starting values."""

    limit_s: float = 1_500.0
    """s. Within so long of a free unit a place is covered."""
    horizon_s: float = 7_200.0
    """s. What nobody reaches sooner counts as this."""
    busy_share: float = 0.3
    """Probability that a free unit is busy when it is needed."""
    calls_per_day: float = 80.0
    """Of the whole county."""
    gain_min: float = 0.03
    """Of all calls, that a move must bring within the limit."""
    drive_s_max: float = 2_700.0
    """s. Nobody is proposed a longer way to a post."""
    moves_max: int = 2
    """Proposals at once; more is a reshuffle nobody can follow."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.busy_share < 1.0:
            raise ValueError("busy_share must be at least 0 and below 1")
        if not 0.0 < self.limit_s <= self.horizon_s:
            raise ValueError("limit_s must be above 0 and at most horizon_s")
        if min(self.calls_per_day, self.gain_min, self.drive_s_max, self.moves_max) < 0:
            raise ValueError("no rule of cover may be negative")


SHARES: Final = ("busy_share", "gain_min")
"""Rules that are shares, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What the county is left with while one unit is away."""

    wait_s: float
    """s. How much longer the next call waits, over all places by their share of calls."""
    people: int
    """Living where nobody else is within the limit; as of `residents`."""
    places: int
    """Of them, how many villages."""
    worst: int | None
    """The place of those whose next unit is farthest, weighed by its calls; None: none."""
    worst_next_s: float
    """s. How far the next unit is from there, at most the horizon; 0.0 without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A loss as a choice takes it: with its rate, and by the names that people know."""

    wait_s: float
    """As of `Loss`."""
    calls_per_day: float
    limit_s: float
    people: int = 0
    places: int = 0
    worst: str = ""
    """Name of that place; empty: none."""
    worst_next_s: float | None = None
    """None: nobody is there within the horizon."""

    def cost_s(self, absence_s: float) -> float:
        """Seconds that others are to be expected to wait longer until it is back, together."""
        return self.wait_s * self.calls_per_day / 86_400.0 * absence_s


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveUp:
    """One unit that would cover more from another place."""

    unit: int
    post: int
    gain: float
    """Share of all calls more within the limit, busy units considered."""
    people: int
    """Nobody free is within the limit of them now; this unit at the post would be."""
    leaves: int
    """People of whom nobody is within the limit any more once it has gone."""
    drive_s: float


def residents(places: Sequence[tuple[str, int]]) -> Floats:
    """(V,) people of each place, from its kind and what the map says of it, 0: nothing.

    Few places of a real map say how many live there. One that does not has as many as in half of
    those of its kind that do, else as `RESIDENTS` says: it must not count as empty.
    """
    known = {
        kind: [people for each, people in places if each == kind and people > 0]
        for kind, _ in places
    }
    typical = {
        kind: float(np.median(some)) if some else RESIDENTS.get(kind, 0.0)
        for kind, some in known.items()
    }
    return np.array([people or typical[kind] for kind, people in places], dtype=np.float64)


def shares(people: Floats, calls: Floats | None = None) -> Floats:
    """(V,) Which share of calls comes from each place, from (V,) people and (V,) calls of its log.

    The mean of a Gamma-Poisson model: the log counts as its calls, the population as PRIOR_CALLS.
    Of a county without people all places are alike.
    """
    total = people.sum()
    prior = people / total if total > 0.0 else np.full(len(people), 1.0 / max(1, len(people)))
    if calls is None:
        return np.asarray(prior, dtype=np.float64)
    weighed = calls + PRIOR_CALLS * prior
    return np.asarray(weighed / weighed.sum(), dtype=np.float64)


class Cover:
    """The free units of one moment over all places."""

    def __init__(self, times_s: Floats, people: Floats, share: Floats, rules: Rules) -> None:
        """`times_s`: (U, V) seconds of each free unit to each place, inf where no road leads;
        `people`, `share`: (V,), as of `shares`.

        Raises ValueError for shapes that do not fit each other.
        """
        if times_s.ndim != 2 or people.shape != share.shape or times_s.shape[1:] != people.shape:
            shapes = f"{times_s.shape} times, {people.shape} people, {share.shape} shares"
            raise ValueError(f"not of the same places: {shapes}")
        self._times_s = np.minimum(times_s, rules.horizon_s)
        self._within = times_s <= rules.limit_s
        self._people, self._share, self._rules = people, share, rules

    @property
    def units(self) -> int:
        """How many are free."""
        return len(self._times_s)

    @cached_property
    def losses(self) -> tuple[Loss, ...]:
        """(U) what each free unit would leave behind, alone."""
        if self.units == 0:
            return ()
        order, ranked = self._ranked()
        waits = np.zeros(self.units)
        for rank, grows in enumerate(self._grows(ranked)):
            np.add.at(waits, order[rank], self._share * grows)
        only = self._within & (self._within.sum(axis=0) == 1)
        return tuple(
            self._loss(float(waits[unit]), np.flatnonzero(only[unit]), ranked[1])
            for unit in range(self.units)
        )

    def _ranked(self) -> tuple[NDArray[np.int64], Floats]:
        """(R, V) units and (R + 1, V) their times, the soonest first; behind the last: horizon."""
        order = np.argsort(self._times_s, axis=0, kind="stable")[: DEPTH + 1]
        times_s = np.take_along_axis(self._times_s, order, axis=0)
        if self.units <= DEPTH:
            nobody = np.full((1, times_s.shape[1]), self._rules.horizon_s)
            times_s = np.vstack([times_s, nobody])
        return order[:DEPTH], times_s

    def _grows(self, ranked: Floats) -> Floats:
        """(R, V) what the expected time grows by when the unit of a rank is not there."""
        busy = self._rules.busy_share
        steps = np.diff(ranked, axis=0)
        chances = (1.0 - busy) * busy ** np.arange(len(steps))
        return np.cumsum((chances[:, None] * steps)[::-1], axis=0)[::-1]

    def _loss(self, wait_s: float, alone: NDArray[np.int64], next_s: Floats) -> Loss:
        """`alone`: places that only this unit covers; `next_s`: (V,) of the second soonest."""
        if len(alone) == 0:
            return Loss(wait_s=wait_s, people=0, places=0, worst=None, worst_next_s=0.0)
        worst = alone[np.argmax(self._share[alone] * next_s[alone])]
        return Loss(
            wait_s=wait_s,
            people=int(self._people[alone].sum()),
            places=len(alone),
            worst=int(worst),
            worst_next_s=float(next_s[worst]),
        )

    def covered(self) -> float:
        """Share of calls that comes from where a free unit is within the limit."""
        return float(self._share[self._within.any(axis=0)].sum())

    def move_ups(
        self, from_posts_s: Floats, to_posts_s: Floats, *, may_move: Sequence[int]
    ) -> tuple[MoveUp, ...]:
        """Who should move up where, the greatest gain first, each unit and each post once.

        `from_posts_s`: (P, V) seconds of a unit at each post to each place; `to_posts_s`: (U, P)
        of each unit to each post; `may_move`: units that may be asked.
        """
        rules, within = self._rules, self._within.copy()
        posts, movers = from_posts_s <= rules.limit_s, sorted(set(may_move))
        near = to_posts_s <= rules.drive_s_max
        found: list[MoveUp] = []
        while movers and len(posts) and len(found) < rules.moves_max:
            gains = np.array([self._gains(within, posts, unit) for unit in movers])
            gains = np.where(near[movers], gains, -np.inf)
            best, post = np.unravel_index(int(np.argmax(gains)), gains.shape)
            unit, gain = movers[int(best)], float(gains[best, post])
            if gain < rules.gain_min or gain <= 0.0:
                break
            others = np.delete(within, unit, axis=0).any(axis=0)
            found.append(
                MoveUp(
                    unit=unit,
                    post=int(post),
                    gain=gain,
                    people=self._living(posts[post] & ~others & ~within[unit]),
                    leaves=self._living(within[unit] & ~others & ~posts[post]),
                    drive_s=float(to_posts_s[unit, post]),
                )
            )
            within[unit], near = posts[post], near & (np.arange(near.shape[1]) != post)
            movers.remove(unit)
        return tuple(found)

    def _living(self, where: NDArray[np.bool_]) -> int:
        return int(self._people[where].sum())

    def _gains(self, within: NDArray[np.bool_], posts: NDArray[np.bool_], unit: int) -> Floats:
        """(P,) by how much a unit would cover more at each post than where it is."""
        busy = self._rules.busy_share
        others = within.sum(axis=0) - within[unit]
        worth = self._share * (1.0 - busy) * busy**others
        return np.asarray(posts @ worth - within[unit] @ worth, dtype=np.float64)
