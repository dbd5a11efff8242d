"""What an operator can set about TAK clients: where they connect, what names they know us by.

Every client shows a certificate of ours, and still the port is closed to other machines until an
operator names an address: nothing is opened that nobody asked for. Knows no socket.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from server.envvalues import SettingsError, positive

PORT_DEFAULT: Final = 8089
"""Where TAK clients look for a server that speaks TLS."""
HOST_DEFAULT: Final = "127.0.0.1"
PORT_MAX: Final = 65_535
CONNECTIONS_DEFAULT: Final = 500
CALLSIGN_DEFAULT: Final = "指挥中心"
TEAM: Final = "Cyan"
"""The colour of everybody of ours; one of those that clients know."""
CALLSIGN_LEN_MAX: Final = 40
NAMES_LEN_MAX: Final = 20

HOST_SETTING: Final = "RIDGELINE_TAK_HOST"
PORT_SETTING: Final = "RIDGELINE_TAK_PORT"
PLAIN_SETTING: Final = "RIDGELINE_TAK_PLAIN_PORT"
WEB_SETTING: Final = "RIDGELINE_TAK_WEB_PORT"
_CONNECTIONS: Final = "RIDGELINE_TAK_CONNECTIONS_MAX"
_NAMES, _CALLSIGN = "RIDGELINE_TAK_NAMES", "RIDGELINE_TAK_CALLSIGN"
NAMES: Final = (
    HOST_SETTING,
    PORT_SETTING,
    WEB_SETTING,
    PLAIN_SETTING,
    _NAMES,
    _CALLSIGN,
    _CONNECTIONS,
)
_OFF: Final = frozenset({"0", "off", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TakOptions:
    """TAK is off where both ports are None."""

    host: str = HOST_DEFAULT
    """Empty: every address of this machine."""
    port: int | None = None
    """TLS with client certificates. 0: any free one."""
    web_port: int | None = None
    """WebSocket over TLS with client certificates, `/takproto/1`; only beside `port`."""
    plain_port: int | None = None
    """Without TLS and without certificates, on the loopback address alone: to try clients out."""
    is_wanted: bool = True
    """An operator named it: without it the server does not start."""
    names: tuple[str, ...] = ()
    """Host names and addresses that clients reach us by; the first goes into data packages."""
    connections_max: int = CONNECTIONS_DEFAULT
    """Of this process; more are cut."""
    callsign: str = CALLSIGN_DEFAULT
    """Of the room, as clients see it among their contacts."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """On at its usual port, for this machine alone, unless said otherwise. Raises
        `SettingsError`."""
        host = env.get(HOST_SETTING, "") or HOST_DEFAULT
        port, web_port = _port(PORT_SETTING, env, PORT_DEFAULT), _port(WEB_SETTING, env, None)
        if port is None and web_port is not None:
            raise SettingsError(f"{WEB_SETTING} needs {PORT_SETTING}, which is off.")
        return cls(
            host="" if host == "*" else host,
            port=port,
            web_port=web_port,
            plain_port=_port(PLAIN_SETTING, env, None),
            is_wanted=any(env.get(each) for each in NAMES[:4]),
            names=_names(env),
            connections_max=int(positive(_CONNECTIONS, found, whole=True))
            if (found := env.get(_CONNECTIONS, ""))
            else CONNECTIONS_DEFAULT,
            callsign=_callsign(env),
        )

    @property
    def on(self) -> bool:
        return self.port is not None or self.plain_port is not None

    @property
    def certified_names(self) -> tuple[str, ...]:
        """What the server's certificate is good for."""
        own = [] if _is_any(self.host) else [self.host]
        return tuple(dict.fromkeys((*self.names, *own, socket.gethostname(), "localhost")))

    @property
    def reached_by(self) -> str:
        """The name that a data package says."""
        if self.names:
            return self.names[0]
        return socket.gethostname() if _is_any(self.host) else self.host


def _port(name: str, env: Mapping[str, str], default: int | None) -> int | None:
    text = env.get(name, "").strip().lower()
    if text in _OFF:
        return None
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise SettingsError(f"{name} is {text!r}; it must be a port, or off.")
    return int(text)


def _names(env: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(env.get(_NAMES, "").replace(",", " ").split()))
    for each in found:
        if not (_is_address(each) or _is_host(each)):
            raise SettingsError(f"{_NAMES} holds {each!r}, no host name and no address.")
    if len(found) > NAMES_LEN_MAX:
        raise SettingsError(f"{_NAMES} holds {len(found)} names; {NAMES_LEN_MAX} at most.")
    return found


def _callsign(env: Mapping[str, str]) -> str:
    found = env.get(_CALLSIGN, "").strip() or CALLSIGN_DEFAULT
    if len(found) > CALLSIGN_LEN_MAX or not found.isprintable():
        raise SettingsError(f"{_CALLSIGN} must be one line of {CALLSIGN_LEN_MAX} characters.")
    return found


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    return len(text) <= 253 and all(_is_label(each) for each in text.rstrip(".").split("."))


def _is_label(text: str) -> bool:
    letters = text.isascii() and text.replace("-", "").isalnum()
    return len(text) <= 63 and letters and not text.startswith("-") and not text.endswith("-")
