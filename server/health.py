"""How the server is, as an administrator wants to know it: each fact with a mark, by thresholds.

Knows no store and no socket: `server.http.health` gathers the facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

GIB: Final = 1024**3

DISK_LOOK_BYTES, DISK_BAD_BYTES = 10 * GIB, 2 * GIB
"""Free on the disk of the data folder."""
PHOTOS_LOOK_SHARE, PHOTOS_BAD_SHARE = 0.8, 0.95
"""Of the room that photos may take."""
CERTIFICATE_LOOK_DAYS, CERTIFICATE_BAD_DAYS = 30.0, 7.0
WAITING_LOOK_LEN: Final = 1_000
"""Entries of the command log without a place: a burst, or a sealer that does not follow."""
SILENT_LOOK_SHARE: Final = 0.5
"""Of the devices of units on duty: so many at once are rather a network than batteries."""
HEARD_S: Final = 300.0
"""A device heard so lately counts as heard."""


class Mark(StrEnum):
    """By which a fact is told; the worst comes first on the page."""

    BAD = "bad"
    LOOK = "look"
    GOOD = "good"
    OFF = "off"


Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact. `name` and `mark` choose its words; `values` go into them."""

    name: str
    mark: Mark
    values: dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the database says of itself."""

    database_bytes: int
    devices: int
    """In service, of units on duty."""
    devices_heard: int
    """Of these, in the last `HEARD_S`."""
    checkpoint_at: datetime | None
    """Of the newest checkpoint of the command log; None: nothing is signed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A door for devices of another protocol; `port` None: it is off."""

    name: str
    host: str
    port: int | None
    clients: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known now. Sizes in bytes."""

    version: str
    started_at: datetime
    down: tuple[str, ...]
    """Checks that fail: the server cannot work without."""
    without: tuple[str, ...]
    """Helpers that are away: it can do without them for a while."""
    stored: Stored | None
    """None: the database does not answer."""
    disk_free_bytes: int
    disk_bytes: int
    waiting: float
    unsigned: float
    consoles: float
    gateways: tuple[Gateway, ...]
    certificate_days: float | None
    """Until the TAK server's certificate ends; None: there is none."""
    dead_letters: float
    photos_bytes: float
    photos_bytes_max: float
    map_name: str
    map_id: str
    map_built_at: str
    map_synthetic: bool


def judge(facts: Facts, now: datetime) -> list[Finding]:
    """Every fact with its mark, the worst first and else in this order."""
    order = list(Mark)
    return sorted(_findings(facts, now), key=lambda each: order.index(each.mark))


def worst(findings: list[Finding]) -> Mark:
    """Of all of them; what is off on purpose is well."""
    marks = {each.mark for each in findings}
    return next((mark for mark in (Mark.BAD, Mark.LOOK) if mark in marks), Mark.GOOD)


def _findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    yield _of("database", Mark.BAD if facts.stored is None else Mark.GOOD, **_size(facts.stored))
    yield _of("valkey", Mark.LOOK if "valkey" in facts.without else Mark.GOOD)
    for name in (*facts.down, *facts.without):
        if name not in {"postgresql", "valkey"}:
            yield _of("other", Mark.BAD if name in facts.down else Mark.LOOK, check=name)
    free = facts.disk_free_bytes
    yield _of(
        "disk",
        _below(free, DISK_LOOK_BYTES, DISK_BAD_BYTES),
        free_gib=round(free / GIB, 1),
        of_gib=round(facts.disk_bytes / GIB, 1),
    )
    yield _log(facts, now)
    if facts.stored is not None:
        yield _devices(facts.stored)
    yield _of("consoles", Mark.GOOD, count=round(facts.consoles))
    for gateway in facts.gateways:
        yield _of(
            gateway.name,
            Mark.OFF if gateway.port is None else Mark.GOOD,
            address=f"{gateway.host or '*'}:{gateway.port}",
            clients=round(gateway.clients),
        )
    if (days := facts.certificate_days) is not None:
        mark = _below(days, CERTIFICATE_LOOK_DAYS, CERTIFICATE_BAD_DAYS)
        yield _of("certificate", mark, days=int(days))
    dead = round(facts.dead_letters)
    yield _of("webhooks", Mark.LOOK if dead else Mark.GOOD, dead=dead)
    yield _photos(facts)
    yield _of(
        "map",
        Mark.LOOK if facts.map_synthetic else Mark.GOOD,
        map=facts.map_name,
        built_at=facts.map_built_at,
        id=facts.map_id[:12],
    )
    up = now - facts.started_at
    yield _of("version", Mark.GOOD, version=facts.version, up_s=int(up / timedelta(seconds=1)))


def _log(facts: Facts, now: datetime) -> Finding:
    at = None if facts.stored is None else facts.stored.checkpoint_at
    values: dict[str, Value] = {
        "waiting": round(facts.waiting),
        "unsigned": round(facts.unsigned),
        "checkpoint_s": None if at is None else int((now - at) / timedelta(seconds=1)),
    }
    mark = Mark.LOOK if facts.waiting > WAITING_LOOK_LEN else Mark.GOOD
    return Finding(name="log", mark=Mark.BAD if facts.unsigned else mark, values=values)


def _devices(stored: Stored) -> Finding:
    silent = stored.devices - stored.devices_heard
    many = stored.devices > 1 and silent >= SILENT_LOOK_SHARE * stored.devices
    mark = Mark.LOOK if many else Mark.GOOD
    return _of("devices", mark, heard=stored.devices_heard, of=stored.devices)


def _photos(facts: Facts) -> Finding:
    share = facts.photos_bytes / facts.photos_bytes_max if facts.photos_bytes_max else 0.0
    mark = _below(1 - share, 1 - PHOTOS_LOOK_SHARE, 1 - PHOTOS_BAD_SHARE)
    return _of("photos", mark, percent=round(100 * share))


def _size(stored: Stored | None) -> dict[str, Value]:
    if stored is None:
        return {}
    return {"size_gib": round(stored.database_bytes / GIB, 2)}


def _below(value: float, look: float, bad: float) -> Mark:
    if value < bad:
        return Mark.BAD
    return Mark.LOOK if value < look else Mark.GOOD


def _of(name: str, mark: Mark, **values: Value) -> Finding:
    return Finding(name=name, mark=mark, values=values)
