"""Moves to another post as items of the worklist: once they have held, gone with their cause.

A unit that passes through a valley makes and unmakes proposals by the minute; what is proposed for
STEADY without a break is worth a word. One of several processes says it. A person sends the unit
(`server.coverdesk.CoverDesk.move_up`), or nobody does.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, Final

from server.coverdesk import Posts, cover_view
from server.coverviews import MoveUpView
from server.coverwatch import LOOK_S, STALE, CoverWatch
from server.dispatch.cover import NOT_AGAIN_S, STEADY_S
from server.dispatch.worklist import ItemKind
from server.ports import Clock, FanOut, LiveUnits
from server.stores import journal, worklist
from server.stores.away import STORE_AWAY
from server.stores.pool import Connection, Pool
from server.stores.worklist import About, Changed
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

STEADY: Final = timedelta(seconds=STEADY_S)
NOT_AGAIN: Final = timedelta(seconds=NOT_AGAIN_S)

Pair = tuple[str, str]
"""Of a unit and a post, by id."""


class MoveUps:
    """`run` looks until cancelled."""

    def __init__(
        self,
        *,
        pool: Pool,
        fanout: FanOut,
        live: LiveUnits,
        posts: Posts,
        watch: CoverWatch,
        clock: Clock,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._live, self._posts, self._watch = live, posts, watch
        self._since: dict[Pair, datetime] = {}
        """Since when each has been proposed without a break."""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except STORE_AWAY as error:
                logger.warning("moves to other posts are proposed later: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Raise what has held, settle what is not proposed any more."""
        now, seen = self._clock(), self._watch.picture
        if seen is None or now - seen.at > STALE:
            return  # nobody knows: what was said stands
        view = cover_view(seen, await self._posts.views(), self._watch.rules)
        proposed = {(each.unit_id, each.post.id): each for each in view.move_ups}
        self._since = {pair: self._since.get(pair, now) for pair in proposed}
        steady = [pair for pair, since in self._since.items() if now - since >= STEADY]
        async with self._pool.acquire() as conn, conn.transaction():
            waiting = {
                _pair(each): each for each in await worklist.open_of_kind(conn, ItemKind.MOVE_UP)
            }
            declined = await worklist.declined(conn, ItemKind.MOVE_UP, since=now - NOT_AGAIN)
            changed = [
                await self._raise(conn, proposed[pair], view.limit_min, now)
                for pair in steady
                if pair not in waiting and _subject(pair) not in declined
            ]
            for pair, item in waiting.items():
                if pair not in proposed:
                    gone = await worklist.settle_about(
                        conn, ItemKind.MOVE_UP, item.subject, at=now, why="over"
                    )
                    changed += [] if gone is None else [gone]
            await journal.append_all(conn, [entry for each in changed for entry in each.entries])
        for each in changed:
            for topic, payload in each.hints:
                self._fanout.publish(topic, payload)

    async def _raise(
        self, conn: Connection, move: MoveUpView, limit_min: float, now: datetime
    ) -> Changed:
        unit = self._live.unit(move.unit_id)
        body: dict[str, Any] = {
            "call_sign": "" if unit is None else unit.call_sign,
            "post": move.post.id,
            "post_name": move.post.name,
            "people": move.people,
            "leaves": move.leaves,
            "gain_pct": round(100.0 * move.gain),
            "drive_min": round(move.drive_min),
            "limit_min": round(limit_min),
        }
        subject = _subject((move.unit_id, move.post.id))
        about = About(subject=subject, unit_id=move.unit_id)
        return await worklist.raise_item(conn, ItemKind.MOVE_UP, about, body=body, at=now)


def _subject(pair: Pair) -> str:
    return f"move:{pair[0]}:{pair[1]}"


def _pair(item: WorkItemView) -> Pair:
    return str(item.unit_id), str(item.body["post"])
