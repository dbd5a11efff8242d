"""Where JT/T 808 terminals connect, and where their video goes.

The protocol has neither encryption nor a real secret, so its port is closed to other machines until
an operator names an address. Knows no socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from server.envvalues import SettingsError, yes_or_no

PORT_DEFAULT: Final = 8808
HOST_DEFAULT: Final = "127.0.0.1"
PORT_MAX: Final = 65_535
HOST_SETTING: Final = "RIDGELINE_JT808_HOST"
PORT_SETTING: Final = "RIDGELINE_JT808_PORT"
_UDP, _MEDIA = "RIDGELINE_JT808_UDP", "RIDGELINE_MEDIA_SERVER"
NAMES: Final = (HOST_SETTING, PORT_SETTING, _UDP, _MEDIA)
_HOST_BYTES_MAX: Final = 255
"""0x9101 counts the address in a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaServer:
    """Takes the streams of JT/T 1078; terminals reach it under this address."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Self:
        """From `host:port` or `[v6]:port`. Raises `SettingsError`."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        fits = 0 < len(host.encode("gbk", "replace")) <= _HOST_BYTES_MAX
        if not (fits and port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
            raise SettingsError(
                f"{_MEDIA} is {text!r}; it must be HOST:PORT, as video.example.org:10000."
            )
        return cls(host=host, port=int(port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Jt808Settings:
    host: str = HOST_DEFAULT
    """Empty: every address of this machine."""
    port: int | None = None
    """TCP and UDP; 0: any free one, None: no terminal can connect."""
    udp: bool = True
    is_wanted: bool = True
    """An operator named it: without it the server does not start."""
    media: MediaServer | None = None
    """None: nobody can ask for video."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """On at its usual port, for this machine alone, unless said otherwise. Raises
        `SettingsError`."""
        said: dict[str, Any] = {"udp": yes_or_no(_UDP, env, default=True)}
        if env.get(HOST_SETTING):
            said["host"] = "" if env[HOST_SETTING] == "*" else env[HOST_SETTING]
        if media := env.get(_MEDIA, ""):
            said["media"] = MediaServer.of(media)
        wanted = bool(env.get(HOST_SETTING) or env.get(PORT_SETTING))
        return cls(port=_port(env.get(PORT_SETTING, "")), is_wanted=wanted, **said)


def _port(text: str) -> int | None:
    if text.lower() in {"0", "off", "no"}:
        return None
    if not text:
        return PORT_DEFAULT
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise SettingsError(f"{PORT_SETTING} is {text!r}; it must be a port, or off.")
    return int(text)
