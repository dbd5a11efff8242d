"""Map matching: which roads a vehicle drove, from noisy fixes 5 to 60 seconds apart.

A hidden Markov model after Newson and Krumm (2009), solved by Viterbi. A state is a place on an
arc, so it knows the direction of driving. Of each fix the places within a radius compete:

    emission    exp(-(d / sigma)^2 / 2)              d: fix to road
    transition  exp(-|d_route - d_straight| / beta)  beta grows with the time between the fixes

d_route is the length of the quickest way (`geo.learning.nearways`). Turning round costs extra, and
so does a way that nobody drives in the time there was. Where no way fits, a fix is passed over as
an outlier; where several in a row do not fit, or nothing was heard for too long, the chain breaks
and the span counts as unmatched. A long silence is bridged when the way runs mostly through a
tunnel.

What was driven when comes from `geo.learning.passages`. Knows no device, no unit and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import pairwise
from math import hypot, inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.learning.candidates import Candidates, RoadPlaces
from geo.learning.nearways import NearWays, Tree
from geo.learning.passages import Leg, Passages, passages
from geo.learning.track import Track
from geo.roadmap import EdgeFlag, RoadMap
from geo.routing.engine import Weights

SIGMA_M: Final = 12.0
"""m. Standard error of a fix across the road, where the device does not say; in mountains 10 to 15.
Starting value."""

SIGMA_M_MIN: Final = 8.0
SIGMA_M_MAX: Final = 40.0
"""m. Bounds on what a device claims; the drawing of the road errs by metres, too."""

SIGMAS_PER_ACCURACY: Final = 1.51
"""A circle of so many standard errors holds 68 % of a normal error in two dimensions."""

RADIUS_SIGMAS: Final = 4.0
RADIUS_M_MIN: Final = 50.0
"""m. Roads farther from a fix than this, and than RADIUS_SIGMAS, are no candidates."""

BETA_M: Final = 5.0
BETA_MPS: Final = 0.5
"""beta = BETA_M + BETA_MPS * interval: a road winds more in a minute than in five seconds.
Starting values."""

TURN_ROUND_COST: Final = 10.0
DEAD_END_COST: Final = 2.0
"""Minus log probability of turning round between two fixes; and where no other road leads on.
Starting values."""

BACK_M: Final = 20.0
BACK_M_MAX: Final = 150.0
"""m. A place behind the last one on its arc may be noise of the fixes: it costs 1 for each BACK_M,
less than turning round does, up to BACK_M_MAX. Starting values."""

HURRY_MAX: Final = 1.6
HURRY_S: Final = 5.0
LATE_S: Final = 2.0
"""s. A way for which the model takes more than HURRY_MAX times the interval and HURRY_S costs 1 for
each LATE_S beyond: nobody drives round a block in five seconds. Starting values."""

SPEED_MPS_MAX: Final = 45.0
"""m/s. No way between two fixes was driven faster."""

DETOUR_MAX: Final = 4.0
DETOUR_M: Final = 400.0
"""m. A way is at most DETOUR_MAX times the straight line and DETOUR_M: hairpins reach 3 times."""

GAP_S_MAX: Final = 180.0
"""s. Silence that is bridged on any road."""

TUNNEL_GAP_S_MAX: Final = 900.0
TUNNEL_SHARE_MIN: Final = 0.5
"""Longer silence is bridged up to here where so much of the way runs through tunnels."""

OUTLIERS_MAX: Final = 3
"""Fixes in a row that may be passed over before the chain breaks."""

BEAM_COST: Final = 30.0
"""States that are worse than the best by this (a factor of 1e-13) are followed no further."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Why(StrEnum):
    """Why a span of time has no road."""

    NO_ROAD = "no_road"
    """No road near the fixes."""
    SILENT = "silent"
    """No fix for too long."""
    NO_WAY = "no_way"
    """No way joins what lies before with what comes after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A span of the track with no road, in the epoch of the track."""

    from_s: float
    to_s: float
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a track became: per fix, and as passages over roads."""

    edge: Ints
    """(n,) edge of each fix; -1 where it was passed over."""
    fraction: Floats
    """(n,) 0 at the edge's tail, 1 at its head; NaN where passed over."""
    distance_m: Floats
    """(n,) from the fix to the road; NaN where passed over."""
    runs: tuple[Passages, ...]
    """Unbroken pieces of the drive, in order of time."""
    unmatched: tuple[Unmatched, ...]


class Matcher:
    """Matches tracks on one map. Not thread-safe: it keeps its last searches."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._places = RoadPlaces(roadmap)
        self._ways = NearWays(roadmap)
        self._tunnel = (np.asarray(roadmap.edge_flags) & int(EdgeFlag.TUNNEL)) != 0

    def match(self, track: Track, prior_ms: Weights) -> Match:
        """The roads of a track. `prior_ms`: (2M,) modelled milliseconds per arc, by which the time
        between two fixes is shared out over the arcs between them.
        """
        sigma_m = _sigma_m(track.accuracy_m)
        self._ways.use(prior_ms)
        metres = self._places.projection.to_metres(track.lonlat)
        found = self._places.near(metres, np.maximum(RADIUS_SIGMAS * sigma_m, RADIUS_M_MIN))
        sigmas = found.distance_m / np.repeat(sigma_m, np.diff(found.first))
        trellis = _Trellis(self._ways, self._tunnel, track.at_s, metres)
        chains = trellis.chains(_columns(found, 0.5 * sigmas**2, self._ways))
        runs = [trellis.passages(chain, prior_ms) for chain in chains]
        spans = [(chain[0][0], chain[-1][0]) for chain in chains]
        edge, fraction, distance_m = _per_fix(found, chains)
        return Match(
            edge=edge,
            fraction=fraction,
            distance_m=distance_m,
            runs=tuple(run for run in runs if run is not None),
            unmatched=tuple(_unmatched(spans, track.at_s, np.diff(found.first) > 0)),
        )


@dataclass(frozen=True, slots=True)
class _State:
    """A place on an arc, driven in the direction of the arc."""

    arc: int
    at_m: float
    """Metres from the start of the arc."""
    rest_m: float
    """Metres to its end."""
    s_per_m: float
    """Of the model."""
    tail: int
    head: int
    row: int
    """Of the candidates."""


@dataclass(frozen=True, slots=True)
class _Column:
    """The states of one fix, and the cost of each by its distance alone."""

    fix: int
    states: list[_State]
    emission: list[float]


@dataclass(frozen=True, slots=True)
class _Step:
    """A column in a chain: cost of the cheapest way to each state, and whence it comes."""

    column: _Column
    cost: list[float]
    before: list[int]


@dataclass(frozen=True, slots=True)
class _Hop:
    """From one fix to the next."""

    gap_s: float
    straight_m: float
    beta_m: float
    limit_m: float
    """No way is longer."""

    def cost(self, metres: float, model_s: float) -> float:
        """Of a way so long, which the model drives in so many seconds."""
        if metres > self.limit_m:
            return inf
        late_s = model_s - HURRY_MAX * self.gap_s - HURRY_S
        return abs(metres - self.straight_m) / self.beta_m + max(late_s, 0.0) / LATE_S


class _Move(IntEnum):
    """How one state is followed by another."""

    ALONG = 0
    """On the same arc."""
    ROUND = 1
    """Turning round in the middle of the arc."""
    OVER = 2
    """To the end of the arc and over others."""


Chain = list[tuple[int, _State]]
"""Fixes of an unbroken drive, each with the state it was in."""


class _Trellis:
    """Viterbi over the columns of one track."""

    def __init__(
        self, ways: NearWays, tunnel: NDArray[np.bool_], at_s: Floats, metres: Floats
    ) -> None:
        self._ways, self._tunnel = ways, tunnel
        self._at_s, self._metres = at_s, metres

    def chains(self, columns: list[_Column]) -> list[Chain]:
        """The likeliest states, cut where no way leads on; single fixes are left out."""
        found, first = [], 0
        while first < len(columns):
            steps, first = self._chain(columns, first)
            if len(steps) > 1:
                found.append(_cheapest(steps))
        return found

    def passages(self, chain: Chain, prior_ms: Weights) -> Passages | None:
        """When the vehicle was where along a chain."""
        drive = _Drive(chain[0][1])
        for (fix, state), (to_fix, target) in pairwise(chain):
            hop = self._hop(fix, to_fix)
            tree = self._ways.tree(state.head, hop.limit_m)
            _, move = self._cost(state, target, tree, hop)
            if move is _Move.OVER:
                between = self._ways.arcs_to(tree, target.tail)
                drive.over([(arc, float(self._ways.arc_m[arc])) for arc in between], target)
            elif move is _Move.ROUND:
                drive.turn_round(target)
            drive.reach(target)
        fixes = [fix for fix, _ in chain]
        at_m = np.array(drive.at_m)
        return passages(drive.legs(), self._ways.arc_m, prior_ms, self._at_s[fixes], at_m)

    def _chain(self, columns: list[_Column], first: int) -> tuple[list[_Step], int]:
        """As far as ways lead on from a column; and the column after the last one reached."""
        start = columns[first]
        steps = [_Step(start, start.emission, [-1] * len(start.states))]
        behind = at = first + 1
        while at < len(columns) and at - behind <= OUTLIERS_MAX:
            step = self._link(steps[-1], columns[at])
            at += 1
            if step is not None:
                steps.append(step)
                behind = at
        return steps, behind

    def _link(self, last: _Step, column: _Column) -> _Step | None:
        """The next step of a chain, or None where no way leads to any of its states."""
        hop = self._hop(last.column.fix, column.fix)
        if hop.gap_s > TUNNEL_GAP_S_MAX:
            return None
        cost, before = [inf] * len(column.states), [-1] * len(column.states)
        beam = min(last.cost) + BEAM_COST
        for index, (state, so_far) in enumerate(zip(last.column.states, last.cost, strict=True)):
            if so_far > beam:
                continue
            tree = self._ways.tree(state.head, hop.limit_m)
            for to, target in enumerate(column.states):
                extra, move = self._cost(state, target, tree, hop)
                if so_far + extra < cost[to] and (
                    hop.gap_s <= GAP_S_MAX or self._through_tunnel(state, target, tree, move)
                ):
                    cost[to], before[to] = so_far + extra, index
        if min(cost) == inf:
            return None
        return _Step(column, [a + b for a, b in zip(cost, column.emission, strict=True)], before)

    def _cost(self, state: _State, target: _State, tree: Tree, hop: _Hop) -> tuple[float, _Move]:
        """Minus log likelihood of driving from one state to another, inf where no way leads."""
        ahead_m = target.at_m - state.at_m
        if target.arc == state.arc and ahead_m >= -BACK_M_MAX:
            along = hop.cost(abs(ahead_m), abs(ahead_m) * state.s_per_m)
            return along + max(-ahead_m, 0.0) / BACK_M, _Move.ALONG
        over = self._cost_over(state, target, tree, hop)
        if target.arc != state.arc ^ 1:
            return over, _Move.OVER
        back_m = abs(target.rest_m - state.at_m)
        on_the_spot = hop.cost(back_m, back_m * target.s_per_m) + TURN_ROUND_COST
        return (over, _Move.OVER) if over <= on_the_spot else (on_the_spot, _Move.ROUND)

    def _cost_over(self, state: _State, target: _State, tree: Tree, hop: _Hop) -> float:
        between_m = tree.distance_m.get(target.tail)
        if between_m is None:
            return inf
        model_s = state.rest_m * state.s_per_m + target.at_m * target.s_per_m
        model_s += tree.model_s[target.tail]
        cost = hop.cost(state.rest_m + between_m + target.at_m, model_s)
        if tree.set_out_by.get(target.tail, target.arc) == state.arc ^ 1:
            cost += DEAD_END_COST if self._ways.is_dead_end(state.head) else TURN_ROUND_COST
        return cost

    def _through_tunnel(self, state: _State, target: _State, tree: Tree, move: _Move) -> bool:
        """Whether enough of the way runs where no satellite is seen."""
        arcs = [state.arc, target.arc]
        if move is _Move.OVER:
            arcs += self._ways.arcs_to(tree, target.tail)
        length_m = self._ways.arc_m[arcs]
        hidden_m = length_m[self._tunnel[np.array(arcs) >> 1]].sum()
        return bool(hidden_m >= TUNNEL_SHARE_MIN * length_m.sum())

    def _hop(self, fix: int, to_fix: int) -> _Hop:
        gap_s = float(self._at_s[to_fix] - self._at_s[fix])
        straight_m = hypot(*(self._metres[to_fix] - self._metres[fix]).tolist())
        limit_m = min(SPEED_MPS_MAX * gap_s + BACK_M_MAX, DETOUR_MAX * straight_m + DETOUR_M)
        return _Hop(gap_s, straight_m, BETA_M + BETA_MPS * gap_s, limit_m)


class _Drive:
    """The legs of a drive, as it is followed from state to state."""

    def __init__(self, start: _State) -> None:
        self._done: list[Leg] = []
        self._done_m = 0.0
        self._on, self._start_m, self._end_m = start, start.at_m, start.at_m
        self.at_m = [0.0]
        """Metres of each state from the start; some fall back by the error of the fixes."""

    def reach(self, state: _State) -> None:
        """On to a state on the arc it is on."""
        self._on, self._end_m = state, max(self._end_m, state.at_m)
        self.at_m.append(self._done_m + state.at_m - self._start_m)

    def over(self, between: Sequence[tuple[int, float]], target: _State) -> None:
        """To the end of the arc, over others, onto the arc of a state."""
        self._finish(self._on.at_m + self._on.rest_m)
        for arc, length_m in between:
            self._done.append(Leg(arc=arc, start_m=0.0, end_m=length_m))
            self._done_m += length_m
        self._on, self._start_m, self._end_m = target, 0.0, 0.0

    def turn_round(self, target: _State) -> None:
        """On to where a state of the opposite arc lies, if that is ahead, and back."""
        self._finish(max(self._end_m, target.rest_m))
        start_m = target.at_m + target.rest_m - self._done[-1].end_m
        self._on, self._start_m, self._end_m = target, start_m, start_m

    def legs(self) -> list[Leg]:
        return [*self._done, Leg(arc=self._on.arc, start_m=self._start_m, end_m=self._end_m)]

    def _finish(self, end_m: float) -> None:
        self._done.append(Leg(arc=self._on.arc, start_m=self._start_m, end_m=end_m))
        self._done_m += end_m - self._start_m


def _sigma_m(accuracy_m: Floats) -> Floats:
    known = np.isfinite(accuracy_m) & (accuracy_m > 0.0)
    claimed = np.where(known, accuracy_m / SIGMAS_PER_ACCURACY, SIGMA_M)
    return claimed.clip(SIGMA_M_MIN, SIGMA_M_MAX)


def _columns(found: Candidates, cost: Floats, ways: NearWays) -> list[_Column]:
    """For each fix with any: every candidate, in each direction its road may be driven."""
    rows = np.repeat(np.arange(len(found.edge)), 2)
    arcs = 2 * found.edge[rows] + np.tile((0, 1), len(found.edge))
    share = np.where(arcs & 1, 1.0 - found.fraction[rows], found.fraction[rows])
    length_m = ways.arc_m[arcs]
    at_m = share * length_m
    s_per_m = ways.prior_s[arcs] / np.maximum(length_m, 1e-3)
    states = (arcs, at_m, length_m - at_m, s_per_m, ways.tail[arcs], ways.head[arcs], rows)
    fix = np.repeat(np.arange(len(found.first) - 1), np.diff(found.first))[rows]
    usable = ways.is_open[arcs]
    columns: dict[int, _Column] = {}
    picked = (column[usable].tolist() for column in (fix, cost[rows], *states))
    for number, price, *state in zip(*picked, strict=True):
        column = columns.setdefault(number, _Column(number, [], []))
        column.states.append(_State(*state))
        column.emission.append(price)
    return list(columns.values())


def _cheapest(steps: list[_Step]) -> Chain:
    last = steps[-1]
    at = last.cost.index(min(last.cost))
    chain = []
    for step in reversed(steps):
        chain.append((step.column.fix, step.column.states[at]))
        at = step.before[at]
    return chain[::-1]


def _per_fix(found: Candidates, chains: list[Chain]) -> tuple[Ints, Floats, Floats]:
    """Edge, fraction and distance of each fix."""
    fixes = len(found.first) - 1
    edge, fraction = np.full(fixes, -1, dtype=np.int64), np.full(fixes, np.nan)
    distance_m = np.full(fixes, np.nan)
    for fix, state in (link for chain in chains for link in chain):
        edge[fix], fraction[fix] = found.edge[state.row], found.fraction[state.row]
        distance_m[fix] = found.distance_m[state.row]
    return edge, fraction, distance_m


def _unmatched(
    spans: list[tuple[int, int]], at_s: Floats, has_road: NDArray[np.bool_]
) -> Iterator[Unmatched]:
    """What lies before, between and after the chains, each given by its first and last fix."""
    last = 0
    for first, end in [*spans, (len(at_s) - 1, len(at_s) - 1)]:
        if first > last:
            yield Unmatched(
                from_s=float(at_s[last]),
                to_s=float(at_s[first]),
                why=_why(at_s[last : first + 1], has_road[last : first + 1]),
            )
        last = end


def _why(at_s: Floats, has_road: NDArray[np.bool_]) -> Why:
    if not has_road.all():
        return Why.NO_ROAD
    return Why.SILENT if np.diff(at_s).max() > GAP_S_MAX else Why.NO_WAY
