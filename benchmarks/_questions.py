"""The questions of `benchmarks.routing`, asked of all routers of one map in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from benchmarks._report import Options, Row, interleaved_ms, timing_row
from benchmarks._routers import Closure, Router

UNITS, SCENES, MATRIX_SCENES = 200, 60, 20
ROUNDS = {
    "eta_200_to_1": 200,
    "matrix_200x20": 50,
    "route_geometry": 200,
    "close_to_answer": 50,
    "reweight_all": 30,
}
CHANGING = ("close_to_answer", "reweight_all")
BUDGET_S, BUDGET_QUICK_S = 30.0, 3.0
"""Of one system for one metric, where nothing else is said."""
CHECKED = 5
"""Closures looked at for their effect."""

Question = Callable[[Router, int], object]


class Questions:
    """Places are numbered: units first, then scenes."""

    def __init__(
        self,
        map_name: str,
        routers: Mapping[str, Router],
        closures: Sequence[Closure],
        options: Options,
        budget_s: float,
    ) -> None:
        """`budget_s`: of one system for one metric; more only for its first two answers."""
        self._map, self._routers, self._closures = map_name, routers, closures
        self._options, self._budget_s = options, budget_s
        self._units = list(range(UNITS))
        self._asked: dict[str, Question] = {
            "eta_200_to_1": lambda router, k: router.etas(self._units, self._scene(k)),
            "matrix_200x20": lambda router, k: router.matrix(self._units, self._twenty(k)),
            "route_geometry": lambda router, k: router.route(k % UNITS, self._scene(k)),
            "close_to_answer": self._close,
            "reweight_all": self._reweight,
        }
        self._says = {"eta_200_to_1": self._agreement, "close_to_answer": self._heeded}

    def rows(self, metric: str) -> list[Row]:
        """One row a system."""
        changing = metric in CHANGING
        failures: defaultdict[str, list[Exception]] = defaultdict(list)
        asking = partial(self._ask, self._asked[metric], failures)
        samples = interleaved_ms(
            {name: partial(asking, name) for name in self._routers},
            self._options.rounds(ROUNDS[metric]),
            warm_up=1 if changing else 3,
            before=self._restored if changing else None,
            budget_ms=1000.0 * self._budget_s,
        )
        if changing:
            for name in self._routers:
                self._restored(name)
        return [self._row(metric, name, ms, failures[name]) for name, ms in samples.items()]

    def _ask(
        self,
        question: Question,
        failures: Mapping[str, list[Exception]],
        name: str,
        number: int,
    ) -> None:
        """What a peer says instead of an answer belongs in the report; ours has no excuse."""
        try:
            question(self._routers[name], number)
        except Exception as error:
            if name == "ridgeline":
                raise
            failures[name].append(error)

    def _row(
        self, metric: str, name: str, samples_ms: Sequence[float], failures: Sequence[Exception]
    ) -> Row:
        """No figure for a system that mostly failed: to say no is quickly done."""
        said = [f"gave no answer {len(failures)} times, last: {failures[-1]}"] if failures else []
        if 2 * len(failures) > len(samples_ms):
            return Row(metric=metric, system=name, unit="ms", map=self._map, note=said[0])
        if metric in self._says:
            said.append(self._says[metric](name))
        row = timing_row(metric, name, samples_ms, self._map)
        return msgspec.structs.replace(row, note="; ".join(said) or None)

    def _scene(self, number: int) -> int:
        return UNITS + number % SCENES

    def _twenty(self, number: int) -> list[int]:
        return [self._scene(number * 7 + step) for step in range(MATRIX_SCENES)]

    def _close(self, router: Router, number: int) -> object:
        closure = self._closures[number % len(self._closures)]
        router.close_road(closure)
        return router.etas(self._units, UNITS + closure.scene)

    def _reweight(self, router: Router, number: int) -> object:
        router.reweight(number)
        return router.etas(self._units, self._scene(number))

    def _restored(self, name: str) -> None:
        """Back to the first state, and at ease in it."""
        self._routers[name].restore()
        self._routers[name].etas([0], self._scene(0))

    def _agreement(self, name: str) -> str:
        """How many of the units it found a way for, and its times beside ours."""
        etas, ours = (
            np.concatenate([router.etas(self._units, self._scene(k)) for k in range(3)])
            for router in (self._routers[name], self._routers["ridgeline"])
        )
        reached = np.isfinite(etas)
        ratio = float(np.median(etas[reached] / np.maximum(ours[reached], 1.0)))
        return f"{reached.mean():.1%} reached, median {ratio:.2f} of ridgeline's time"

    def _heeded(self, name: str) -> str:
        """In how many of a few closures the unit whose way it was comes later, or not at all."""
        router, tried = self._routers[name], self._closures[:CHECKED]
        later = 0
        for closure in tried:
            router.restore()
            before = router.etas([closure.unit], UNITS + closure.scene)
            router.close_road(closure)
            later += bool((router.etas([closure.unit], UNITS + closure.scene) > before).all())
        router.restore()
        return f"heeded {later} of {len(tried)}"
