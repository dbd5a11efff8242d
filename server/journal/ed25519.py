"""Ed25519 signatures (RFC 8032) over plain bytes, as `cryptography` makes and checks them."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

KEY_LEN: Final = 32
SIGNATURE_LEN: Final = 64


def public_key(secret: bytes) -> bytes:
    """The public key of 32 secret bytes. Raises ValueError for another length."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, message: bytes) -> bytes:
    """64 bytes; the same message has the same signature. Raises ValueError as `public_key`."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the public key signed the message. What is malformed was not."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
