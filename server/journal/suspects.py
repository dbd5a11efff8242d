"""Which entry it is that makes a signed checkpoint not fit: a guess, held against the signed root.

Entries between the last checkpoint that fitted and one that does not. Where one of them was put in,
or two were exchanged, the log without that has the signed root, and the entry is named. The order
of their ids alone says nothing: a transaction that took longer has its place behind a later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Final

from server.journal.merkle import Frontier, Hash

WINDOW_LEN_MAX: Final = 1000
"""Entries since the last checkpoint that are kept to name the bad one."""
PAIRS_OF_MAX: Final = 100
"""Entries of which any two may have been exchanged; of more, those that stand out by their ids."""
PLACES_MAX: Final = 10
LATER_LEN_MAX: Final = 100
"""Entries behind the checkpoint that may belong before it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry since the last checkpoint that fitted."""

    seq: int
    id: int | None
    stored: Hash
    made: Hash


@dataclass(slots=True)
class Suspect:
    """A signed checkpoint with another root than both trees."""

    size: int
    root: Hash | None
    """None: of a log that goes on, so it is not known."""
    held: Frontier
    window: list[Seen]
    following: Seen | None = None
    later: list[Seen] = field(default_factory=list)

    def note(self, seen: Seen) -> None:
        """An entry behind the checkpoint."""
        if self.following is None:
            self.following = seen
        newest = max((each.id for each in self.window if each.id is not None), default=0)
        if seen.id is not None and seen.id < newest and len(self.later) < LATER_LEN_MAX:
            self.later.append(seen)

    def put_in(self) -> int | None:
        """The entry without which the log has the signed root, if there is one."""
        if not self._whole():
            return None
        leaves = [each.stored for each in self.window]
        if self.following is not None:
            leaves.append(self.following.stored)
        for place, each in enumerate(self.window):
            if self._fits(leaves[:place] + leaves[place + 1 :]):
                return each.seq
        return None

    def out_of_order(self) -> int | None:
        """The first of those that must change places for the log to have the signed root."""
        if not self._whole():
            return None
        leaves = [each.stored for each in self.window]
        for order in self._orders():
            if self._fits([leaves[place] for place in order]):
                return self.window[_first_moved(order)].seq
        for place in self._standing_out():
            for each in self.later:
                if self._fits([*leaves[:place], each.stored, *leaves[place + 1 :]]):
                    return self.window[place].seq
        return None

    def _whole(self) -> bool:
        """Whether all entries since the last checkpoint that fitted are still known."""
        return len(self.window) == self.size - self.held.size

    def _fits(self, leaves: Sequence[Hash]) -> bool:
        wanted = leaves[: self.size - self.held.size]
        return self.held.appended(wanted)[0].root == self.root

    def _orders(self) -> Iterator[Sequence[int]]:
        """As they were written; and with any two exchanged, where they are few."""
        places = range(len(self.window))
        if all(each.id is not None for each in self.window):
            yield sorted(places, key=lambda place: self.window[place].id or 0)
        if len(places) <= PAIRS_OF_MAX:
            for one, other in combinations(places, 2):
                order = list(places)
                order[one], order[other] = other, one
                yield order

    def _standing_out(self) -> list[int]:
        """Places of entries that were written after the one behind them."""
        seen = [*self.window, *([self.following] if self.following else [])]
        found = [
            place
            for place, (each, behind) in enumerate(pairwise(seen))
            if each.id is not None and behind.id is not None and each.id > behind.id
        ]
        return found[:PLACES_MAX]


def _first_moved(order: Sequence[int]) -> int:
    return next((place for place, was in enumerate(order) if place != was), 0)
