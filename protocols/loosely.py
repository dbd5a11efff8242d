"""Values of devices that are careless about types: `"87"`, `87`, `87.0` are one number.

What cannot be read is None: a field that makes no sense must not cost the rest of a message.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

Scalar: TypeAlias = str | float | bool
ATTRIBUTES_LEN_MAX: Final = 64
"""Further values of one message that are kept; more are left out."""
NAME_LEN_MAX: Final = 64
TEXT_LEN_MAX: Final = 256
"""Of a text that is kept; longer ones are cut."""
MILLISECONDS_FROM: Final = 2**31
"""A Unix time from here on is in milliseconds, below in seconds (traccar.org/osmand)."""


def number(value: object) -> float | None:
    """A finite number, also as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def at_least_zero(value: object) -> float | None:
    """A number that cannot be negative; -1 is what many say for unknown."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def flag(value: object) -> bool | None:
    """true or false, 1 or 0, also as text."""
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None


def text(value: object) -> str:
    """What names something: text, or a whole number; otherwise nothing."""
    if isinstance(value, str):
        return value.strip()[:TEXT_LEN_MAX]
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}"[:TEXT_LEN_MAX]
    return ""


def instant(value: object) -> datetime | None:
    """Unix time, ISO 8601, or `YYYY-MM-DD HH:MM:SS`; UTC where it names no zone."""
    if (unix := number(value)) is not None:
        return _of_unix(unix)
    if not isinstance(value, str):
        return None
    said = value.strip()
    if "T" in said:
        said = said.replace(" ", "+")  # in a query the plus of a zone is a space
    try:
        found = datetime.fromisoformat(said)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def scalars(values: Iterable[tuple[str, object]]) -> dict[str, Scalar]:
    """What else a message says: numbers, true and false, texts; nothing that holds more."""
    found: dict[str, Scalar] = {}
    for name, value in values:
        if len(found) >= ATTRIBUTES_LEN_MAX:
            break
        if isinstance(value, str):
            found[name[:NAME_LEN_MAX]] = value[:TEXT_LEN_MAX]
        elif isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 2**63):
            found[name[:NAME_LEN_MAX]] = value
    return found


def part(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object inside another; empty where there is none."""
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _of_unix(unix: float) -> datetime | None:
    seconds = unix / 1000 if unix >= MILLISECONDS_FROM else unix
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None
