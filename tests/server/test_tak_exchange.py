"""What TAK clients say to each other: at two servers at once, and within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from devices.tak.naming import ROOM
from devices.tak.routing import Contact
from devices.tak.sending import Parcel
from protocols.cot import alerts, chat, control
from protocols.cot.chat import Message
from protocols.cot.event import Event, Point
from server.gateways.tak import room as tak_room
from server.gateways.tak.room import TakRoom
from server.metrics import Metrics
from tests.server.tak_room import LAT, LON, a_report

NOW = datetime.now(UTC)


class Wireless:
    """A fan-out between servers of one process."""

    def __init__(self) -> None:
        self._heard: list[Callable[[str], None]] = []

    def publish(self, topic: str, payload: str) -> None:
        for hear in self._heard:
            hear(payload)

    def subscribe(self, topic: str, callback: Callable[[str], None]) -> None:
        self._heard.append(callback)


@dataclass(eq=False)
class Listener:
    room: TakRoom
    uid: str
    contact: Contact | None = None
    told: list[Event] = field(default_factory=list)
    closed: str = ""

    def tell(self, parcel: Parcel, name: str = "") -> None:
        self.told.append(parcel.event)

    def tell_position(self, parcel: Parcel) -> None:
        self.told.append(parcel.event)

    def catch_up(self, uids: list[str]) -> None:
        found = [self.room.newest(uid) for uid in uids]
        self.told += [parcel.event for parcel in found if parcel is not None]

    def close(self, reason: str) -> None:
        self.closed = reason

    @property
    def uids(self) -> list[str]:
        return [event.uid for event in self.told]


def a_room(fanout: Wireless, name: str = "one") -> TakRoom:
    return TakRoom(
        fanout=fanout, clock=lambda: NOW, metrics=Metrics(), gateway_id=name, callsign="room"
    )


def join(room: TakRoom, uid: str, callsign: str = "") -> Listener:
    """A client that has reported, if it has a call sign."""
    listener = Listener(room, uid, Contact(callsign=callsign) if callsign else None)
    room.join(listener, Parcel(a_report(ROOM)))
    listener.told.clear()
    return listener


def a_marker(uid: str, *, valid: timedelta = timedelta(hours=1), remarks: str = "") -> Event:
    point = Point(lon=LON, lat=LAT)
    return alerts.write_marker(
        uid, uid, point=point, author_uid="A", at=NOW, valid=valid, remarks=remarks
    )


def test_a_client_of_another_server_hears_what_it_should() -> None:
    air = Wireless()
    here, there = a_room(air), a_room(air, "two")
    li, wang = join(here, "A-li", "li"), join(there, "A-wang", "wang")
    zhao = join(there, "A-zhao", "zhao")
    report = a_report("A-li", "li")
    line = Message(id="m1", sender_uid="A-li", to="A-wang", text="hello", sent_at=NOW)

    here.spread(report, sender="A-li", owner="li", position=True)
    here.spread(chat.write_message(line), sender="A-li", owner="li", position=False, message=line)

    assert li.told == []
    assert [event.type for event in wang.told] == [report.type, chat.CHAT]
    assert zhao.uids == ["A-li"]
    assert there.owner_of("A-li") == "li"


def test_who_comes_later_sees_what_is_not_stale() -> None:
    room = a_room(Wireless())
    for event in (a_marker("kept"), a_marker("old", valid=timedelta(0))):
        room.spread(event, sender="A", owner="li", position=True)

    room.show(Parcel(a_report("unit")))
    late = Listener(room, "B")
    room.join(late, Parcel(a_report(ROOM)))

    assert late.uids == [ROOM, "unit", "kept"]


def test_who_leaves_is_greyed_and_who_came_back_is_not() -> None:
    room = a_room(Wireless())
    other = join(room, "B", "wang")
    first = join(room, "A", "li")
    again = join(room, "A", "li")

    room.make_way(again, "A")
    room.leave(first)
    assert first.closed
    assert other.told == []
    room.leave(again)

    (gone,) = other.told
    assert control.deleted_uids(gone) == ["A"]


def test_a_uid_is_its_first_speakers_until_it_is_stale() -> None:
    room = a_room(Wireless())
    room.spread(a_marker("thing"), sender="A", owner="li", position=True)

    assert room.owner_of("thing") == "li"
    room.expire(NOW + timedelta(hours=2))
    assert room.owner_of("thing") is None


def test_only_so_much_is_kept_and_all_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tak_room, "KEPT_LEN_MAX", 5)
    monkeypatch.setattr(tak_room, "KEPT_PER_OWNER_MAX", 3)
    room = a_room(Wireless())
    hearer = join(room, "B", "wang")

    for owner in ("li", "zhao"):
        for number in range(4):
            room.spread(a_marker(f"{owner}-{number}"), sender="A", owner=owner, position=True)
    room.spread(a_marker("large", remarks="x" * 40_000), sender="A", owner="wang", position=True)

    late = Listener(room, "C")
    room.join(late, Parcel(a_report(ROOM)))
    assert len(hearer.told) == 9
    assert late.uids[1:] == ["li-1", "li-2", "zhao-0", "zhao-1", "zhao-2"]
