"""A log and its export, made of nothing but values: no database, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from server.journal import exportfile, leaf, merkle
from server.journal.checkpoint import Checkpoint
from server.journal.exportfile import End, Head, Line, Noted, Part
from server.journal.findings import Report
from server.journal.leaf import Content
from server.journal.merkle import Frontier, Node
from server.journal.verifier import Verification
from tests.server.sealed_log import SIGNER

ORIGIN: Final = "ridgeline/made"
EVERY: Final = 4
"""Entries from one checkpoint to the next."""


def entry(n: int, body: Any = None) -> Content:
    said = {"n": n, "note": f"truck {n}"} if body is None else body
    values = leaf.fields(
        actor="user:wang", subject=f"incident:{n}", kind="incident.opened", body=said
    )
    return Content(id=n, at="2026-01-31T08:00:00.000000Z", values=values)


def line(seq: int, content: Content) -> Line:
    """With the leaf that its words give."""
    salts = {name: bytes([place]) * leaf.SALT_LEN for place, name in enumerate(content.values)}
    return Line(seq=seq, leaf=content.leaf(salts), content=content, salts=salts)


def exported(contents: Sequence[Content], *, last: int | None = None) -> list[str]:
    """All of it, or the entries up to one; a checkpoint every four entries and at the end."""
    return [exportfile.written(part) for part in parts(contents, last=last)]


def parts(contents: Sequence[Content], *, last: int | None = None) -> list[Part]:
    end = last or len(contents)
    found: list[Part] = [Head(origin=ORIGIN, first=1, to_end=last is None, before=(), keys=())]
    tree, nodes, note = Frontier(), dict[Node, bytes](), ""
    for seq, content in enumerate(contents, 1):
        made = line(seq, content)
        tree, complete = tree.appended([made.leaf])
        nodes |= dict(complete)
        if seq % EVERY == 0 or seq == len(contents):
            note = Checkpoint(origin=ORIGIN, size=seq, root=tree.root).signed(SIGNER)
            found += [Noted(note=note)] if seq <= end else []
        found += [made] if seq <= end else []
    prove = partial(merkle.consistency, lambda level, number: nodes[level, number])
    proof = prove(end, len(contents)) if end < len(contents) else []
    return [*found, End(last=end, note=note, proof=tuple(proof))]


def edited(lines: list[str], seq: int, change: Callable[[str], str]) -> list[str]:
    """With the line of one entry changed."""
    mark = f'"seq":{seq},'
    return [change(each) if mark in each or f'"seq":{seq}}}' in each else each for each in lines]


def verified(lines: Sequence[str], *witnesses: str) -> Report:
    verification = Verification(SIGNER.verifier, witnesses=witnesses)
    for each in lines:
        verification.feed(each)
    return verification.finish()
