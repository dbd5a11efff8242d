"""Whom of the connected clients an event is for. Values in, values out.

The rule of the official server: named destinations alone; else a chat by its room, which is
everybody, a team, or one person; else everybody. Never whoever said it. A chat to somebody who is
not here is for nobody: it is not shown to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.tak.naming import ROOM
from protocols.cot.chat import EVERYONE, TEAM_PARENT, Message, destinations
from protocols.cot.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A client as the others know it."""

    callsign: str
    team: str = ""


def recipients(
    event: Event, message: Message | None, sender_uid: str, contacts: Mapping[str, Contact]
) -> set[str]:
    """Uids among `contacts`. `message`: the event as a line of chat, where it is one."""
    if named := destinations(event):
        uids = {each.uid for each in named if each.uid}
        callsigns = {each.callsign for each in named if each.callsign and not each.uid}
        found = {uid for uid, each in contacts.items() if uid in uids or each.callsign in callsigns}
    elif message is None or EVERYONE in (message.to, message.room):
        found = set(contacts)
    elif message.parent == TEAM_PARENT:
        found = {uid for uid, each in contacts.items() if each.team and each.team == message.room}
    else:
        found = {message.to} & contacts.keys()
    return found - {sender_uid}


def is_for_room(event: Event, message: Message, callsign: str) -> bool:
    """Whether a line of chat is said to the dispatcher, who is called `callsign`."""
    if message.to == ROOM:
        return True
    return any(each.uid == ROOM or each.callsign == callsign for each in destinations(event))
