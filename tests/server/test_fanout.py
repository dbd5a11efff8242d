"""Fan-out: at once in this process, over a real Valkey to the others, and on without it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.embedded import launcher
from server.stores.fanout import RESYNC, RedisFanOut
from tests.patience import PATIENCE_S


class Listener:
    """Remembers payloads and can be waited for."""

    def __init__(self) -> None:
        self.payloads: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, payload: str) -> None:
        self.payloads.append(payload)
        self._news.set()

    async def until(self, count: int) -> list[str]:
        await self._when(lambda: len(self.payloads) >= count)
        return self.payloads

    async def until_heard(self, payload: str) -> None:
        await self._when(lambda: payload in self.payloads)

    async def _when(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not met():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def running(fanout: RedisFanOut) -> AsyncIterator[RedisFanOut]:
    task = asyncio.create_task(fanout.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await fanout.subscribed.wait()
        yield fanout
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_own_subscribers_are_called_at_once_and_once(redis_url: str) -> None:
    heard, other = Listener(), Listener()
    async with running(RedisFanOut(redis_url)) as one, running(RedisFanOut(redis_url)) as two:
        one.subscribe("unit", heard)
        two.subscribe("unit", other)

        one.publish("unit", "u-1")

        assert heard.payloads == ["u-1"]
        await other.until(1)
        two.publish("unit", "u-2")
        await heard.until(2)
    assert heard.payloads == ["u-1", "u-2"]
    assert other.payloads == ["u-1", "u-2"]


async def test_order_is_kept(redis_url: str) -> None:
    heard = Listener()
    sent = [f"{n}" for n in range(1200)]
    async with running(RedisFanOut(redis_url)) as one, running(RedisFanOut(redis_url)) as two:
        two.subscribe("fix", heard)

        for payload in sent:
            one.publish("fix", payload)

        assert await heard.until(len(sent)) == sent
        assert one.counters.dropped == 0


async def test_full_queue_drops_the_oldest_and_counts() -> None:
    heard = Listener()
    fanout = RedisFanOut("unix:///nowhere/valkey.sock", queue_len_max=3)
    fanout.subscribe("unit", heard)

    for number in range(5):
        fanout.publish("unit", f"{number}")

    assert heard.payloads == ["0", "1", "2", "3", "4"]
    assert (fanout.queue_len, fanout.counters.dropped) == (3, 2)


async def test_failing_subscriber_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard = Listener()
    fanout = RedisFanOut("unix:///nowhere/valkey.sock")

    def broken(payload: str) -> None:
        raise ValueError(payload)

    fanout.subscribe("unit", broken)
    fanout.subscribe("unit", heard)
    fanout.publish("unit", "u-1")

    assert heard.payloads == ["u-1"]
    assert fanout.counters.callback_failures == 1
    assert "a subscriber of unit failed" in caplog.text


async def test_outage_is_survived_told_once_and_ends_with_resync(
    short_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    heard, resync = Listener(), Listener()
    with launcher.run(short_dir / "data", postgres=False, durable=False) as servers:
        assert servers.valkey is not None
        assert servers.redis_url is not None
        one, two = RedisFanOut(servers.redis_url), RedisFanOut(servers.redis_url)
        two.subscribe("unit", heard)
        two.subscribe(RESYNC, resync)
        async with running(one), running(two):
            servers.valkey.stop()
            one.publish("unit", "during")
            assert not await one.ping()

            servers.valkey.start()
            servers.valkey.wait_ready()
            await resync.until(1)
            one.publish("unit", "after")

            await heard.until_heard("after")
    assert two.counters.outages == 1
    assert caplog.text.count("Redis is away") == 2  # once by each of the two


async def test_stop_right_after_the_start_is_heeded(redis_url: str) -> None:
    for turns in range(60):
        task = asyncio.create_task(RedisFanOut(redis_url).run())
        for _ in range(turns):
            await asyncio.sleep(0)  # one turn of the loop further into connecting and subscribing
        task.cancel()

        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)

        assert done, f"cancelled after {turns} turns, it went on"


async def test_flush_hands_over_what_waits(redis_url: str) -> None:
    heard = Listener()
    one = RedisFanOut(redis_url)
    async with running(RedisFanOut(redis_url)) as two:
        two.subscribe("unit", heard)
        one.publish("unit", "last words")

        await one.flush()

        await heard.until(1)
    assert one.queue_len == 0
