"""How a webhook is signed (Standard Webhooks, standardwebhooks.com), and when to try again.

    webhook-id          the same for every attempt, so the receiver knows what it had before
    webhook-timestamp   seconds since 1970 of this attempt
    webhook-signature   v1,<base64 of HMAC-SHA256 over "id.timestamp.body" with the shared secret>

Knows no socket and no store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (how one begins)
SECRET_LEN: Final = 32
"""Bytes; the standard asks for 24 to 64."""
URL_LEN_MAX: Final = 2000

_RETRIES_S: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400)
ATTEMPTS_MAX: Final = len(_RETRIES_S) + 1
"""Over some 42 hours; then somebody has to look."""
SPREAD: Final = 0.2
"""Share by which a wait is longer at random, so that receivers do not come back to a crowd."""


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_LEN)).decode()


def headers(message_id: str, unix_s: int, body: bytes, *, secret: str) -> dict[str, str]:
    """Of one attempt. Raises ValueError where the secret is none."""
    signed = f"{message_id}.{unix_s}.".encode() + body
    mark = hmac.digest(_key(secret), signed, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(unix_s),
        "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
    }


def wait_before_next(attempts: int, *, luck: float) -> timedelta | None:
    """After so many attempts that failed; None: give up. `luck` is drawn from 0 to 1."""
    if attempts >= ATTEMPTS_MAX:
        return None
    return timedelta(seconds=_RETRIES_S[attempts - 1] * (1 + SPREAD * luck))


def why_not(url: str) -> str | None:
    """Why nothing is sent there; None: it may be. What is sent speaks of people: HTTPS, or this
    machine alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        httpx.URL(url)  # is stricter about names
    except (ValueError, httpx.InvalidURL):
        return "That is no address."
    if not url.isprintable() or " " in url or len(url) > URL_LEN_MAX or not host:
        return "That is no address."
    if parts.username is not None or parts.password is not None:
        return "An address names no user: the signature tells who sends."
    if parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host)):
        return None
    return "An address begins with https://, or with http:// on this machine."


def shown(url: str) -> str:
    """Of an address what the log may say for good: not its path, which is often a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the secret of a webhook is whsec_ and base64") from None
