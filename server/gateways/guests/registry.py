"""All guests of this process: who they are, one conversation each, woken, compared, drained.

What `Sessions` is for our own devices. A guest is let in by its identity; who has none is written
down, so that an administrator can make it ours, and no faster than the list can bear. A guest that
connects again, here or at another server, takes the place of its older conversation: at once, or
within a sweep where the word of it was lost. One whose device was disabled or whose identity was
taken away is sent away within a sweep; what was changed of an identity holds from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import msgspec

from devices.session_flow import SessionLimits
from server.gateways.field import Field
from server.gateways.guests.guest import Guest, Recent
from server.gateways.guests.strangerspace import StrangersPace
from server.gathering import Gathering
from server.stores import devices, identities, strangers
from server.stores.away import STORE_AWAY
from server.stores.devices import token_hash as secrets_hash
from server.stores.identities import Identity
from server.stores.presence import Presence

logger = logging.getLogger(__name__)

TOGETHER_MAX: Final = 100
"""Names of one question to the store."""
MAKE_ROOM_S_MAX: Final = 5.0
"""How long a newer conversation waits for the older one to end."""
DRAIN_S_MAX: Final = 5.0
REPLACED: Final = "a newer connection took over"
PROTOCOLS: Final = ("jt808", "tak", "osmand", "owntracks")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLimits:
    sweep_s: float = 5.0
    presence_s: float = 30.0
    """Renewal of those that are connected, as for our own devices."""
    pace: SessionLimits = field(
        default_factory=lambda: SessionLimits(frames_per_s_max=10, frames_burst_max=2000)
    )
    """Readings of one guest: a backlog at full speed, then so many a second."""
    heard_len_max: int = 10_000
    """Guests without a connection that are remembered between two requests; the one unheard for
    longest is forgotten."""
    strangers_pace: SessionLimits = field(
        default_factory=lambda: SessionLimits(frames_per_s_max=10, frames_burst_max=200)
    )
    """How often one of them is written down, all together."""
    strangers_address_pace: SessionLimits = field(
        default_factory=lambda: SessionLimits(frames_per_s_max=1, frames_burst_max=20)
    )
    """The same of one address, so that a flood from it hides nobody who knocks elsewhere."""
    strangers_addresses_max: int = 1_000
    """Whose pace is remembered; the one unheard for longest is forgotten."""
    stranger_again_s: float = 30.0
    """Between two times that the same one is written down."""
    ahead_len_max: int = 10_000
    """Fixes from clocks ahead of ours that are remembered, of all guests together."""
    strangers_len_max: int = 1_000
    """Whose last time is remembered."""


class Guests:
    """`run` sweeps and renews until cancelled."""

    def __init__(self, field: Field, *, limits: GuestLimits | None = None) -> None:
        """`field`: the one of `Sessions`, so that everybody is told in one voice."""
        self.field = field
        self.limits = limits or GuestLimits()
        self.draining = False
        self._metrics = field.metrics
        self._by_key: dict[tuple[str, str], Guest] = {}
        """(device id, protocol) of those that are connected."""
        self._heard: OrderedDict[tuple[str, str], Guest] = OrderedDict()
        """Of those that come and go with each request."""
        self._ahead = Recent(self.limits.ahead_len_max)
        self._strangers: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()
        """When each was written down, and whether somebody had dismissed it."""
        self._strangers_pace = StrangersPace(
            self.limits.strangers_pace,
            self.limits.strangers_address_pace,
            addresses_max=self.limits.strangers_addresses_max,
        )
        self._tokens: OrderedDict[tuple[str, bytes], tuple[Identity, float]] = OrderedDict()
        """By the hash of the token, with until when that is believed."""
        self._names = Gathering(self._read_names, together_max=TOGETHER_MAX)
        field.fanout.subscribe("device", self._command_waits)
        field.fanout.subscribe("presence", self._presence_arrived)
        field.fanout.subscribe("identity", self._identity_changed)
        field.fanout.subscribe("resync", lambda _: self._wake_all())
        for protocol in PROTOCOLS:
            self._metrics.gauge(f"guests_{protocol}", partial(self._connected, protocol))

    def online(self) -> list[tuple[str, str]]:
        """(device id, protocol) of those that are connected here."""
        return list(self._by_key)

    # -- who is it ---------------------------------------------------------------------------

    async def identify(self, protocol: str, external_id: str) -> Identity | None:
        """Whose name it is; None: nobody's, or a device out of service."""
        if not 1 <= len(external_id) <= strangers.EXTERNAL_ID_LEN_MAX or "\0" in external_id:
            return None
        return await self._names.ask((protocol, external_id))

    async def with_secret(self, protocol: str, secret: str) -> Identity | None:
        """Whose token it is, where the token alone says who somebody is.

        A good one is remembered for as long as a connection is between two sweeps.
        """
        key, now = (protocol, secrets_hash(secret)), _now()
        known, until = self._tokens.get(key, (None, now))
        if known is None or until <= now:
            async with self.field.pool.acquire() as conn:
                known = await identities.with_secret(conn, protocol, secret)
            self._tokens.pop(key, None)
            if known is None:
                return None
            self._tokens[key] = known, now + self.limits.sweep_s
            if len(self._tokens) > self.limits.heard_len_max:
                self._tokens.popitem(last=False)
        return known

    async def keep_secret(self, identity: Identity, secret: str) -> Identity:
        """Give it another token or authentication code; who it is from now on."""
        async with self.field.pool.acquire() as conn:
            await identities.keep_secret(conn, identity, secret)
        return replace(identity, secret_hash=secrets_hash(secret))

    async def stranger(
        self, protocol: str, external_id: str, *, address: str, said: dict[str, Any] | None = None
    ) -> bool:
        """Remember one that is nobody's; True: somebody has dismissed it, so it may be forgotten.

        Too many at once, of one address or of all, are counted and not written down: they come
        again.
        """
        self._metrics.count("guest_strangers", protocol=protocol)
        key = protocol, external_id[: strangers.EXTERNAL_ID_LEN_MAX]
        last_at, dismissed = self._strangers.get(key, (float("-inf"), False))
        now = _now()
        if not key[1].strip("\0") or now - last_at < self.limits.stranger_again_s:
            return dismissed
        if not self._strangers_pace.spend(address, now):
            self._metrics.count("guest_strangers_unwritten", protocol=protocol)
            return dismissed
        async with self.field.pool.acquire() as conn, conn.transaction():
            dismissed = await strangers.note(
                conn, *key, address=address, said=said or {}, at=self.field.clock()
            )
        self._strangers[key] = now, dismissed
        self._strangers.move_to_end(key)
        if len(self._strangers) > self.limits.strangers_len_max:
            self._strangers.popitem(last=False)
        return dismissed

    # -- coming and going ----------------------------------------------------------------------

    @asynccontextmanager
    async def present(
        self,
        identity: Identity,
        *,
        app: str = "",
        caps: Sequence[str] = (),
        on_close: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[Guest]:
        """While one is connected. `caps`: what it can do by itself. `on_close`: it is to go;
        `Guest.closing` says why.

        Raises what the store raises when it is away. Is closed at once where it may not stay.
        """
        guest = await self._let_in(identity, app, caps)
        guest.on_close = on_close
        try:
            await self._admit(guest)
            if not guest.closing:
                self.announce(guest)
            yield guest
        finally:
            guest.close("it left")
            guest.finished.set()
            await self._discharge(guest)

    async def heard(self, identity: Identity, *, app: str = "") -> Guest:
        """One that comes with a request and goes with the answer.

        Raises what the store raises when it is away.
        """
        guest = self._heard.get(identity.key)
        if guest is None or guest.closing or guest.identity.external_id != identity.external_id:
            guest = await self._let_in(identity, app)
            self._heard[identity.key] = guest
        guest.identity = identity
        guest.heard()
        self._heard.move_to_end(identity.key)
        if len(self._heard) > self.limits.heard_len_max:
            self._heard.popitem(last=False)
        return guest

    def announce(self, guest: Guest) -> None:
        """Tell everybody that it is here, and how its battery stands."""
        self.field.share_presence(guest.presence(online=True))

    async def drain(self, within_s: float = DRAIN_S_MAX) -> None:
        """Take no more, send all away, and wait for them to go."""
        self.draining = True
        guests = list(self._by_key.values())
        for guest in guests:
            guest.close("the server is stopping")
        try:
            async with asyncio.timeout(within_s):
                for guest in guests:
                    await guest.finished.wait()
        except TimeoutError:
            logger.warning("%d guests did not end in time", len(self._by_key))

    # -- life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sweep and renew until cancelled."""
        renew_at = _now() + self.limits.presence_s
        while True:
            await asyncio.sleep(self.limits.sweep_s)
            try:
                await self.sweep()
            except STORE_AWAY as error:
                self._metrics.count("sweep_failures")
                logger.warning("guests are not compared, PostgreSQL is away: %s", error)
            if _now() >= renew_at:
                renew_at = _now() + self.limits.presence_s
                for guest in list(self._by_key.values()):
                    self.announce(guest)

    async def sweep(self) -> None:
        """Compare every guest that is connected with its row."""
        guests = list(self._by_key.values())
        names = [(each.protocol, each.identity.external_id) for each in guests]
        for start in range(0, len(names), TOGETHER_MAX):
            found = await self._read_names(names[start : start + TOGETHER_MAX])
            for guest, row in zip(guests[start : start + TOGETHER_MAX], found, strict=True):
                self._compare(guest, row)

    # -- inside ------------------------------------------------------------------------------------

    async def _let_in(self, identity: Identity, app: str, caps: Sequence[str] = ()) -> Guest:
        name = app or identity.protocol
        async with self.field.pool.acquire() as conn, conn.transaction():
            opening = await identities.open_guest(
                conn, identity, app=name, caps=caps, now=self.field.clock()
            )
        return Guest(self.field, identity, opening, pace=self.limits.pace, ahead=self._ahead)

    async def _admit(self, guest: Guest) -> None:
        """Make this the one conversation of its device in its protocol; the older ends first."""
        key = guest.identity.key
        while (older := self._by_key.get(key)) is not None:
            if older.admission > guest.admission:
                guest.close(REPLACED)
                return
            self._metrics.count("guest_replaced", protocol=guest.protocol)
            older.close(REPLACED)
            try:
                async with asyncio.timeout(MAKE_ROOM_S_MAX):
                    await older.finished.wait()
            except TimeoutError:
                logger.warning("the older connection of %s does not end", guest.device_id)
            if self._by_key.get(key) is older:
                del self._by_key[key]
        self._by_key[key] = guest
        if self.draining:
            guest.close("the server is stopping")

    async def _discharge(self, guest: Guest) -> None:
        """The connection is over; tell, unless a newer one is here."""
        if self._by_key.get(guest.identity.key) is not guest:
            return
        del self._by_key[guest.identity.key]
        self.field.share_presence(guest.presence(online=False))
        device_id, install_id = guest.identity.key
        try:
            async with self.field.pool.acquire() as conn:
                await devices.seen(
                    conn, device_id=device_id, install_id=install_id, at=guest.heard_at
                )
        except STORE_AWAY as error:
            logger.info("when %s left is not stored: %s", device_id, error)

    def _compare(self, guest: Guest, row: Identity | None) -> None:
        if guest.closing:
            return  # it goes already, and was counted
        if row is None or row.device_id != guest.device_id:
            self._metrics.count("guest_revoked", protocol=guest.protocol)
            guest.close("its identity is not accepted any more")
            return
        if row.admission is not None and guest.admission < row.admission:
            guest.close(REPLACED)
            return
        if row.strict and not guest.identity.strict:
            guest.close("it must prove now who it is")
            return
        guest.identity = row
        if row.head_seq > guest.letters.read_seq:
            guest.letters.wake()

    async def _read_names(self, names: Sequence[tuple[str, str]]) -> list[Identity | None]:
        async with self.field.pool.acquire() as conn:
            return await identities.named(conn, names)

    def _connected(self, protocol: str) -> int:
        return sum(key[1] == protocol for key in self._by_key)

    def _of_device(self, device_id: str) -> list[Guest]:
        return [guest for key, guest in self._by_key.items() if key[0] == device_id]

    def _command_waits(self, device_id: str) -> None:
        for guest in self._of_device(device_id):
            guest.letters.wake()

    def _wake_all(self) -> None:
        for guest in self._by_key.values():
            guest.letters.wake()

    def _identity_changed(self, device_id: str) -> None:
        """Its rows are read again with its next word; strangers may be known from now on."""
        self._strangers.clear()
        self._tokens.clear()
        for key in [key for key in self._heard if key[0] == device_id]:
            del self._heard[key]

    def _presence_arrived(self, payload: str) -> None:
        """A guest that is heard elsewhere by now is not here any more."""
        presence = msgspec.json.decode(payload, type=Presence)
        if presence.gateway == self.field.gateway_id or not presence.online:
            return
        key = presence.device_id, presence.install_id
        for here in (self._by_key.get(key), self._heard.get(key)):
            if here is not None and here.admission < presence.admission:
                here.close(REPLACED)


def _now() -> float:
    return asyncio.get_running_loop().time()
