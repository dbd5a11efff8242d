"""The ground as servers and the command line see it: snap, travel time, route, reach.

Puts a road map, its travel times, the snap index and an engine together. Seconds outside, whole
milliseconds inside. Not thread-safe, and the CCH engine belongs to the thread that made it: make,
use and close a Ground on one thread. `Snap`s are plain values and may travel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo import mapfolder
from geo.departure import Departure, Start, departures, snap_of, start_of, starts
from geo.driving.conditions import Condition
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.errors import NoRouteError
from geo.metrics import Metrics, Modelled, Models
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.engine import UNREACHABLE, Millis
from geo.routing.journey import Journey, Legs
from geo.routing.partial import PartialRouter
from geo.routing.places import Places
from geo.snap import Snap, SnapIndex
from geo.walk import Approach, approach
from geo.wayline import WayLines

Fleet: TypeAlias = Places
"""Where units set off, as `Ground.fleet` makes it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Route:
    """The quickest way from one place on the road to another, as the roads are when it is asked
    for. Its shape and the times of its turns are made when first looked at, on any thread."""

    source: Snap
    target: Snap
    journey: Journey
    lines: WayLines

    @property
    def duration_s(self) -> float:
        return self.journey.total_ms / 1000.0

    @property
    def legs(self) -> Legs:
        """The edges driven, in order; none where source and target are one place."""
        return self.journey.legs

    @cached_property
    def distance_m(self) -> float:
        return self.lines.length_m(self.legs)

    @cached_property
    def lonlat(self) -> NDArray[np.float64]:
        """(k, 2) degrees, k >= 2, in driving order, partial first and last edges included."""
        return self.lines.line(self.source, self.target, self.legs)

    @cached_property
    def leg_s(self) -> NDArray[np.float64]:
        """(len(legs),) seconds of driving along each leg, turns not counted."""
        return self.journey.leg_ms / 1000.0

    @cached_property
    def turn_s(self) -> NDArray[np.float64]:
        """(len(legs),) seconds before each leg: turnout and turning round, then turns. Together
        with `leg_s` they are the duration."""
        return self.journey.turn_ms / 1000.0


class Ground:
    """Travel time over one map. `profile` is whose time, the one given here where none is named."""

    def __init__(
        self,
        roadmap: RoadMap,
        *,
        engine: EngineName = "auto",
        profile: Profile | None = None,
        against_one_ways: bool = False,
    ) -> None:
        """`against_one_ways`: urgent vehicles may go against one-way streets, with care.

        Raises EngineUnavailable if the engine asked for cannot run here.
        """
        self.roadmap = roadmap
        self.against_one_ways = against_one_ways
        self.profile = profile or Profile()
        self._lines = WayLines(roadmap)
        self._index = SnapIndex(roadmap)
        self._metrics = Metrics(roadmap, engine, against_one_ways=against_one_ways)
        self._metrics.metric(self.profile)

    @classmethod
    def open(
        cls,
        map_dir: Path,
        *,
        engine: EngineName = "auto",
        profile: Profile | None = None,
        against_one_ways: bool = False,
    ) -> Self:
        """Load a map folder. Raises MapFolderError if it is missing, corrupt or too old."""
        roadmap = mapfolder.load(Path(map_dir))
        return cls(roadmap, engine=engine, profile=profile, against_one_ways=against_one_ways)

    @property
    def engine_name(self) -> str:
        """Which engine answers: "cch" or "scipy"."""
        return self._router(None).engine.name

    @property
    def arc_s(self) -> NDArray[np.float64]:
        """`arc_s_of` the Ground's own profile."""
        return self.arc_s_of(None)

    def arc_s_of(self, profile: Profile | None) -> NDArray[np.float64]:
        """(2M,) seconds per arc as the roads are now, live changes included; inf if closed."""
        return _seconds(self._router(profile).arc_ms)

    def modelled_s(self, profile: Profile | None = None) -> NDArray[np.float64]:
        """(2M,) seconds per arc as modelled, without learned factors and live changes."""
        modelled_ms = self._metrics.metric(profile or self.profile).modelled_ms
        return _seconds(modelled_ms.astype(np.int64))

    def snap(self, lon: float, lat: float) -> Snap:
        """The nearest place on a drivable road.

        Raises OffMapError outside the map, NoRouteError farther than SNAP_M_MAX from any road.
        """
        return self._index.snap(lon, lat)

    def approach(self, lon: float, lat: float, *, profile: Profile | None = None) -> Approach:
        """Where a vehicle can stop for a place, and the walk from there.

        Raises OffMapError outside the map, NoRouteError farther than WALK_M_MAX from any road.
        """
        return approach(self.roadmap, self._index, lon, lat, profile or self.profile)

    def arrivals(
        self, sources: Sequence[Start], place: Approach, *, profile: Profile | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(S,) seconds from each source to the place, by road and then on foot, inf where no road
        leads to any drop-off; and (S,) which drop-off is best from there."""
        drive_s = self.matrix(sources, [each.snap for each in place.drop_offs], profile=profile)
        total_s = drive_s + np.array([each.walk.duration_s for each in place.drop_offs])
        best = total_s.argmin(axis=1)
        return total_s[np.arange(len(sources)), best], best

    def departure(
        self,
        snap: Snap,
        *,
        heading_deg: float | None = None,
        speed_mps: float | None = None,
        turnout_s: float = 0.0,
    ) -> Departure:
        """Where and how a unit sets off; make it once per fix and keep it, like the snap.

        Raises ValueError for a turnout below nought.
        """
        found = departures([snap], [heading_deg], [speed_mps], self._lines, [turnout_s])
        return found[0]

    def departures(
        self,
        snaps: Sequence[Snap],
        *,
        headings_deg: Sequence[float | None],
        speeds_mps: Sequence[float | None],
        turnouts_s: Sequence[float],
    ) -> list[Departure]:
        """`departure` of many units at once."""
        return departures(snaps, headings_deg, speeds_mps, self._lines, turnouts_s)

    def fleet(self, sources: Sequence[Start]) -> Fleet:
        """Sources as the router takes them. Make it once a fix and keep it: asked from the very
        same fleet again, nothing is worked out anew that does not depend on the target."""
        return starts(sources)

    def etas(
        self, sources: Sequence[Start] | Fleet, target: Snap, *, profile: Profile | None = None
    ) -> NDArray[np.float64]:
        """(S,) seconds from each source to the target; inf where no road leads there."""
        fleet = sources if isinstance(sources, Fleet) else starts(sources)
        return _seconds(self._router(profile).etas(fleet, Places.one(target)))

    def matrix(
        self,
        sources: Sequence[Start] | Fleet,
        targets: Sequence[Snap],
        *,
        profile: Profile | None = None,
    ) -> NDArray[np.float64]:
        """(S, T) seconds; inf where no road leads."""
        fleet = sources if isinstance(sources, Fleet) else starts(sources)
        return _seconds(self._router(profile).matrix(fleet, Places.of(targets)))

    def route(self, source: Start, target: Snap, *, profile: Profile | None = None) -> Route:
        """The quickest way with its shape. Raises NoRouteError where no road leads."""
        place = snap_of(source)
        journey = self._router(profile).route(start_of(source), Places.one(target))
        if journey is None:
            raise NoRouteError(
                f"no road connects {place.lon:.5f}, {place.lat:.5f} "
                f"with {target.lon:.5f}, {target.lat:.5f}"
            )
        return Route(source=place, target=target, journey=journey, lines=self._lines)

    def reach(
        self, source: Start, limit_s: float, *, profile: Profile | None = None
    ) -> NDArray[np.float64]:
        """(N,) seconds from the source to every node; inf beyond the limit."""
        by_arc = self._router(profile).arc_ends(starts([source]), _limit_ms(limit_s)).reshape(-1, 2)
        at_nodes = np.full(self.roadmap.node_count, UNREACHABLE, dtype=np.int64)
        np.minimum.at(at_nodes, self.roadmap.edge_head, by_arc[:, 0])
        np.minimum.at(at_nodes, self.roadmap.edge_tail, by_arc[:, 1])
        return _seconds(at_nodes)

    def reach_edges(
        self, source: Start, limit_s: float, *, profile: Profile | None = None
    ) -> NDArray[np.float64]:
        """(M, 2) seconds until every edge can be driven from its tail, from its head, the turn into
        it behind; inf beyond the limit, and where it may not be driven so."""
        by_arc = self._router(profile).arc_starts(starts([source]), _limit_ms(limit_s))
        return _seconds(by_arc.reshape(-1, 2))

    def knows(self, profile: Profile) -> bool:
        """Whether a profile can be asked at once; else the first question models its times."""
        return profile in self._metrics

    @property
    def models(self) -> Models:
        """Models profiles on any thread, for `prepare` on this one."""
        return self._metrics.models

    def prepare(self, profile: Profile, modelled: Modelled | None = None) -> None:
        """Have a profile answer at once, with all that was changed since it was asked last.

        `modelled`: what `models` found for it on another thread; that takes long.
        """
        self._metrics.metric(profile, modelled=modelled)

    def keep(self, profiles: Iterable[Profile]) -> None:
        """See `Metrics.keep`."""
        self._metrics.keep(profiles)

    def set_condition(self, condition: Condition) -> None:
        """Answer for this condition from now on where no profile is named."""
        self.profile = replace(self.profile, condition=condition)
        self._metrics.metric(self.profile)

    def set_overrides(self, overrides: Mapping[int, float]) -> None:
        """Close or slow roads for every profile, for the next answer; replaces what was set before.

        Arc (2e forward, 2e + 1 backward) → factor above 1 on its travel time, or CLOSED; arcs that
        are not named run as modelled. Raises ValueError, changing nothing, for any other value.
        """
        self._metrics.set_overrides(overrides)

    def set_factors(self, factors: Mapping[Mode, NDArray[np.float32]]) -> None:
        """Take over (2M,) learned factors on the modelled times of each mode, for every vehicle.

        A mode that is not named, and everybody on foot, moves as modelled.
        Raises ValueError, changing nothing, where they are not what `geo.live.overlay` allows.
        """
        self._metrics.set_learned(factors)

    def close(self) -> None:
        """Let go of the engines, on the thread that made this Ground."""
        self._metrics.close()

    def _router(self, profile: Profile | None) -> PartialRouter:
        return self._metrics.metric(profile or self.profile).router


def _limit_ms(limit_s: float) -> int:
    return min(round(max(limit_s, 0.0) * 1000), UNREACHABLE - 1)


def _seconds(totals_ms: Millis) -> NDArray[np.float64]:
    return np.where(totals_ms < UNREACHABLE, totals_ms / 1000.0, np.inf)
