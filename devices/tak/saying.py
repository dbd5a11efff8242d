"""Who says an event: the uid that its kind makes the speaker's. Values in, values out."""

from __future__ import annotations

from typing import Final

from devices.tak.naming import is_ours
from protocols.cot.alerts import is_emergency, read_emergency
from protocols.cot.chat import CHAT, Outcome, read_message, read_receipt
from protocols.cot.event import Event
from protocols.cot.units import is_unit

NOBODY: Final = ""
"""No uid: what says nothing of its sender is refused, for no client is called so."""
THE_CLIENT: Final = "\0"
"""Whoever the client is: receipts do not always say so."""


def speaker_of(event: Event) -> str | None:
    """The uid it is said as; None: it is about a thing of the map, whoever put it there."""
    if event.type == CHAT:
        message = read_message(event)
        return NOBODY if message is None else message.sender_uid
    if event.type in {*Outcome}:
        return _receiver(event)
    if is_emergency(event):
        alert = read_emergency(event)
        return NOBODY if alert is None else alert.person_uid
    return event.uid if is_unit(event) and is_a_client(event) else None


def is_a_client(event: Event) -> bool:
    """A report of a client about itself: it names its program, or can be written to."""
    return event.find("takv") is not None or bool(event.said("contact", "endpoint"))


def _receiver(event: Event) -> str:
    """WinTAK's receipts name the sender of what it received, and nobody else."""
    receipt = read_receipt(event)
    if receipt is None:
        return NOBODY
    return THE_CLIENT if not receipt.by_uid or is_ours(receipt.by_uid) else receipt.by_uid
