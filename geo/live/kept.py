"""The roads as they were, as bytes: closed and slowed roads and conditions, to be in force again.

Kept is what was laid over the map, not how much longer every arc took: that follows from the map,
and takes a hundred times the room. The same roads give the same bytes, whatever came in between.
Knows no store, no version and no clock.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from geo.driving.conditions import DRY, Condition
from geo.live.conditionfield import ConditionField, TimesOf, factors
from geo.live.extent import Coverage
from geo.live.roadstate import RoadChange, RoadTable

BYTES_MAX: Final = 256 * 2**20
"""Of one picture, unpacked: a hundred closed valleys on a map of a million roads."""


class RoadsDamaged(ValueError):
    """These bytes hold no roads, or those of another map."""


class _Change(msgspec.Struct, frozen=True, array_like=True):
    arcs: bytes
    """Little-endian 32-bit numbers."""
    share: bytes
    """Little-endian doubles."""
    factor: float | None


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    conditions: tuple[Condition, ...]
    index: bytes
    """Which of them holds on each edge; empty: the first on all of them."""
    changes: tuple[_Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    """What lay over the map at one moment."""

    where: ConditionField | None
    """None: a dry day everywhere."""
    changes: tuple[RoadChange, ...]

    @property
    def county(self) -> Condition:
        return DRY if self.where is None else self.where.county

    def table(self, times_of: TimesOf, edge_count: int) -> RoadTable:
        """As routing takes it over."""
        if self.where is None or len(self.where.conditions) == 1:
            return RoadTable(self.changes, np.ones(2 * edge_count, dtype=np.float32))
        return RoadTable(self.changes, factors(self.where, times_of, self.county))


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Kept)


def pack(where: ConditionField | None, changes: Sequence[RoadChange]) -> bytes:
    """The same for the same roads."""
    mixed = where is not None and len(where.conditions) > 1
    kept = _Kept(
        conditions=(DRY,) if where is None else where.conditions,
        index=where.index.tobytes() if where is not None and mixed else b"",
        changes=tuple(
            _Change(
                arcs=each.coverage.arcs.astype("<u4").tobytes(),
                share=each.coverage.share.astype("<f8").tobytes(),
                factor=each.factor,
            )
            for each in changes
        ),
    )
    return zlib.compress(_encoder.encode(kept))


def unpack(packed: bytes, edge_count: int) -> Roads:
    """What was packed, on a map of so many edges. Raises `RoadsDamaged`."""
    try:
        inflate = zlib.decompressobj()
        kept = _decoder.decode(inflate.decompress(packed, BYTES_MAX))
        if not inflate.eof:
            raise RoadsDamaged("these are no roads: cut off, or too many")
        changes = tuple(_change(each, edge_count) for each in kept.changes)
        return Roads(where=_where(kept, edge_count), changes=changes)
    except RoadsDamaged:
        raise
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:
        raise RoadsDamaged(f"these are no roads of this map: {error}") from error


def _where(kept: _Kept, edge_count: int) -> ConditionField:
    index = np.frombuffer(kept.index or bytes(edge_count), dtype=np.uint8)
    if len(index) != edge_count or not kept.conditions or index.max() >= len(kept.conditions):
        raise ValueError("conditions do not fit")
    return ConditionField(conditions=kept.conditions, index=index)


def _change(kept: _Change, edge_count: int) -> RoadChange:
    arcs = np.frombuffer(kept.arcs, dtype="<u4").astype(np.int64)
    share = np.frombuffer(kept.share, dtype="<f8").astype(np.float64)
    if len(arcs) != len(share) or (arcs >= 2 * edge_count).any():
        raise ValueError("a closed or slow road does not fit")
    return RoadChange(coverage=Coverage(arcs=arcs, share=share), factor=kept.factor)
