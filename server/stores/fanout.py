"""Fan-out between the processes of a county, over Redis publish and subscribe.

Subscribers of this process are called at once, with or without Redis; other processes by way of
Redis. A message is a hint, so losing one loses nothing: whoever was cut off is told `resync` when
it is back, and reads what it needs again. Knows no topic's meaning.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from server.ids import new_id

logger = logging.getLogger(__name__)

RESYNC = "resync"
"""Local topic: the link to the other processes was down and is back; hints may be missing."""
CHANNEL_PREFIX = "ridgeline:"
BATCH_LEN_MAX = 500
"""Messages of one round trip."""
ANSWER_S_MAX = 5.0
BACKOFF_S_MIN = 0.2
BACKOFF_S_MAX = 5.0
_POLL_S = 2.0
_LOST = (RedisError, OSError, TimeoutError)

Callback = Callable[[str], None]


@dataclass(slots=True)
class Counters:
    """Since the start of the process."""

    published: int = 0
    sent: int = 0
    received: int = 0
    dropped: int = 0
    """Oldest messages pushed out of the full queue."""
    outages: int = 0
    callback_failures: int = 0


class RedisFanOut:
    """`run` carries messages until cancelled; `publish` works before, during and without it."""

    def __init__(self, url: str, *, queue_len_max: int = 10_000) -> None:
        self.counters = Counters()
        self.subscribed = asyncio.Event()
        """Set while messages of other processes arrive."""
        self._url = url
        self._origin = new_id()
        self._callbacks: dict[str, list[Callback]] = {}
        self._queue: deque[tuple[str, str]] = deque()
        self._queue_len_max = queue_len_max
        self._waiting = asyncio.Event()
        self._down = False

    @property
    def queue_len(self) -> int:
        return len(self._queue)

    @property
    def connected(self) -> bool:
        return self.subscribed.is_set()

    def publish(self, topic: str, payload: str) -> None:
        """Never blocks and never raises; a full queue drops its oldest message and counts."""
        self.counters.published += 1
        self._deliver(topic, payload)
        if len(self._queue) >= self._queue_len_max:
            self._queue.popleft()
            self.counters.dropped += 1
        self._queue.append((topic, payload))
        self._waiting.set()

    def subscribe(self, topic: str, callback: Callback) -> None:
        """Call `callback` with each payload, on the event loop."""
        self._callbacks.setdefault(topic, []).append(callback)

    async def run(self) -> None:
        """Keep a sender and a receiver alive; an outage of Redis is logged once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._persist(self._send_loop), name="fanout-send")
            tasks.create_task(self._persist(self._receive_loop), name="fanout-receive")

    async def flush(self) -> None:
        """Hand over what still waits, once; for a stop. Without Redis it is dropped."""
        client = self._client()
        try:
            while self._queue:
                await self._send_batch(client)
        except _LOST:
            self.counters.dropped += len(self._queue)
            self._queue.clear()
        finally:
            await _close(client)

    async def ping(self) -> bool:
        """Whether Redis answers."""
        client = self._client()
        try:
            await client.ping()
        except _LOST:
            return False
        else:
            return True
        finally:
            await _close(client)

    def _client(self) -> aioredis.Redis:
        """No retries inside the library: `_persist` is the one place that tries again."""
        return aioredis.Redis.from_url(
            self._url,
            socket_timeout=ANSWER_S_MAX,
            socket_connect_timeout=ANSWER_S_MAX,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    async def _persist(self, loop: Callable[[aioredis.Redis], Awaitable[None]]) -> None:
        """Run `loop` on a fresh connection, again and again, slower while Redis stays away."""
        backoff_s = BACKOFF_S_MIN
        while True:
            client = self._client()
            started_s = asyncio.get_running_loop().time()
            try:
                await loop(client)
            except _LOST as error:
                self._note_outage(error)
            finally:
                await _close(client)
            if asyncio.get_running_loop().time() - started_s > BACKOFF_S_MAX:
                backoff_s = BACKOFF_S_MIN
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)

    async def _send_loop(self, client: aioredis.Redis) -> None:
        while True:
            await self._waiting.wait()
            await self._send_batch(client)
            _heed_cancellation()

    async def _send_batch(self, client: aioredis.Redis) -> None:
        """Messages leave the queue when Redis has them; a lost answer may send some twice."""
        batch = list(itertools.islice(self._queue, BATCH_LEN_MAX))
        dropped_before = self.counters.dropped
        async with client.pipeline(transaction=False) as pipe:
            for topic, payload in batch:
                pipe.publish(CHANNEL_PREFIX + topic, f"{self._origin} {payload}")
            await pipe.execute()
        # What the full queue pushed out meanwhile were the first of this very batch.
        for _ in range(len(batch) - (self.counters.dropped - dropped_before)):
            self._queue.popleft()
        self.counters.sent += len(batch)
        if self._down and self.subscribed.is_set():
            self._note_link()
        if not self._queue:
            self._waiting.clear()

    async def _receive_loop(self, client: aioredis.Redis) -> None:
        async with client.pubsub() as incoming:
            await incoming.psubscribe(f"{CHANNEL_PREFIX}*")
            try:
                while True:
                    _heed_cancellation()
                    message = await incoming.get_message(timeout=_POLL_S)
                    if message is None:
                        await incoming.ping()  # a dead link must not look like silence
                    elif message["type"] == "psubscribe":
                        self._note_link()
                    elif message["type"] == "pmessage":
                        self._receive(message["channel"], message["data"])
            finally:
                self.subscribed.clear()

    def _receive(self, channel: str, data: str) -> None:
        origin, _, payload = data.partition(" ")
        if origin != self._origin:
            self.counters.received += 1
            self._deliver(channel.removeprefix(CHANNEL_PREFIX), payload)

    def _deliver(self, topic: str, payload: str) -> None:
        for callback in self._callbacks.get(topic, ()):
            try:
                callback(payload)
            except Exception:
                self.counters.callback_failures += 1
                logger.exception("a subscriber of %s failed", topic)

    def _note_outage(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            self.counters.outages += 1
            logger.warning("Redis is away (%s); this process goes on alone and keeps trying", error)

    def _note_link(self) -> None:
        self.subscribed.set()
        if self._down:
            self._down = False
            logger.warning("Redis is back")
            self._deliver(RESYNC, "")


def _heed_cancellation() -> None:
    """Raise what redis-py may have swallowed.

    It sends with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes in
    the moment the sending ends (CPython gh-86296); the task would run for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _close(client: aioredis.Redis) -> None:
    with contextlib.suppress(*_LOST):  # it is gone already
        await client.aclose()
