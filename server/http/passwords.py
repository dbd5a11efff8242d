"""Passwords: argon2id (RFC 9106) on a few threads, the same work for users who do not exist.

Knows no user and no store.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from server.http.errors import ApiError

PASSWORD_LEN_MIN = 10
PASSWORD_LEN_MAX = 200
ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letter or figure that is easily taken for another."""
ONE_TIME_GROUPS, ONE_TIME_GROUP_LEN = 4, 4
"""31 ** 16 possibilities: 79 bits."""
_COMMON = (
    "password",
    "1234567890",
    "0123456789",
    "qwertyuiop",
    "1q2w3e4r5t",
    "administrator",
    "letmein",
    "welcome",
    "iloveyou",
    "changeme",
    "dispatcher",
    "supervisor",
    "ridgeline",
    "abc123",
    "111111",
    "woaini",
    "aini1314",
)

T = TypeVar("T")


class Passwords:
    """Hashes and verifies, at most `at_once` at a time; `close` ends its threads."""

    def __init__(
        self,
        *,
        at_once: int = 2,
        waiting_max: int = 64,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._hasher = hasher or argon2.PasswordHasher()  # RFC 9106, second option: 64 MiB
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._waiting_max = waiting_max
        self._running = 0
        self._nobody = _unmatched(self._hasher)

    async def hash(self, password: str) -> str:
        """Raises `ApiError` 503 when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it matches; None, for an unknown user, takes as long and never matches."""
        known = password_hash or self._nobody
        matches = await self._run(lambda: self._matches(known, password))
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
            return False  # what is no hash, as "-", matches nothing

    async def _run(self, job: Callable[[], T]) -> T:
        if self._running >= self._waiting_max:
            message = "Too many people are signing in at once. Try again in a moment."
            raise ApiError(503, "unavailable", message, headers={"retry-after": "2"})
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, job)
        finally:
            self._running -= 1


def _unmatched(hasher: argon2.PasswordHasher) -> str:
    """A well-formed hash of nothing: as much work to verify as a real one."""

    def random_text(length: int) -> str:
        return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")

    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    parts = (random_text(hasher.salt_len), random_text(hasher.hash_len))
    return f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${costs}${'$'.join(parts)}"


def one_time_password() -> str:
    """Easy to read out over the radio, e.g. `k3fm-p9wd-7hra-xq2t`."""
    return "-".join(
        "".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(ONE_TIME_GROUP_LEN))
        for _ in range(ONE_TIME_GROUPS)
    )


def weakness(password: str, username: str) -> str | None:
    """Why a password is too weak, or None (NIST SP 800-63B §3.1.1: length, no common ones)."""
    lowered = password.lower()
    if len(password) < PASSWORD_LEN_MIN:
        return f"At least {PASSWORD_LEN_MIN} characters."
    if len(password) > PASSWORD_LEN_MAX:
        return f"At most {PASSWORD_LEN_MAX} characters."
    if username.lower() in lowered and len(lowered) - len(username) < PASSWORD_LEN_MIN - 2:
        return "It is hardly more than the user name."
    if len(set(lowered)) < 5:
        return "It repeats a few characters."
    if any(len(lowered) - len(word) < 4 and word in lowered for word in _COMMON):
        return "It is one of the first that a stranger would try."
    return None
