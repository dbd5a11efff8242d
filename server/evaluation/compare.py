"""Policies side by side: every one through the same seeds, and what that came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from devices.sim.climate import SEA_LEVEL_C
from server.dispatch.runcards import RunCards
from server.evaluation.county import County
from server.evaluation.figures import Figure, Table, differences, figures
from server.evaluation.policies import Policy
from server.evaluation.run import Run
from server.evaluation.scenario import Traffic, make

SEEDS_MAX: Final = 1_000

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to compare."""

    policies: Sequence[Policy]
    """The others are held against the first."""
    traffic: Traffic
    seed: int
    """The first of them."""
    seeds: int
    days: int
    units: int
    sea_level_c: float = SEA_LEVEL_C
    """Mean temperature of the days at sea level."""
    cards: RunCards | None = None
    """None: the run cards that come with Ridgeline."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not self.policies:
            raise ValueError("nothing to compare: name a policy")
        if not 1 <= self.seeds <= SEEDS_MAX:
            raise ValueError(f"seeds are 1 to {SEEDS_MAX}, not {self.seeds}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one policy."""

    policy: str
    calls: int
    figures: dict[str, Figure]
    against: dict[str, Figure] | None
    """Less the first policy; None: it is the first."""


def compare(county: County, asked: Asked, tell: Tell = lambda policy, share: None) -> list[Outcome]:
    """`tell` hears the policy and the share of its seeds that is done.

    Raises InvariantBroken, and ValueError for a map or numbers on which nothing can happen.
    """
    seeds = range(asked.seed, asked.seed + asked.seeds)
    scenarios = [
        make(
            county,
            seed=seed,
            days=asked.days,
            units=asked.units,
            traffic=asked.traffic,
            sea_level_c=asked.sea_level_c,
            cards=asked.cards,
        )
        for seed in seeds
    ]
    blocks = asked.seeds * asked.days
    outcomes: list[Outcome] = []
    base: Table | None = None
    for policy in asked.policies:
        runs = []
        for number, scenario in enumerate(scenarios):
            tell(policy.name, number / len(scenarios))
            runs.append(Run(county, scenario, policy).live())
        tell(policy.name, 1.0)
        table = Table.of(runs, asked.days)
        outcomes.append(
            Outcome(
                policy=policy.name,
                calls=len(table.block),
                figures=figures(table, blocks, asked.seed),
                against=None if base is None else differences(table, base, blocks, asked.seed),
            )
        )
        base = base or table
    return outcomes
