"""Photos as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from server.views import View


class UploadView(View, frozen=True):
    """What a device is told: where to go on."""

    received: int
    """Bytes, from the first on."""
    stored: bool
    """All of it is durable: nothing more is to be sent, now or ever."""


class PhotoView(View, frozen=True):
    """One photo of an incident, without the image."""

    id: str
    number: int
    order_id: str
    order: int
    """Number of the order."""
    call_sign: str
    device_id: str
    by: str
    """Badge, as the device has it; may be empty."""
    type: str
    size: int
    """Bytes."""
    width: int
    height: int
    sha256: str
    """Hexadecimal, of the image as it came; empty once it was redacted."""
    taken_at: datetime | None
    """By the device's clock; this and the place only where the officer gave them."""
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    received_at: datetime
    gone: Literal["redacted", "retention"] | None
    """Why there is no image any more."""
