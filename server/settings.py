"""What an operator can set: defaults, limits, the command line, the environment.

Knows no socket and no store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from devices.battery.ambient import SEA_LEVEL_C, SEA_LEVEL_C_MAX, SEA_LEVEL_C_MIN
from server.dispatch import demand, sights
from server.dispatch.batteryrules import RULE_NAMES, SHARES, Rules
from server.dispatch.cover import SHARES as COVER_SHARES
from server.dispatch.cover import Rules as CoverRules
from server.dispatch.fieldwords import Language
from server.dispatch.timers import PACE_NAMES, Pace, TimerTable
from server.dispatch.turnout import TURNOUT_S_MAX, Turnout
from server.eido import AGENCY, AGENCY_DEFAULT
from server.envvalues import VALUE_MAX, SettingsError, networks, path, seconds, within, yes_or_no
from server.jt808settings import NAMES as JT808_NAMES
from server.jt808settings import Jt808Settings
from server.limits import Limits
from server.retentionpolicy import DAYS_MAX, DAYS_MIN, Policy
from server.review.points import Weights
from server.tak.options import NAMES as TAK_NAMES
from server.tak.options import TakOptions

Engine = Literal["auto", "scipy", "cch"]

HOST_DEFAULT = "127.0.0.1"
PORT_DEFAULT = 8080
NAMES_ALIKE_MIN = 0.9
"""From here on a name is another one misspelt (difflib's ratio)."""
PACES = ("peace_urgent", "peace_ordinary", "war")
"""Columns of the table of timers."""
_BY_ORDER = frozenset({"RIDGELINE_WAR", "RIDGELINE_WAR_OFFERS"})
"""Were settings once: peace and war are a signed order now."""
_SEA_LEVEL, _SHIFT = "RIDGELINE_SEA_LEVEL_C", "RIDGELINE_SHIFT_H"
_LANGUAGE = "RIDGELINE_LANGUAGE"
_GUEST_TOKEN = "RIDGELINE_GUEST_TOKEN"  # noqa: S105 (the name of a setting)
GUEST_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
WEIGHT_MAX = 1_000.0
"""Points that one thing may earn."""
SHIFT_H = 8.0
SHIFT_H_MIN, SHIFT_H_MAX = 1.0, 72.0


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
    agency: str = AGENCY_DEFAULT
    """How other systems know the county: a domain that is its own."""
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
    guest_token: str = ""
    """In the address of all phone apps that have no token of their own; empty: there are none."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    checkpoint_file: Path | None = None
    """Where the newest checkpoint of the command log is copied once a minute."""
    retention: Policy = field(default_factory=Policy)
    """How long positions are kept."""
    language: Language | None = None
    """Of what is said to devices that show a line of text; None: of the map's names."""
    jt808: Jt808Settings = field(default_factory=Jt808Settings)
    """Where JT/T 808 terminals connect."""
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
    points: Weights = field(default_factory=Weights)
    """What work earns in points."""
    plan: demand.Rules = field(default_factory=demand.Rules)
    """When a plan of all open incidents calls a unit off."""
    tak: TakOptions = field(default_factory=TakOptions)
    """Where TAK clients connect."""

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
        agency=_agency(env),
        engine=engine,
        urgent_against_one_ways=yes_or_no("RIDGELINE_URGENT_AGAINST_ONE_WAYS", env, default=False),
        turnout=_turnout(env),
        sea_level_c=within(_SEA_LEVEL, env, SEA_LEVEL_C, SEA_LEVEL_C_MIN, SEA_LEVEL_C_MAX),
        shift_h=within(_SHIFT, env, SHIFT_H, SHIFT_H_MIN, SHIFT_H_MAX),
        tls_cert=tls_cert,
        tls_key=tls_key,
        checkpoint_file=path("RIDGELINE_CHECKPOINT_FILE", env),
        retention=retention(env),
        guest_token=_guest_token(env),
        trusted_proxies=networks("RIDGELINE_TRUSTED_PROXIES", env),
        language=_language(env),
        jt808=Jt808Settings.from_env(env),
        websocket_deflate=yes_or_no("RIDGELINE_WEBSOCKET_DEFLATE", env, default=True),
        limits=Limits.from_env(env),
        timers=_timers(env),
        battery=_battery(env),
        cover=_cover(env),
        en_route=_en_route(env),
        plan=_plan(env),
        points=_points(env),
        tak=TakOptions.from_env(env),
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
        *("DATABASE_URL", "REDIS_URL", "RIDGELINE_AGENCY"),
        *("RIDGELINE_TRUSTED_PROXIES", "RIDGELINE_WEBSOCKET_DEFLATE"),
        *("RIDGELINE_CHECKPOINT_FILE", _LANGUAGE, _GUEST_TOKEN),
        *JT808_NAMES,
        "RIDGELINE_URGENT_AGAINST_ONE_WAYS",
        *timer_defaults(),
        *(_SEA_LEVEL, _SHIFT),
        *(_retention_name(each.name) for each in fields(Policy)),
        *(_turnout_name(each.name) for each in fields(Turnout)),
        *(_battery_name(name) for name in RULE_NAMES),
        *(_cover_name(each.name) for each in fields(CoverRules)),
        *(_en_route_name(name) for name in sights.RULE_NAMES),
        *(_plan_name(name) for name in demand.RULE_NAMES),
        *(_points_name(each.name) for each in fields(Weights)),
        *TAK_NAMES,
    ]


def _agency(env: Mapping[str, str]) -> str:
    """Raises `SettingsError`."""
    found = env.get("RIDGELINE_AGENCY", "") or AGENCY_DEFAULT
    if not AGENCY.fullmatch(found):
        raise SettingsError(f"RIDGELINE_AGENCY is {found!r}; it must be a domain in small letters.")
    return found


def _language(env: Mapping[str, str]) -> Language | None:
    """Raises `SettingsError`."""
    match env.get(_LANGUAGE, ""):
        case "":
            return None
        case "en" | "zh" as found:
            return found
        case other:
            raise SettingsError(f"{_LANGUAGE} is {other!r}; it must be en or zh.")


def _guest_token(env: Mapping[str, str]) -> str:
    """Raises `SettingsError`; does not say what it is."""
    found = env.get(_GUEST_TOKEN, "")
    if found and not GUEST_TOKEN.fullmatch(found):
        raise SettingsError(
            f"{_GUEST_TOKEN} must be 16 to 128 letters, digits, - and _, that nobody can guess."
        )
    return found


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
            said[each.name] = within(name, env, 0.0, 0.0, 1.0)
        else:
            said[each.name] = seconds(name, text)
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
            value = within(name, env, 0.0, 0.0, most)
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
        name: seconds(_en_route_name(name), text, unit="a number")
        for name in sights.RULE_NAMES
        if (text := env.get(_en_route_name(name), ""))
    }
    try:
        return sights.Rules(**said)
    except ValueError as error:
        raise SettingsError(f"{_en_route_name('')}…: {error}.") from None


def _en_route_name(field_name: str) -> str:
    return f"RIDGELINE_EN_ROUTE_{field_name.upper()}"


def _points(env: Mapping[str, str]) -> Weights:
    """Raises `SettingsError`."""
    said = {
        each.name: within(name, env, 0.0, 0.0, WEIGHT_MAX)
        for each in fields(Weights)
        if env.get(name := _points_name(each.name))
    }
    return Weights(**said)


def _points_name(field_name: str) -> str:
    return f"RIDGELINE_POINTS_{field_name.upper()}"


def _plan(env: Mapping[str, str]) -> demand.Rules:
    """Raises `SettingsError`."""
    said: dict[str, Any] = {
        name: seconds(_plan_name(name), text)
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
        name: seconds(name, env[name]) if env.get(name) else default
        for name, default in timer_defaults().items()
    }
    return TimerTable(**{pace: _pace(pace, values) for pace in PACES})


def _pace(pace: str, values: Mapping[str, float]) -> Pace:
    try:
        return Pace(**{name: values[_timer_name(pace, name)] for name in PACE_NAMES})
    except ValueError as error:
        raise SettingsError(f"{_timer_name(pace, '')}…: {error}.") from None


def retention(env: Mapping[str, str] = os.environ) -> Policy:
    """How long positions are kept. Raises `SettingsError`."""
    found = dict[str, int]()
    for each in fields(Policy):
        name = _retention_name(each.name)
        text = env.get(name, "") or str(each.default)
        if not (text == "0" or (text.isdecimal() and DAYS_MIN <= int(text) <= DAYS_MAX)):
            may = f"{DAYS_MIN} to {DAYS_MAX} days, or 0 for ever"
            raise SettingsError(f"{name} is {text!r}; it must be {may}.")
        found[each.name] = int(text)
    return Policy(**found)


def _retention_name(name: str) -> str:
    return f"RIDGELINE_POSITIONS_{name.upper()}"
