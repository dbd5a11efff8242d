"""How well dead zones are learned from our own drives, and what that spares the dispatcher.

Hidden worlds: gorges without radio that nobody is told of, as the simulator has them. Drivers go
through them and elsewhere, both ways; their devices keep what they cannot send, and send it by the
reference client's own timers. Some devices are off for a while, some clocks are slow, now and then
the server is away. The whole chain runs as in the server: fixes are matched to roads, silences are
told from the times of receipt, pieces of road are counted.

precision, recall    of the pieces of road (at most 250 m) that were driven, those called dead
                     against those that are
false_lost           drives of others, all of them safe, on which an alarm rose because nothing was
                     heard for so many seconds; "with zones": while a known zone explains the
                     silence the alarm waits until the unit is overdue
back_in_time         explained silences that ended before the unit was called overdue
back_error           by how much the foretold return was off, median
found_after          of units that do come to grief in a zone: from the last word to the alarm,
                     median; what the patience costs

`--write FILE` puts the table between the markers of docs/dead-zones.md.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _andorra
from benchmarks._drivers import Driven, Way, drive, random_ways, way_of
from benchmarks._links import arrivals
from benchmarks._report import Options, Row, main_writing, say, share_row
from devices.sim.deadzones import DeadZone, DeadZones
from devices.sim.movement import METRES_PER_DEGREE
from geo import mapfolder
from geo.driving.speed import Profile
from geo.errors import NoRouteError
from geo.eta import Spreads
from geo.ground import Ground
from geo.learning.school import School
from geo.projection import projection
from geo.radio.ahead import silences
from geo.radio.evidence import RadioEvidence, heard_on
from geo.radio.pieces import Pieces
from geo.radio.silences import Contact
from geo.roadmap import RoadMap
from server.dispatch import radio
from server.dispatch.radio import Ahead, explains, foretell
from tests.small_county import crossing, small_county

DRIVES = (1, 2, 3, 5, 10)
"""Drives per way, half of them each way, that were learned from."""
WORLDS = 3
WAYS = 6
"""Through zones in every world, and as many elsewhere."""
JUDGED = 3
"""Drives of others per way."""
KM_MIN = 4.0
SILENT_M_MIN = 400.0
"""On a way through a zone."""

LOST_S = (90.0, 180.0, 300.0)
"""Silence after which a unit counts as lost where no zone is known."""

DRIVER_SD = 0.18
PASSAGE_SD = 0.15
INTERVALS_S = (5.0, 10.0, 15.0, 30.0)
NOISE_M = (6.0, 15.0)
OFF_SHARE, OFF_S = 0.08, 300.0
"""Drives on which the device is off for a while."""
SLOW_SHARE, SLOW_S = 0.1, 60.0
"""Devices with a slow clock, by up to so much."""
AWAY_SHARE, AWAY_S = 0.05, 400.0
"""Drives during which the server is away."""
DAY_S = 86_400.0
START_S = 1_767_225_600.0
"""2026-01-01."""
PROFILE = Profile()

BEGIN = "<!-- dead zones: made by benchmarks/dead_zones.py -->"
END = "<!-- dead zones: end -->"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Tally:
    """Sums over worlds."""

    called: int = 0
    """Pieces called dead, of those driven."""
    dead: int = 0
    """Pieces that are."""
    both: int = 0
    drives: int = 0
    alarms: dict[tuple[str, float], int] = field(default_factory=dict)
    """Drives with a false alarm, by system and threshold."""
    explained: int = 0
    in_time: int = 0
    off_min: list[float] = field(default_factory=list)
    found_min: dict[str, list[float]] = field(default_factory=dict)

    def alarm(self, system: str, lost_s: float, raised: bool) -> None:
        key = system, lost_s
        self.alarms[key] = self.alarms.get(key, 0) + raised


class World:
    """One map with hidden gorges, its drivers, and what was learned of them."""

    def __init__(self, ground: Ground, school: School, zones: DeadZones, seed: int, ways: int):
        self.roadmap, self.ground, self.school = ground.roadmap, ground, school
        self.zones = zones
        self.rng, self.random = np.random.default_rng(seed), random.Random(seed)
        self.pieces = Pieces.of(self.roadmap)
        self.evidence = RadioEvidence(self.pieces)
        self.model_s = school.model(PROFILE).arc_s
        self.spreads = Spreads(self.roadmap)
        self.now_s = START_S
        self.driven = np.zeros(self.pieces.count, np.bool_)
        self.truth = self._truth()
        self.pairs = [*self._pairs(ways, through=True), *self._pairs(ways, through=False)]

    def learn(self, number: int) -> None:
        """Everybody drives once more, every other time the other way."""
        for pair in self.pairs:
            self._learn(pair[number % 2])
        self.now_s += DAY_S

    def count(self, tally: Tally) -> None:
        """Compare what is called dead with what is, of the pieces that were driven."""
        called = self.evidence.outlook(self.now_s).dead.reshape(-1, 2).any(axis=1)
        tally.called += int((called & self.driven).sum())
        tally.dead += int((self.truth & self.driven).sum())
        tally.both += int((called & self.truth & self.driven).sum())

    def judge(self, tally: Tally, drives: int, seed: int) -> None:
        """Others drive the ways, safe and sound; the same ones whatever was learned."""
        rng, others = np.random.default_rng(seed), random.Random(seed)
        dead = self.evidence.outlook(self.now_s).dead
        for pair in self.pairs:
            for number in range(drives):
                self._judge(tally, pair[number % 2], dead, rng, others)

    def come_to_grief(self, tally: Tally, seed: int) -> None:
        """On every way through a zone somebody stops in it for good."""
        rng, others = np.random.default_rng(seed), random.Random(seed)
        dead = self.evidence.outlook(self.now_s).dead
        for pair in self.pairs:
            way = pair[0]
            driven, silent = self._drive(way, rng)
            inside = np.flatnonzero(silent)
            if len(inside) < 2:
                continue
            stop_s = int(rng.choice(inside))
            silent = silent[: stop_s + 1]
            received = arrivals(driven.track.at_s[driven.track.at_s <= stop_s], silent, others)
            if not np.isfinite(received).any():
                continue
            last_s = float(received[np.isfinite(received)].max())
            self._found(tally, way, driven, dead, last_s)

    def _learn(self, way: Way) -> None:
        driven, silent = self._drive(way, self.rng)
        at_s = driven.track.at_s
        witnesses_s = np.arange(0.0, at_s[-1] + 60.0, 30.0)
        received = arrivals(at_s, silent, self.random)
        if self.rng.random() < AWAY_SHARE:
            away_s = float(self.rng.uniform(0.0, at_s[-1]))
            lost = (received >= away_s) & (received < away_s + AWAY_S)
            received[lost] = away_s + AWAY_S + self.rng.uniform(0.0, 60.0)
            witnesses_s = witnesses_s[(witnesses_s < away_s) | (witnesses_s > away_s + AWAY_S)]
        kept = np.isfinite(received)
        if self.rng.random() < OFF_SHARE:
            off_s = float(self.rng.uniform(0.0, at_s[-1]))
            kept &= (at_s < off_s) | (at_s > off_s + OFF_S)
        slow_s = float(self.rng.uniform(0.0, SLOW_S)) * (self.rng.random() < SLOW_SHARE)
        match = self.school.match(driven.track, PROFILE)
        contact = Contact.of(at_s[kept] - slow_s, received[kept], witnesses_s)
        shifted = Contact(at_s=contact.at_s + slow_s, heard=contact.heard, silent=contact.silent)
        seen = heard_on(match.runs, shifted, self.pieces)
        self.evidence.add(seen, self.now_s)
        self.driven[seen.piece >> 1] = True

    def _judge(
        self, tally: Tally, way: Way, dead: Bools, rng: np.random.Generator, others: random.Random
    ) -> None:
        driven, silent = self._drive(way, rng)
        received = arrivals(driven.track.at_s, silent, others)
        raised = {(system, lost_s): False for system in ("without", "with") for lost_s in LOST_S}
        for last, back_s in _silences(received):
            since_s = float(received[last])
            latest_s = self._latest(tally, way, driven, dead, last, back_s)
            for lost_s in LOST_S:
                raised["without", lost_s] |= back_s - since_s > lost_s
                alarm_s = since_s + lost_s if latest_s is None else latest_s
                raised["with", lost_s] |= back_s > alarm_s and back_s - since_s > lost_s
        for (system, lost_s), alarm in raised.items():
            tally.alarm(system, lost_s, alarm)
        tally.drives += 1

    def _latest(
        self, tally: Tally, way: Way, driven: Driven, dead: Bools, last: int, back_s: float
    ) -> float | None:
        """When the unit is overdue; None: nothing explains its silence."""
        ahead = self._ahead(way, driven, dead, last)
        if ahead is None or not explains(ahead):
            return None
        start = datetime.fromtimestamp(0, UTC)
        when = foretell(start + timedelta(seconds=float(driven.track.at_s[last])), ahead)
        latest_s = (when.latest_at - start).total_seconds()
        if not ahead.at_scene:
            tally.explained += 1
            tally.in_time += back_s <= latest_s
            tally.off_min.append(abs(back_s - (when.back_at - start).total_seconds()) / 60.0)
        return latest_s

    def _found(self, tally: Tally, way: Way, driven: Driven, dead: Bools, last_s: float) -> None:
        last = int(np.searchsorted(driven.track.at_s, last_s - 1.5, side="right")) - 1
        ahead = self._ahead(way, driven, dead, max(last, 0))
        after_s = LOST_S[0]
        if ahead is not None and explains(ahead):
            start = datetime.fromtimestamp(0, UTC)
            when = foretell(start + timedelta(seconds=float(driven.track.at_s[last])), ahead)
            after_s = (when.latest_at - start).total_seconds() - last_s
        tally.found_min.setdefault("with", []).append(after_s / 60.0)
        tally.found_min.setdefault("without", []).append(LOST_S[0] / 60.0)

    def _ahead(self, way: Way, driven: Driven, dead: Bools, last: int) -> Ahead | None:
        """As the server reckons it: from the last fix to the end of the way."""
        if not dead.any():
            return None
        ends = (driven.track.lonlat[last], self._ends(way)[1])
        try:
            here, there = (self.ground.snap(*map(float, end)) for end in ends)
            route = self.ground.route(here, there)
        except NoRouteError:
            return None
        found = silences(self.roadmap, self.pieces, dead, route)
        if not found:
            return None
        log_sd = self.spreads.eta(route.duration_s, route.legs.arc, route.leg_s).log_sd
        return Ahead(silence=found[0], log_sd=log_sd)

    def _drive(self, way: Way, rng: np.random.Generator) -> tuple[Driven, Bools]:
        """What the device saw, and second by second whether there was no radio."""
        off = rng.normal(0.0, DRIVER_SD) + rng.normal(0.0, PASSAGE_SD, len(self.model_s))
        piece_s = way.piece_s(self.model_s * np.exp(off))
        driven = drive(
            self.roadmap,
            way,
            piece_s,
            rng,
            interval_s=float(rng.choice(INTERVALS_S)),
            noise_m=float(rng.uniform(*NOISE_M)),
        )
        at_s = np.concatenate(([0.0], np.cumsum(piece_s)))
        seconds = np.arange(0.0, at_s[-1] + 1.0)
        metres = np.column_stack([np.interp(seconds, at_s, axis) for axis in way.metres.T])
        return driven, self._covered(metres)

    def _covered(self, metres: Floats) -> Bools:
        """Whether there is no radio at places in projected metres."""
        lonlat = projection(self.roadmap.meta.crs).to_degrees(metres)
        found = np.zeros(len(lonlat), np.bool_)
        for zone in self.zones.zones:
            north_m, east_m = ((lonlat - (zone.lon, zone.lat)) * METRES_PER_DEGREE).T[::-1]
            east_m = east_m * np.cos(np.radians(zone.lat))
            found |= np.hypot(east_m, north_m) <= zone.radius_m
        return found

    def _truth(self) -> Bools:
        """(P,) by the middle of each piece."""
        every = np.arange(self.pieces.count)
        edges, (low, high) = self.pieces.edge_of(every), self.pieces.span(every)
        middle = (low + high) / 2.0
        found = np.zeros(self.pieces.count, np.bool_)
        projected = projection(self.roadmap.meta.crs)
        for edge in range(self.roadmap.edge_count):
            own = slice(*self.pieces.first[edge : edge + 2].tolist())
            shape = projected.to_metres(np.asarray(self.roadmap.shape(edge)))
            along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(shape, axis=0).T))))
            at_m = middle[own] * along[-1]
            assert (edges[own] == edge).all()
            found[own] = self._covered(
                np.column_stack([np.interp(at_m, along, axis) for axis in shape.T])
            )
        return found

    def _pairs(self, count: int, *, through: bool) -> list[tuple[Way, Way]]:
        """Ways there and back, through a gorge or not."""
        found: list[tuple[Way, Way]] = []
        while len(found) < count:
            (way,) = random_ways(self.ground, 1, self.rng, KM_MIN)
            steps_m = np.hypot(*np.diff(way.metres, axis=0).T)
            silent_m = float(steps_m[self._covered(way.metres[:-1])].sum())
            if (silent_m >= SILENT_M_MIN) if through else silent_m == 0.0:
                there, back = (self.ground.snap(*map(float, end)) for end in self._ends(way))
                try:
                    found.append((way, way_of(self.roadmap, self.ground.route(back, there))))
                except NoRouteError:
                    continue  # nobody gets back
        return found

    def _ends(self, way: Way) -> Floats:
        ends: Floats = projection(self.roadmap.meta.crs).to_degrees(way.metres[[0, -1]])
        return ends


def _silences(received: Floats) -> Iterator[tuple[int, float]]:
    """Spans in which the server heard nothing for SILENT_S: the last fix before, and the end."""
    order = np.argsort(received, kind="stable")[: int(np.isfinite(received).sum())]
    times = received[order]
    for place in np.flatnonzero(np.diff(times) > radio.SILENT_S).tolist():
        yield int(order[: place + 1].max()), float(times[place + 1])


def run(options: Options) -> list[Row]:
    worlds, ways, steps = (1, 4, DRIVES[:4]) if options.quick else (WORLDS, WAYS, DRIVES)
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        if options.quick:
            name, roadmap = "small", small_county()
        else:
            say(options, "Building the map of Andorra")
            name, roadmap = "andorra", mapfolder.load(_andorra.build(Path(folder)))
        ground, school = Ground(roadmap), School(roadmap)
        tallies = {step: Tally() for step in (0, *steps)}
        for number in range(worlds):
            say(options, f"{name}: world {number + 1} of {worlds}")
            seed = options.seed + number
            zones = gorges(roadmap, seed)
            measure(World(ground, school, zones, seed, ways), tallies, seed)
        ground.close()
    return list(rows_of(name, tallies))


def gorges(roadmap: RoadMap, seed: int) -> DeadZones:
    """As the simulator has them; one on the trunk road of the small county, which has no gorge."""
    if roadmap.meta.name == "Small county":
        lon, lat = crossing(3, 1)
        return DeadZones([DeadZone(lon=lon, lat=lat, radius_m=900.0)])
    return DeadZones.of(roadmap, random.Random(seed))


def measure(world: World, tallies: dict[int, Tally], seed: int) -> None:
    """Learn step by step; at each, compare and let the same others drive."""
    done = 0
    for step, tally in tallies.items():
        for number in range(done, step):
            world.learn(number)
        done = step
        world.count(tally)
        world.judge(tally, JUDGED, seed)
        world.come_to_grief(tally, seed)


def rows_of(name: str, tallies: dict[int, Tally]) -> Iterator[Row]:
    for step, tally in tallies.items():
        system = f"n = {step}"
        if step:
            yield share_row("precision", system, tally.both, tally.called, name)
            yield share_row("recall", system, tally.both, tally.dead, name)
        for lost_s in LOST_S:
            for which in ("without", "with") if step == 0 else ("with",):
                zones = "no zones" if which == "without" else system
                hits = tally.alarms[which, lost_s]
                metric = f"false_lost_{lost_s:.0f}s"
                if which == "with" and step == 0:
                    continue  # nothing is known yet: as without
                yield share_row(metric, zones, hits, tally.drives, name)
        if tally.explained:
            yield share_row("back_in_time", system, tally.in_time, tally.explained, name)
            yield _minutes("back_error", system, tally.off_min, name)
        if step:
            yield _minutes("found_after", system, tally.found_min["with"], name)


def _minutes(metric: str, system: str, values: list[float], name: str) -> Row:
    value = round(float(np.median(values)), 2)
    return Row(metric=metric, system=system, map=name, unit="min", value=value, n=len(values))


def table(rows: list[Row]) -> str:
    """The rows as Markdown, one line a number of drives."""
    lost = [f"false_lost_{each:.0f}s" for each in LOST_S]
    lines = [
        "| drives a way | precision | recall | false “lost” after 90 / 180 / 300 s | back in time "
        "| foretold return off by | alarm of a real loss after |",
        "|---|---|---|---|---|---|---|",
    ]
    systems: dict[str, dict[str, Row]] = {}
    for row in rows:
        systems.setdefault(row.system, {})[row.metric] = row
    for system, found in systems.items():
        cells = [
            system,
            _share(found.get("precision")),
            _share(found.get("recall")),
            " / ".join(_share(found.get(each)) for each in lost),
            _share(found.get("back_in_time")),
            _median(found.get("back_error")),
            _median(found.get("found_after")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(row: Row | None) -> str:
    return "–" if row is None or row.value is None else f"{row.value:.1%}"


def _median(row: Row | None) -> str:
    return "–" if row is None or row.value is None else f"{row.value:.1f} min"


def write(file: Path, rows: list[Row]) -> None:
    """Put the table between the markers of a document."""
    text = file.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{file} has no lines {BEGIN} and {END} to put the table between")
    file.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}", encoding="utf-8")


def run_and_write(options: Options, file: Path | None) -> list[Row]:
    rows = run(options)
    if file is not None:
        write(file, rows)
    return rows


if __name__ == "__main__":
    main_writing("dead_zones", run_and_write, __doc__)
