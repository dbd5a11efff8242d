"""Where drives become factors: match a track, count drives, give what they taught, on one map.

Puts `matching`, `observing` and `learning` together with the modelled times of each profile. Not
thread-safe, and slow enough for a thread of its own. Knows no store and no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.learning import Evidence, LearnedFactors, Levels
from geo.matching import Match, Matcher
from geo.nearways import arc_ends
from geo.observing import Observations, observations
from geo.passages import Passages
from geo.roadmap import RoadMap
from geo.routing.engine import CLOSED, Weights
from geo.speed import Profile, travel_times_ms
from geo.track import Track
from geo.vehicles import Mode

PROFILES_MAX: Final = 12
"""Travel times kept: kinds of vehicle and modes, under the weather of late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A matched drive to learn from."""

    profile: Profile
    ended_s: float
    """POSIX seconds."""
    runs: tuple[Passages, ...]


class School:
    """Everything about one map that matching and learning need, made when first asked for."""

    def __init__(self, roadmap: RoadMap) -> None:
        self.roadmap = roadmap
        self._times: OrderedDict[Profile, Weights] = OrderedDict()

    def match(self, track: Track, profile: Profile) -> Match:
        """The roads of a track; time between fixes is shared out by the times of the profile."""
        return self._matcher.match(track, self.times_ms(profile))

    def says(self, drive: Drive) -> Observations:
        """What a drive says about its arcs."""
        times_ms = self.times_ms(drive.profile)
        model_s = np.where(times_ms < CLOSED, times_ms / 1000.0, np.inf)
        return observations(drive.runs, self._arc_m, model_s, self._heads)

    def times_ms(self, profile: Profile) -> Weights:
        """(2M,) modelled times; those asked for longest ago make room."""
        if profile not in self._times:
            self._times[profile] = travel_times_ms(self.roadmap, profile)
            if len(self._times) > PROFILES_MAX:
                self._times.popitem(last=False)
        self._times.move_to_end(profile)
        return self._times[profile]

    @cached_property
    def levels(self) -> Levels:
        return Levels.of(self.roadmap)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.roadmap)

    @cached_property
    def _arc_m(self) -> NDArray[np.float64]:
        return np.repeat(np.asarray(self.roadmap.edge_length_m, dtype=np.float64), 2)

    @cached_property
    def _heads(self) -> NDArray[np.int64]:
        return arc_ends(self.roadmap)[1]


class Lessons:
    """Drives of both modes, counted apart."""

    def __init__(self, school: School) -> None:
        self._school = school
        self._evidence = {mode: Evidence(school.levels) for mode in Mode}
        self.newest_s: float | None = None
        """End of the newest drive, POSIX seconds."""

    @property
    def drives(self) -> int:
        """That said anything, of both modes."""
        return sum(each.trips for each in self._evidence.values())

    def add(self, drive: Drive) -> None:
        self._evidence[drive.profile.mode].add(self._school.says(drive), drive.ended_s)
        self.newest_s = max(self.newest_s or drive.ended_s, drive.ended_s)

    def learned(self, now_s: float) -> dict[Mode, LearnedFactors]:
        """What is known at `now_s`, POSIX seconds."""
        return {mode: each.factors(now_s) for mode, each in self._evidence.items()}
