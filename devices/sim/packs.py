"""The batteries of a simulated fleet: one row of cells for every device that has a battery.

What a model is like is hidden and belongs to its name and the seed: two devices of one model are
alike as far as models go, and a county of another seed has other models. All pass time at once, by
what their devices do. Knows no connection and no crew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

import numpy as np

from devices.battery.model import HANDSET_W, HANDSET_WH, Load, mask_of
from devices.sim.cells import MAKES, Cells, Make
from devices.sim.climate import INDOORS_C

Kind = Literal["body_camera", "handset", "vehicle"]
Mode = Literal["standby", "record", "stream"]

WANDER_S: Final = 60.0
"""Simulated seconds between two turns of how devices are used."""
NONSENSE_SHARE: Final = 0.001
"""Of readings that nobody can have. Starting value."""
NONSENSE_PCT: Final = (153, -1)
HANDSETS: Final = tuple(
    Make(step_pct=1.0, thirst=thirst, capacity_wh=HANDSET_WH, power_w=HANDSET_W)
    for thirst in (0.9, 1.0, 1.15)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one device does, and where."""

    loads: frozenset[Load] = frozenset({Load.STANDBY})
    temp_c: float = INDOORS_C
    weak: float = 0.0
    charging: bool = False
    seldom: bool = False
    """It tells its place seldom."""


AT_REST: Final = Use()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where a device is."""

    at_home: bool = False
    driving: bool = False
    """In a vehicle that could charge it."""
    temp_c: float = INDOORS_C
    has_signal: bool = True
    """A good one."""
    dark: bool = False
    """Too dark to film without infrared light."""


def make_of(kind: Kind, model: str, seed: int) -> Make | None:
    """The truth about a model, whose gauge is a fine one rather than a coarse one.

    None where devices hang on the vehicle's supply.
    """
    if kind == "vehicle":
        return None
    makes = MAKES if kind == "body_camera" else HANDSETS
    chance = Random(f"make-{seed}-{model}")
    (make,) = chance.choices(makes, [1.0 / make.step_pct for make in makes])
    return replace(make, thirst=chance.uniform(0.8, 1.25))


class Packs:
    """By device id."""

    def __init__(self, devices: Iterable[tuple[str, Kind, str]], seed: int) -> None:
        """`devices`: id, kind and model of each."""
        made = {each: make_of(kind, model, seed) for each, kind, model in devices}
        makes = {each: make for each, make in made.items() if make is not None}
        self.cells = Cells(list(makes.values()), np.random.default_rng((seed, 2)))
        """The truth, for whoever compares."""
        self._packs = {
            each: Pack(self, row, Random(f"{seed}-{each}")) for row, each in enumerate(makes)
        }
        self._since_s = 0.0
        self.look()

    def of(self, device_id: str) -> Pack | None:
        """None: it hangs on its vehicle's supply."""
        return self._packs.get(device_id)

    def look(self) -> None:
        """Read all gauges."""
        self.level_pct: list[float] = self.cells.level_pct.tolist()
        self.empty: list[bool] = self.cells.empty.tolist()

    def live(self, seconds: float) -> None:
        """Let time pass for all, by what each does; an empty one does nothing."""
        self._since_s += seconds
        if self._since_s >= WANDER_S:
            self.cells.wander(self._since_s)
            self._since_s = 0.0
        uses = [pack.use for pack in self._packs.values()]
        mask = np.array([mask_of(use.loads) for use in uses], dtype=np.int64)
        self.cells.use(
            seconds,
            np.where(self.cells.empty, 0, mask),
            np.array([use.temp_c for use in uses]),
            np.array([use.weak for use in uses]),
            np.array([use.charging for use in uses], dtype=np.bool_),
            seldom=np.array([float(use.seldom) for use in uses]),
        )
        self.look()


class Pack:
    """One device's battery, as that device and its crew know it."""

    def __init__(self, packs: Packs, row: int, rng: Random) -> None:
        self._packs, self._row, self._rng = packs, row, rng
        self.use = AT_REST
        """From now on, until it is said anew."""

    @property
    def level_pct(self) -> int:
        """What its gauge shows: 0 to 100, in the steps of its model."""
        return int(self._packs.level_pct[self._row])

    @property
    def empty(self) -> bool:
        return self._packs.empty[self._row]

    def reading_pct(self) -> int:
        """What it reports: its gauge, and now and then nonsense, as 0 % on the charger."""
        if self._rng.random() < NONSENSE_SHARE:
            return 0 if self.use.charging else self._rng.choice(NONSENSE_PCT)
        return self.level_pct

    def swap(self) -> None:
        """Another pack, from the charger."""
        cells = self._packs.cells
        chance = np.random.default_rng(self._rng.getrandbits(32))
        cells.swap(np.arange(len(cells.charge_pct)) == self._row, chance)
        self._packs.look()
