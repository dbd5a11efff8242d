"""The header of JT/T 808 messages: 12 bytes in 2011 and 2013, 17 in 2019, 4 more in a package.

JT/T 808-2013 §4.4.3, 2019 §4.4.3. Bit 14 of the properties says which of the two it is.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from protocols.jt808.fields import CannotEncode, Dialect

BODY_BYTES_MAX: Final = 1023
PACKAGED: Final = 1 << 13
DATED_2019: Final = 1 << 14
PHONE_BYTES: Final = {Dialect.Y2011: 6, Dialect.Y2013: 6, Dialect.Y2019: 10}
SERIALS: Final = 1 << 16
_IMEI_DIGITS: Final = 15
_BEFORE_2019: Final = struct.Struct(">HH6sH")
_IN_2019: Final = struct.Struct(">HHB10sH")
_PACKAGE: Final = struct.Struct(">HH")
HEADER_BYTES_MAX: Final = _IN_2019.size + _PACKAGE.size


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who says what, and how it is framed."""

    message_id: int
    phone: bytes
    """As sent, 6 or 10 bytes: some vendors put no decimal number there."""
    serial: int
    dialect: Dialect = Dialect.Y2013
    version: int = 1
    """2019's revision byte; echoed in answers."""
    encryption: int = 0
    reserved: int = 0
    """Bit 15 of the properties."""
    total: int = 0
    """Packages of this message; 0: it is whole."""
    number: int = 0
    """Of this package, from 1."""
    body_bytes: int = 0
    """Of this package, as it declares."""

    @property
    def terminal_id(self) -> str:
        """Hex of the phone bytes: what devices are keyed by."""
        return self.phone.hex()

    @property
    def display_id(self) -> str:
        return display_id(self.phone)

    @property
    def is_package(self) -> bool:
        return self.total > 0

    @property
    def first_serial(self) -> int:
        """Serial of the message's first package."""
        return (self.serial - max(0, self.number - 1)) % SERIALS


def parse(frame: bytes) -> tuple[Header, int]:
    """Header of an unescaped frame, and where its body begins. ValueError: too short for one."""
    try:
        message_id, properties, phone, serial = _BEFORE_2019.unpack_from(frame)
        body_at, version, dialect = _BEFORE_2019.size, 1, Dialect.Y2013
        if properties & DATED_2019:
            message_id, properties, version, phone, serial = _IN_2019.unpack_from(frame)
            body_at, dialect = _IN_2019.size, Dialect.Y2019
        total = number = 0
        if properties & PACKAGED:
            total, number = _PACKAGE.unpack_from(frame, body_at)
            body_at += _PACKAGE.size
    except struct.error as error:
        raise ValueError(f"{len(frame)} bytes are no header") from error
    header = Header(
        message_id=message_id,
        phone=phone,
        serial=serial,
        dialect=dialect,
        version=version,
        encryption=properties >> 10 & 7,
        reserved=properties >> 15,
        total=total,
        number=number,
        body_bytes=properties & BODY_BYTES_MAX,
    )
    return header, body_at


def build(header: Header, body_bytes: int) -> bytes:
    """The header's bytes in front of a body of so many. Raises `CannotEncode`."""
    if body_bytes > BODY_BYTES_MAX:
        raise CannotEncode(f"a body of {body_bytes} bytes, {BODY_BYTES_MAX} at most")
    if len(header.phone) != PHONE_BYTES[header.dialect]:
        raise CannotEncode(f"a phone of {len(header.phone)} bytes in {header.dialect}")
    is_2019 = header.dialect is Dialect.Y2019
    properties = (
        body_bytes
        | header.encryption << 10
        | (PACKAGED if header.is_package else 0)
        | (DATED_2019 if is_2019 else 0)
        | header.reserved << 15
    )
    return b"".join(
        (
            header.message_id.to_bytes(2),
            properties.to_bytes(2),
            header.version.to_bytes(1) if is_2019 else b"",
            header.phone,
            header.serial.to_bytes(2),
            header.total.to_bytes(2) + header.number.to_bytes(2) if header.is_package else b"",
        )
    )


def phone_of(digits: str, dialect: Dialect) -> bytes:
    """A phone number, or the hex of phone bytes, as the header carries it, zeros in front.

    Raises `CannotEncode`.
    """
    size = PHONE_BYTES[dialect]
    try:
        phone = bytes.fromhex(digits.rjust(2 * size, "0"))
    except ValueError as error:
        raise CannotEncode(f"{digits!r} is no phone number") from error
    if len(phone) != size:
        raise CannotEncode(f"{digits!r} has more than {2 * size} digits")
    return phone


def display_id(phone: bytes) -> str:
    """What a person knows the terminal by: its number, or the IMEI that some put there as binary.

    6 bytes with nibbles over 9 are the first 14 digits of an IMEI as one integer (seen from Jimi);
    the 15th is its check digit (Luhn, 3GPP TS 23.003 annex B).
    """
    digits = phone.hex()
    if digits.isdecimal():
        return digits.lstrip("0") or "0"
    imei = str(int.from_bytes(phone))
    if len(phone) == PHONE_BYTES[Dialect.Y2013] and len(imei) == _IMEI_DIGITS - 1:
        return imei + _luhn_digit(imei)
    return digits


def _luhn_digit(digits: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
