"""Another program reads our checkpoints and proofs: sigstore's verifier, which npm itself uses.

It knows nothing of us: it parses the note, checks the signature under it, and leads an entry's
leaf by the proof to the root.
"""

from __future__ import annotations

import base64
import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from server.journal import leaf, merkle
from server.journal.checkpoint import Checkpoint
from server.journal.merkle import Frontier, Node
from server.journal.notes import Signer
from tests.server.made_log import ORIGIN, entry, line
from tests.server.sealed_log import SIGNER

WEB: Final = Path(__file__).parents[2] / "web"
SCRIPT: Final = Path(__file__).with_name("sigstore_reads.mjs")
SIZE: Final = 11
DER: Final = bytes.fromhex("302a300506032b6570032100")
"""Before an Ed25519 public key, as others read it (RFC 8410 §4)."""


def sigstore(*questions: dict[str, Any]) -> list[dict[str, Any]]:
    if not (WEB / "node_modules" / "@sigstore" / "verify").is_dir():
        pytest.skip("the web's packages are not installed: sh web/npm.sh ci")
    asked = subprocess.run(
        ["sh", str(WEB / "npm.sh"), "exec", "--offline", "--", "node", str(SCRIPT)],
        input=json.dumps(questions), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    found: list[dict[str, Any]] = json.loads(asked.stdout)
    return found


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Log:
    """Of eleven entries."""

    def __init__(self) -> None:
        self.entries = [entry(n, {"n": n, "note": "坡上 \U0001f693"}) for n in range(1, SIZE + 1)]
        lines = [line(seq, each) for seq, each in enumerate(self.entries, 1)]
        self.leaves = [
            leaf.data(each.id, each.at, each.commitments(line.salts))
            for each, line in zip(self.entries, lines, strict=True)
        ]
        self.tree, complete = Frontier().appended([each.leaf for each in lines])
        self._nodes: dict[Node, bytes] = dict(complete)

    def asked(self, index: int, *, signer: Signer = SIGNER) -> dict[str, Any]:
        """About the entry at an index, under the checkpoint of the whole log."""
        nodes = partial(lambda level, number: self._nodes[level, number])
        key = SIGNER.verifier
        checkpoint = Checkpoint(origin=ORIGIN, size=SIZE, root=self.tree.root)
        return {
            "name": key.name,
            "key": text(DER + key.public),
            "keyId": text(key.key_id),
            "note": checkpoint.signed(signer),
            "index": index,
            "leaf": text(self.leaves[index]),
            "proof": [text(each) for each in merkle.inclusion(nodes, index, SIZE)],
        }


def test_sigstore_reads_our_checkpoints_and_proofs_and_no_false_ones() -> None:
    log = Log()
    whole = [log.asked(index) for index in range(SIZE)]
    stranger = log.asked(0, signer=Signer(name="ridgeline", secret=bytes(32)))
    forged = whole[0] | {"note": whole[0]["note"].replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")}
    another_entry = whole[4] | {"leaf": whole[5]["leaf"]}

    *read, by_stranger, by_forger, of_another = sigstore(*whole, stranger, forged, another_entry)

    assert read == [{"origin": ORIGIN, "size": SIZE, "root": text(log.tree.root)}] * SIZE
    assert by_stranger == by_forger == {"refused": "invalid checkpoint signature"}
    assert "does not match" in of_another["refused"]
