"""Reads one setting from the environment, and says in one line what it may be.

Knows no setting by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

VALUE_MAX = 1_000_000_000
"""Of any limit: bytes, or seconds (32 years)."""
_YES, _NO = ("1", "yes", "on", "true"), ("0", "no", "off", "false")


class SettingsError(Exception):
    """A setting cannot be used; says which, and what it may be."""


def seconds(name: str, text: str, *, unit: str = "seconds") -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= VALUE_MAX:
        raise SettingsError(f"{name} is {text!r}; it must be {unit}, 0 to {VALUE_MAX:,}.")
    return value


def within(name: str, env: Mapping[str, str], default: float, least: float, most: float) -> float:
    text = env.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise SettingsError(f"{name} is {text!r}; it must be {least:g} to {most:g}.")
    return value


def path(name: str, env: Mapping[str, str]) -> Path | None:
    return Path(text).absolute() if (text := env.get(name, "")) else None


def networks(name: str, env: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for text in env.get(name, "").replace(",", " ").split():
        try:
            found.append(str(ip_network(text)))
        except ValueError as error:
            raise SettingsError(
                f"{name}: {error}; it takes addresses and networks, as 127.0.0.1 10.0.0.0/8."
            ) from None
    return tuple(found)


def yes_or_no(name: str, env: Mapping[str, str], *, default: bool) -> bool:
    text = env.get(name, "").lower()
    if text not in {"", *_YES, *_NO}:
        raise SettingsError(f"{name} is {text!r}; it must be yes or no.")
    return text in _YES if text else default


def positive(name: str, text: str, *, whole: bool) -> int | float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not 0 < value <= VALUE_MAX:
        kind = "whole number" if whole else "number"
        raise SettingsError(
            f"{name} is {text!r}; it must be a {kind} above 0, at most {VALUE_MAX:,}."
        )
    return value
