"""Memory that was freed, given back to the system.

Modelling travel times fills arrays many times as large as what it finds. The C library keeps most
of that when they are freed; a process that serves for months need not.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Let the system have what nobody uses; does nothing where the C library is not glibc."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
