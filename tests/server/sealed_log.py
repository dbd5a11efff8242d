"""A sealer as the server runs one, with a key of the test's own."""

from __future__ import annotations

from typing import Any, Final

from server.journal.notes import Signer
from server.metrics import Metrics
from server.sealer import Sealer
from server.signingkey import Keys, SigningKey

SIGNER: Final = Signer(name="ridgeline", secret=bytes(range(32)))


def a_sealer(
    pool: Any,
    signer: Signer = SIGNER,
    metrics: Metrics | None = None,
    *,
    former: Signer | None = None,
) -> Sealer:
    """`former`: the key that its folder had before."""
    known = tuple(each.verifier for each in (signer, former) if each is not None)
    key = SigningKey(Keys(signer=signer, known=known))
    return Sealer(pool=pool, key=key, metrics=metrics or Metrics())


async def seal(pool: Any, signer: Signer = SIGNER, *, former: Signer | None = None) -> Sealer:
    """All that waits; the sealer that did it."""
    sealer = a_sealer(pool, signer, former=former)
    while await sealer.seal_batch():
        pass
    return sealer
