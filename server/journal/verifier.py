"""Verifies an export (`server.journal.exportfile`) with nothing but a public key.

Line by line: each has its place and its order, and gives two trees (`server.journal.trees`) their
leaves. Wherever a signed checkpoint stands, one of the two must have its root.

Whoever has key and database can make a file that is faultless in itself. Then only a checkpoint
that somebody else has kept shows it: those come as `witnesses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from server.journal import exportfile, merkle
from server.journal.announced import Redactions
from server.journal.checkpoint import Checkpoint
from server.journal.exportfile import End, Head, Held, Line, MalformedLine, Noted, Unsealed
from server.journal.findings import FindingKind as Kind
from server.journal.findings import Report
from server.journal.keyring import Keyring
from server.journal.kinds import JournalKind
from server.journal.leaf import Content
from server.journal.merkle import Frontier, Hash
from server.journal.notes import NoteError, Verifier
from server.journal.suspects import Seen
from server.journal.trees import Trees

EARLY_LEN_MAX: Final = 1000
"""Entries that wait for one before them; with more, that one counts as missing."""
EARLY_CHARS_MAX: Final = 32 * 1024 * 1024
"""Of all their lines."""


class Verification:
    """`feed` every line in order, then `finish`.

    `keys`: the log's first public key; and each that follows one that was lost, which nothing but
    your own word ties to it.
    """

    def __init__(self, *keys: Verifier, witnesses: Sequence[str] = ()) -> None:
        if not keys:
            raise ValueError("nothing is verified without a public key")
        self._keys, self._witnesses = keys, witnesses
        self.report = Report()
        self._redactions = Redactions()
        self._trees = Trees(self.report)
        self._ring: Keyring | None = None
        self._head: Head | None = None
        self._end: End | None = None
        self._early = dict[int, str]()
        self._early_chars = 0

    def feed(self, text: str) -> None:
        """One line of the file. What is wrong with it is in the report."""
        try:
            part = exportfile.read(text)
        except MalformedLine as error:
            self._malformed(str(error))
            return
        if (self._head is None) != isinstance(part, Head) or self._end is not None:
            self._malformed("it does not belong where it stands")
            return
        match part:
            case Head():
                self._begin(part)
            case Line():
                self._line(part, text)
            case Noted():
                self._noted(part.note)
            case Unsealed():
                self._unsealed(part)
            case Held():
                self._trees.begins_with(part.size, part.proof)
            case End():
                self._end = part
            case _:
                assert_never(part)

    def finish(self) -> Report:
        """What was found."""
        report = self.report
        report.first = self._head.first if self._head else 1
        while self._early:
            self._lose(min(self._early))
            self._take_early()
        report.last = self._trees.size
        if self._head is None:
            report.add(Kind.TRUNCATED, 1, "the file has no first line")
            return report
        self._close(self._end)
        self._trees.name(report.signed)
        report.held = self._trees.held
        self._name_unannounced()
        return report

    def _begin(self, head: Head) -> None:
        self._head, self.report.origin = head, head.origin
        self._ring = Keyring(origin=head.origin, trusted=self._keys)
        try:
            for note in head.keys:
                self._ring = self._ring.following([note])
        except NoteError as error:
            self.report.add(Kind.FORGED, head.first, f"a key was announced wrongly: {error}")
        for note in self._witnesses:
            self._witnessed(note)
        try:
            self._trees.start(Frontier(head.first - 1, head.before))
        except ValueError:
            self._malformed("what stands before its first entry does not fit")
            self._trees.start_nowhere(max(0, head.first - 1))

    def _line(self, line: Line, text: str) -> None:
        expected = self._trees.size + 1
        if line.seq < expected or line.seq in self._early:
            self.report.add(
                Kind.INSERTED, line.seq, "it stands in the file twice, or far behind its place"
            )
        elif line.seq > expected:
            self._early[line.seq] = text
            self._early_chars += len(text)
            while len(self._early) > EARLY_LEN_MAX or self._early_chars > EARLY_CHARS_MAX:
                self._lose(min(self._early))
                self._take_early()
        else:
            if self._early:
                self.report.add(Kind.REORDERED, line.seq, "later entries stand before it")
            self._take(line)
            self._take_early()

    def _noted(self, note: str) -> None:
        try:
            found = self._checkpoint(note)
        except NoteError as error:
            self.report.add(Kind.FORGED, self._trees.size + 1, f"a checkpoint: {error}")
            return
        self.report.signed = max(self.report.signed, found.size)
        if found.size <= self._trees.size:
            self.report.add(Kind.REORDERED, found.size, "its checkpoint stands after it")
        elif not self._trees.expect(found):
            self.report.add(Kind.REORDERED, found.size, "its checkpoint stands far before it")

    def _unsealed(self, part: Unsealed) -> None:
        if part.waiting:
            self.report.waiting += 1
        else:
            text = f"the database has an entry (id {part.id}) that the log has no place for"
            self.report.add(Kind.INSERTED, self._trees.size + 1, text)

    def _malformed(self, text: str) -> None:
        self.report.add(Kind.CHANGED, self._trees.size + 1, f"its line was changed: {text}")

    def _take(self, line: Line) -> None:
        """The next entry."""
        made = self._made_of(line)
        entry_id = line.content.id if line.content else None
        self._trees.take(Seen(line.seq, entry_id, line.leaf, made))

    def _made_of(self, line: Line) -> Hash:
        """The leaf by the entry's own words; by its stored leaf where these are gone."""
        content = line.content
        if line.wrong:
            self.report.add(Kind.CHANGED, line.seq, f"its line was changed: {line.wrong}")
            return line.leaf
        if content is None:
            self.report.add(Kind.MISSING, line.seq, "what it said is gone, only its hash is there")
            return line.leaf
        self.report.redacted += len(content.redacted)
        self._redactions.note(line.seq, content)
        self._note_key(line.seq, content)
        try:
            return content.leaf(line.salts)
        except (ValueError, KeyError) as error:
            self.report.add(Kind.CHANGED, line.seq, f"it cannot be read: {error}")
            return merkle.EMPTY_ROOT

    def _note_key(self, seq: int, content: Content) -> None:
        """Where the entry says that another key signs from here on."""
        values = content.values
        if values.get("kind") == JournalKind.JOURNAL_KEY_CHANGED and self._ring is not None:
            self._ring = self._ring.replacing(
                values.get("body.before"), values.get("body.key"), seq
            )

    def _take_early(self) -> None:
        while (text := self._early.pop(self._trees.size + 1, None)) is not None:
            self._early_chars -= len(text)
            line = exportfile.read(text)
            assert isinstance(line, Line), "it was one when it came"
            self._take(line)

    def _lose(self, seq: int) -> None:
        """Give up on what should stand before an entry that is there."""
        expected = self._trees.size + 1
        if seq <= expected:
            return
        self.report.add(Kind.MISSING, expected, "not in the file", last=seq - 1)
        self._trees.lose(seq)

    def _close(self, end: End | None) -> None:
        last = self._trees.size
        if end is None:
            text = "the last line is missing: the file was cut off"
            self.report.add(Kind.TRUNCATED, last + 1, text)
            return
        if end.last > last:
            text = "they are not in the file, though its last line counts them"
            self.report.add(Kind.TRUNCATED, last + 1, text, last=end.last)
        elif end.last < last:
            text = "they stand behind what the last line counts"
            self.report.add(Kind.INSERTED, end.last + 1, text, last=last)
        if end.note is None:
            if last:
                first = self.report.first
                self.report.add(Kind.FORGED, first, "there is no signed checkpoint", last=last)
            return
        try:
            self._newest(self._checkpoint(end.note), end.proof)
        except NoteError as error:
            self.report.add(Kind.FORGED, last, f"the newest checkpoint: {error}")

    def _newest(self, newest: Checkpoint, proof: Sequence[Hash]) -> None:
        last, size = self._trees.size, newest.size
        self.report.signed = size
        if size > last and self._head_to_end():
            text = f"the log had {size} entries when it was last signed"
            self.report.add(Kind.TRUNCATED, last + 1, text, last=size)
        self._trees.close(newest, proof, to_end=self._head_to_end())

    def _head_to_end(self) -> bool:
        return self._head is not None and self._head.to_end

    def _name_unannounced(self) -> None:
        """Of a file that goes to the log's end, with nothing waiting, what is not said is gone."""
        report = self.report
        report.unannounced = self._redactions.unannounced()
        if self._end is None or not self._head_to_end() or report.waiting:
            return
        for seq in report.unannounced:
            text = "fields were taken out of it, and no entry says who did"
            report.add(Kind.MISSING, seq, text)

    def _checkpoint(self, note: str) -> Checkpoint:
        assert self._ring is not None, "the first line comes first"
        return self._ring.checkpoint(note)

    def _witnessed(self, note: str) -> None:
        assert self._ring is not None
        try:
            found = self._ring.checkpoint(note)
        except NoteError as error:
            self.report.unchecked.append(f"a witness's checkpoint says nothing: {error}")
            return
        self._trees.witness(found)
