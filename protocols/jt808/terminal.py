"""Bodies about the terminal itself: control, attributes, upgrades, keys."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, ClassVar

from protocols.jt808.fields import Bytes, Digits, Size, Text
from protocols.jt808.layout import U8, U16, U32, Body, Bytes32, Text8, TextRest


class Control(IntEnum):
    """What 0x8105 asks for; 2019 keeps CONNECT, RESET and FACTORY_RESET alone."""

    UPGRADE = 1
    CONNECT = 2
    POWER_OFF = 3
    RESET = 4
    FACTORY_RESET = 5
    STOP_DATA = 6
    STOP_RADIO = 7


class TerminalControl(Body, frozen=True, kw_only=True):
    """0x8105, answered by 0x0001. Vendors use other commands, 0x64 and 0xF0 to cut the fuel."""

    ID: ClassVar[int] = 0x8105
    command: U8
    parameters: TextRest = ""
    """Separated by semicolons."""


class AskAttributes(Body, frozen=True, kw_only=True):
    """0x8107 (2013)."""

    ID: ClassVar[int] = 0x8107


class Attributes(Body, frozen=True, kw_only=True):
    """0x0107 (2013). Packed; the offsets that the standard prints behind the id are wrong."""

    ID: ClassVar[int] = 0x0107
    kind: U16
    maker: Annotated[str, Text(Bytes(Size(5)))]
    model: Annotated[str, Text(Bytes(Size(20, in_2019=30)))]
    terminal: Annotated[str, Text(Bytes(Size(7, in_2019=30)))]
    iccid: Annotated[str, Digits(10)]
    hardware: Text8
    firmware: Text8
    gnss: U8
    """Bits: GPS, BeiDou, GLONASS, Galileo."""
    network: U8
    """Bits: GPRS, CDMA, TD-SCDMA, WCDMA, CDMA2000, LTE."""


class Upgrade(Body, frozen=True, kw_only=True):
    """0x8108: a program for the terminal (0), its card reader (12) or its BeiDou module (52)."""

    ID: ClassVar[int] = 0x8108
    kind: U8
    maker: Annotated[str, Text(Bytes(Size(5)))]
    version: Text8
    data: Bytes32


class UpgradeResult(Body, frozen=True, kw_only=True):
    """0x0108: 0 done, 1 failed, 2 cancelled."""

    ID: ClassVar[int] = 0x0108
    kind: U8
    result: U8


class _RsaKey(Body, frozen=True, kw_only=True):
    exponent: U32
    modulus: Annotated[bytes, Bytes(Size(128))]


class TerminalKey(_RsaKey, frozen=True, kw_only=True):
    """0x0A00."""

    ID: ClassVar[int] = 0x0A00


class PlatformKey(_RsaKey, frozen=True, kw_only=True):
    """0x8A00."""

    ID: ClassVar[int] = 0x8A00
