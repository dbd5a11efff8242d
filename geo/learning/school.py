"""Where drives become factors: match a track, count drives, give what they taught, on one map.

Puts `matching`, `observing` and `learning` together with the modelled times of each profile. Not
thread-safe, and slow enough for a thread of its own. Knows no store and no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.speed import Profile, arc_speeds
from geo.driving.vehicles import Mode
from geo.learning.factors import Evidence, LearnedFactors, Levels
from geo.learning.judging import Judge
from geo.learning.matching import Match, Matcher
from geo.learning.nearways import arc_ends
from geo.learning.observing import Observations, Road, observations
from geo.learning.passages import Passages
from geo.learning.track import Track
from geo.roadmap import RoadMap
from geo.routing.engine import CLOSED, Weights
from geo.turns import Turns, move_times_ms, turns_of

PROFILES_MAX: Final = 12
"""Models kept: kinds of vehicle and modes, under the weather of late."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A matched drive to learn from."""

    profile: Profile
    ended_s: float
    """POSIX seconds."""
    runs: tuple[Passages, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The modelled times of one profile."""

    arc_ms: Weights
    """(2M,) along each arc, CLOSED where forbidden."""
    move_ms: Weights
    """(K,) of each turn, in the order of `turns.arcs`."""
    turns: Turns

    @property
    def arc_s(self) -> Floats:
        """(2M,) seconds, inf where forbidden."""
        return np.where(self.arc_ms < CLOSED, self.arc_ms / 1000.0, np.inf)

    def turn_s(self, leave: Ints, enter: Ints) -> Floats:
        """Seconds of the turns between arcs of which each begins where the other ends.

        Nothing for a turn that is forbidden: who took it all the same drove on.
        """
        graph = self.turns.arcs.graph
        moves = np.searchsorted(
            graph.tail * graph.node_count + graph.head, leave * graph.node_count + enter
        )
        times_ms = self.move_ms[moves.clip(max=len(self.move_ms) - 1)]
        return np.where(times_ms < CLOSED, times_ms / 1000.0, 0.0)


class School:
    """Everything about one map that matching and learning need, made when first asked for."""

    def __init__(self, roadmap: RoadMap) -> None:
        self.roadmap = roadmap
        self._models: OrderedDict[Profile, Model] = OrderedDict()

    def match(self, track: Track, profile: Profile, learned: LearnedFactors | None = None) -> Match:
        """The roads of a track; time between fixes is shared out by the times of the profile.

        `learned`: of the mode of the profile; None: by the model alone.
        """
        times_ms = self.model(profile).arc_ms
        if learned is not None:
            open_ms = np.where(times_ms < CLOSED, times_ms * learned.factor, CLOSED)
            times_ms = open_ms.round().astype(times_ms.dtype)
        return self._matcher.match(track, times_ms)

    def says(self, drive: Drive) -> Observations:
        """What a drive says about its arcs."""
        model = self.model(drive.profile)
        road = Road(arc_m=self._arc_m, model_s=model.arc_s, heads=self._heads, turn_s=model.turn_s)
        return observations(drive.runs, road)

    def model(self, profile: Profile) -> Model:
        """Modelled times; those asked for longest ago make room."""
        if profile not in self._models:
            speeds = arc_speeds(self.roadmap, profile)
            move_ms = move_times_ms(self._turns, speeds, profile)
            model = Model(arc_ms=speeds.times_ms, move_ms=move_ms, turns=self._turns)
            self._models[profile] = model
            if len(self._models) > PROFILES_MAX:
                self._models.popitem(last=False)
        self._models.move_to_end(profile)
        return self._models[profile]

    @cached_property
    def levels(self) -> Levels:
        return Levels.of(self.roadmap)

    @cached_property
    def _turns(self) -> Turns:
        return turns_of(self.roadmap)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.roadmap)

    @cached_property
    def _arc_m(self) -> Floats:
        return np.repeat(np.asarray(self.roadmap.edge_length_m, dtype=np.float64), 2)

    @cached_property
    def _heads(self) -> Ints:
        return arc_ends(self.roadmap)[1]


class Lessons:
    """Drives of both modes, counted apart."""

    def __init__(self, school: School) -> None:
        self._school = school
        self._evidence = {mode: Evidence(school.levels) for mode in Mode}
        self._judges = {mode: Judge(school.roadmap) for mode in Mode}
        self.newest_s: float | None = None
        """End of the newest drive, POSIX seconds."""

    @property
    def drives(self) -> int:
        """That said anything, of both modes."""
        return sum(each.trips for each in self._evidence.values())

    def add(self, drive: Drive) -> None:
        seen = self._school.says(drive)
        self._evidence[drive.profile.mode].add(seen, drive.ended_s)
        self._judges[drive.profile.mode].keep(seen, drive.ended_s)
        self.newest_s = max(self.newest_s or drive.ended_s, drive.ended_s)

    def add_all(self, drives: Iterable[Drive]) -> None:
        for drive in drives:
            self.add(drive)

    def learned(self, now_s: float) -> dict[Mode, LearnedFactors]:
        """What is known at `now_s`, POSIX seconds.

        Who is in a hurry can always drive as in routine, so urgent is nowhere slower.
        """
        found = {mode: self._factors(mode, now_s) for mode in Mode}
        routine, urgent = (self._school.model(Profile(mode=mode)).arc_ms for mode in Mode)
        at_most = found[Mode.ROUTINE].factor * (routine / urgent).astype(np.float32)
        quicker = np.minimum(found[Mode.URGENT].factor, at_most)
        return found | {Mode.URGENT: replace(found[Mode.URGENT], factor=quicker)}

    def _factors(self, mode: Mode, now_s: float) -> LearnedFactors:
        evidence = self._evidence[mode]
        spread = self._judges[mode].spread(evidence, now_s)
        return replace(evidence.factors(now_s), spread=spread)
