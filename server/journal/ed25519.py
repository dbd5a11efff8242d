"""Ed25519 signatures (RFC 8032 §5.1), as few of them as a county signs orders of its own.

Plain integers, so that no library is needed: a signature takes some milliseconds. How long exactly,
depends on the key; whoever can measure that inside this machine could read the key's file, too.
Where signatures are made by the thousand, or for strangers, put a library in its place: keys and
signatures are the standard's, and any other program verifies them.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

KEY_LEN: Final = 32
SIGNATURE_LEN: Final = 64

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
"""Order of the base point."""
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1: Final = pow(2, (_P - 1) // 4, _P)

_Point: TypeAlias = tuple[int, int, int, int]
"""Extended homogeneous coordinates (RFC 8032 §5.1.4): x = X/Z, y = Y/Z, xy = T/Z."""


def public_key(secret: bytes) -> bytes:
    """The public key of 32 secret bytes."""
    scalar, _ = _expanded(secret)
    return _compress(_times(scalar, _BASE))


def sign(secret: bytes, message: bytes) -> bytes:
    """64 bytes. The same message has the same signature: no chance is needed that might fail."""
    scalar, prefix = _expanded(secret)
    public = _compress(_times(scalar, _BASE))
    nonce = _number(prefix, message) % _L
    head = _compress(_times(nonce, _BASE))
    tail = (nonce + _number(head, public, message) * scalar) % _L
    return head + tail.to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the public key signed the message. What is malformed was not."""
    if len(public) != KEY_LEN or len(signature) != SIGNATURE_LEN:
        return False
    key, head = _decompress(public), _decompress(signature[:32])
    tail = int.from_bytes(signature[32:], "little")
    if key is None or head is None or tail >= _L:
        return False
    challenge = _number(signature[:32], public, message) % _L
    return _same(_times(tail, _BASE), _plus(head, _times(challenge, key)))


def _expanded(secret: bytes) -> tuple[int, bytes]:
    """The scalar and the prefix of the nonce (RFC 8032 §5.1.5)."""
    if len(secret) != KEY_LEN:
        raise ValueError(f"a secret key has {KEY_LEN} bytes, not {len(secret)}")
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _plus(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    total = _NEUTRAL
    while scalar:
        if scalar & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        scalar >>= 1
    return total


def _same(one: _Point, other: _Point) -> bool:
    x_same = (one[0] * other[2] - other[0] * one[2]) % _P == 0
    return x_same and (one[1] * other[2] - other[1] * one[2]) % _P == 0


def _x_of(y: int, sign_bit: int) -> int | None:
    """The x of a point (RFC 8032 §5.1.3); None: there is no such point."""
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - square) % _P or (x == 0 and sign_bit):
        return None
    return _P - x if x & 1 != sign_bit else x


def _compress(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decompress(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _base() -> _Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0)
    assert x is not None
    return x, y, 1, x * y % _P


_NEUTRAL: Final[_Point] = (0, 1, 1, 0)
_BASE: Final = _base()
