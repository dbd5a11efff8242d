"""What free units cover, and who should wait elsewhere, look by look.

`server.dispatch.cover` reckons; here stand the times it asks for, and who counts, as in the
product: a unit on its way to a post covers what the post covers, and no second one is proposed for
it; nobody moves up for a unit that is soon free again, or while as many calls wait as units are
free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from server.dispatch.cover import BACK_SOON_S, Cover, Floats, Left, Loss, MoveUp
from server.evaluation.movement import Movement
from server.evaluation.posts import Posts, Times
from server.evaluation.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What one look saw."""

    units: Sequence[Unit]
    """Free ones; `MoveUp.unit` counts in this order."""
    move_ups: Sequence[MoveUp]


class Lookout:
    """Of one run."""

    def __init__(self, posts: Posts, movement: Movement) -> None:
        self._posts, self._movement = posts, movement
        self._left: dict[str, Left] = {}

    def left(self, unit: Unit) -> Left | None:
        """What the county is left with without it, as of the last look; None: it was not free."""
        return self._left.get(unit.call_sign)

    def look(self, units: Sequence[Unit], now_s: float, waiting: int) -> Picture:
        """At all that are free now, while so many calls wait for somebody to be sent."""
        free, posts = [unit for unit in units if unit.is_free], self._posts
        soon = [unit for unit in units if now_s < unit.free_s <= now_s + BACK_SOON_S]
        times = [self._times(unit) for unit in (*free, *soon)]
        table = np.array([each.to_villages_s for each in times]).reshape(-1, len(posts.people))
        losses = self._cover(table[: len(free)]).losses
        self._left = {
            unit.call_sign: self._told(loss) for unit, loss in zip(free, losses, strict=True)
        }
        to_posts_s = np.array([each.to_posts_s for each in times]).reshape(-1, len(posts.snaps))
        to_posts_s[:, [unit.standby for unit in free if unit.standby is not None]] = np.inf
        spare = free if len(free) > waiting else ()
        moves = self._cover(table).move_ups(
            posts.from_posts_s,
            to_posts_s,
            may_move=[n for n, unit in enumerate(spare) if unit.standby is None],
        )
        return Picture(units=free, move_ups=moves)

    def _times(self, unit: Unit) -> Times:
        found = self._posts.times_s(self._movement.place(unit).snap, unit.post.vehicle)
        if unit.standby is None:
            return found
        return replace(found, to_villages_s=self._posts.from_posts_s[unit.standby])

    def _cover(self, times_s: Floats) -> Cover:
        return Cover(times_s, self._posts.people, self._posts.share, self._posts.rules)

    def _told(self, loss: Loss) -> Left:
        rules = self._posts.rules
        return Left(wait_s=loss.wait_s, calls_per_day=rules.calls_per_day, limit_s=rules.limit_s)
