"""Peace and war: who gives an order and who ends it, and what the clock does when its time is over.

Each step is one transaction: the signed order, notices to handsets, the worklist, and last the
command log. It is in force here when the step returns; other processes hear of it and catch up, or
see it when they look. What holds is reckoned from the newest order and the moment
(`server.dispatch.stance`), so an order ends to the second on every server, also where none ran.
`run` announces the end beforehand, notes it, and tells those who listen.

Its timers are planned anew by the `Timekeeper`, which listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch import stance as core
from server.dispatch.errors import Conflict, Forbidden, Impossible, NotFound
from server.dispatch.stance import Effects, Ending, StanceMode, StanceOrder
from server.dispatch.timers import Stance
from server.dispatch.worklist import ItemKind
from server.journal import notes
from server.journal.notes import Signer, Verifier
from server.ports import Clock, FanOut
from server.signingkey import SigningKey
from server.stanceviews import StanceView
from server.stores import journal, seals, worklist
from server.stores import stance as store
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry
from server.stores.stance import StanceRow
from server.stores.steps import Hint
from server.stores.worklist import About

logger = logging.getLogger(__name__)

TOPIC: Final = "stance"
POLL_S: Final = 2.0
"""Between two looks when nobody says that something changed."""
SYSTEM: Final = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStance:
    """What a person orders; he has given his password once more for it."""

    request_id: str
    mode: StanceMode
    reason: str
    lasts: timedelta | None
    """None: until another order; of peace alone."""
    effects: Effects = field(default_factory=Effects)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What one step leaves to be said: in its transaction, and after it."""

    entries: tuple[Entry, ...] = ()
    hints: tuple[Hint, ...] = ()


class StanceDesk:
    """The steps. `by` is who acts: `user:<username>`; `roles` are his."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        key: SigningKey,
        clock: Clock,
        war_h_max: float = core.WAR_H_MAX,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._key, self._war_h_max = key, war_h_max
        self._read: StanceRow | None = None
        self._newest: StanceRow | None = None
        """What was read, where it is as it was signed."""
        self._shown: StanceView | None = None
        self._listeners: list[Callable[[], None]] = []
        self._reading = asyncio.Lock()
        self._wake = asyncio.Event()
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    # -- looking -------------------------------------------------------------------------

    def stance(self) -> Stance:
        """What holds at this moment. Never waits."""
        return core.stance_of(self._holding())

    def view(self) -> StanceView:
        """What people see of it. Never waits."""
        holding = self._holding()
        if holding is None or self._newest is None:
            return StanceView(hours_max=self._war_h_max)
        return StanceView(
            mode=holding.mode.value, order=store.view(self._newest), hours_max=self._war_h_max
        )

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `view` is another."""
        self._listeners.append(listener)

    # -- steps ---------------------------------------------------------------------------

    async def give(
        self, wanted: NewStance, *, by: str, roles: Sequence[str]
    ) -> tuple[StanceRow, bool]:
        """Peace or war from now on; False with the one given before when it is a repetition.

        A newer order takes the place of the one that holds; of the same content, it prolongs it.
        Raises `Forbidden`, `Impossible` (`no_reason`, `no_end`, `bad_end`, `war_only`), `Conflict`
        (`request_reused`).
        """
        async with self._transaction() as conn:
            await store.lock(conn)
            if (earlier := await store.by_request(conn, wanted.request_id)) is not None:
                return _given_before(earlier, wanted, by), False
            now = core.on_the_second(self._clock())
            former = await store.newest(conn)
            holding = core.in_force([former.order] if former else [], now)
            if not core.may_give(roles, holding):
                raise Forbidden("forbidden", "Peace and war are a supervisor's order.")
            order = _order(wanted, by=by, at=now, number=former.order.number + 1 if former else 1)
            if not (core.prolongs(order, holding) or _ends_war(order) or "supervisor" in roles):
                raise Forbidden("forbidden", "What the order changes is a supervisor's decision.")
            core.check(order, war_h_max=self._war_h_max)
            signer = await self._signer(conn)
            row = StanceRow(
                order=order,
                note=signer.sign(core.text(order)),
                verifier=str(signer.verifier),
            )
            done = await self._make_way(conn, former, order)
            await store.insert(conn, row, request_id=wanted.request_id)
            told = await store.tell_handsets(conn, order, at=now)
            prolongs = holding.number if holding and core.prolongs(order, holding) else None
            given = store.given(row, prolongs=prolongs)
            await journal.append_all(conn, (*done.entries, given))
        await self._announce((*done.hints, *told))
        return row, True

    async def end(self, number: int, *, reason: str, by: str, roles: Sequence[str]) -> StanceRow:
        """End the order that holds before its time: peace as every day.

        Raises `Forbidden`, `Impossible` (`no_reason`), `NotFound`, `Conflict` (`ended`).
        """
        if not 1 <= len(reason) <= core.REASON_LEN_MAX:
            raise Impossible("no_reason", "Say why it ends.")
        async with self._transaction() as conn:
            await store.lock(conn)
            now = core.on_the_second(self._clock())
            newest = await store.newest(conn)
            if newest is None or number > newest.order.number or number < 1:
                raise NotFound("not_found", "There is no such order.")
            holding = core.in_force([newest.order], now)
            if holding is None or holding.number != number:
                raise Conflict("ended", f"Order {number} has ended already.")
            if not core.may_give(roles, holding):
                raise Forbidden("forbidden", "Peace and war are a supervisor's order.")
            ending = Ending(number=number, reason=reason, ended_by=by, ended_at=now)
            note = (await self._signer(conn)).sign(core.ending_text(ending))
            await store.end(conn, number, at=now, by=by, reason=reason, note=note)
            settled = await self._settle(conn, holding, "ended", now)
            told = await store.tell_handsets(conn, None, at=now)
            entry = store.over(holding, by=by, reason=reason, note=note)
            await journal.append_all(conn, (*settled.entries, entry))
            row = await store.newest(conn)
        await self._announce((*settled.hints, *told))
        assert row is not None
        return row

    async def turn_over(self) -> None:
        """Announce the end of the order that holds, where it is near; note it, where it is over."""
        now = self._clock()
        row = self._newest
        if row is None or not _is_due(row, now):
            return
        async with self._transaction() as conn:
            await store.lock(conn)
            row = await store.newest(conn)
            if row is None or not _is_due(row, now):
                return  # another process was quicker
            done = await (self._expire if _is_over(row, now) else self._warn)(conn, row.order, now)
            await journal.append_all(conn, done.entries)
        await self._announce(done.hints)

    # -- taking over ---------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Know the newest order that any process has given or ended.

        One that does not say what was signed holds nowhere: then it is peace as every day.
        """
        async with self._reading, self._pool.acquire() as conn:  # in order: the newest stays
            found = await store.newest(conn)
            if found != self._read:
                self._read = found
                self._newest = found if found is None or _is_as_signed(found) else None
        self._look()

    async def run(self) -> None:
        """Catch up and keep the clock's part, until cancelled."""
        while True:
            try:
                await self.catch_up()
                await self.turn_over()
            except STORE_AWAY as error:
                logger.warning("peace or war is as it was, PostgreSQL is away: %s", error)
                self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await self._wake.wait()
            self._wake.clear()

    # -- inside --------------------------------------------------------------------------

    async def _signer(self, conn: Any) -> Signer:
        """With the log's key of this moment: it may have been changed while we run."""
        _, verifier = await seals.log(conn)
        return await self._key.fitting(verifier)

    def _holding(self) -> StanceOrder | None:
        return core.in_force([self._newest.order] if self._newest else [], self._clock())

    def _look(self) -> None:
        """Tell those who listen, where it looks different from the last time."""
        seen = self.view()
        if seen == self._shown:
            return
        self._shown = seen
        for listener in self._listeners:
            listener()

    def _wait_s(self) -> float:
        """Until something is due, or it is time to look."""
        if self._newest is None or self._newest.order.expires_at is None:
            return POLL_S
        due_s = (self._newest.order.expires_at - self._clock()).total_seconds()
        return min(due_s, POLL_S) if due_s > 0.0 else POLL_S

    async def _make_way(self, conn: Any, former: StanceRow | None, order: StanceOrder) -> _Done:
        """The order before ends with a new one; or has run out, and nobody has noted it yet."""
        if former is None or former.order.ended_at is not None:
            return _Done()
        at, by = order.issued_at, order.issued_by
        if _is_over(former, at):
            return await self._note_over(conn, former.order, at)
        await store.end(conn, former.order.number, at=at, by=by, reason="superseded")
        return await self._settle(conn, former.order, "superseded", at)

    async def _expire(self, conn: Any, order: StanceOrder, now: datetime) -> _Done:
        noted = await self._note_over(conn, order, now)
        told = await store.tell_handsets(conn, None, at=now)
        return _Done(entries=noted.entries, hints=(*noted.hints, *told))

    async def _note_over(self, conn: Any, order: StanceOrder, now: datetime) -> _Done:
        assert order.expires_at is not None
        await store.end(conn, order.number, at=order.expires_at, by=SYSTEM, reason="expired")
        settled = await self._settle(conn, order, "expired", now)
        entry = store.over(order, by=SYSTEM, reason="expired")
        return _Done(entries=(*settled.entries, entry), hints=settled.hints)

    async def _warn(self, conn: Any, order: StanceOrder, now: datetime) -> _Done:
        await store.warned(conn, order.number, now)
        body = {"stance": order.number, "reason": order.reason, "due_at": order.expires_at}
        about = About(subject=store.subject(order))
        item = await worklist.raise_item(conn, ItemKind.STANCE_ENDS, about, body=body, at=now)
        return _Done(entries=item.entries, hints=item.hints)

    async def _settle(self, conn: Any, order: StanceOrder, why: str, at: datetime) -> _Done:
        """Nobody needs to think of the end of an order that is over."""
        item = await worklist.settle_about(
            conn, ItemKind.STANCE_ENDS, store.subject(order), at=at, why=why
        )
        return _Done() if item is None else _Done(entries=item.entries, hints=item.hints)

    async def _announce(self, hints: Sequence[Hint]) -> None:
        """In force here, then for the others; they hear of it though the store is away just now."""
        try:
            await self.catch_up()
        finally:
            self._fanout.publish(TOPIC, "")
            for topic, payload in hints:
                self._fanout.publish(topic, payload)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn


def _order(wanted: NewStance, *, by: str, at: datetime, number: int) -> StanceOrder:
    return StanceOrder(
        number=number,
        mode=wanted.mode,
        reason=wanted.reason,
        effects=wanted.effects,
        issued_by=by,
        issued_at=at,
        expires_at=None if wanted.lasts is None else core.on_the_second(at + wanted.lasts),
    )


def _is_as_signed(row: StanceRow) -> bool:
    try:
        said = core.parse(notes.verify(row.note, Verifier.parse(row.verifier)))
    except ValueError as error:
        logger.error("order %d of peace or war does not hold: %s", row.order.number, error)
        return False
    if said != replace(row.order, ended_at=None):
        text = "order %d of peace or war does not hold: its row says something else than its note"
        logger.error(text, row.order.number)
        return False
    return True


def _ends_war(order: StanceOrder) -> bool:
    return order.mode is StanceMode.PEACE


def _is_over(row: StanceRow, now: datetime) -> bool:
    order = row.order
    return order.ended_at is None and order.expires_at is not None and order.expires_at <= now


def _is_due(row: StanceRow, now: datetime) -> bool:
    """Whether the clock has something to do about it; only of war the end is announced."""
    order = row.order
    if order.ended_at is not None or order.expires_at is None:
        return False
    announced = order.mode is StanceMode.WAR and row.warned_at is None
    return _is_over(row, now) or (announced and core.warns_at(order) <= now)


def _given_before(earlier: StanceRow, wanted: NewStance, by: str) -> StanceRow:
    order = replace(earlier.order, ended_at=None)
    same = _order(wanted, by=by, at=order.issued_at, number=order.number) == order
    if not same:
        text = "This request id was used before, with other content. Start anew."
        raise Conflict("request_reused", text)
    return earlier
