"""How long work tells how far it is: a phase name and the share of that phase done.

Knows no terminal; the command line draws a bar, tests and servers stay silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]
"""Called with the name of the phase and the share of it done, 0..1."""


def silent(phase: str, share: float) -> None:
    """Ignore progress."""
