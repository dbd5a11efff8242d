"""GeoChat: lines of text between people, and the receipts that say what became of them.

ATAK takes the second part of a message's event uid between dots as the sender, the last as the
message's id, and finds a message it already has by that id: the same message again does not appear
twice. It answers `DELIVERED` at once and `READ` when a person opens the conversation, both only for
a direct message from a contact that it knows. Source: ATAK-CIV, GeoChatService and ChatDatabase.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocols.cot.event import NOWHERE, Element, Event, Point, instant_text
from protocols.cot.units import GROUND_UNIT

CHAT = "b-t-f"
HOW = "h-g-i-g-o"
EVERYONE = "All Chat Rooms"
DIRECT_PARENT = "RootContactGroup"
TEAM_PARENT = "TeamGroups"
USER_PARENT = "UserGroups"
VALID = timedelta(days=1)
TEXT_CHARS_MAX = 4000
_SOURCE = "BAO.F.ATAK."
_ID_CHARS_MAX = 128
_DESTINATIONS_MAX = 64


class Outcome(StrEnum):
    """What became of a message, by the type of the receipt."""

    PENDING = "b-t-f-p"
    DELIVERED = "b-t-f-d"
    READ = "b-t-f-r"
    FAILED = "b-t-f-s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Whom a sender wants to reach, by name or by uid."""

    callsign: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of chat. Who sent it is its own claim; compare it with the connection."""

    id: str
    sender_uid: str
    sender_callsign: str = ""
    to: str
    """A person's uid where it is direct, else a room's name or id."""
    room: str = ""
    """How the conversation is called: the other's callsign, or the room's name."""
    parent: str = DIRECT_PARENT
    text: str
    sent_at: datetime
    destinations: tuple[Destination, ...] = ()

    @property
    def is_direct(self) -> bool:
        return self.parent == DIRECT_PARENT and self.to != EVERYONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a client says became of a message. A late `DELIVERED` after `READ` happens."""

    message_id: str
    outcome: Outcome
    by_uid: str
    """Who received it, as far as it says so."""
    by_callsign: str = ""


def write_message(message: Message, *, point: Point = NOWHERE, valid: timedelta = VALID) -> Event:
    """Raises `ValueError` where an id has a dot, which ATAK would take for something else."""
    _no_dot(message.id, "id")
    _no_dot(message.sender_uid, "sender_uid")
    chat = Element(
        "__chat",
        {
            "id": message.to,
            "chatroom": message.room or message.to,
            "senderCallsign": message.sender_callsign,
            "parent": message.parent,
            "groupOwner": "false",
            "messageId": message.id,
        },
        (_group(message.to, message.sender_uid, message.to),),
    )
    remarks = {
        "source": _SOURCE + message.sender_uid,
        "to": message.to,
        "time": instant_text(message.sent_at),
    }
    children = [chat, _link(message.sender_uid), Element("remarks", remarks, text=message.text)]
    if message.destinations:
        children.append(_marti(message.destinations))
    return Event(
        uid=f"GeoChat.{message.sender_uid}.{message.to}.{message.id}",
        type=CHAT,
        how=HOW,
        time_at=message.sent_at,
        start_at=message.sent_at,
        stale_at=message.sent_at + valid,
        point=point,
        detail=Element("detail", children=tuple(children)),
    )


def read_message(event: Event) -> Message | None:
    """None: it is no line of chat that has an id, a sender and a text."""
    chat, remarks = event.find("__chat"), event.find("remarks")
    if event.type != CHAT or chat is None or remarks is None:
        return None
    parts = event.uid.split(".")
    name = chat.get("messageId") or parts[-1]
    sender = _sender(event, chat) or (parts[1] if len(parts) > 2 else "")
    if not (name and sender) or max(len(name), len(sender)) > _ID_CHARS_MAX:
        return None
    room = chat.get("chatroom")
    return Message(
        id=name,
        sender_uid=sender,
        sender_callsign=chat.get("senderCallsign"),
        to=chat.get("id") or room,
        room=room,
        parent=chat.get("parent") or DIRECT_PARENT,
        text=remarks.text[:TEXT_CHARS_MAX],
        sent_at=event.time_at,
        destinations=destinations(event),
    )


def write_receipt(message: Message, outcome: Outcome, *, callsign: str, now: datetime) -> Event:
    """The receiver of a direct message answers its sender. `callsign`: the receiver's."""
    receipt = Element(
        "__chatreceipt",
        {
            "id": message.sender_uid,
            "chatroom": message.sender_callsign,
            "senderCallsign": callsign,
            "parent": message.parent,
            "groupOwner": "false",
            "messageId": message.id,
        },
        (_group(message.sender_uid, message.to, message.sender_uid),),
    )
    to = Destination(callsign=message.sender_callsign, uid=message.sender_uid)
    return Event(
        uid=message.id,
        type=outcome,
        how=HOW,
        time_at=now,
        start_at=now,
        stale_at=now + VALID,
        detail=Element("detail", children=(receipt, _link(message.to), _marti((to,)))),
    )


def read_receipt(event: Event) -> Receipt | None:
    """ATAK writes `__chatreceipt`, WinTAK `__chat` without a text; None: it is neither."""
    if event.type not in {*Outcome}:
        return None
    said = event.find("__chatreceipt") or event.find("__chat")
    message_id = (said.get("messageId") if said else "") or event.uid.split(".")[-1]
    if said is None or len(message_id) > _ID_CHARS_MAX:
        return None
    return Receipt(
        message_id=message_id,
        outcome=Outcome(event.type),
        by_uid=_sender(event, said),
        by_callsign=said.get("senderCallsign"),
    )


def destinations(event: Event) -> tuple[Destination, ...]:
    """Whom alone an event is for; empty where its room or the sender's groups say it."""
    marti = event.find("marti")
    named = marti.find_all("dest")[:_DESTINATIONS_MAX] if marti else []
    found = (Destination(callsign=dest.get("callsign"), uid=dest.get("uid")) for dest in named)
    return tuple(dest for dest in found if dest.callsign or dest.uid)


def _sender(event: Event, chat: Element) -> str:
    """By the link to the person, else by the first of the conversation, else by the source."""
    link, group = event.find("link"), chat.find("chatgrp")
    source = event.said("remarks", "source")
    by_source = source.removeprefix(_SOURCE) if source.startswith(_SOURCE) else ""
    return (link.get("uid") if link else "") or (group.get("uid0") if group else "") or by_source


def _group(conversation: str, sender: str, receiver: str) -> Element:
    return Element("chatgrp", {"id": conversation, "uid0": sender, "uid1": receiver})


def _link(uid: str) -> Element:
    return Element("link", {"uid": uid, "type": GROUND_UNIT, "relation": "p-p"})


def _marti(named: tuple[Destination, ...]) -> Element:
    children = []
    for dest in named:
        attributes = {"callsign": dest.callsign, "uid": dest.uid}
        children.append(Element("dest", {k: v for k, v in attributes.items() if v}))
    return Element("marti", children=tuple(children))


def _no_dot(value: str, name: str) -> None:
    if not value or "." in value:
        raise ValueError(f"{name} needs a value without a dot, not {value!r}")
