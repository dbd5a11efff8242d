"""Passwords for people of whom a test only wants that they sign in."""

from __future__ import annotations

from typing import Final

import argon2

QUICK: Final = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Takes no fifth of a second of work, as one that guards something does."""
