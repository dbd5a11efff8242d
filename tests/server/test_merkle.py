"""The tree of the command log: the standard's vectors, every proof, and nothing but true proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.journal.merkle import (
    EMPTY_ROOT,
    Frontier,
    Hash,
    Node,
    consistency,
    edge,
    extends,
    frontier,
    includes,
    inclusion,
    leaf_hash,
    node_hash,
)

# The reference tree of Certificate Transparency's implementations: eight leaves, and the root of
# the first one, the first two, ...
LEAVES = [
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (index, size) -> inclusion proof; (old, new) -> consistency proof.
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Log:
    """A log in memory, kept as the product keeps one: complete nodes alone."""

    def __init__(self, leaves: Sequence[Hash]) -> None:
        self.frontier, complete = Frontier().appended(leaves)
        self._nodes: dict[Node, Hash] = dict(complete)
        assert len(self._nodes) == len(complete)

    def nodes(self, level: int, number: int) -> Hash:
        return self._nodes[level, number]


def reference() -> Log:
    return Log([leaf_hash(bytes.fromhex(each)) for each in LEAVES])


def log_of(size: int) -> tuple[Log, list[Hash]]:
    leaves = [leaf_hash(bytes([number & 255, number >> 8])) for number in range(size)]
    return Log(leaves), leaves


def root_as_the_standard_says(leaves: Sequence[Hash]) -> Hash:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return node_hash(
        root_as_the_standard_says(leaves[:split]), root_as_the_standard_says(leaves[split:])
    )


def hexed(proof: Sequence[Hash]) -> list[str]:
    return [each.hex() for each in proof]


def test_roots_are_those_of_the_reference_tree() -> None:
    log = reference()

    found = [frontier(log.nodes, size).root.hex() for size in range(1, 9)]

    assert found == ROOTS
    assert Frontier().root == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("of", "expected"), INCLUSION.items(), ids=str)
def test_inclusion_proofs_are_those_of_the_reference_tree(
    of: tuple[int, int], expected: list[str]
) -> None:
    assert hexed(inclusion(reference().nodes, *of)) == expected


@pytest.mark.parametrize(("of", "expected"), CONSISTENCY.items(), ids=str)
def test_consistency_proofs_are_those_of_the_reference_tree(
    of: tuple[int, int], expected: list[str]
) -> None:
    assert hexed(consistency(reference().nodes, *of)) == expected


def test_every_leaf_of_every_tree_has_a_proof_that_holds() -> None:
    log, leaves = log_of(40)

    for size in range(1, 41):
        root = root_as_the_standard_says(leaves[:size])
        assert frontier(log.nodes, size).root == root
        for index in range(size):
            proof = inclusion(log.nodes, index, size)
            assert includes(root, size, index, leaves[index], proof)
            assert len(proof) <= (size - 1).bit_length()


def test_every_tree_extends_every_earlier_one() -> None:
    log, leaves = log_of(40)
    roots = [root_as_the_standard_says(leaves[:size]) for size in range(41)]

    for new in range(41):
        for old in range(new + 1):
            proof = consistency(log.nodes, old, new)
            assert extends(roots[old], old, roots[new], new, proof), (old, new)


@given(st.data())
def test_a_proof_of_another_leaf_place_size_or_root_does_not_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    log, leaves = log_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(log.nodes, index, size), log.frontier.root
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index))
    at = data.draw(st.integers(0, len(proof) - 1))
    bent = [leaves[other] if number == at else each for number, each in enumerate(proof)]

    assert not includes(root, size, index, leaves[other], proof)
    assert not includes(root, size, other, leaves[index], proof)
    assert not includes(leaves[index], size, index, leaves[index], proof)
    assert not includes(root, size, index, leaves[index], proof[:-1])
    assert not includes(root, size, index, leaves[index], [*proof, root])
    assert bent == proof or not includes(root, size, index, leaves[index], bent)


@given(st.data())
def test_a_log_that_was_rewritten_has_no_proof_to_what_it_was(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 200))
    old = data.draw(st.integers(1, new - 1))
    log, leaves = log_of(new)
    changed = data.draw(st.integers(0, old - 1))
    forged = Log([*leaves[:changed], leaf_hash(b"forged"), *leaves[changed + 1 :]])
    kept, proof = frontier(log.nodes, old).root, consistency(forged.nodes, old, new)

    assert not extends(kept, old, forged.frontier.root, new, proof)
    assert extends(kept, old, log.frontier.root, new, consistency(log.nodes, old, new))


def test_a_log_that_was_cut_has_no_proof_to_what_it_was() -> None:
    log, leaves = log_of(9)
    cut = Log(leaves[:7])

    assert not extends(log.frontier.root, 9, cut.frontier.root, 7, [])
    with pytest.raises(ValueError, match="cannot begin"):
        consistency(cut.nodes, 9, 7)


@given(st.integers(0, 400), st.lists(st.integers(0, 50), max_size=8))
def test_appending_in_any_portions_makes_the_same_log(size: int, cuts: list[int]) -> None:
    _, leaves = log_of(size)
    whole, complete = Frontier().appended(leaves)

    portions, found = Frontier(), list[tuple[Node, Hash]]()
    rest = leaves
    for length in [*cuts, size]:
        portions, more = portions.appended(rest[:length])
        rest, found = rest[length:], found + more

    assert (portions, found) == (whole, complete)


@given(st.integers(0, 2**40))
def test_the_edge_of_a_tree_covers_it_without_gaps(size: int) -> None:
    at = 0
    for level, number in edge(size):
        assert number << level == at
        at += 1 << level
    assert at == size


def test_what_is_no_frontier_is_refused() -> None:
    with pytest.raises(ValueError, match="no frontier"):
        Frontier(3, (leaf_hash(b""),))


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        inclusion(reference().nodes, index, size)
    assert not includes(EMPTY_ROOT, size, index, EMPTY_ROOT, [])
