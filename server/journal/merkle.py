"""The Merkle tree of an append-only log (RFC 6962 §2.1; proofs as RFC 9162 §2.1.3 and §2.1.4).

    leaf  SHA-256(0x00 || data)         node  SHA-256(0x01 || left || right)

A tree of n leaves splits at the largest power of two below n, so every subtree but those along the
right edge is *complete*: its 2^level leaves are all there, and its hash never changes again. Those
complete nodes are all that is kept. `Frontier` says which become complete when a leaf is appended,
`inclusion` and `consistency` make proofs from them with some log2(n) reads, and `includes` and
`extends` check proofs with nothing but hashes.

Sizes and positions are numbers of leaves, from 0. Knows no store and no entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

HASH_LEN: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Of a log without entries."""
PROOF_LEN_MAX: Final = 64
"""Hashes of one proof; more than any log that fits on a disk."""

Hash: TypeAlias = bytes
Node: TypeAlias = tuple[int, int]
"""Level and number of a complete subtree: leaves number * 2^level up to the next one's."""
Nodes: TypeAlias = Callable[[int, int], Hash]
"""The hash of a complete subtree, by level and number."""


def leaf_hash(data: bytes) -> Hash:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees along the right edge: all that appending needs to know of a log."""

    size: int = 0
    hashes: tuple[Hash, ...] = ()
    """Left to right, so the largest subtree first: one for each bit of the size."""

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes are no frontier of {self.size} leaves")

    def appended(self, leaves: Iterable[Hash]) -> tuple[Frontier, list[tuple[Node, Hash]]]:
        """With these leaves' hashes behind it, and every node that became complete, leaves too."""
        size, hashes, complete = self.size, list(self.hashes), list[tuple[Node, Hash]]()
        for leaf in leaves:
            found, level = leaf, 0
            complete.append(((0, size), leaf))
            while size >> level & 1:
                found, level = node_hash(hashes.pop(), found), level + 1
                complete.append(((level, size >> level), found))
            hashes.append(found)
            size += 1
        return Frontier(size, tuple(hashes)), complete

    @property
    def root(self) -> Hash:
        """Of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found


def edge(size: int) -> list[Node]:
    """Complete subtrees that a tree of this size is put together from, left to right."""
    found, start = list[Node](), 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def frontier(nodes: Nodes, size: int) -> Frontier:
    """Read from the complete nodes of a log at least as long."""
    return Frontier(size, tuple(nodes(*each) for each in edge(size)))


def inclusion(nodes: Nodes, index: int, size: int) -> list[Hash]:
    """The proof that the leaf at `index` is in the tree of `size` leaves (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    return [_hash_of(nodes, *part) for part in reversed(list(_beside(index, 0, size)))]


def consistency(nodes: Nodes, old: int, new: int) -> list[Hash]:
    """The proof that the tree of `new` leaves begins with that of `old` (RFC 9162 §2.1.4.1)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} cannot begin with one of {old}")
    if old in (0, new):
        return []
    return [_hash_of(nodes, *part) for part in reversed(list(_shared(old, 0, new, whole=True)))]


def includes(root: Hash, size: int, index: int, leaf: Hash, proof: Sequence[Hash]) -> bool:
    """Whether the proof leads from the leaf's hash at `index` to the root of `size` leaves."""
    if not 0 <= index < size or not _is_proof(proof):
        return False
    number, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(each, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, each)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def extends(old_root: Hash, old: int, root: Hash, size: int, proof: Sequence[Hash]) -> bool:
    """Whether the proof shows that the tree of `size` leaves begins with the one of `old`."""
    if not 0 <= old <= size or not _is_proof(proof):
        return False
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        return False
    number, last = old - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    before = after = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node_hash(after, each)
        number, last = number >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _is_proof(proof: Sequence[Hash]) -> bool:
    return len(proof) <= PROOF_LEN_MAX and all(len(each) == HASH_LEN for each in proof)


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _beside(index: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What lies beside the way from the top of leaves start … end down to one, topmost first."""
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield start, middle
            start = middle


def _shared(old: int, start: int, end: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    """What old and new root are both put together from, topmost first; `whole`: the old tree ends
    exactly at the end of one of its own subtrees so far, whose root the checker knows."""
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            yield middle, end
            end = middle
        else:
            yield start, middle
            start, whole = middle, False
    if not whole:
        yield start, end


def _hash_of(nodes: Nodes, start: int, end: int) -> Hash:
    """Of the leaves start … end, where start is a multiple of a power of two at least as large."""
    size = end - start
    parts = [nodes(level, (start >> level) + number) for level, number in edge(size)]
    found = parts[-1]
    for left in reversed(parts[:-1]):
        found = node_hash(left, found)
    return found
