"""One text for one JSON value: what is hashed must not depend on who wrote the JSON.

As RFC 8785 (JSON Canonicalization Scheme) writes it, but for two points:

    numbers   exact decimals without exponent and without needless zeros: 1.50 and 15e-1 are 1.5,
              and an integer of any length keeps its digits, which RFC 8785 would round
    keys      in the order of their UTF-8 bytes (RFC 8785: of their UTF-16 units); the two differ
              only for characters beyond U+FFFF

So a value keeps its text through PostgreSQL's jsonb, which keeps exact decimals, orders keys its
own way and writes escapes as characters. jsonb holds no NUL and no lone surrogate; neither has a
text here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, Final

DIGITS_MAX: Final = 150_000
"""Of one number, before and after the point; more than PostgreSQL's numeric has."""
_INT_LEN: Final = 18

quoted: Final[Callable[[str], str]] = encode_basestring
"""The one text of a string."""


def loads(text: str, *, strict: bool = False) -> Any:
    """JSON with its numbers exact: int, or Decimal. Raises ValueError, RecursionError.

    `strict`: only what `dumps` may have written: no key twice in one object, and no exponent, by
    which a few bytes could say a number that fills the memory.
    """
    return (_strict if strict else _plainly).decode(text)


def dumps(value: Any) -> str:
    """The one text. Raises ValueError for what JSON cannot say exactly, or is nested too deeply."""
    try:
        return _text(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _text(value: Any) -> str:
    match value:
        case str():
            return quoted(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _plain(_decimal(repr(value)))
        case Decimal():
            return _plain(value)
        case dict():
            parts = [f"{quoted(key)}:{_text(value[key])}" for key in sorted(value)]
            return "{" + ",".join(parts) + "}"
        case list() | tuple():
            return "[" + ",".join([_text(each) for each in value]) + "]"
    raise ValueError(f"JSON has no {type(value).__name__}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INT_LEN else _decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is out of all bounds") from None
    if not found.is_finite():
        raise ValueError(f"JSON has no {text}")
    exponent = found.as_tuple().exponent
    assert isinstance(exponent, int), "it is finite"
    if max(found.adjusted(), -exponent) > DIGITS_MAX:
        raise ValueError(f"a number has more than {DIGITS_MAX} digits")
    return found


def _written_out(text: str) -> Decimal:
    if "e" in text or "E" in text:
        raise ValueError("a number has an exponent")
    return _decimal(text)


def _decoder(
    hook: Callable[[list[tuple[str, Any]]], Any] | None, number: Callable[[str], Decimal]
) -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_int=_whole,
        parse_float=number,
        parse_constant=_no_number,
        object_pairs_hook=hook,
    )


def _plain(number: Decimal) -> str:
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _no_number(text: str) -> Any:
    raise ValueError(f"JSON has no {text}")


_plainly = _decoder(None, _decimal)
_strict = _decoder(_once, _written_out)
"""Made once: making one takes longer than reading an entry."""
