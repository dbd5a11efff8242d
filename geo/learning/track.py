"""Where a vehicle said it was, fix by fix: what map matching reads. Knows no road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.errors import TrackError

FIXES_MAX: Final = 5_000
"""Fixes of one track: seven hours at one in five seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """n >= 2 fixes in order of time."""

    at_s: NDArray[np.float64]
    """(n,) seconds from any epoch, each later than the one before."""
    lonlat: NDArray[np.float64]
    """(n, 2) degrees."""
    accuracy_m: NDArray[np.float64]
    """(n,) radius that holds 68 % of fixes, as devices report it; NaN where they do not."""

    @classmethod
    def of(
        cls,
        at_s: NDArray[np.float64],
        lonlat: NDArray[np.float64],
        accuracy_m: NDArray[np.float64] | None = None,
    ) -> Self:
        """Fixes in any order; of those with one time the first is kept.

        Raises TrackError: fewer than two times, more than FIXES_MAX, or what is no position.
        """
        if accuracy_m is None:
            accuracy_m = np.full(len(at_s), np.nan)
        if not len(at_s) == len(lonlat) == len(accuracy_m):
            raise TrackError("a track needs a time and an accuracy for every position")
        _, kept = np.unique(at_s, return_index=True)
        if len(kept) < 2:
            raise TrackError("a track needs fixes of at least two different times")
        if len(kept) > FIXES_MAX:
            raise TrackError(f"a track of {len(kept)} fixes; at most {FIXES_MAX}: cut it in parts")
        track = cls(at_s=at_s[kept], lonlat=lonlat[kept], accuracy_m=accuracy_m[kept])
        bad = ~np.isfinite(track.at_s) | ~(np.abs(track.lonlat) <= (180.0, 90.0)).all(axis=1)
        if bad.any():
            raise TrackError(f"fix {int(bad.argmax()) + 1} is no time and longitude, latitude")
        return track

    def __len__(self) -> int:
        return len(self.at_s)
