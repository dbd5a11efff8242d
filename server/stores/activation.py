"""What was put in force last of anything that is learned in versions: of roads, of batteries.

Knows no table: `learning` and `batteryversions` have one each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRow:
    """What was put in force last."""

    id: int
    version: int | None
    """None: nothing learned; the model of roads, or the starting values of batteries, alone."""
    activated_at: datetime
    activated_by: str
    reason: str
