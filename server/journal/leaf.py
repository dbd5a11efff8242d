r"""What of an entry is hashed: a leaf of the Merkle tree, made of a commitment to each field.

    commitment   SHA-256(salt || canonical JSON of [name, value]), salt: 16 random bytes of its own
    leaf data    ridgeline entry v1\n
                 <id>\n
                 <time, UTC, as 2026-01-31T08:00:00.000000Z>\n
                 <name as JSON> <commitment in base64>\n     one line a field, in the order of names
    leaf hash    SHA-256(0x00 || leaf data)

The fields are `actor`, `subject`, `kind` and, one by one, `body.<key>` for what the body has on its
first level. Whoever has a field's salt and value checks them against its commitment. Once both are
dropped, the commitment says nothing of the value (the salt is random and as good as a key), and
stands in the leaf as before: a field can be redacted and every proof still holds.

Knows no store; chance comes as bytes.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.journal import canonical
from server.journal.merkle import HASH_LEN, Hash, leaf_hash

VERSION: Final = "ridgeline entry v1"
SALT_LEN: Final = 16
BODY: Final = "body"
_AT: Final = re.compile(r"[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Of one entry: what it says, and what was taken out of it."""

    id: int
    at: str
    """UTC with microseconds, as the leaf has it."""
    values: Mapping[str, Any]
    """By the name of the field."""
    redacted: Mapping[str, Hash] = field(default_factory=dict)
    """The commitments of fields whose salt and value are gone."""

    def commitments(self, salts: Mapping[str, bytes]) -> dict[str, Hash]:
        """Of every field, with the salt of each value. Raises KeyError, ValueError."""
        found = {name: commitment(salts[name], name, value) for name, value in self.values.items()}
        return {**found, **self.redacted}

    def leaf(self, salts: Mapping[str, bytes]) -> Hash:
        """The leaf's hash. Raises as `commitments`."""
        return leaf_hash(data(self.id, self.at, self.commitments(salts)))


def fields(*, actor: str, subject: str, kind: str, body: Any) -> dict[str, Any]:
    """An entry's values by the names of their fields, in the order of the names."""
    found = {"actor": actor, "kind": kind, "subject": subject}
    if isinstance(body, dict):
        found |= {f"{BODY}.{key}": value for key, value in body.items()}
    else:
        found[BODY] = body
    return dict(sorted(found.items()))


def commitment(salt: bytes, name: str, value: Any) -> Hash:
    """Raises ValueError for a value that JSON cannot say, or a salt of another length."""
    if len(salt) != SALT_LEN:
        raise ValueError(f"a salt has {SALT_LEN} bytes")
    text = f"[{canonical.quoted(name)},{canonical.dumps(value)}]"
    return hashlib.sha256(salt + text.encode()).digest()


def data(entry_id: int, at: str, commitments: Mapping[str, Hash]) -> bytes:
    """What the leaf's hash is of. Raises ValueError.

    Nothing but a time may stand for the time: with a line break in it, it could say a field's line.
    """
    if not _AT.fullmatch(at):
        raise ValueError("its time is none")
    if any(len(each) != HASH_LEN for each in commitments.values()):
        raise ValueError(f"a commitment has {HASH_LEN} bytes")
    lines = [VERSION, str(entry_id), at]
    lines += [
        f"{canonical.quoted(name)} {b2a_base64(commitments[name], newline=False).decode()}"
        for name in sorted(commitments)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def paired(names: Iterator[str] | Mapping[str, Any], salts: bytes) -> dict[str, bytes]:
    """Salts as they are stored, one behind the other in the order of names, each with its name.

    Raises ValueError where they are not as many.
    """
    ordered = sorted(names)
    if len(salts) != SALT_LEN * len(ordered):
        raise ValueError("there is not one salt for each field")
    return {
        name: salts[start : start + SALT_LEN]
        for name, start in zip(ordered, range(0, len(salts), SALT_LEN), strict=True)
    }
