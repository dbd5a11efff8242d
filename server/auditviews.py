"""What a supervisor sees of how the command log is held; shapes only."""

from __future__ import annotations

from datetime import date, datetime

from server.views import View


class WitnessView(View, frozen=True):
    """The newest checkpoint that a device has shown."""

    device_id: str
    size: int
    seen_at: datetime
    fits: bool
    """False: this log never had it."""


class HoldView(View, frozen=True):
    """An incident for which positions are kept longer: open, or held by somebody."""

    incident_id: str
    number: int
    open: bool
    first_day: date
    """Of receipt, UTC; both ends with it."""
    last_day: date
    why: str | None
    """None: it is open, and nobody holds it."""
    held_by: str | None
    held_at: datetime | None


class LogStateView(View, frozen=True):
    """Of the whole log."""

    origin: str
    size: int
    """Entries that have their place."""
    waiting: int
    """Entries that have none yet."""
    signed: int
    """Entries that the newest checkpoint holds; 0: nothing was signed."""
    signed_at: datetime | None
    note: str | None
    """The newest checkpoint."""
    key: str | None
    """The public key that signs now."""
    witness_count: int
    """Devices that have shown a checkpoint which fits."""
    witnesses: list[WitnessView]
    """Those that do not fit first, then the newest; at most 100."""


class ProofView(View, frozen=True):
    """Of one entry. Hashes and salts are base64, `fields` are salt and canonical JSON text."""

    seq: int
    leaf: str
    """The hash of the leaf as it is stored."""
    id: int | None
    """None, as `at`: the entry's row is gone."""
    at: str | None
    """UTC with microseconds, as the leaf has it."""
    fields: dict[str, tuple[str, str]]
    redacted: dict[str, str]
    """The commitments of fields that were dropped."""
    path: list[str] | None
    """From the leaf to the checkpoint's root (RFC 6962); None: not signed yet, or nodes gone."""


class ProofsView(View, frozen=True):
    """What a checker needs that keeps checkpoints of its own."""

    origin: str
    key: str | None
    """The public key that signs now, as signed notes write it."""
    keys: list[str]
    """The announcements of keys, oldest first."""
    note: str | None
    """The newest checkpoint; None: nothing was signed."""
    size: int
    """Entries it says that it holds."""
    consistency: list[str] | None
    """That its log begins with the checker's; None: it does not go so far, or nodes are gone."""
    entries: list[ProofView]
