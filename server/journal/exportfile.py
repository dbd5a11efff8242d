"""A part of the log as a file that stands alone: one JSON value a line, and what proves it.

    {"ridgeline_audit": 1, "origin", "first", "to_end", "before", "keys"}
    {"seq", "leaf", "id", "at", "fields": {name: [salt, value]}, "redacted": {name: commitment}}
    {"checkpoint": note}                     before the entry that was the last when it was signed
    {"unsealed": id, "waiting": bool}        an entry of the database without a place in the log
    {"held": size, "proof"}                  for whoever keeps a checkpoint of that size
    {"end": {"last", "note", "proof"}}

`before` are the hashes of the complete subtrees left of `first`, `keys` the announcements of keys,
`to_end` says whether all entries from `first` on were asked for. An entry whose row is gone has
`seq` and `leaf` alone. `note` is the newest checkpoint, `proof` that its log begins with the one
that ends at `last`, or, of `held`, with the one of so many entries. Hashes and salts are in base64.
The last line says that the file is whole.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from server.journal import canonical
from server.journal.leaf import SALT_LEN, Content
from server.journal.merkle import HASH_LEN, Hash

VERSION: Final = 1
LINE_LEN_MAX: Final = 4 * 1024 * 1024
"""Characters of one entry; far more than any has."""


class MalformedLine(ValueError):
    """A line that no export has; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    origin: str
    first: int
    to_end: bool
    before: tuple[Hash, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Of one entry; `content` is None where its row is gone, or cannot be read."""

    seq: int
    leaf: Hash
    content: Content | None = None
    salts: Mapping[str, bytes]
    wrong: str = ""
    """What is wrong with what it says; never written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A checkpoint between the entries."""

    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    id: int
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """That the newest checkpoint's log begins with the one of `size` entries."""

    size: int
    proof: tuple[Hash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    last: int
    note: str | None
    proof: tuple[Hash, ...]


Part: TypeAlias = Head | Line | Noted | Unsealed | Held | End


def written(part: Part) -> str:
    """As a line, with its end."""
    return canonical.dumps(_plain(part)) + "\n"


def read(text: str) -> Part:
    """Of a line. Raises `MalformedLine`."""
    if len(text) > LINE_LEN_MAX:
        raise MalformedLine("a line is longer than any entry")
    try:
        value = canonical.loads(text, strict=True)
        return _part(value)
    except RecursionError:
        raise MalformedLine("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedLine(f"this is no JSON: {error.msg}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedLine(f"this is no line of an export: {error}") from None


def _plain(part: Part) -> dict[str, Any]:
    match part:
        case Head():
            return {
                "ridgeline_audit": VERSION,
                "origin": part.origin,
                "first": part.first,
                "to_end": part.to_end,
                "before": _texts(part.before),
                "keys": part.keys,
            }
        case Line():
            return {"seq": part.seq, "leaf": _text(part.leaf)} | _content(part)
        case Noted():
            return {"checkpoint": part.note}
        case Unsealed():
            return {"unsealed": part.id, "waiting": part.waiting}
        case Held():
            return {"held": part.size, "proof": _texts(part.proof)}
        case End():
            end = {"last": part.last, "note": part.note, "proof": _texts(part.proof)}
            return {"end": end}


def _content(part: Line) -> dict[str, Any]:
    found, salts = part.content, part.salts
    if found is None:
        return {}
    return {
        "id": found.id,
        "at": found.at,
        "fields": {name: [_text(salts[name]), value] for name, value in found.values.items()},
        "redacted": {name: _text(each) for name, each in found.redacted.items()},
    }


def _part(value: dict[str, Any]) -> Part:
    """Nothing may stand in a line beside what is proved: who reads the file would believe it."""
    if "seq" in value:
        return _line(value)
    if "checkpoint" in value:
        _require_only(value, "checkpoint")
        return Noted(note=_str(value["checkpoint"]))
    if "unsealed" in value:
        _require_only(value, "unsealed", "waiting")
        return Unsealed(id=_int(value["unsealed"]), waiting=_bool(value["waiting"]))
    if "held" in value:
        _require_only(value, "held", "proof")
        return Held(size=_int(value["held"]), proof=_hashes(value["proof"]))
    if "end" in value:
        _require_only(value, "end")
        end = value["end"]
        _require_only(end, "last", "note", "proof")
        note = None if end["note"] is None else _str(end["note"])
        return End(last=_int(end["last"]), note=note, proof=_hashes(end["proof"]))
    if value.get("ridgeline_audit") != VERSION:
        raise ValueError("its version is not one that this program knows")
    _require_only(value, "ridgeline_audit", "origin", "first", "to_end", "before", "keys")
    return Head(
        origin=_str(value["origin"]),
        first=_int(value["first"]),
        to_end=_bool(value["to_end"]),
        before=_hashes(value["before"]),
        keys=tuple(_str(each) for each in value["keys"]),
    )


def _line(value: dict[str, Any]) -> Line:
    seq, leaf = _int(value["seq"]), _bytes(value["leaf"], HASH_LEN)
    if "fields" not in value:
        _require_only(value, "seq", "leaf")
        return Line(seq=seq, leaf=leaf, salts={})
    try:
        content, salts = _said(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Line(seq=seq, leaf=leaf, salts={}, wrong=f"this is no entry of an export: {error}")
    return Line(seq=seq, leaf=leaf, content=content, salts=salts)


def _said(value: dict[str, Any]) -> tuple[Content, dict[str, bytes]]:
    """What an entry says, and the salt of each field."""
    _require_only(value, "seq", "leaf", "id", "at", "fields", "redacted")
    fields = {name: _pair(each) for name, each in value["fields"].items()}
    redacted = {name: _bytes(each, HASH_LEN) for name, each in value["redacted"].items()}
    if fields.keys() & redacted.keys():
        raise ValueError("a field is there and redacted at once")
    content = Content(
        id=_int(value["id"]),
        at=_str(value["at"]),
        values={name: said for name, (_, said) in fields.items()},
        redacted=redacted,
    )
    return content, {name: salt for name, (salt, _) in fields.items()}


def _require_only(value: dict[str, Any], *names: str) -> None:
    if value.keys() - set(names):
        raise ValueError("there is more in it than an export says")


def _pair(value: Any) -> tuple[bytes, Any]:
    if not isinstance(value, list):
        raise ValueError("salt and value are missing")
    salt, said = value
    return _bytes(salt, SALT_LEN), said


def _int(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a number is missing")
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is missing")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("yes or no is missing")
    return value


def _texts(values: Sequence[bytes]) -> list[str]:
    return [_text(each) for each in values]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hashes(values: Any) -> tuple[Hash, ...]:
    return tuple(_bytes(each, HASH_LEN) for each in values)


def _bytes(text: Any, length: int) -> bytes:
    try:
        data = base64.b64decode(_str(text), validate=True)
    except binascii.Error:
        raise ValueError("this is no base64") from None
    if len(data) != length:
        raise ValueError(f"{length} bytes are missing")
    return data
