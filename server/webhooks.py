"""Tells others what the command log says: signed, again and again until they have it, or given up.

The log itself is the queue: each webhook remembers how far it was looked at, and what it is told of
becomes a delivery in the same step. So nothing is lost while nobody sends, and a full queue only
waits. A delivery is made at least once, in no promised order; receivers know it again by its id.
Each webhook has a lane of its own. Any number of servers may send: what one has claimed, the others
leave for `CLAIM_S`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import httpx
import msgspec

from server import webhookform
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.ports import Clock
from server.stores import journal, webhooks
from server.stores.away import STORE_AWAY
from server.stores.pool import Connection, Pool
from server.stores.webhooks import CHECKPOINT, Due, Standing
from server.webhookviews import DeadPageView, NewWebhookView, WebhookView

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_EVERY_S: Final = 1.0
AT_ONCE_MAX: Final = 4
"""Deliveries of one webhook on their way at the same time."""
ENTRIES_AT_ONCE_MAX: Final = 500
"""Of the log, that one look goes on."""
QUEUE_LEN_MAX: Final = 1_000
"""Deliveries of one webhook that wait; until some are gone, it is not looked further."""
DEAD_LEN_MAX: Final = 1_000
"""Deliveries of one webhook that were given up; until a person has seen to some, it is not looked
further. Those that wait then may still join them."""
CLAIM_S: Final = 60.0
ANSWER_S_MAX: Final = 15.0
"""From the address to the status of the answer."""
CHECKPOINT_EVERY: Final = timedelta(minutes=10)
"""A webhook for checkpoints gets the newest one this often, where there is a newer one."""
SECRET_TOLD: Final = timedelta(minutes=10)
"""So long the same request of the same person is told the secret again: an answer may be lost."""
ERROR_LEN_MAX: Final = 200
NOT_THERE: Final = "this is not in the command log any more"
GONE: Final = 410
"""The receiver wants nothing any more."""
KINDS: Final = frozenset(JournalKind) | {CHECKPOINT}
SUBJECTS: Final = frozenset(kind.partition(".")[0] for kind in KINDS)
_OWN: Final = "webhook"
"""What is said of webhooks is told to none: one that fails would never come to an end."""


class Webhooks:
    """`run` looks and sends until cancelled; `look` and `send` are its steps."""

    def __init__(
        self,
        *,
        pool: Pool,
        clock: Clock,
        metrics: Metrics,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._pool, self._clock, self._metrics, self._luck = pool, clock, metrics, luck
        self._waiting = self._dead = 0
        self._sending = set[str]()
        """Webhooks with deliveries on their way."""
        metrics.gauge("webhook_waiting", lambda: self._waiting)
        metrics.gauge("webhook_dead", lambda: self._dead)

    async def run(self) -> None:
        trust = await asyncio.to_thread(ssl.create_default_context)
        async with (
            httpx.AsyncClient(
                verify=trust, timeout=ANSWER_S_MAX, follow_redirects=False, trust_env=False
            ) as client,
            asyncio.TaskGroup() as lanes,
        ):
            while True:
                for each in await self._patiently(self.look()) or ():
                    if each not in self._sending:
                        self._sending.add(each)
                        lanes.create_task(self._lane(client, each), name=f"webhook {each}")
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> list[str]:
        """Go on in the log, once; the webhooks of which something is due."""
        async with self._pool.acquire() as conn:
            async with conn.transaction():
                for each in await webhooks.standing(conn):
                    await self._take(conn, each)
            counts = await conn.fetchrow(webhooks.COUNTS)
            self._waiting, self._dead = counts["waiting"], counts["dead"]
            return await webhooks.due(conn, self._clock())

    async def send(self, client: httpx.AsyncClient, webhook_id: str) -> bool:
        """Make some deliveries that are due; whether there may be more."""
        now = self._clock()
        until = now + timedelta(seconds=CLAIM_S)
        async with self._pool.acquire() as conn:
            claimed = await webhooks.claim(
                conn, webhook_id, now=now, until=until, limit=AT_ONCE_MAX
            )
            said = [await _said(conn, each) for each in claimed]
        made = [self._deliver(client, *each) for each in zip(claimed, said, strict=True)]
        for outcome in await asyncio.gather(*made, return_exceptions=True):
            if outcome is not None:
                raise outcome
        return len(claimed) == AT_ONCE_MAX

    async def _lane(self, client: httpx.AsyncClient, webhook_id: str) -> None:
        """One webhook's own: who answers late, or never, delays no other."""
        try:
            while await self._patiently(self.send(client, webhook_id)):
                pass
        finally:
            self._sending.discard(webhook_id)

    async def _patiently(self, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except STORE_AWAY as error:
            self._metrics.count("webhook_store_away")
            logger.warning("webhooks wait, PostgreSQL is away: %s", error)
            return None

    async def _take(self, conn: Connection, hook: Standing) -> None:
        if hook.waiting >= QUEUE_LEN_MAX or hook.dead >= DEAD_LEN_MAX:
            full = "webhook_queue_full" if hook.dead < DEAD_LEN_MAX else "webhook_dead_full"
            self._metrics.count(full)
            return
        now = self._clock()
        room = min(ENTRIES_AT_ONCE_MAX, QUEUE_LEN_MAX - hook.waiting)
        kinds = [kind for kind in hook.kinds if kind != CHECKPOINT]
        await conn.execute(webhooks.TAKE, hook.id, hook.taken_seq, room, kinds, now)
        if _wants(hook.kinds, CHECKPOINT) and now - hook.checkpoint_at >= CHECKPOINT_EVERY:
            await conn.execute(webhooks.TAKE_CHECKPOINT, hook.id, hook.checkpoint_size, now)

    async def _deliver(
        self, client: httpx.AsyncClient, due: Due, said: dict[str, Any] | None
    ) -> None:
        status, error = 0, NOT_THERE
        if said is not None:
            status, error = await self._send(client, due, msgspec.json.encode(said))
        async with self._pool.acquire() as conn, conn.transaction():
            await self._note(conn, due, status, error)

    async def _send(self, client: httpx.AsyncClient, due: Due, body: bytes) -> tuple[int, str]:
        """The status and what was wrong, empty where nothing was."""
        message_id = f"msg_{due.webhook_id}_{due.what}_{due.number}"
        unix_s = int(self._clock().timestamp())
        try:
            marks = webhookform.headers(message_id, unix_s, body, secret=due.secret)
        except ValueError as error:
            return 0, str(error)
        return await _post(client, due.url, body, marks)

    async def _note(self, conn: Connection, due: Due, status: int, error: str) -> None:
        which, now = (due.webhook_id, due.what, due.number), self._clock()
        if not error:
            self._metrics.count("webhook_delivered")
            await conn.execute(webhooks.DELIVERED, *which)
            await conn.execute(webhooks.DELIVERED_AT, due.webhook_id, now)
            return
        self._metrics.count("webhook_failed")
        if status == GONE:
            await self._end(conn, due.webhook_id, why=error, by="system")
            return
        wait = webhookform.wait_before_next(due.attempts, luck=self._luck())
        if wait is not None and error != NOT_THERE:
            await conn.execute(webhooks.FAILED, *which, now + wait, error)
            return
        if await conn.execute(webhooks.DIED, *which, now, error) == "UPDATE 0":
            return  # ended meanwhile, and dropped with it
        await _append(
            conn,
            JournalKind.WEBHOOK_GAVE_UP,
            due.webhook_id,
            {"what": due.what, "number": due.number, "attempts": due.attempts, "error": error},
            by="system",
        )

    # What an administrator does ------------------------------------------------------------

    async def add(
        self, *, request_id: str, name: str, url: str, kinds: list[str], by: str
    ) -> tuple[NewWebhookView, bool]:
        """A new one and its secret, and whether it is new; the same request adds one once.

        Raises `Impossible` for an address or kinds that cannot be; `Conflict` where there are too
        many, or the request is known but not the same, or was made too long ago.
        """
        if (why := webhookform.why_not(url)) is not None:
            raise Impossible("bad_address", why)
        if strange := [each for each in kinds if not _may_be_told(each)]:
            raise Impossible("bad_kind", f"The command log says nothing of the kind {strange[0]}.")
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute(webhooks.LOCK_ALL)
            before = await conn.fetchrow(webhooks.BY_REQUEST, request_id)
            wanted = sorted(set(kinds))
            if before is not None:
                self._same(before, (name, url, wanted, by))
                view = await _required(conn, before["id"])
                return NewWebhookView(webhook=view, secret=before["secret"]), False
            if await conn.fetchval(webhooks.COUNT) >= webhooks.WEBHOOKS_MAX:
                raise Conflict("too_many", f"At most {webhooks.WEBHOOKS_MAX} webhooks at once.")
            webhook_id, secret = new_id(), webhookform.new_secret()
            await conn.execute(
                webhooks.INSERT,
                *(webhook_id, request_id, name, url, secret, wanted, by, self._clock()),
            )
            body = {"name": name, "url": webhookform.shown(url), "kinds": wanted}
            await _append(conn, JournalKind.WEBHOOK_ADDED, webhook_id, body, by=by)
            view = await _required(conn, webhook_id)
        return NewWebhookView(webhook=view, secret=secret), True

    def _same(self, before: Any, asked: tuple[Any, ...]) -> None:
        """Raises `Conflict` where the secret is not to be told again."""
        if (before["name"], before["url"], before["kinds"], before["created_by"]) != asked:
            raise Conflict("known_request", "This request_id was another request's.")
        if before["ended_at"] or self._clock() - before["created_at"] >= SECRET_TOLD:
            text = "This webhook was added long ago, and its secret is not told again."
            raise Conflict("known_request", text)

    async def everybody(self) -> list[WebhookView]:
        """Those that stand first; of those that were ended, the newest."""
        async with self._pool.acquire() as conn:
            return await webhooks.all_of_them(conn, limit=2 * webhooks.WEBHOOKS_MAX)

    async def end(self, webhook_id: str, *, why: str, by: str) -> WebhookView:
        """It is told nothing more; what it was not told yet is dropped. Raises `NotFound`."""
        async with self._pool.acquire() as conn, conn.transaction():
            await self._end(conn, webhook_id, why=why, by=by)
            return await _required(conn, webhook_id)

    async def dead(self, webhook_id: str, *, before: int | None, limit: int) -> DeadPageView:
        """What was given up. Raises `NotFound`."""
        async with self._pool.acquire() as conn:
            await _required(conn, webhook_id)
            return await webhooks.dead_page(conn, webhook_id, before=before, limit=limit)

    async def see_to_dead(
        self, webhook_id: str, *, number: int | None, again: bool, by: str
    ) -> WebhookView:
        """Try again, or drop, what was given up: all of it, or what has this number.

        Raises `NotFound`; `Conflict` where it was ended and cannot be told anything.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            if await _locked(conn, webhook_id) is not None and again:
                raise Conflict("ended", "This webhook was ended: it is told nothing any more.")
            if again:
                done = await conn.execute(webhooks.RETRY, webhook_id, self._clock(), number)
            else:
                done = await conn.execute(webhooks.DROP_DEAD, webhook_id, number)
            count = int(done.rpartition(" ")[2])
            if count:
                kind = JournalKind.WEBHOOK_RETRIED if again else JournalKind.WEBHOOK_DROPPED
                await _append(conn, kind, webhook_id, {"deliveries": count}, by=by)
            return await _required(conn, webhook_id)

    async def _end(self, conn: Connection, webhook_id: str, *, why: str, by: str) -> None:
        if await _locked(conn, webhook_id) is not None:
            return
        await conn.execute(webhooks.END, webhook_id, self._clock(), why)
        dropped = await conn.execute(webhooks.DROP_WAITING, webhook_id)
        body = {"why": why, "dropped": int(dropped.rpartition(" ")[2])}
        await _append(conn, JournalKind.WEBHOOK_ENDED, webhook_id, body, by=by)


async def _post(
    client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
) -> tuple[int, str]:
    """As `Webhooks._send`. The answer's body is not read."""
    try:
        async with (
            asyncio.timeout(ANSWER_S_MAX),
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except TimeoutError:
        return 0, f"no answer within {ANSWER_S_MAX:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return 0, f"{type(error).__name__}: {error}"[:ERROR_LEN_MAX]
    return status, "" if answer.is_success else f"HTTP status {status}"


async def _said(conn: Connection, due: Due) -> dict[str, Any] | None:
    """What is told, as Standard Webhooks suggests: its type, its time, and all else in `data`."""
    row = await conn.fetchrow(webhooks.SAID[due.what], due.number)
    if row is None:
        return None
    said = dict(row)
    return {"type": said.pop("kind"), "timestamp": said.pop("at"), "data": said}


async def _append(
    conn: Connection, kind: JournalKind, webhook_id: str, body: dict[str, Any], *, by: str
) -> None:
    await journal.append(conn, actor=by, subject=f"webhook:{webhook_id}", kind=kind, body=body)


async def _required(conn: Connection, webhook_id: str) -> WebhookView:
    found = await webhooks.one(conn, webhook_id)
    if found is None:
        raise NotFound("unknown_webhook", "There is no such webhook.")
    return found


async def _locked(conn: Connection, webhook_id: str) -> Any:
    """When it was ended, if it was. Raises `NotFound`."""
    row = await conn.fetchrow(webhooks.LOCK, webhook_id)
    if row is None:
        raise NotFound("unknown_webhook", "There is no such webhook.")
    return row["ended_at"]


def _wants(kinds: Any, kind: str) -> bool:
    return kind in kinds or kind.partition(".")[0] in kinds


def _may_be_told(kind: str) -> bool:
    return kind in KINDS | SUBJECTS and kind.partition(".")[0] != _OWN
