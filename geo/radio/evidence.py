"""How sure we are that a piece of road has no radio: a count of passages that borrows from others.

Of every passage over a piece it is known whether there was radio. The share of silent passages is
Beta-Binomial, level by level: the county's share from its own passages and a prior, the piece's
from both its directions and the county, the direction's from its own passages and the piece:

    p = (silent + k * p of the level above) / (passages + k),  k = BORROWED

A passage of age a counts exp(-a / FORGET_S): masts get built. A piece is dead when p is at least
DEAD_SHARE and it was passed PASSAGES_MIN times, so no single drive makes a dead zone.

Sums only, as in `geo.learning.factors`: the order does not matter. Knows no database and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.learning.factors import EPOCH_S, FORGET_S
from geo.learning.passages import Passages
from geo.radio.pieces import Pieces
from geo.radio.silences import Contact

COUNTY_SILENT: Final = 1.0
COUNTY_HEARD: Final = 9.0
"""The county's prior: a tenth of the roads has no radio, as if ten passages had said so. Starting
values."""

BORROWED: Final = 2.0
"""Passages that the level above counts for. Starting value."""

DEAD_SHARE: Final = 0.5
"""From this chance of silence on a piece is dead: it is likelier that a unit is not heard there."""

PASSAGES_MIN: Final = 3
"""Passages, of both directions, before a piece is called dead. Starting value."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one drive says: each directed piece once, and whether it was silent there."""

    piece: Ints
    """(k,) directed."""
    silent: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of P pieces, as (2P,) columns by directed piece."""

    silent_share: NDArray[np.float32]
    """Chance that a unit is not heard there."""
    passages: NDArray[np.int32]
    """Drives over it of which it is known, old ones included."""
    silences: NDArray[np.int32]
    """Of these, the silent ones."""

    @property
    def dead(self) -> NDArray[np.bool_]:
        """(2P,) whether to reckon with silence."""
        enough = self.passages.reshape(-1, 2).sum(axis=1) >= PASSAGES_MIN
        return np.asarray((self.silent_share >= DEAD_SHARE) & np.repeat(enough, 2))


def heard_on(runs: Sequence[Passages], contact: Contact, pieces: Pieces) -> Heard:
    """What a matched drive says; `runs` and `contact` in one epoch.

    A piece passed more than once counts as silent when it was at least half of the times.
    """
    directed, when_s = [np.empty(0, np.int64)], [np.empty(0)]
    for run in runs:
        shares = zip(run.arc.tolist(), run.start.tolist(), run.end.tolist(), strict=True)
        times = zip(run.enter_s.tolist(), run.leave_s.tolist(), strict=True)
        for (arc, start, end), (enter_s, leave_s) in zip(shares, times, strict=True):
            piece, low, high = pieces.along(arc, start, end)
            middle = ((low + high) / 2.0 - start) / (end - start)
            directed.append(piece)
            when_s.append(enter_s + middle * (leave_s - enter_s))
    piece = np.concatenate(directed)
    heard, silent = contact.at(np.concatenate(when_s))
    known = heard | silent
    found, at = np.unique(piece[known], return_inverse=True)
    share = np.bincount(at, silent[known], minlength=len(found)) / np.bincount(at).clip(min=1)
    return Heard(piece=found, silent=share >= 0.5)


class RadioEvidence:
    """Sums over drives of one map."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        size = 2 * pieces.count
        self._weight, self._silent_weight = np.zeros(size), np.zeros(size)
        self._passages = np.zeros(size, dtype=np.int32)
        self._silences = np.zeros(size, dtype=np.int32)
        self.drives = 0
        """That said anything."""

    def add(self, seen: Heard, at_s: float) -> None:
        """Count a drive that ended at `at_s`, POSIX seconds."""
        if not len(seen):
            return
        weight = float(np.exp((at_s - EPOCH_S) / FORGET_S))
        self._weight[seen.piece] += weight
        self._silent_weight[seen.piece] += weight * seen.silent
        self._passages[seen.piece] += 1
        self._silences[seen.piece] += seen.silent
        self.drives += 1

    def outlook(self, now_s: float) -> Outlook:
        """What is known at `now_s`."""
        faded = float(np.exp((EPOCH_S - now_s) / FORGET_S))
        total, silent = self._weight * faded, self._silent_weight * faded
        county = (silent.sum() + COUNTY_SILENT) / (total.sum() + COUNTY_SILENT + COUNTY_HEARD)
        piece = _share(_both(silent), _both(total), county)
        return Outlook(
            silent_share=_share(silent, total, np.repeat(piece, 2)).astype(np.float32),
            passages=self._passages.copy(),
            silences=self._silences.copy(),
        )


def _both(values: Floats) -> Floats:
    """(P,) of both directions together."""
    together: Floats = values.reshape(-1, 2).sum(axis=1)
    return together


def _share(silent: Floats, total: Floats, above: Floats | float) -> Floats:
    return np.asarray((silent + BORROWED * above) / (total + BORROWED))
