"""Travel times of every kind of vehicle, mode and condition, over one contraction of one map.

A metric is made when it is first asked for: modelled times of a profile, the overlay on top, an
engine for them. The topology is shared, so one more metric costs its weights alone. The METRICS_MAX
used last are kept. A change of the overlay is in force for the next answer of every metric, and is
worked into an engine only when that metric is asked next. Belongs to one thread, like its engines.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.speed import Profile, arc_speeds
from geo.driving.vehicles import Mode, Vehicle
from geo.live.overlay import Arcs, Overlay
from geo.memory import give_back
from geo.roadmap import EdgeFlag, RoadMap
from geo.routing.choose import EngineName, choose
from geo.routing.engine import CLOSED, Engine, Weights
from geo.routing.partial import PartialRouter
from geo.turns import move_times_ms, turns_of

KEPT_MAX: Final = 16
"""Three kinds of vehicle and people on foot, in two modes, under the weather that holds now and
under the one that comes next."""

METRICS_MAX: Final = 20
"""Those, and some for what is asked about other weather. A county's takes 5 MB, a province's 100,
and only those exist that somebody needed."""

AGAINST_FACTOR: Final = 2.0
"""On the travel time of a street driven against its one-way sign. Starting value."""

UNCHANGED: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """Times of one profile on one map, before anything is laid over them."""

    arc_ms: Weights
    """(2M,) along each arc."""
    move_ms: Weights
    """(K,) of each turn."""


class Models:
    """Models profiles on one map; never changes, so any thread may ask, several at once."""

    def __init__(self, roadmap: RoadMap, *, against_one_ways: bool = False) -> None:
        """`against_one_ways`: whether urgent vehicles may go against one-way streets."""
        self._roadmap = roadmap
        self._against_one_ways = against_one_ways
        self.turns = turns_of(roadmap)

    def of(self, profile: Profile) -> Modelled:
        """A second and more on a county's map, a minute on a province's."""
        speeds = arc_speeds(self._roadmap, profile)
        return Modelled(
            arc_ms=self._with_exemption(profile, speeds.times_ms),
            move_ms=move_times_ms(self.turns, speeds, profile),
        )

    def _with_exemption(self, profile: Profile, times_ms: Weights) -> Weights:
        """The same, and streets against their one-way signs for whoever may."""
        if not (self._against_one_ways and profile.mode is Mode.URGENT):
            return times_ms
        against = against_one_way(self._roadmap)
        open_ms = arc_speeds(with_arcs_open(self._roadmap, against), profile).times_ms[against]
        slow_ms = np.minimum(AGAINST_FACTOR * open_ms, CLOSED - 1).astype(np.uint32)
        times_ms = times_ms.copy()
        times_ms[against] = np.where(open_ms < CLOSED, slow_ms, CLOSED)
        return times_ms


@dataclass(slots=True, kw_only=True)
class Metric:
    """One profile's times."""

    modelled_ms: Weights
    """(2M,) along each arc, without the overlay."""
    learns_as: Mode | None
    """Whose learned factors count; None: on foot."""
    router: PartialRouter
    behind: Arcs | None
    """Arcs whose overlay changed since the engine last heard; None: all of them."""


class Metrics:
    """The metrics of one map, made when needed."""

    def __init__(
        self,
        roadmap: RoadMap,
        engine: EngineName,
        *,
        against_one_ways: bool = False,
        metrics_max: int = METRICS_MAX,
    ) -> None:
        """`against_one_ways`: whether urgent vehicles may go against one-way streets."""
        self.models = Models(roadmap, against_one_ways=against_one_ways)
        self._engine = engine
        self._arcs = self.models.turns.arcs
        self._overlay = Overlay(self._arcs.arc_count)
        self._metrics: OrderedDict[Profile, Metric] = OrderedDict()
        self._latest: tuple[Profile, Metric] | None = None
        """Whom the last question was about: the same object need not be looked up again."""
        self._kept: frozenset[Profile] = frozenset()
        self._metrics_max = metrics_max

    def __len__(self) -> int:
        return len(self._metrics)

    def __contains__(self, profile: object) -> bool:
        """Whether a profile can be asked without modelling its times first."""
        return profile in self._metrics

    def router(self, profile: Profile) -> PartialRouter:
        """Times of a profile as the roads are now. Raises EngineUnavailable."""
        return self.metric(profile).router

    def metric(self, profile: Profile, *, modelled: Modelled | None = None) -> Metric:
        """The metric of a profile, up to date; the one unused for longest makes room for it.

        `modelled`: when somebody has asked `models` on another thread, it is not done here.
        """
        if self._latest is None or self._latest[0] is not profile:
            self._latest = profile, self._looked_up(profile, modelled)
        metric = self._latest[1]
        self._catch_up(metric)
        return metric

    def keep(self, profiles: Iterable[Profile]) -> None:
        """From now on let go of others first. Raises ValueError for more than KEPT_MAX."""
        kept = frozenset(profiles)
        if len(kept) > KEPT_MAX:
            raise ValueError(f"at most {KEPT_MAX} profiles can be kept")
        self._kept = kept

    def set_overrides(self, table: Mapping[int, float]) -> None:
        """See `Overlay.set_overrides`."""
        changed = self._overlay.set_overrides(table)
        for metric in self._metrics.values():
            if metric.behind is not None:
                late = metric.behind
                metric.behind = np.union1d(late, changed) if late.size else changed

    def set_learned(self, factors: Mapping[Mode, NDArray[np.float32]]) -> None:
        """See `Overlay.set_learned`."""
        changed = self._overlay.set_learned(factors)
        for metric in self._metrics.values():
            if metric.learns_as in changed:
                metric.behind = None

    def close(self) -> None:
        """Let go of every engine, on the thread that made them."""
        self._latest = None
        while self._metrics:
            self._metrics.popitem()[1].router.engine.close()

    def _looked_up(self, profile: Profile, modelled: Modelled | None) -> Metric:
        metric = self._metrics.get(profile)
        if metric is None:
            metric = self._made(profile, modelled or self.models.of(profile))
            give_back()
            self._make_room()
            self._metrics[profile] = metric
        self._metrics.move_to_end(profile)
        return metric

    def _make_room(self) -> None:
        if len(self._metrics) >= self._metrics_max:
            idle = (each for each in self._metrics if each not in self._kept)
            oldest = next(idle, next(iter(self._metrics)))
            self._metrics.pop(oldest).router.engine.close()

    def _made(self, profile: Profile, modelled: Modelled) -> Metric:
        learns_as = None if profile.vehicle is Vehicle.FOOT else profile.mode
        arc_ms = self._overlay.over(modelled.arc_ms, learns_as)
        engine = self._engine_for(self._arcs.weights(arc_ms, modelled.move_ms))
        router = PartialRouter(engine, self._arcs, arc_ms, modelled.move_ms)
        return Metric(
            modelled_ms=modelled.arc_ms, learns_as=learns_as, router=router, behind=UNCHANGED
        )

    def _engine_for(self, weights: Weights) -> Engine:
        for metric in self._metrics.values():
            return metric.router.engine.sibling(weights)
        return choose(self._arcs.graph, weights, self._engine)

    def _catch_up(self, metric: Metric) -> None:
        if metric.behind is None:
            metric.router.reset(self._overlay.over(metric.modelled_ms, metric.learns_as))
        elif metric.behind.size:
            arcs = metric.behind
            arc_ms = self._overlay.over(metric.modelled_ms, metric.learns_as, arcs)
            metric.router.apply(arcs, arc_ms)
        metric.behind = UNCHANGED


def against_one_way(roadmap: RoadMap) -> Arcs:
    """The arcs that only a one-way sign closes, on streets where one could go with care."""
    flags = roadmap.edge_flags.astype(np.int64)
    shut = flags & int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
    one_way = (flags & int(EdgeFlag.ONE_WAY)) != 0
    forward = np.flatnonzero(one_way & (shut == EdgeFlag.CLOSED_FORWARD))
    backward = np.flatnonzero(one_way & (shut == EdgeFlag.CLOSED_BACKWARD))
    return np.concatenate((2 * forward, 2 * backward + 1))


def with_arcs_open(roadmap: RoadMap, arcs: Arcs) -> RoadMap:
    """The same map without the signs that close some arcs."""
    flags = roadmap.edge_flags.copy()
    flags[arcs >> 1] &= np.uint16(0xFFFF ^ (EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD))
    return replace(roadmap, edge_flags=flags)
