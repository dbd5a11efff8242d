"""What a dispatcher may be refused, each with a code for the faces and a sentence for the person.

DispatchError
├── NotFound      no such incident, order, unit
├── Forbidden     somebody with other rights may
├── Conflict      right in itself, but not with the present state: unit_busy, unit_off_duty,
│                 incident_closed, orders_open, stale
└── Impossible    well-formed, and can never be: off_map, unknown_type, not_allowed, …

RecordDamaged     what was kept of a recommendation cannot be read, or is not what was kept
"""

from __future__ import annotations

from typing import Any


class DispatchError(Exception):
    """Base of what the pipeline refuses on purpose."""

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail


class NotFound(DispatchError):
    """What was named does not exist."""


class Forbidden(DispatchError):
    """Another person may; who asks may not, as things stand."""


class Conflict(DispatchError):
    """The present state forbids it; look again and decide anew."""


class Impossible(DispatchError):
    """Never possible as asked."""


class RecordDamaged(Exception):
    """The bytes of a record are not those that were kept; the text says of what."""
