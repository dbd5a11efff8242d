"""A learned version as a file: what `ridgeline learn export` writes and `--learned` reads.

JSON that people can read, with the factors of every arc packed as the database keeps them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from geo.driving.vehicles import Mode
from geo.eta import TripSpread
from geo.learning.factors import FACTOR_MAX, FACTOR_MIN, LearnedFactors
from geo.roadmap import RoadMap
from server.stores.factorform import pack, unpack

FORMAT: Final = "ridgeline-learned-1"
BYTES_MAX: Final = 512 * 1024 * 1024
"""Some ten million roads."""


class _File(msgspec.Struct, kw_only=True):
    format: str
    map_id: str
    version: int
    created_at: datetime
    reason: str
    drives: int
    spread: dict[Mode, dict[str, float | int]]
    factors: dict[Mode, bytes]
    """See `stores.factorform`; base64 in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedVersion:
    """A version with its factors."""

    map_id: str
    version: int
    created_at: datetime
    reason: str
    drives: int
    modes: dict[Mode, LearnedFactors]


def write_learned(file: Path, learned: LearnedVersion) -> None:
    """Raises `click.ClickException` where the file cannot be written."""
    said = _File(
        format=FORMAT,
        map_id=learned.map_id,
        version=learned.version,
        created_at=learned.created_at,
        reason=learned.reason,
        drives=learned.drives,
        spread={mode: asdict(each.spread) for mode, each in learned.modes.items()},
        factors={mode: pack(each) for mode, each in learned.modes.items()},
    )
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(said)) + b"\n")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error


def read_learned(file: Path, roadmap: RoadMap) -> LearnedVersion:
    """A version of this very map. Raises `click.ClickException` that says what is wrong."""
    try:
        if file.stat().st_size > BYTES_MAX:
            raise click.ClickException(f"{file} is larger than {BYTES_MAX // 2**20} MB")
        said = msgspec.json.decode(file.read_bytes(), type=_File)
        modes = {
            mode: replace(unpack(said.factors[mode]), spread=_spread(said.spread[mode]))
            for mode in Mode
        }
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise click.ClickException(
            f"{file} holds no learned travel times ({error}). "
            "Write one with `ridgeline learn export`."
        ) from error
    if said.format != FORMAT:
        raise click.ClickException(f"{file} has the form {said.format!r}; this reads {FORMAT!r}")
    if said.map_id != roadmap.meta.map_id:
        raise click.ClickException(
            f"{file} was learned on map {said.map_id}; this is map {roadmap.meta.map_id}. "
            "Give the map it was learned on, or export a version of this one."
        )
    if not all(_fits(each, roadmap) for each in modes.values()):
        raise click.ClickException(f"{file} is damaged: not every road of the map has its factor")
    return LearnedVersion(
        map_id=said.map_id,
        version=said.version,
        created_at=said.created_at,
        reason=said.reason,
        drives=said.drives,
        modes=modes,
    )


def _fits(learned: LearnedFactors, roadmap: RoadMap) -> bool:
    factor = learned.factor
    within = (factor >= FACTOR_MIN) & (factor <= FACTOR_MAX)
    return len(factor) == 2 * roadmap.edge_count and bool(within.all())


def _spread(said: dict[str, float | int]) -> TripSpread:
    return msgspec.convert(said, TripSpread)
