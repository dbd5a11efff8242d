"""Learned factors of every arc of a map as bytes, the way a version keeps them."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np

from geo.learning.factors import LearnedFactors

HALF_KNOWN_TRIPS: Final = 4.0
"""In the first form, which did not say what is unknown: drives after which half of it is known."""

_FORM = struct.Struct("<4sI")
_FIRST, _MAGIC = b"RLF1", b"RLF2"


def pack(learned: LearnedFactors) -> bytes:
    """Factors as bytes: "RLF2", number of arcs (uint32), then deflated columns factor, log_sd and
    unknown (float32) and trips (int32), everything little-endian."""
    columns = (
        learned.factor.astype("<f4"),
        learned.log_sd.astype("<f4"),
        learned.unknown.astype("<f4"),
        learned.trips.astype("<i4"),
    )
    body = zlib.compress(b"".join(column.tobytes() for column in columns), level=6)
    return _FORM.pack(_MAGIC, len(learned.factor)) + body


def unpack(data: bytes) -> LearnedFactors:
    """The reverse of `pack`, also of what was packed without `unknown` ("RLF1").

    Raises ValueError for anything else.
    """
    try:
        magic, arcs = _FORM.unpack_from(data)
        body = zlib.decompress(data[_FORM.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError("these are no learned factors") from error
    reals = {_FIRST: 2, _MAGIC: 3}.get(magic)
    if reals is None or len(body) != 4 * (reals + 1) * arcs:
        raise ValueError("these are no learned factors")
    trips = np.frombuffer(body, dtype="<i4", offset=4 * reals * arcs).astype(np.int32)
    unknown = (HALF_KNOWN_TRIPS / (HALF_KNOWN_TRIPS + trips)).astype(np.float32)
    numbers = np.frombuffer(body, dtype="<f4", count=reals * arcs).astype(np.float32)
    factor, log_sd, *said = numbers.reshape(reals, arcs)
    return LearnedFactors(
        factor=factor, log_sd=log_sd, unknown=said[0] if said else unknown, trips=trips
    )
