"""Policies side by side: every one through the same seeds, and what that came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.sim.climate import SEA_LEVEL_C
from server.dispatch.runcards import RunCards
from server.evaluation.county import County
from server.evaluation.figures import Figure, Table, differences, figures
from server.evaluation.history import History
from server.evaluation.policies import Policy
from server.evaluation.run import Run
from server.evaluation.scenario import Scenario, Traffic, make, replay

SEEDS_MAX: Final = 1_000
AS_IT_WAS: Final = "as it was"
"""Stands beside the policies: the response that the county's own past tells of."""

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
    past: History | None = None
    """The county's own calls, to be lived through instead of invented days."""
    moves: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Where units would have been posted, lon and lat: every policy lives through its days so,
    too. Only with the county's own calls."""

    @property
    def days_each(self) -> int:
        """Of one seed."""
        return self.days if self.past is None else self.past.days

    @property
    def force_len(self) -> int:
        """How many units there are."""
        return len(self.past.units) if self.past is not None and self.past.units else self.units

    @property
    def days_apart(self) -> int:
        """Days of one seed that are not those of the next."""
        return self.days if self.past is None else 0

    @property
    def blocks(self) -> int:
        """Days in all that differ from each other."""
        return self.days_each * (self.seeds if self.past is None else 1)

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not self.policies:
            raise ValueError("nothing to compare: name a policy")
        if not 1 <= self.seeds <= SEEDS_MAX:
            raise ValueError(f"seeds are 1 to {SEEDS_MAX}, not {self.seeds}")
        if self.moves and self.past is None:
            raise ValueError("units are moved in the county's own history alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one policy."""

    policy: str
    calls: int
    figures: dict[str, Figure]
    against: dict[str, Figure] | None
    """Less the first policy; None: it is the first, or what really was."""


def compare(county: County, asked: Asked, tell: Tell = lambda policy, share: None) -> list[Outcome]:
    """`tell` hears the policy and the share of its seeds that is done.

    Raises InvariantBroken, and ValueError for a map or numbers on which nothing can happen.
    """
    tables = lived(county, asked, tell)
    base = tables[asked.policies[0].name]
    found = [
        Outcome(
            policy=name,
            calls=len(table.block),
            figures=figures(table, asked.blocks, asked.seed),
            against=(None if table is base else differences(table, base, asked.blocks, asked.seed)),
        )
        for name, table in tables.items()
    ]
    if asked.past is not None and len((was := Table.of_past(asked.past)).block):
        told = figures(was, asked.blocks, asked.seed)
        found.append(Outcome(policy=AS_IT_WAS, calls=len(was.block), figures=told, against=None))
    return found


def lived(
    county: County, asked: Asked, tell: Tell = lambda policy, share: None
) -> dict[str, Table]:
    """The jobs of each policy, by its name; raises as `compare` does."""
    worlds = {"": _scenarios(county, asked, {})}
    if asked.moves:
        worlds[f", {' and '.join(asked.moves)} moved"] = _scenarios(county, asked, asked.moves)
    tables = {}
    for policy in asked.policies:
        for suffix, scenarios in worlds.items():
            name, runs = f"{policy.name}{suffix}", []
            for number, scenario in enumerate(scenarios):
                tell(name, number / len(scenarios))
                runs.append(Run(county, scenario, policy).live())
            tell(name, 1.0)
            tables[name] = Table.of(runs, asked.days_apart)
    return tables


def _scenarios(
    county: County, asked: Asked, moves: Mapping[str, tuple[float, float]]
) -> list[Scenario]:
    """One of each seed."""
    seeds = range(asked.seed, asked.seed + asked.seeds)
    if asked.past is not None:
        return [
            replay(
                county,
                asked.past,
                seed=seed,
                units=asked.units,
                moves=moves,
                sea_level_c=asked.sea_level_c,
                cards=asked.cards,
            )
            for seed in seeds
        ]
    return [
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
