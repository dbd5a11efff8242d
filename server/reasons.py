"""Why somebody does something, in words of their own, for the command log and whoever reads it."""

from __future__ import annotations

from typing import Final

from server.dispatch.errors import Impossible

REASON_LEN_MAX: Final = 500


def require_reason(reason: str) -> None:
    """Raises `Impossible` (`no_reason`)."""
    if not 1 <= len(reason.strip()) <= REASON_LEN_MAX:
        raise Impossible("no_reason", f"Say why, in 1 to {REASON_LEN_MAX} characters.")
