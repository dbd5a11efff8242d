"""Two trees beside each other, and the signed checkpoints that one of them must have the root of.

Of the leaves as they were stored, and of those that the entries' own words give. Where the first
has a signed root, an entry whose leaf differs was changed; where the second, only its stored leaf
was. Where neither, somebody changed entry and leaf together between the last checkpoint that
fitted and this one (`server.journal.suspects`), and nothing holds what follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from server.journal import merkle
from server.journal.checkpoint import Checkpoint
from server.journal.findings import FINDINGS_LEN_MAX, Report
from server.journal.findings import FindingKind as Kind
from server.journal.merkle import Frontier, Hash
from server.journal.suspects import WINDOW_LEN_MAX, Seen, Suspect

DUE_LEN_MAX: Final = 2000
"""Sizes whose checkpoints wait for their entry; further ones stand too far before it."""


@dataclass(slots=True)
class _Due:
    """Checkpoints of one size."""

    own: dict[Hash, Checkpoint] = field(default_factory=dict)
    """By root: the same one twice says nothing more."""
    witnessed: list[Checkpoint] = field(default_factory=list)


class Trees:
    """`take` every entry in order, then `close` or not, then `name`. Faults go into the report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._due = defaultdict[int, _Due](_Due)
        self._witnessed = 0
        self._begins = dict[int, Sequence[Hash]]()
        self._stored = self._made = self._held = Frontier()
        self._window = list[Seen]()
        self._differing = list[Seen]()
        self._changed = list[Seen]()
        self._uncounted = 0
        """That differ, beyond those that are kept."""
        self._disputed = list[Checkpoint]()
        self._suspect: Suspect | None = None
        self._tied = True
        """Every leaf so far is known, and no checkpoint spoke against them."""

    @property
    def size(self) -> int:
        """Entries so far, those that are lost among them."""
        return self._stored.size

    @property
    def held(self) -> int:
        """Entries up to here are exactly those that a signed checkpoint holds."""
        return self._held.size

    def start(self, before: Frontier) -> None:
        """What stands before the first entry, after the witnesses' checkpoints were given."""
        self._stored = self._made = self._held = before
        self._compare()

    def start_nowhere(self, size: int) -> None:
        """So many stand before the first entry, and nobody knows which: nothing can be held."""
        self._tied = False
        self._stored = self._made = _unknown(size)

    def take(self, seen: Seen) -> None:
        """The next entry."""
        if self._suspect is not None:
            self._suspect.note(seen)
        together = self._made is self._stored and seen.made == seen.stored
        self._made = self._made.appended([seen.made])[0]
        self._stored = self._made if together else self._stored.appended([seen.stored])[0]
        if self._tied:
            self._window.append(seen)
            del self._window[:-WINDOW_LEN_MAX]
            if seen.made != seen.stored:
                self._differ(seen)
            self._compare()
        elif seen.made != seen.stored:
            text = "it does not say what the hash stored beside it was made of"
            self._report.add(Kind.CHANGED, seen.seq, text)

    def lose(self, until: int) -> None:
        """What should stand before entry `until` is not there."""
        self._untie()
        self._stored = self._made = _unknown(until - 1)

    def expect(self, checkpoint: Checkpoint) -> bool:
        """The file's own, of a size to come; False where too many wait already."""
        if len(self._due) >= DUE_LEN_MAX + self._witnessed:
            return False
        if self._tied:
            self._due[checkpoint.size].own[checkpoint.root] = checkpoint
        return True

    def witness(self, checkpoint: Checkpoint) -> None:
        """Somebody else's, before the first entry."""
        self._due[checkpoint.size].witnessed.append(checkpoint)
        self._witnessed += 1

    def begins_with(self, size: int, proof: Sequence[Hash]) -> None:
        """The file's own proof that the newest checkpoint's log begins with one of so many
        entries; kept where a witness has one of that size."""
        if size in self._due and self._due[size].witnessed:
            self._begins[size] = proof

    def close(self, newest: Checkpoint, proof: Sequence[Hash], *, to_end: bool) -> None:
        """With the newest checkpoint, and the proof that its log goes on from here."""
        last, size = self.size, newest.size
        if not self._tied:
            return
        if size == last:
            self._due[size].own[newest.root] = newest
            self._compare()
        elif size > last:
            self._extended(newest, proof, to_end=to_end)
        elif self.held < last:
            text = "behind the newest signed checkpoint: put there by hand, or not signed yet"
            self._report.add(Kind.INSERTED, self.held + 1, text, last=last)
        if self._all_held() and last <= size:
            self._hold_witnesses(newest)

    def name(self, signed: int) -> None:
        """Say which entries are bad, and judge the witnesses; `signed`: the newest one's size."""
        self._name_changed()
        self._name_suspect(signed)
        self._judge_witnesses(max(signed, self.size))

    # -- inside --------------------------------------------------------------------------

    def _untie(self) -> None:
        """What was not held so far never is; what follows cannot be either."""
        self._tied = False
        for each in self._differing:
            text = "it does not say what the hash stored beside it was made of"
            self._report.add(Kind.CHANGED, each.seq, text)
        self._differing.clear()
        self._leave_uncounted()
        for due in self._due.values():
            due.own.clear()

    def _compare(self) -> None:
        """The trees with the checkpoints of their size."""
        due = self._due.pop(self._stored.size, None)
        if due is None or not self._tied:
            return
        for checkpoint in due.own.values():
            if self._tied:
                self._compare_own(checkpoint)
        for checkpoint in due.witnessed:
            if not self._tied:
                return
            if self._fits(checkpoint.root):
                self._report.agreed.append(checkpoint.size)
                self._hold(checkpoint.root)
            else:
                self._disputed.append(checkpoint)

    def _compare_own(self, checkpoint: Checkpoint) -> None:
        if self._fits(checkpoint.root):
            self._hold(checkpoint.root)
            return
        self._suspect = Suspect(checkpoint.size, checkpoint.root, self._held, list(self._window))
        self._disputed.clear()  # of a history that is broken anyway
        self._tied = False

    def _hold_witnesses(self, newest: Checkpoint) -> None:
        """Against the newest one, to which this goes on: of its size, or of one that is proved."""
        for size in [each for each in self._due if each == newest.size or each in self._begins]:
            proof = self._begins.get(size, ())
            for checkpoint in self._due.pop(size).witnessed:
                if merkle.extends(checkpoint.root, size, newest.root, newest.size, proof):
                    self._report.agreed.append(size)
                else:
                    self._fork(checkpoint)

    def _all_held(self) -> bool:
        return self._tied and self.held == self.size

    def _fits(self, root: Hash) -> bool:
        return root in (self._stored.root, self._made.root)

    def _hold(self, root: Hash) -> None:
        """One of the trees has a signed root: name what differs from it, and go on from there."""
        differing = self._differing
        if root == self._stored.root:
            room = FINDINGS_LEN_MAX - len(self._changed)
            self._changed += differing[:room]
            self._report.not_kept(len(differing[room:]))
            self._made = self._stored
        else:
            for each in differing:
                text = "the hash stored beside it was changed; what it says is what was signed"
                self._report.add(Kind.CHANGED, each.seq, text)
            self._stored = self._made
        for checkpoint in self._disputed:
            self._fork(checkpoint)
        for known in (self._disputed, self._differing, self._window):
            known.clear()
        self._leave_uncounted()
        self._held = self._stored

    def _differ(self, seen: Seen) -> None:
        if len(self._differing) < FINDINGS_LEN_MAX:
            self._differing.append(seen)
        else:
            self._uncounted += 1

    def _leave_uncounted(self) -> None:
        self._report.not_kept(self._uncounted)
        self._uncounted = 0

    def _name_changed(self) -> None:
        """Two that were exchanged both differ, and each is what the other was, or older."""
        for each in self._changed:
            if any(_changed_places(each, other) for other in self._changed):
                text, kind = "here stands what was another entry", Kind.REORDERED
            else:
                text, kind = "it does not say what was signed", Kind.CHANGED
            self._report.add(kind, each.seq, text)

    def _fork(self, checkpoint: Checkpoint) -> None:
        agreed = max((size for size in self._report.agreed if size < checkpoint.size), default=0)
        text = (
            f"a witness keeps a signed checkpoint of {checkpoint.size} entries that this log "
            "never had: its history was written anew"
        )
        self._report.add(Kind.FORKED, agreed + 1, text, last=checkpoint.size)
        self._report.disputed.append(checkpoint.size)

    def _extended(self, newest: Checkpoint, proof: Sequence[Hash], *, to_end: bool) -> None:
        for tree in (self._stored, self._made):
            if merkle.extends(tree.root, tree.size, newest.root, newest.size, proof):
                self._hold(tree.root)
                return
        if to_end:
            return  # it is cut off: that was said
        if self._held.size < self._stored.size:
            self._suspect = Suspect(self._stored.size, None, self._held, list(self._window))
            self._tied = False
        else:
            text = "nothing shows that the log goes on from here to the newest signed checkpoint"
            self._report.add(Kind.FORKED, tree.size + 1, text, last=newest.size)

    def _name_suspect(self, signed: int) -> None:
        """As well as it can be said which entry it is, and what was done to it."""
        suspect = self._suspect
        if suspect is None:
            self._untie()
            return
        first = suspect.held.size + 1
        if self._differing:
            for each in self._differing:
                self._report.add(
                    Kind.CHANGED,
                    each.seq,
                    "neither it nor the hash stored beside it is what was signed",
                )
        elif (seq := suspect.put_in()) is not None:
            self._report.add(Kind.INSERTED, seq, "without it the log is what was signed")
        elif (seq := suspect.out_of_order()) is not None:
            self._report.add(Kind.REORDERED, seq, "with another in its place the log is as signed")
        elif self.size < signed:
            text = "one is gone, and those behind it moved up"
            self._report.add(Kind.MISSING, first, text, last=suspect.size)
        else:
            text = "one of them was changed, and what was stored to prove it; nobody can say which"
            self._report.add(Kind.CHANGED, first, text, last=suspect.size)

    def _judge_witnesses(self, known: int) -> None:
        """Those that no entry of the file could be held against."""
        for checkpoint in self._disputed:
            self._fork(checkpoint)
        for size, due in sorted(self._due.items()):
            for _ in due.witnessed:
                if size > known:
                    text = f"a witness saw {size} entries"
                    self._report.add(Kind.TRUNCATED, known + 1, text, last=size)
                    self._report.disputed.append(size)
                else:
                    text = f"a witness's checkpoint of {size} entries cannot be held against this"
                    self._report.unchecked.append(text)


def _unknown(size: int) -> Frontier:
    return Frontier(size, (merkle.EMPTY_ROOT,) * size.bit_count())


def _changed_places(each: Seen, other: Seen) -> bool:
    """Whether one stands where the other was, or was written after it and stands before it."""
    if each.id is None or other.id is None or each is other:
        return False
    return each.made == other.stored or (each.seq < other.seq) != (each.id < other.id)
