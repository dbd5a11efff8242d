"""What an operator can set: defaults, limits, the command line, the environment.

Knows no socket and no store. Every queue and size of the room has its name here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from devices.battery.ambient import SEA_LEVEL_C, SEA_LEVEL_C_MAX, SEA_LEVEL_C_MIN
from server.dispatch import demand, sights
from server.dispatch.cover import SHARES as COVER_SHARES
from server.dispatch.cover import Rules as CoverRules
from server.dispatch.endurance import RULE_NAMES, SHARES, Rules
from server.dispatch.stance import WAR_H_MAX
from server.dispatch.timers import PACE_NAMES, Pace, TimerTable
from server.dispatch.turnout import TURNOUT_S_MAX, Turnout

Engine = Literal["auto", "scipy", "cch"]

HOST_DEFAULT = "127.0.0.1"
PORT_DEFAULT = 8080
NAMES_ALIKE_MIN = 0.9
"""From here on a name is another one misspelt (difflib's ratio)."""
VALUE_MAX = 1_000_000_000
"""Of any limit: bytes, or seconds (32 years)."""
PACES = ("peace_urgent", "peace_ordinary", "war")
"""Columns of the table of timers."""
_BY_ORDER = frozenset({"RIDGELINE_WAR", "RIDGELINE_WAR_OFFERS"})
"""Were settings once: peace and war are a signed order now."""
_SEA_LEVEL, _SHIFT = "RIDGELINE_SEA_LEVEL_C", "RIDGELINE_SHIFT_H"
SHIFT_H = 8.0
SHIFT_H_MIN, SHIFT_H_MAX = 1.0, 72.0
_YES, _NO = ("1", "yes", "on", "true"), ("0", "no", "off", "false")


class SettingsError(Exception):
    """A setting cannot be used; says which, and what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Named maxima; the environment sets one as RIDGELINE_BODY_BYTES_MAX and so on."""

    body_bytes_max: int = 64 * 1024
    """Body of one HTTP request."""
    request_head_s: float = 20.0
    """From the connection, or the answer before, to the whole head of a request."""
    request_body_s: float = 30.0
    """From the head to the end of the body; then 408."""
    websocket_message_bytes_max: int = 64 * 1024
    """One WebSocket message before the protocol looks at it; its own limit is smaller."""
    connections_max: int = 12_000
    """Of one process, WebSockets included; more get 503."""
    listen_backlog_len: int = 2048
    """Connections that wait to be accepted; small ones make a reconnect storm last for minutes."""
    pool_connections_max: int = 10
    """Connections to PostgreSQL of one process."""
    fanout_queue_len_max: int = 10_000
    """Messages that wait for Redis; more are dropped and counted."""
    session_idle_s: float = 12.0 * 3600
    """A signed-in user is forgotten after this long without a request."""
    session_total_s: float = 7 * 24 * 3600
    """And after this long whatever happens."""
    sessions_per_user_max: int = 20
    """The oldest is signed out when one more signs in."""
    login_failures_max: int = 8
    """Wrong passwords per user name and address within the window, then 429."""
    login_name_failures_max: int = 100
    """Wrong passwords per user name from wherever the user is not signed in."""
    login_address_failures_max: int = 40
    """Wrong passwords per address, whatever the user name."""
    login_window_s: float = 300.0
    """How long a wrong password counts."""
    login_tracked_max: int = 10_000
    """User names and addresses remembered for the rate limit; the oldest is forgotten."""
    password_hashes_at_once_max: int = 2
    """Argon2 runs at once (64 MiB each); others wait."""
    password_hashes_waiting_max: int = 64
    """Sign-ins that may wait for one; more get 503."""
    device_connections_max: int = 10_000
    """Devices connected to one process; more get 503."""
    device_strangers_per_address_max: int = 1_000
    """Of them, those of one address that have not been let in yet; more get 503."""
    device_heartbeat_s: int = 45
    """How often a device speaks at least; silence of two means that the link is dead."""
    device_standby_heartbeat_s: int = 240
    """The same while its unit is off duty; below the 4.5 min of impatient mobile networks."""
    device_frames_per_s_max: int = 50
    """Of one device in the long run; above it, it is read more slowly."""
    device_frames_burst_max: int = 2000
    """So many at once are read at full speed: the backlog of a long dead zone."""
    device_queue_bytes_max: int = 256 * 1024
    """Frames that wait for one device to read; beyond it, it is closed with 4004 and resumes."""
    consoles_max: int = 200
    """Consoles connected to one process; more get 503."""
    console_queue_bytes_max: int = 4 * 1024 * 1024
    """Text that waits for one console to read; beyond it, it is closed and comes back."""
    positions_interval_s: float = 1.0
    """Between two commits of positions."""
    positions_buffer_len_max: int = 20_000
    """Positions that wait for PostgreSQL; beyond it devices are read no further."""
    charging_log_days: int = 400
    """How long the charging log of devices is kept."""
    batteries_keep_s: float = 60.0
    """Between two times that what was learned of batteries is kept; a crash loses at most this."""
    war_hours_max: float = WAR_H_MAX
    """How long one order of war may last; a new one prolongs it."""
    shutdown_s: float = 10.0
    """For peers to close and buffers to drain when the server stops."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Limits:
        """Defaults, changed by the environment. Raises `SettingsError`."""
        changed: dict[str, Any] = {}
        for each in fields(cls):
            name = f"RIDGELINE_{each.name.upper()}"
            if text := env.get(name, ""):
                changed[each.name] = _positive(name, text, whole=each.type == "int")
        return cls(**changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `server.bootstrap.build` needs to know."""

    data_dir: Path
    """Private databases, their logs; what a county would back up."""
    map_dir: Path
    """A map folder made by `ridgeline map`."""
    host: str = HOST_DEFAULT
    port: int = PORT_DEFAULT
    """0: any free one."""
    database_url: str | None = None
    """PostgreSQL as the owner of the schema; None: a private one is run in `data_dir`."""
    redis_url: str | None = None
    """Redis or Valkey; None: a private one is run in `data_dir`."""
    engine: Engine = "auto"
    """Routing: `cch`, the exact `scipy`, or whichever this machine can run."""
    urgent_against_one_ways: bool = False
    """Whether units in an emergency may be routed against one-way streets."""
    turnout: Turnout = field(default_factory=Turnout)
    """From the order until a unit drives."""
    sea_level_c: float = SEA_LEVEL_C
    """Mean air temperature of the season, reduced to sea level."""
    shift_h: float = SHIFT_H
    """How long a unit stays on duty, where nothing else is planned."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    websocket_deflate: bool = True
    """Compress WebSocket frames: saves a device's mobile data, costs 32 KB a connection."""
    limits: Limits = field(default_factory=Limits)
    timers: TimerTable = field(default_factory=TimerTable)
    """When to worry about an order."""
    battery: Rules = field(default_factory=Rules)
    """When to say something about the batteries of jobs."""
    cover: CoverRules = field(default_factory=CoverRules)
    """How it is reckoned what the county is left with while units are away."""
    en_route: sights.Rules = field(default_factory=sights.Rules)
    """When to say something about units under way."""
    plan: demand.Rules = field(default_factory=demand.Rules)
    """When a plan of all open incidents calls a unit off."""

    @property
    def tls(self) -> bool:
        return self.tls_cert is not None


def from_env(
    *,
    data_dir: Path,
    map_dir: Path,
    host: str = HOST_DEFAULT,
    port: int = PORT_DEFAULT,
    engine: Engine = "auto",
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    env: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings of the command line, completed from the environment. Raises `SettingsError`."""
    _refuse_misspelt(env)
    if (tls_cert is None) != (tls_key is None):
        raise SettingsError("TLS needs both --tls-cert and --tls-key.")
    return Settings(
        data_dir=data_dir.absolute(),
        map_dir=map_dir.absolute(),
        host=host,
        port=port,
        database_url=env.get("DATABASE_URL") or None,
        redis_url=env.get("REDIS_URL") or None,
        engine=engine,
        urgent_against_one_ways=_yes_or_no("RIDGELINE_URGENT_AGAINST_ONE_WAYS", env, default=False),
        turnout=_turnout(env),
        sea_level_c=_within(_SEA_LEVEL, env, SEA_LEVEL_C, SEA_LEVEL_C_MIN, SEA_LEVEL_C_MAX),
        shift_h=_within(_SHIFT, env, SHIFT_H, SHIFT_H_MIN, SHIFT_H_MAX),
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxies=_networks("RIDGELINE_TRUSTED_PROXIES", env),
        websocket_deflate=_yes_or_no("RIDGELINE_WEBSOCKET_DEFLATE", env, default=True),
        limits=Limits.from_env(env),
        timers=_timers(env),
        battery=_battery(env),
        cover=_cover(env),
        en_route=_en_route(env),
        plan=_plan(env),
    )


def timer_defaults() -> dict[str, float]:
    """Name in the environment of each timer, with its default."""
    table = TimerTable()
    return {
        _timer_name(pace, name): float(getattr(getattr(table, pace), name))
        for pace in PACES
        for name in PACE_NAMES
    }


def names() -> list[str]:
    """Names of the environment that this module reads."""
    return [f"RIDGELINE_{each.name.upper()}" for each in fields(Limits)] + [
        *("DATABASE_URL", "REDIS_URL"),
        *("RIDGELINE_TRUSTED_PROXIES", "RIDGELINE_WEBSOCKET_DEFLATE"),
        "RIDGELINE_URGENT_AGAINST_ONE_WAYS",
        *timer_defaults(),
        *(_SEA_LEVEL, _SHIFT),
        *(_turnout_name(each.name) for each in fields(Turnout)),
        *(_battery_name(name) for name in RULE_NAMES),
        *(_cover_name(each.name) for each in fields(CoverRules)),
        *(_en_route_name(name) for name in sights.RULE_NAMES),
        *(_plan_name(name) for name in demand.RULE_NAMES),
    ]


def _turnout(env: Mapping[str, str]) -> Turnout:
    """Raises `SettingsError`."""
    said: dict[str, float] = {}
    for each in fields(Turnout):
        if text := env.get(_turnout_name(each.name), ""):
            try:
                said[each.name] = float(text)
                Turnout(**said)
            except ValueError:
                raise SettingsError(
                    f"{_turnout_name(each.name)} is {text!r}; "
                    f"it must be seconds, 0 to {TURNOUT_S_MAX:.0f}."
                ) from None
    return Turnout(**said)


def _turnout_name(field_name: str) -> str:
    return f"RIDGELINE_TURNOUT_{field_name.upper()}"


def _battery(env: Mapping[str, str]) -> Rules:
    """Raises `SettingsError`."""
    said: dict[str, Any] = {}
    for each in fields(Rules):
        name = _battery_name(each.name)
        if not (text := env.get(name, "")):
            continue
        if each.name in SHARES:
            said[each.name] = _within(name, env, 0.0, 0.0, 1.0)
        else:
            said[each.name] = _seconds(name, text)
    try:
        return Rules(**said)
    except ValueError as error:
        raise SettingsError(f"{_battery_name('')}…: {error}.") from None


def _battery_name(field_name: str) -> str:
    return f"RIDGELINE_BATTERY_{field_name.upper()}"


def _cover(env: Mapping[str, str]) -> CoverRules:
    """Raises `SettingsError`."""
    said: dict[str, Any] = {}
    for each in fields(CoverRules):
        name = _cover_name(each.name)
        if env.get(name):
            most = 1.0 if each.name in COVER_SHARES else VALUE_MAX
            value = _within(name, env, 0.0, 0.0, most)
            said[each.name] = int(value) if each.name == "moves_max" else value
    try:
        return CoverRules(**said)
    except ValueError as error:
        raise SettingsError(f"{_cover_name('')}…: {error}.") from None


def _cover_name(field_name: str) -> str:
    return f"RIDGELINE_COVER_{field_name.upper()}"


def _en_route(env: Mapping[str, str]) -> sights.Rules:
    """Raises `SettingsError`."""
    said = {
        name: _seconds(_en_route_name(name), text, unit="a number")
        for name in sights.RULE_NAMES
        if (text := env.get(_en_route_name(name), ""))
    }
    try:
        return sights.Rules(**said)
    except ValueError as error:
        raise SettingsError(f"{_en_route_name('')}…: {error}.") from None


def _en_route_name(field_name: str) -> str:
    return f"RIDGELINE_EN_ROUTE_{field_name.upper()}"


def _plan(env: Mapping[str, str]) -> demand.Rules:
    """Raises `SettingsError`."""
    said: dict[str, Any] = {
        name: _seconds(_plan_name(name), text)
        for name in demand.RULE_NAMES
        if (text := env.get(_plan_name(name), ""))
    }
    try:
        return demand.Rules(**said)
    except ValueError as error:
        raise SettingsError(f"{_plan_name('')}…: {error}.") from None


def _plan_name(field_name: str) -> str:
    return f"RIDGELINE_PLAN_{field_name.upper()}"


def _refuse_misspelt(env: Mapping[str, str]) -> None:
    """A limit with a typing error in its name would not hold, and nobody would know."""
    known = names()
    for name in env:
        if name in _BY_ORDER:
            raise SettingsError(
                f"{name} is no setting any more: war is a signed order with an end, which a "
                "supervisor gives at the console. Take it out of the environment."
            )
        if name.startswith("RIDGELINE_") and name not in known:
            for meant in get_close_matches(name, known, n=1, cutoff=NAMES_ALIKE_MIN):
                raise SettingsError(f"{name} is no setting; {meant} is one.")


def _timer_name(pace: str, name: str) -> str:
    return f"RIDGELINE_TIMER_{pace.upper()}_{name.upper()}"


def _timers(env: Mapping[str, str]) -> TimerTable:
    """The table, changed by the environment. Raises `SettingsError`."""
    values = {
        name: _seconds(name, env[name]) if env.get(name) else default
        for name, default in timer_defaults().items()
    }
    return TimerTable(**{pace: _pace(pace, values) for pace in PACES})


def _pace(pace: str, values: Mapping[str, float]) -> Pace:
    try:
        return Pace(**{name: values[_timer_name(pace, name)] for name in PACE_NAMES})
    except ValueError as error:
        raise SettingsError(f"{_timer_name(pace, '')}…: {error}.") from None


def _seconds(name: str, text: str, *, unit: str = "seconds") -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= VALUE_MAX:
        raise SettingsError(f"{name} is {text!r}; it must be {unit}, 0 to {VALUE_MAX:,}.")
    return value


def _within(name: str, env: Mapping[str, str], default: float, least: float, most: float) -> float:
    text = env.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise SettingsError(f"{name} is {text!r}; it must be {least:g} to {most:g}.")
    return value


def _networks(name: str, env: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for text in env.get(name, "").replace(",", " ").split():
        try:
            found.append(str(ip_network(text)))
        except ValueError as error:
            raise SettingsError(
                f"{name}: {error}; it takes addresses and networks, as 127.0.0.1 10.0.0.0/8."
            ) from None
    return tuple(found)


def _yes_or_no(name: str, env: Mapping[str, str], *, default: bool) -> bool:
    text = env.get(name, "").lower()
    if text not in {"", *_YES, *_NO}:
        raise SettingsError(f"{name} is {text!r}; it must be yes or no.")
    return text in _YES if text else default


def _positive(name: str, text: str, *, whole: bool) -> int | float:
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
