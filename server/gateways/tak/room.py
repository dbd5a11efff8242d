"""All TAK clients of this process: who is here, who may say what, and who hears it.

What a client says goes to those it is for, here and through the fan-out at the other servers. The
newest report of everybody, and of every thing that clients put on the map, is kept until it is
stale, for whoever connects next. A uid is its first speaker's as long as it is kept, and a
certificate's as long as that is in force. Nothing of this outlives the process: clients say it
again. Knows no socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct, json

from devices.tak.callsigns import folded
from devices.tak.naming import is_ours
from devices.tak.routing import Contact, recipients
from devices.tak.saying import is_a_client
from devices.tak.sending import Parcel
from protocols.cot import chat, control
from protocols.cot.errors import MalformedEvent
from protocols.cot.event import Event
from protocols.cot.xmltext import read_event
from server.gateways.guests.calls import ALARM_LAPSES_AFTER
from server.metrics import Metrics
from server.ports import Clock, FanOut

logger = logging.getLogger(__name__)

TOPIC: Final = "tak"
KEPT_LEN_MAX: Final = 5_000
"""Reports and things that are kept for those who connect; the oldest make room."""
KEPT_PER_OWNER_MAX: Final = 300
"""Of one user; more are passed on and not kept."""
KEPT_BYTES_MAX: Final = 32 * 1024
"""Of one that is kept."""

CALLS_LEN_MAX: Final = 1_000


class Hearer(Protocol):
    """A client, as the room needs it."""

    @property
    def uid(self) -> str:
        """Empty until it said who it is."""

    @property
    def contact(self) -> Contact | None:
        """None until it reported where it is."""

    def tell(self, parcel: Parcel, name: str = "") -> None: ...

    def tell_position(self, parcel: Parcel) -> None: ...

    def catch_up(self, uids: list[str]) -> None:
        """Tell it these, as they stand when there is room for them."""

    def close(self, reason: str) -> None: ...


class Relayed(Struct, frozen=True, kw_only=True):
    """What a client of another server said."""

    gateway: str
    sender: str
    owner: str
    xml: str
    position: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    parcel: Parcel
    owner: str


class Calls:
    """Calls for help that stand in the inbox, by uid: each comes again every few seconds."""

    def __init__(self) -> None:
        self._said_at: OrderedDict[str, float] = OrderedDict()

    def is_on(self, uid: str) -> bool:
        """Whether it was neither called off nor unheard for so long that the next is another."""
        said_at = self._said_at.get(uid)
        return said_at is not None and loop_s() - said_at <= ALARM_LAPSES_AFTER.total_seconds()

    def said(self, uid: str) -> None:
        """It stands, and came just now; of too many the one unheard for longest is forgotten."""
        self._said_at[uid] = loop_s()
        self._said_at.move_to_end(uid)
        if len(self._said_at) > CALLS_LEN_MAX:
            self._said_at.popitem(last=False)

    def over(self, uid: str) -> None:
        self._said_at.pop(uid, None)


class TakRoom:
    """One a process."""

    def __init__(
        self,
        *,
        fanout: FanOut,
        clock: Clock,
        metrics: Metrics,
        gateway_id: str,
        callsign: str,
    ) -> None:
        """`callsign`: the dispatcher's."""
        self._fanout, self._clock, self._metrics = fanout, clock, metrics
        self._gateway_id = gateway_id
        self._hearers: dict[Hearer, None] = {}
        self._county: dict[str, Parcel] = {}
        """What we say ourselves: a report of every unit, incident and call for help."""
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_by: Counter[str] = Counter()
        self._named: dict[str, str] = {}
        """Folded call sign → uid of who goes by it, of those that are kept."""
        self._own_name = folded(callsign)
        self.claimed: dict[str, str] = {}
        """Uid → username, of certificates in force."""
        self.calls = Calls()
        """Of clients that are nobody's devices."""
        fanout.subscribe(TOPIC, self._relayed)
        metrics.gauge("tak_clients", lambda: len(self._hearers))
        metrics.gauge("tak_kept", lambda: len(self._kept))

    # -- coming and going ----------------------------------------------------------------

    def join(self, hearer: Hearer, contact: Parcel) -> None:
        """Tell it how the county and everybody stands now, and from now on what changes.

        `contact`: ours, which it must know before it is written to.
        """
        self._hearers[hearer] = None
        hearer.tell(contact)
        hearer.catch_up(self.standing())

    def standing(self) -> list[str]:
        """Uids of everything that is to be seen now, the county's first."""
        now = self._clock()
        kept = (uid for uid, each in self._kept.items() if each.parcel.event.stale_at > now)
        return [*(uid for uid, each in self._county.items() if each.event.stale_at > now), *kept]

    def newest(self, uid: str) -> Parcel | None:
        """As it stands now; None: it is gone."""
        if (parcel := self._county.get(uid)) is not None:
            return parcel
        kept = self._kept.get(uid)
        return None if kept is None else kept.parcel

    def leave(self, hearer: Hearer) -> None:
        """It is gone; the others grey what it said of itself, unless it is here once more."""
        self._hearers.pop(hearer, None)
        if hearer.uid and hearer.contact is not None and self.of(hearer.uid) is None:
            gone = control.disconnected(hearer.uid, self._clock())
            self.spread(gone, sender=hearer.uid, owner="", position=False)

    def hearers(self) -> list[Hearer]:
        return list(self._hearers)

    def of(self, uid: str) -> Hearer | None:
        """Who speaks as this uid here."""
        return next((each for each in self._hearers if each.uid == uid), None)

    def make_way(self, hearer: Hearer, uid: str) -> None:
        """It speaks as this uid now: an older connection that did is over."""
        for each in list(self._hearers):
            if each is not hearer and each.uid == uid:
                self._metrics.count("tak_replaced")
                each.close("a newer connection took over")

    # -- who may say what ----------------------------------------------------------------

    def owner_of(self, uid: str) -> str | None:
        """Whose this uid is; None: nobody's. Ours are the server's."""
        if is_ours(uid):
            return "server"
        if (user := self.claimed.get(uid)) is not None:
            return user
        kept = self._kept.get(uid)
        return None if kept is None else kept.owner

    def callsign_of(self, owner: str, wanted: str) -> str:
        """What an owner wants to be called, or a name of his own where that is somebody else's."""
        return next(
            (name for name in (wanted, owner) if self._may_be_called(owner, name)), f"TAK {owner}"
        )

    def _may_be_called(self, owner: str, callsign: str) -> bool:
        name = folded(callsign)
        if name == self._own_name:
            return False
        if name == owner:
            return True
        holder = self._kept.get(self._named.get(name, ""))
        return (holder is None or holder.owner == owner) and name not in self.claimed.values()

    # -- what is said --------------------------------------------------------------------

    def show(self, parcel: Parcel, *, told: bool = True) -> None:
        """Ours: where somebody or something is, to everybody here. `told`: False, it is old news,
        only kept."""
        self._county[parcel.event.uid] = parcel
        if told:
            for hearer in self._hearers:
                hearer.tell_position(parcel)

    def alert(self, parcel: Parcel) -> None:
        """Ours, and nobody may miss it."""
        self._county[parcel.event.uid] = parcel
        self.say(parcel)

    def hide(self, uid: str, gone: Parcel) -> None:
        """Ours is gone; `gone` says so."""
        self._county.pop(uid, None)
        self.say(gone)

    def say(self, parcel: Parcel) -> None:
        """Ours, in words, to everybody here."""
        for hearer in self._hearers:
            hearer.tell(parcel)

    def spread(
        self,
        event: Event,
        *,
        sender: str,
        owner: str,
        position: bool,
        message: chat.Message | None = None,
    ) -> None:
        """What a client said, to those it is for, here and at the other servers."""
        self._pass_on(Parcel(event), sender, owner, position=position, message=message)
        relayed = Relayed(
            gateway=self._gateway_id,
            sender=sender,
            owner=owner,
            xml=Parcel(event).xml.decode(),
            position=position,
        )
        self._fanout.publish(TOPIC, json.encode(relayed).decode())

    def _pass_on(
        self,
        parcel: Parcel,
        sender: str,
        owner: str,
        *,
        position: bool,
        message: chat.Message | None,
    ) -> None:
        event = parcel.event
        if event.type == control.DELETE:
            self._forget(control.deleted_uids(event))
        elif position:
            self._keep(parcel, owner)
        known = {
            each.uid: each.contact
            for each in self._hearers
            if each.contact is not None and each.uid
        }
        wanted = recipients(event, message, sender, known)
        everybody = message is None and not chat.destinations(event)
        for hearer in self._hearers:
            if hearer.uid == sender and sender:
                continue
            # Who has not said yet who it is hears what everybody hears.
            if hearer.uid in wanted or (everybody and hearer.uid not in known):
                if position:
                    hearer.tell_position(parcel)
                else:
                    hearer.tell(parcel)

    def _relayed(self, payload: str) -> None:
        said = json.decode(payload, type=Relayed)
        if said.gateway == self._gateway_id:
            return
        try:
            event = read_event(said.xml.encode())
        except MalformedEvent as error:
            logger.warning("another server relayed what cannot be read: %s", error)
            return
        message = chat.read_message(event) if event.type == chat.CHAT else None
        self._pass_on(
            Parcel(event), said.sender, said.owner, position=said.position, message=message
        )

    # -- what is kept --------------------------------------------------------------------

    def expire(self, now: datetime) -> None:
        """What is stale is forgotten: its uid is free."""
        self._forget([uid for uid, each in self._kept.items() if each.parcel.event.stale_at <= now])

    def _keep(self, parcel: Parcel, owner: str) -> None:
        uid = parcel.event.uid
        self._forget([uid])
        if len(parcel.xml) > KEPT_BYTES_MAX or self._kept_by[owner] >= KEPT_PER_OWNER_MAX:
            self._metrics.count("tak_unkept")
            return
        self._kept[uid] = _Kept(parcel, owner)
        self._kept_by[owner] += 1
        if is_a_client(parcel.event) and (name := folded(parcel.event.said("contact", "callsign"))):
            self._named.setdefault(name, uid)
        if len(self._kept) > KEPT_LEN_MAX:
            self._forget([next(iter(self._kept))])

    def _forget(self, uids: list[str]) -> None:
        for uid in uids:
            if (gone := self._kept.pop(uid, None)) is not None:
                name = folded(gone.parcel.event.said("contact", "callsign"))
                if self._named.get(name) == uid:
                    del self._named[name]
                self._kept_by[gone.owner] -= 1
                if not self._kept_by[gone.owner]:
                    del self._kept_by[gone.owner]


def loop_s() -> float:
    """Monotonic seconds of the event loop."""
    return asyncio.get_running_loop().time()
