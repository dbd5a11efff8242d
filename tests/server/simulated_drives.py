"""Drives over real roads as the room sees them: fixes with errors and gaps, and the way left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import numpy as np

from devices.intake import distance_m
from geo.ground import Ground
from geo.roadmap import RoadMap
from geo.walk import Approach
from server.dispatch.enroute import Drive, follow
from server.dispatch.sights import Promise, Rules, Sight, Trouble

BEGAN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
M_PER_DEG = 111_195.0
LonLat = tuple[float, float]


@dataclass(frozen=True)
class Fix:
    """Where a unit is at a moment, in seconds from the beginning."""

    at_s: float
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float


class Roads:
    """One place to go to, and what the roads say of it."""

    def __init__(self, roadmap: RoadMap, place: LonLat) -> None:
        self.ground = Ground(roadmap, engine="scipy")
        self.place = place
        self.approach: Approach = self.ground.approach(*place)

    def line(self, *through: LonLat) -> tuple[np.ndarray, float]:
        """The quickest way through these places: (k, 2) degrees, and its seconds."""
        snaps = [self.ground.snap(*each) for each in through]
        ways = [self.ground.route(tail, head) for tail, head in pairwise(snaps)]
        return np.vstack([way.lonlat for way in ways]), sum(way.duration_s for way in ways)

    def sight(self, fix: Fix, *, excused: bool = False) -> Sight:
        snap = self.ground.snap(fix.lon, fix.lat)
        start = self.ground.departure(snap, heading_deg=fix.heading_deg, speed_mps=fix.speed_mps)
        left_s, best = self.ground.arrivals([start], self.approach)
        off = self.approach.drop_offs[int(best[0])]
        stops = (self.place, (off.snap.lon, off.snap.lat))
        return Sight(
            at=BEGAN + timedelta(seconds=fix.at_s),
            lon=fix.lon,
            lat=fix.lat,
            place_m=min(distance_m(fix.lon, fix.lat, *each) for each in stops),
            speed_mps=fix.speed_mps,
            left_s=float(left_s[0]),
            road_s=float(left_s[0]) - off.walk.duration_s,
            excused=excused,
        )

    def promise(self, start: LonLat) -> Promise:
        """As it was when the unit accepted, at the beginning."""
        left_s, _ = self.ground.arrivals([self.ground.snap(*start)], self.approach)
        at = BEGAN + timedelta(seconds=float(left_s[0]))
        return Promise(at=at, way_s=float(left_s[0]))


def along(
    line: np.ndarray, took_s: float, *, every_s: float, from_s: float = 0.0, stay_s: float = 0.0
) -> list[Fix]:
    """Fixes of a unit that drives a line evenly, and stands at its end for a while."""
    metres = np.array([0.0, *(distance_m(*tail, *head) for tail, head in _pairs(line))]).cumsum()
    speed_mps = metres[-1] / took_s
    found = []
    for at_s in np.arange(0.0, took_s + stay_s, every_s).tolist():
        gone_m = min(speed_mps * at_s, metres[-1])
        place = [float(np.interp(gone_m, metres, line[:, axis])) for axis in (0, 1)]
        row = min(int(np.searchsorted(metres, gone_m, side="right")), len(line) - 1)
        east, north = (line[row] - line[row - 1]) * (math.cos(math.radians(place[1])), 1.0)
        moving = at_s < took_s
        found.append(
            Fix(
                from_s + at_s,
                place[0],
                place[1],
                speed_mps if moving else 0.0,
                math.degrees(math.atan2(east, north)) % 360.0,
            )
        )
    return found


def with_errors(fixes: Iterable[Fix], rng: Random, *, noise_m: float, lost: float) -> Iterator[Fix]:
    """As a receiver reports them, and the radio carries them."""
    for fix in fixes:
        if rng.random() < lost:
            continue
        east, north = (rng.gauss(0.0, noise_m) / M_PER_DEG for _ in range(2))
        yield Fix(
            fix.at_s,
            fix.lon + east / math.cos(math.radians(fix.lat)),
            fix.lat + north,
            max(0.0, fix.speed_mps + rng.gauss(0.0, 0.3)),
            (fix.heading_deg + rng.gauss(0.0, 8.0)) % 360.0,
        )


def followed(
    sights: Iterable[Sight],
    rules: Rules,
    *,
    promise: Promise | None = None,
    set_off: bool = True,
    there: bool = False,
) -> list[Drive]:
    """The drive after each sight."""
    found, drive = [], Drive(promise=promise, set_off=set_off)
    for sight in sights:
        drive = follow(drive, sight, rules, reported_there=there)
        found.append(drive)
    return found


def told(drives: Sequence[Drive]) -> list[set[Trouble]]:
    """What was wrong, each time that it changed."""
    found: list[set[Trouble]] = []
    for drive in drives:
        if not found or found[-1] != drive.troubles:
            found.append(set(drive.troubles))
    return found


def _pairs(line: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    return pairwise(line)
