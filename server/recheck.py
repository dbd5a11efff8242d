"""Whether a kept recommendation is what was kept, and comes out again when it is computed anew.

What is missing here, a map or a learned version, is said and left out of the question: then travel
times are taken as recorded, and only the ranking is computed again. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from geo.live import kept as keptroads
from geo.live.kept import RoadsDamaged
from geo.roadmap import RoadMap
from server.dispatch.comparing import Difference, differences
from server.dispatch.errors import NotFound, RecordDamaged
from server.dispatch.premises import canonical, sha256
from server.dispatch.reckoned import Reckoned
from server.dispatch.record import Record, unpack
from server.dispatch.weights import RULES
from server.replay import Learned, Replayer, again, footing_here
from server.stores.records import KeptRecord

LearnedOf: TypeAlias = Callable[[int], Awaitable[Learned | None]]
"""Factors of a learned version; None: it is not kept here."""

_RECORD: Final = "record_sha256"
"""In the command log; it has none of recommendations from before records were kept."""
AS_RECORDED: Final = "travel times as recorded were used, the ranking was computed again"


class Depth(StrEnum):
    """How much was computed again."""

    NOTHING = "nothing"
    RANKING = "ranking"
    ROADS = "roads"
    """Travel times, batteries and ranking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came out."""

    depth: Depth
    damages: tuple[str, ...] = ()
    """Why it is not what was kept; nothing is computed from such a record."""
    notes: tuple[str, ...] = ()
    """What could not be computed again, or by other means than then."""
    answer_then: str = ""
    """SHA-256."""
    answer_now: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def identical(self) -> bool:
        """To the last byte."""
        return not self.damages and self.answer_then == self.answer_now


def record_of(kept: KeptRecord) -> Record:
    """Raises `NotFound` (`no_record`), `RecordDamaged`."""
    if kept.packed is None:
        text = f"Recommendation {kept.id} was made before records were kept."
        raise NotFound("no_record", text)
    return unpack(kept.packed)


def damages_of(kept: KeptRecord, reckoned: Reckoned) -> list[str]:
    """What is not as it was kept, by the SHA-256s in the record and in the command log."""
    logged, found = kept.logged or {}, []
    if kept.packed is None:
        return ["the record that the command log names is gone"] if _RECORD in logged else []
    if not sha256(kept.packed) == kept.sha256 == logged.get(_RECORD):
        return ["the record is not the one that the command log names"]
    try:
        record = unpack(kept.packed)
    except RecordDamaged:
        return []  # whole, and of another program: `record_of` says so
    shown = sha256(canonical(kept.answer))
    if not shown == record.answer == logged.get("answer_sha256"):
        found.append("what was shown is not what the command log names")
    if not record.fits(reckoned):
        found.append("the batteries are not those that were reckoned with")
    roads = sha256(kept.roads or b"")
    if not roads == kept.roads_sha256 == record.circumstances.roads:
        found.append("the closed roads and conditions are not those of then")
    return found


async def check(
    kept: KeptRecord, reckoned: Reckoned, roadmap: RoadMap | None, learned_of: LearnedOf
) -> Finding:
    """Compute it again, with the roads where `roadmap` is the one of then.

    Raises `NotFound` (`no_record`), `RecordDamaged` for one that this program cannot read.
    """
    if damages := damages_of(kept, reckoned):
        return Finding(depth=Depth.NOTHING, damages=tuple(damages))
    record = record_of(kept)
    notes = []
    if record.rules != RULES:
        notes.append(
            f"recorded under rules {record.rules}, computed again by rules {RULES} of this program"
        )
    view, depth = again(record), Depth.RANKING
    if (missing := await _missing(record, roadmap, learned_of)) is not None:
        notes.append(f"{missing}: {AS_RECORDED}")
    else:
        assert roadmap is not None
        footing, same = footing_here(record)
        if not same:
            was = record.circumstances.engine
            notes.append(
                f"found by the {was} engine, which does not run here; by {footing.engine} again: "
                "of two ways that are equally quick it may take the other"
            )
        learned = await _learned(record, learned_of)
        async with Replayer(roadmap, footing) as replayer:
            try:
                roads = keptroads.unpack(kept.roads or b"", roadmap.edge_count)
            except RoadsDamaged as error:
                raise RecordDamaged(str(error)) from error
            view = await replayer.again(record, reckoned, roads, learned)
        depth = Depth.ROADS
    now = canonical(view)
    return Finding(
        depth=depth,
        notes=tuple(notes),
        answer_then=record.answer,
        answer_now=sha256(now),
        differences=tuple(differences(kept.answer, msgspec.json.decode(now))),
    )


async def _missing(record: Record, roadmap: RoadMap | None, learned_of: LearnedOf) -> str | None:
    """What the travel times cannot be found again without."""
    wanted = record.premises.map_id
    if roadmap is None:
        return f"map {wanted} was not given (--map)"
    if roadmap.meta.map_id != wanted:
        return f"map {wanted} is not here (this is map {roadmap.meta.map_id})"
    version = record.circumstances.learned_version
    if version is not None and await learned_of(version) is None:
        return f"version {version} of learned travel times is not here"
    return None


async def _learned(record: Record, learned_of: LearnedOf) -> Learned | None:
    version = record.circumstances.learned_version
    return None if version is None else await learned_of(version)
