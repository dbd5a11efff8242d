"""One terminal's link: the session between the wire and the guest core.

Reports become durable in the order in which they came, many at a time, and are answered then. What
was not stored is not answered, and the link ends: the terminal comes back and says it again. While
too much is in hand nothing more is read, so TCP holds the terminal back; over UDP what is too much
is dropped, and comes again. Knows no socket: `server.gateways.jt808.doors` does.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from typing import Final, Protocol

from devices.jt808.outbox import Serials
from devices.jt808.platform import PlatformSession
from devices.jt808.platform_events import (
    Answered,
    Authenticating,
    Chose,
    Event,
    Heard,
    Located,
    OtherTerminal,
    Registering,
    SaidAgain,
    TimeAsked,
    Unanswered,
    Unreadable,
)
from devices.jt808.readings import reading_of, reading_of_heartbeat
from devices.reading import Reading
from protocols.jt808.fields import Dialect
from protocols.jt808.layout import Body
from protocols.jt808.session import Heartbeat, Logout, RegisterResult, Registration, Result
from protocols.native import Report
from server.dispatch.fieldwords import wording
from server.dispatch.mitigation import limits_of
from server.gateways.door import Place
from server.gateways.guests.calls import Taken
from server.gateways.guests.guest import Guest
from server.gateways.guests.letters import Outlived
from server.gateways.jt808.errands import Errands
from server.gateways.jt808.house import PROTOCOL, House
from server.stores import commands, mitigation_rows
from server.stores.away import STORE_AWAY
from server.stores.identities import Identity

logger = logging.getLogger(__name__)

CODE_BYTES: Final = 8
"""Of an authentication code, as 16 hex digits: the standard's text has no limit, terminals have."""


class Wire(Protocol):
    """What carries the bytes."""

    def write(self, data: bytes) -> None: ...
    def hold(self, *, back: bool) -> None:
        """Read no further, or read on."""

    def close(self) -> None: ...


class Gone(Exception):
    """The link is over."""


class Link:
    """`serve` runs from the first byte until either side ends it."""

    def __init__(
        self, house: House, wire: Wire, place: Place, address: str, *, is_stream: bool
    ) -> None:
        self.house = house
        self.guest: Guest | None = None
        """Set while the terminal is known."""
        self.session = PlatformSession(house.limits.link, now=_now(), is_stream=is_stream)
        self.alarm_taken = False
        """A person has taken the alarm that its reports still carry."""
        self.arrived = asyncio.Event()
        """The terminal was let in."""
        self.fix_s: int | None = None
        """At least so many seconds between fixes, while its battery is spared."""
        self.stream_limit: str | None = None
        """At most: off, snippets, low; None: no limit."""
        self._wire, self._place, self._address = wire, place, address
        self._metrics = house.metrics
        self._events: deque[Event] = deque()
        self._heard, self._taken, self._to_watch = (asyncio.Event() for _ in range(3))
        self._over = asyncio.Event()
        self._taking: deque[tuple[Located, list[tuple[Reading, asyncio.Task[Taken]]]]] = deque()
        self._waits: dict[str, asyncio.Future[int | None]] = {}
        self._keys = 0
        self._said: dict[str, str] = {}
        """What a terminal that is not known said of itself."""
        self._looked_at = float("-inf")
        self._pause: asyncio.TimerHandle | None = None
        """Until it may be read on."""
        self._is_writable = True

    @property
    def streams(self) -> set[int]:
        """Channels of which video was asked for, over this link or one before."""
        assert self.guest is not None, "only a terminal that was let in is asked for video"
        return self.house.streams.setdefault(self.guest.device_id, set())

    # -- from the wire -------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes, or one datagram, came."""
        self.session.receive(data, _now())
        for event in self.session.events():
            self._note(event)
        self.flush()
        self._hold_back()

    def gone(self) -> None:
        """The peer has closed."""
        self.session.close("the terminal left")
        self._ended()

    def writable(self, *, yes: bool) -> None:
        """Whether the wire takes more; meanwhile the session keeps what is said, up to a limit."""
        self._is_writable = yes
        self.flush()

    @property
    def is_full(self) -> bool:
        """Too much is in hand to read on."""
        in_hand = len(self._events) + self.session.in_hand_count
        return in_hand >= self.house.limits.link.in_hand_max

    # -- to the wire ---------------------------------------------------------------------

    def flush(self) -> None:
        """Write what the session has, and look at its deadlines again."""
        if self._is_writable and (frames := self.session.data_to_send()):
            self._wire.write(b"".join(frames))
        self._to_watch.set()
        if self.session.closing is not None:
            self._ended()

    def close(self, why: str) -> None:
        """End the link from our side."""
        self.session.close(why)
        self._ended()

    def say(self, message: Body, *, command_seq: int | None = None) -> asyncio.Future[int | None]:
        """Say something; the terminal's result comes, or None where it never answers.

        Raises `CannotEncode`, and `Gone` where nothing can be said now.
        """
        self._keys += 1
        key = str(self._keys)
        if not self.session.send(message, _now(), key=key, command_seq=command_seq):
            raise Gone("nothing can be said now")
        waits = asyncio.get_running_loop().create_future()
        self._waits[key] = waits
        waits.add_done_callback(lambda _: self._waits.pop(key, None))
        self.flush()
        return waits

    def heard_since(self, at: float) -> bool:
        return self.session.heard_at > at

    def _ended(self) -> None:
        self._over.set()
        for event in (self._heard, self._taken, self._to_watch):
            event.set()
        if self._pause is not None:
            self._pause.cancel()
        for key in list(self._waits):
            self._resolve(key, None)

    def _hold_back(self) -> None:
        """Read no further while too much is in hand, or it speaks too fast, whatever it says."""
        is_fast = self.session.throttle_s(_now()) > 0
        if self.is_full or is_fast:
            self._wire.hold(back=True)
        if is_fast:
            self._read_on()

    def _read_on(self) -> None:
        if self.is_full or self._pause is not None:
            return
        if wait_s := self.session.throttle_s(_now()):
            self._metrics.count("jt808_throttled")
            self._pause = asyncio.get_running_loop().call_later(wait_s, self._paused)
        else:
            self._wire.hold(back=False)

    def _paused(self) -> None:
        self._pause = None
        self._read_on()

    # -- life ----------------------------------------------------------------------------

    async def serve(self) -> None:
        """Until the terminal leaves, is sent away, or the server cancels."""
        jobs = [
            asyncio.create_task(self._work(), name="terminal-work"),
            asyncio.create_task(self._watch(), name="terminal-watch"),
            asyncio.create_task(self._over.wait(), name="terminal-over"),
        ]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            self.close("the server ends it")
            await asyncio.wait(jobs[:1], timeout=self.house.limits.finish_s)
        finally:
            for job in jobs:
                job.cancel()
            results = await asyncio.gather(*jobs, return_exceptions=True)
            self._wire.close()
            self._metrics.count("jt808_closed", why=self.session.closing or "failed")
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _watch(self) -> None:
        while (deadline := self.session.next_deadline()) is not None:
            self._to_watch.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._to_watch.wait()
            except TimeoutError:
                self.session.expire(_now())
                for event in self.session.events():
                    self._note(event)
                self.flush()

    async def _work(self) -> None:
        try:
            identity = await self._known()
            if identity is None:
                return
            async with self.house.guests.present(
                identity, app=self._app(), caps=("limits",), on_close=self._sent_away
            ) as guest:
                await self._recall_limits(guest)
                self._let_in(guest)
                await self._serve(guest)
        except STORE_AWAY as error:
            self._metrics.count("device_store_failures")
            logger.warning("a terminal is sent away, PostgreSQL is away: %s", error)
            self.close("the store is away")
        except Outlived:
            self.close("a newer connection took over")

    def _app(self) -> str:
        terminal = self.session.terminal
        year = terminal.dialect if terminal else Dialect.Y2013
        return " ".join(["JT/T 808", str(int(year)), *filter(None, [self._said.get("model")])])

    async def _recall_limits(self, guest: Guest) -> None:
        """What it was told to keep to on a link before this one: it is not told again."""
        async with self.house.guests.field.pool.acquire() as conn:
            asked = await mitigation_rows.by_device(conn, guest.device_id)
        limits = limits_of(kind for _, kind in asked)
        self.fix_s, self.stream_limit = limits.fix_s, limits.stream

    def _let_in(self, guest: Guest) -> None:
        self.guest = guest
        guest.store_s_max = self.house.limits.store_s_max
        self._place.known()
        if not guest.closing:
            logger.info("terminal %s is let in at %s", self.session.external_id, self._address)
            self.session.admit()
            self.arrived.set()

    def _sent_away(self) -> None:
        """The guest core ends it."""
        why = self.guest.closing if self.guest is not None else "sent away"
        logger.info("terminal %s at %s goes: %s", self.session.external_id, self._address, why)
        self.close(why)

    async def _serve(self, guest: Guest) -> None:
        """Hear it, answer it, and tell it what waits, until the link is over."""
        confirms = asyncio.create_task(self._confirm(guest), name="terminal-confirm")
        others = [
            asyncio.create_task(self._hear(guest), name="terminal-hear"),
            asyncio.create_task(Errands(self, guest).run(), name="terminal-errands"),
            asyncio.create_task(self._over.wait(), name="terminal-over"),
        ]
        jobs = [confirms, *others]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            self.close("the server ends it")
            await asyncio.wait([confirms], timeout=self.house.limits.finish_s)
        finally:
            taking = [task for _, tasks in self._taking for _, task in tasks]
            for task in (*jobs, *taking):
                task.cancel()
            results = await asyncio.gather(*jobs, *taking, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, Gone):
                raise result

    def _note(self, event: Event) -> None:
        """What needs no store is dealt with at once; the rest waits its turn."""
        match event:
            case Answered(key=key, result=result):
                self._metrics.count("jt808_answered", result=str(min(result, Result.ALARM_HANDLED)))
                self._resolve(key, result)
            case Unanswered(key=key):
                self._metrics.count("jt808_unanswered")
                self._resolve(key, None)
            case Unreadable(why=why):
                self._metrics.count("jt808_unreadable", why=why)
            case SaidAgain():
                self._metrics.count("jt808_said_again")
            case OtherTerminal():
                self._metrics.count("jt808_other_terminal")
            case _:
                self._events.append(event)
                self._heard.set()

    def _resolve(self, key: str, result: int | None) -> None:
        waits = self._waits.get(key)
        if waits is not None and not waits.done():
            waits.set_result(result)

    async def _next(self) -> Event | None:
        """The next event in its turn; None: the link is over."""
        while not self._events and self.session.closing is None:
            self._heard.clear()
            await self._heard.wait()
        return None if self.session.closing is not None else self._events.popleft()

    # -- who it is -----------------------------------------------------------------------

    async def _known(self) -> Identity | None:
        """Hear it until it is known; None: the link ended before."""
        while (event := await self._next()) is not None:
            identity = await self._look_up(event)
            if identity is not None and await self._may_come(identity, event):
                self._events.appendleft(event)
                return identity
            if identity is None:
                self._refuse(event)
            self.flush()
            self._read_on()
        return None

    async def _look_up(self, event: Event) -> Identity | None:
        """By its phone bytes, or as a person writes the number. A stranger is written down."""
        terminal = self.session.terminal
        if terminal is None or _now() < self._looked_at + self.house.limits.look_again_s:
            return None
        guests = self.house.guests
        for name in dict.fromkeys((terminal.terminal_id, terminal.display_id)):
            if (identity := await guests.identify(PROTOCOL, name)) is not None:
                return identity
        if isinstance(event, Registering):
            self._said = _said_of_itself(event.registration)
        else:
            self._looked_at = _now()
        said = {"phone": terminal.display_id, "year": str(int(terminal.dialect)), **self._said}
        await guests.stranger(PROTOCOL, terminal.terminal_id, address=self._address, said=said)
        return None

    async def _may_come(self, identity: Identity, event: Event) -> bool:
        """Whether a known terminal is let in by this; where it must give its code, only by that."""
        if not identity.strict:
            return True
        match event:
            case Authenticating(authentication=said) if identity.has_secret(said.code):
                return True
            case Registering(ticket=ticket) if identity.secret_hash is None:
                await self._give_code(identity, event)
            case Registering(ticket=ticket):
                self._metrics.count("jt808_refused", why="registered")
                result = RegisterResult.TERMINAL_REGISTERED
                self.session.answer_registration(ticket, result, _now())
            case _:
                self._metrics.count("jt808_refused", why="code")
                self._refuse(event)
        return False

    def _refuse(self, event: Event) -> None:
        match event:
            case Registering(ticket=ticket):
                result = RegisterResult.NO_SUCH_TERMINAL
                self.session.answer_registration(ticket, result, _now())
            case Authenticating() | Located() | Chose() | TimeAsked():
                self.session.answer(event.ticket, Result.FAILED, _now())

    async def _give_code(self, identity: Identity, event: Registering) -> Identity:
        """It registers: from now on this is its code, where it must give one. Where it need not,
        none is kept: nobody has proved to be the one that it will be asked of later."""
        code = secrets.token_hex(CODE_BYTES)
        if identity.strict:
            identity = await self.house.guests.keep_secret(identity, code)
        self.session.answer_registration(event.ticket, RegisterResult.OK, _now(), code=code)
        return identity

    # -- what it says --------------------------------------------------------------------

    async def _hear(self, guest: Guest) -> None:
        while (event := await self._next()) is not None:
            await self._handle(guest, event)
            self.flush()
            if wait_s := guest.wait_s():
                self._metrics.count("jt808_throttled")
                self._wire.hold(back=True)
                await asyncio.sleep(wait_s)
            self._read_on()

    async def _handle(self, guest: Guest, event: Event) -> None:
        match event:
            case Located():
                self._take(guest, event)
            case Registering():
                guest.identity = await self._give_code(guest.identity, event)
            case Authenticating(ticket=ticket, authentication=said):
                wrong = guest.identity.strict and not guest.identity.has_secret(said.code)
                self.session.answer(ticket, Result.FAILED if wrong else Result.OK, _now())
            case Chose():
                await self._chose(guest, event)
            case TimeAsked(ticket=ticket):
                self.session.tell_time(ticket, self.house.guests.field.clock(), _now())
            case Heard(message=Heartbeat() as message):
                guest.heard()
                if (reading := reading_of_heartbeat(message)) is not None:
                    await guest.take(reading)
            case Heard(message=Logout()):
                self.close("the terminal logged out")
            case Heard(key=key):
                guest.heard()
                self._resolve(key, Result.OK)

    def _take(self, guest: Guest, located: Located) -> None:
        readings = [reading_of(each) for each in located.locations]
        tasks = [
            (each, asyncio.create_task(guest.take(each, history=located.backfill)))
            for each in readings
        ]
        self._resolve(located.key, Result.OK)
        self._taking.append((located, tasks))
        self._taken.set()

    async def _confirm(self, guest: Guest) -> None:
        """Answer reports once they are durable, in order; those in hand even when the link ends."""
        while True:
            while not self._taking:
                if self.session.closing is not None:
                    return
                self._taken.clear()
                await self._taken.wait()
            located, tasks = self._taking[0]
            calls = False
            for location, (reading, task) in zip(located.locations, tasks, strict=True):
                await guest.alarm(on=location.is_sos, reading=reading, taken=await task)
                calls = location.is_sos
            self._taking.popleft()
            self.alarm_taken = self.alarm_taken and calls
            result = Result.ALARM_HANDLED if self.alarm_taken else Result.OK
            self.session.answer(located.ticket, result, _now())
            self.flush()
            self._read_on()

    async def _chose(self, guest: Guest, event: Chose) -> None:
        """A person at the terminal answers a question, perhaps one of an older link."""
        seq = Serials.command_seq(event.serial, guest.letters.read_seq)
        found = None
        if seq is not None:
            async with self.house.guests.field.pool.acquire() as conn:
                found = next(iter(await commands.after(conn, guest.device_id, seq - 1, 1)), None)
        said = None
        if found is not None and found.seq == seq:
            house = self.house
            said = wording(found.id, found.kind, found.body, house.language, house.types())
        if said is None or not 1 <= event.choice <= len(said.choices):
            self._metrics.count("jt808_choices_unknown")
            logger.info("%s answers a question that nobody asked", guest.device_id)
        else:
            choice = said.choices[event.choice - 1]
            reason = choice.label if choice.report is Report.DECLINED else ""
            await guest.report_by_id(said.answers_to, choice.report, reason=reason)
        self.session.answer(event.ticket, Result.OK, _now())


def _said_of_itself(registration: Registration) -> dict[str, str]:
    named = {
        "maker": registration.maker,
        "model": registration.model,
        "terminal": registration.terminal,
        "plate": registration.plate,
    }
    return {name: text for name, text in named.items() if text}


def _now() -> float:
    return asyncio.get_running_loop().time()
