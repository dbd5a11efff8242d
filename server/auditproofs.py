"""What proves single entries to somebody who trusts neither the database nor this program.

For a checker that keeps checkpoints of its own, as the audit page in a supervisor's browser does:
the entries as they stand with the salt of each field, the path of each leaf to the root of the
newest signed checkpoint, and the proof that its log begins with the one the checker holds. Values
go out as their canonical JSON text, because that text is what was sealed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from typing import Final

from server.auditviews import ProofsView, ProofView
from server.journal import canonical, merkle
from server.journal.checkpoint import Checkpoint
from server.journal.exportfile import Line
from server.journal.merkle import Hash, Nodes
from server.journal.notes import text_of
from server.stores import audit, seals
from server.stores.pool import Connection
from server.stores.seals import LogDamaged

PROOFS_LEN_MAX: Final = 200
"""Entries of one answer: a page of the log."""


async def proofs(conn: Connection, seqs: Sequence[int], *, held: int) -> ProofsView:
    """Of these entries as far as they are there; `held`: entries of the checker's own checkpoint.

    In a transaction that sees one moment.
    """
    origin, key = await seals.log(conn)
    newest = await seals.newest(conn)
    size = newest.size if newest else 0
    lines = await audit.some(conn, seqs)
    paths = await _paths(conn, [each.seq for each in lines if each.seq <= size], size)
    return ProofsView(
        origin=origin,
        key=key,
        keys=await audit.announcements(conn),
        note=newest.note if newest else None,
        size=_said(newest.note) if newest else 0,
        consistency=await _consistency(conn, held, size),
        entries=[_view(each, paths.get(each.seq)) for each in lines],
    )


def _said(note: str) -> int:
    """What the note says itself."""
    return Checkpoint.parse(text_of(note)).size


async def _consistency(conn: Connection, held: int, size: int) -> list[str] | None:
    if held > size:
        return None
    try:
        found = await seals.with_nodes(conn, partial(merkle.consistency, old=held, new=size))
    except LogDamaged:
        return None
    return _texts(found)


async def _paths(conn: Connection, seqs: Sequence[int], size: int) -> dict[int, list[Hash] | None]:
    """To the root, in one question; where a node is gone, one by one, for those it spares."""

    def all_of(nodes: Nodes) -> dict[int, list[Hash]]:
        return {seq: merkle.inclusion(nodes, seq - 1, size) for seq in seqs}

    try:
        return dict(await seals.with_nodes(conn, all_of))
    except LogDamaged:
        return {seq: await _path(conn, seq, size) for seq in seqs}


async def _path(conn: Connection, seq: int, size: int) -> list[Hash] | None:
    try:
        return await seals.with_nodes(conn, partial(merkle.inclusion, index=seq - 1, size=size))
    except LogDamaged:
        return None


def _view(line: Line, path: Sequence[Hash] | None) -> ProofView:
    content = line.content
    return ProofView(
        seq=line.seq,
        leaf=_text(line.leaf),
        id=content.id if content else None,
        at=content.at if content else None,
        fields={
            name: (_text(line.salts[name]), canonical.dumps(value))
            for name, value in (content.values if content else {}).items()
        },
        redacted={
            name: _text(each) for name, each in (content.redacted if content else {}).items()
        },
        path=None if path is None else _texts(path),
    )


def _texts(hashes: Sequence[Hash]) -> list[str]:
    return [_text(each) for each in hashes]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
