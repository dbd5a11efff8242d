"""How much better travel times get by learning from drives, where the truth is known.

Hidden worlds: every road is slower or quicker than modelled by a factor nobody is told, part of it
common to the county, to its class and surface, to a numbered road in one direction, the rest its
own. Drivers differ, too, and so does every passage. Their receivers err by 6 to 15 m and report
every 5 to 60 s; some stop on the way. The whole chain runs as in the server: fixes are matched to
roads, times are observed, factors and spreads learned. Then other drivers drive, on the same ways
and on ways nobody drove before, and the time they take is compared with the time foretold.

Worlds "as assumed" differ as the starting values of the learning say; in "alike" ones roads and
drivers differ half as much, in "unlike" ones half as much again, which nobody tells the learning.

bias          mean of ln(T / median foretold)
ape_median    absolute error as a share of T, its median
ape_mean      and its mean
p90_coverage  drives that took no longer than the P90 foretold, with a 95 % Wilson interval;
              between 0.85 and 0.95 is what it should be. Drives of one world share its roads, so
              they count as fewer: by the variance between worlds (Kish's design effect)
pinball_50    quantile loss of the median and of the P90, minutes
pinball_90

The worlds are ours, so the figures show that the method works, not how far off the model is on real
roads. `--write FILE` puts the table between the markers of docs/travel-time.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _andorra
from benchmarks._drivers import Driven, Way, drive, random_ways
from benchmarks._report import Options, Row, main_writing, say, wilson, write_between
from geo import mapfolder
from geo.driving.speed import Profile
from geo.eta import Spreads
from geo.ground import Ground
from geo.learning.factors import LearnedFactors
from geo.learning.school import Drive, Lessons, School
from tests.small_county import small_county

DRIVES = (0, 1, 2, 5, 20)
"""Drives per way that were learned from."""
WORLDS = 32
WAYS = 6
"""Ways driven in every world, and as many others that nobody drove before."""
JUDGED = 6
"""Drives per way that are foretold, at every number of drives."""
KM_MIN = 3.0

STOP_SHARE = 0.15
"""Drives with a stop of one to four minutes."""
INTERVALS_S = (5.0, 10.0, 15.0, 30.0, 60.0)
NOISE_M = (6.0, 15.0)
DAY_S = 86_400.0
START_S = 1_767_225_600.0
"""2026-01-01."""

PROFILE = Profile()

BEGIN, END = "<!-- learning: made by benchmarks/learning.py -->", "<!-- learning: end -->"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """How much a hidden world differs: standard deviations of log factors."""

    level_sd: float = 0.15
    """Of the county, of each class and surface, of each numbered road in one direction, of each
    arc."""
    driver_sd: float = 0.15
    weather_sd: float = 0.10
    passage_sd: float = 0.15
    """Of one drive, of its day, and of each passage over an arc."""

    def times(self, ratio: float) -> Truth:
        return Truth(**{name: ratio * value for name, value in asdict(self).items()})


TRUTHS = {"as assumed": Truth(), "alike": Truth().times(0.5), "unlike": Truth().times(1.5)}
KINDS = {"andorra": ["as assumed"], "small": list(TRUTHS)}
"""Worlds on each map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """Drives that were judged: what they took, and what was foretold of them."""

    took_s: Floats
    median_s: Floats
    p90_s: Floats

    @classmethod
    def joined(cls, parts: Sequence[Foretold]) -> Foretold:
        return cls(
            took_s=np.concatenate([part.took_s for part in parts]),
            median_s=np.concatenate([part.median_s for part in parts]),
            p90_s=np.concatenate([part.p90_s for part in parts]),
        )


class World:
    """One map with a hidden truth, its drivers, and what was learned from them."""

    def __init__(
        self, ground: Ground, school: School, seed: int, ways: int, truth: Truth = Truth()
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.roadmap = ground.roadmap
        self._school, self._differ = school, truth
        self._lessons = Lessons(self._school)
        self.model_s = self._school.model(PROFILE).arc_s
        self.truth = np.exp(self._hidden())
        self.driven = random_ways(ground, ways, self.rng, KM_MIN)
        self.groups = {
            "same ways": self.driven,
            "new ways": random_ways(ground, ways, self.rng, KM_MIN),
        }
        self._took_s = {
            which: [float(self._piece_s(way).sum()) for way in group for _ in range(JUDGED)]
            for which, group in self.groups.items()
        }
        """The same drives are judged at every number of drives learned from."""
        self.now_s = START_S

    def learn(self, way: Way) -> None:
        """Somebody drives a way, and we learn from what the receiver says."""
        seen = self._track(way)
        match = self._school.match(seen.track, PROFILE)
        self._lessons.add(Drive(profile=PROFILE, ended_s=self.now_s, runs=match.runs))

    def learned(self) -> LearnedFactors:
        return self._lessons.learned(self.now_s)[PROFILE.mode]

    def judge(self, which: str, learned: LearnedFactors) -> Foretold:
        """Compare what others took for some ways with what is foretold by what was learned."""
        spreads = Spreads(self.roadmap, learned=learned)
        etas = []
        for way in self.groups[which]:
            leg_s = (self.model_s * learned.factor)[way.arcs] * way.arc_share
            total_s = float(leg_s.sum() + way.turn_s.sum())
            etas += [spreads.eta(total_s, way.arcs, leg_s)] * JUDGED
        return Foretold(
            took_s=np.array(self._took_s[which]),
            median_s=np.array([eta.median_s for eta in etas]),
            p90_s=np.array([eta.p90_s for eta in etas]),
        )

    def told(self) -> LearnedFactors:
        """The truth, as if learned: what remains is the difference between drivers and days."""
        arcs = len(self.truth)
        return LearnedFactors(
            factor=self.truth.astype(np.float32),
            log_sd=np.zeros(arcs, dtype=np.float32),
            unknown=np.zeros(arcs, dtype=np.float32),
            trips=np.full(arcs, 1_000_000, dtype=np.int32),
        )

    def _hidden(self) -> Floats:
        """(2M,) true log factors."""
        total = np.zeros(2 * self.roadmap.edge_count)
        levels = self._school.levels
        for group, size in zip(levels.groups, levels.sizes, strict=True):
            total += np.append(self.rng.normal(0.0, self._differ.level_sd, size), 0.0)[group]
        return total

    def _piece_s(self, way: Way) -> Floats:
        """What somebody needs for each piece of a way today, without stops."""
        differ = self._differ
        day = self.rng.normal(0.0, np.hypot(differ.driver_sd, differ.weather_sd))
        passage = self.rng.normal(0.0, differ.passage_sd, len(self.model_s))
        return way.piece_s(self.model_s * self.truth * np.exp(day + passage))

    def _track(self, way: Way) -> Driven:
        piece_s = self._piece_s(way)
        stops = []
        if self.rng.random() < STOP_SHARE:
            after_s = float(self.rng.uniform(0.1, 0.9) * piece_s.sum())
            stops = [(after_s, float(self.rng.uniform(60.0, 240.0)))]
        return drive(
            self.roadmap,
            way,
            piece_s,
            self.rng,
            interval_s=float(self.rng.choice(INTERVALS_S)),
            noise_m=float(self.rng.uniform(*NOISE_M)),
            stops=stops,
        )


def run(options: Options) -> list[Row]:
    worlds, ways = (3, 5) if options.quick else (WORLDS, WAYS)
    steps = DRIVES[:4] if options.quick else DRIVES
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        say(options, "Building the map of Andorra")
        maps = {"andorra": mapfolder.load(_andorra.build(Path(folder))), "small": small_county()}
        for name, roadmap in maps.items():
            ground, school = Ground(roadmap), School(roadmap)
            for kind in KINDS[name]:
                truth = TRUTHS[kind]
                say(options, f"{name}: {worlds} worlds {kind}")
                seeds = range(options.seed, options.seed + worlds)
                made = (World(ground, school, seed, ways, truth) for seed in seeds)
                rows += rows_of(name, kind, [judged(world, steps) for world in made])
            ground.close()
    return rows


def judged(world: World, steps: Sequence[int]) -> dict[str, Foretold]:
    """What was foretold in one world after each number of drives, and how it came out."""
    found, driven = {}, 0
    for drives in steps:
        for _ in range(drives - driven):
            world.now_s += DAY_S
            for way in world.driven:
                world.learn(way)
        driven = drives
        learned = world.learned()
        for which in world.groups:
            found[f"{which}, n = {drives}"] = world.judge(which, learned)
    for which in world.groups:
        found[f"{which}, truth known"] = world.judge(which, world.told())
    return found


def rows_of(map_name: str, kind: str, worlds: Sequence[Mapping[str, Foretold]]) -> Iterator[Row]:
    """The figures of some worlds together."""
    for system in worlds[0]:
        yield from _rows(map_name, f"{kind}: {system}", [world[system] for world in worlds])


def _rows(map_name: str, system: str, parts: Sequence[Foretold]) -> Iterator[Row]:
    seen = Foretold.joined(parts)
    off = np.log(seen.took_s / seen.median_s)
    error = np.abs(seen.took_s - seen.median_s) / seen.took_s
    values = {
        "bias": float(off.mean()),
        "ape_median": float(np.median(error)),
        "ape_mean": float(error.mean()),
        "pinball_50": _pinball_min(seen.took_s, seen.median_s, 0.5),
        "pinball_90": _pinball_min(seen.took_s, seen.p90_s, 0.9),
    }
    for metric, value in values.items():
        yield Row(
            metric=metric,
            system=system,
            map=map_name,
            unit="min" if metric.startswith("pinball") else "share",
            value=round(value, 4),
            n=len(off),
        )
    yield _coverage_row(map_name, system, [part.took_s <= part.p90_s for part in parts])


def _coverage_row(map_name: str, system: str, worlds: Sequence[NDArray[np.bool_]]) -> Row:
    """The share over all drives; its interval from as many drives as they are worth."""
    hits = np.concatenate(worlds)
    share = float(hits.mean())
    between = np.var([world.mean() for world in worlds], ddof=1) if len(worlds) > 1 else 0.0
    apart = share * (1.0 - share) / len(worlds[0])
    effect = max(1.0, float(between) / apart) if apart else 1.0
    low, high = wilson(round(hits.sum() / effect), round(len(hits) / effect))
    return Row(
        metric="p90_coverage",
        system=system,
        map=map_name,
        unit="share",
        value=round(share, 5),
        n=len(hits),
        low=round(low, 5),
        high=round(high, 5),
    )


def _pinball_min(took_s: Floats, foretold_s: Floats, share: float) -> float:
    """Mean quantile loss in minutes (Koenker and Bassett 1978)."""
    over = took_s - foretold_s
    return float(np.maximum(share * over, (share - 1.0) * over).mean() / 60.0)


def table(rows: list[Row]) -> str:
    """The rows as Markdown, one line a system."""
    lines = [
        "| map | worlds, ways, drives learned from | n | bias | APE median / mean | P90 covers | "
        "pinball .5 / .9 (min) |",
        "|---|---|---|---|---|---|---|",
    ]
    systems: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        systems.setdefault((row.map or "", row.system), {})[row.metric] = row
    for (map_name, system), found in sorted(systems.items(), key=_order):
        value = {metric: row.value or 0.0 for metric, row in found.items()}
        cover = found["p90_coverage"]
        lines.append(
            f"| {map_name} | {system} | {cover.n} | {value['bias']:+.3f} | "
            f"{value['ape_median']:.1%} / {value['ape_mean']:.1%} | "
            f"{value['p90_coverage']:.1%} ({cover.low:.1%} … {cover.high:.1%}) | "
            f"{value['pinball_50']:.2f} / {value['pinball_90']:.2f} |"
        )
    return "\n".join(lines)


def _order(item: tuple[tuple[str, str], dict[str, Row]]) -> tuple[str, int, str]:
    """By map, kind of world, ways; the sort is stable, so drives stay in order."""
    (map_name, system), _ = item
    kind, _, ways = system.partition(": ")
    return map_name, list(TRUTHS).index(kind), ways.split(",")[0]


def run_and_write(options: Options, file: Path | None) -> list[Row]:
    rows = run(options)
    if file is not None:
        write_between(file, BEGIN, END, table(rows))
    return rows


if __name__ == "__main__":
    main_writing("learning", run_and_write, __doc__)
