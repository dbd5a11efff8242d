"""The body cameras of the county: what they truly hold, and what the product has learned of them.

Each unit has one. True cells are hidden (`devices.sim.cells`); they pass time exactly from event to
event, and use wanders on a grid of its own, so that the same camera meets the same chance whatever
the policy. The product's estimator hears each camera when it begins something else and every few
minutes, as its gauge shows it. A camera at the reserve shuts down and says nothing any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

from devices.battery.estimator import Estimator
from devices.battery.model import Floats, Load, mask_of, starting_prior
from devices.battery.outlook import Outlook, Outlooks, basis_of, outlook
from devices.battery.reports import Reports
from devices.sim.cells import MAKES, Cells
from devices.sim.climate import INDOORS_C
from devices.sim.packs import AT_REST, Use
from server.dispatch.battery import Battery, Endurance
from server.evaluation.inspection import Inspector
from server.evaluation.scenario import Scenario

TICK_S: Final = 600.0
"""Between two reports of a camera that goes on as it did, and two turns of how it is used."""


class Cameras:
    """By number of their unit."""

    def __init__(self, scenario: Scenario, inspector: Inspector, *, heard: bool) -> None:
        """`heard`: whether anybody asks what the product knows of them."""
        n = len(scenario.posts)
        makes = [MAKES[number % len(MAKES)] for number in range(n)]
        self._seed, self._inspector = scenario.seed, inspector
        self._cells = Cells(makes, np.random.default_rng((scenario.seed, 0)))
        self._estimator = Estimator([starting_prior(step_pct=make.step_pct) for make in makes])
        self._heard = heard
        self._uses = [AT_REST] * n
        self._mask = np.full(n, mask_of({Load.STANDBY}), dtype=np.int64)
        self._temp_c, self._weak, self._seldom = np.full(n, INDOORS_C), np.zeros(n), np.zeros(n)
        self._charging = np.zeros(n, dtype=np.bool_)
        self._died = np.zeros(n, dtype=np.bool_)
        self._swaps = np.zeros(n, dtype=np.int64)
        self._now_s = 0.0
        self._report(np.arange(n))

    @property
    def charge_pct(self) -> Floats:
        """(N,) true charge above the reserve."""
        return self._cells.charge_pct

    def tick(self, now_s: float) -> None:
        """Every `TICK_S`: use becomes another, and all report."""
        self.live(now_s)
        self._cells.wander(TICK_S)
        self._report(np.arange(len(self._mask)))

    def live(self, now_s: float) -> None:
        """Let time pass."""
        before = self._cells.charge_pct
        mask = np.where(self._cells.empty, 0, self._mask)
        self._cells.use(
            now_s - self._now_s,
            mask,
            self._temp_c,
            self._weak,
            self._charging,
            seldom=self._seldom,
        )
        self._inspector.charges(before, self._cells.charge_pct, self._charging)
        self._died |= self._cells.empty
        self._now_s = now_s

    def does(self, unit: int, use: Use, now_s: float, *, fresh_pack: bool = False) -> None:
        """From now on, until told otherwise; with another, charged pack if so."""
        if use == self._uses[unit] and not fresh_pack:
            return
        self.live(now_s)
        if fresh_pack:
            self._swap(unit)
        self._uses[unit] = use
        self._mask[unit], self._charging[unit] = mask_of(use.loads), use.charging
        self._temp_c[unit], self._weak[unit] = use.temp_c, use.weak
        self._seldom[unit] = use.seldom
        self._report(np.array([unit]))

    def watch(self, unit: int, now_s: float) -> None:
        """A job begins: from now on see whether it lives."""
        self.live(now_s)
        self._died[unit] = self._cells.empty[unit]

    def lived(self, unit: int, now_s: float) -> bool:
        """All the time since `watch`."""
        self.live(now_s)
        return not self._died[unit]

    def use(self, unit: int) -> Use:
        """What it does now, if it is not empty."""
        return self._uses[unit]

    def outlook(self, unit: int) -> Outlook | None:
        """What the product foresees, now."""
        return outlook(self._estimator, unit, self._now_s)

    def endurance(self) -> Endurance:
        """The same of all cameras, named by the number of their unit; each told a level."""
        level_pct, everybody = self._estimator.level_pct, np.arange(len(self._mask))
        now = datetime.fromtimestamp(self._now_s, UTC)
        basis = basis_of(self._estimator, everybody, self._now_s)
        return Endurance(
            at=now,
            batteries={
                str(unit): Battery(
                    device_id=str(unit),
                    kind="body_camera",
                    level_pct=float(level_pct[unit]),
                    level_at=now,
                    loads=use.loads,
                    charging=use.charging,
                    temp_c=use.temp_c,
                    weak=use.weak,
                )
                for unit, use in enumerate(self._uses)
            },
            index={str(unit): unit for unit in range(len(self._uses))},
            basis=basis,
            outlooks=Outlooks(basis),
        )

    def _swap(self, unit: int) -> None:
        which = np.arange(len(self._mask)) == unit
        rng = np.random.default_rng((self._seed, 1, unit, int(self._swaps[unit])))
        before = self._cells.charge_pct.copy()
        self._cells.swap(which, rng)
        self._inspector.charges(before, self._cells.charge_pct, which)
        self._swaps[unit] += 1

    def _report(self, which: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        lit = which[~self._cells.empty[which]]
        if not self._heard or not len(lit):
            return
        self._estimator.update(
            lit,
            Reports(
                at_s=np.full(len(lit), self._now_s),
                level_pct=self._cells.level_pct[lit],
                mask=self._mask[lit],
                charging=self._charging[lit],
                temp_c=self._temp_c[lit],
                weak=self._weak[lit],
            ),
        )
