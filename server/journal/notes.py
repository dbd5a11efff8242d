"""Signed notes (C2SP signed-note): a text that people read, and the signatures under it.

    <text, ends with a newline>
    <empty line>
    — <name of the key> <base64 of 4 bytes of key id and 64 bytes of Ed25519 signature>

The key id is the first four bytes of SHA-256(name, newline, 1, public key). A key is written as the
same standard writes it, `<name>+<key id>+<base64 of 1 and the public key>`, so other programs
verify our notes. Knows no file and no subject.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from server.journal import ed25519

ED25519: Final = b"\x01"
NOTE_BYTES_MAX: Final = 64 * 1024
_PRIVATE: Final = "PRIVATE+KEY+"
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f\ud800-\udfff]{1,100}")
_SPLIT: Final = "\n\n"
_MARK: Final = "\u2014 "


class NoteError(ValueError):
    """What was read is no note, or no key; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A public key and its name."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_text(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Raises `NoteError`."""
        name, key_id, data = _parts(text.strip())
        found = cls(name=name, public=data)
        if found.key_id.hex() != key_id:
            raise NoteError(f"the id of the key {name} does not fit: it was changed or cut off")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A secret key and its name. Its text is the secret: it belongs into a file of 0600."""

    name: str
    secret: bytes

    @property
    def verifier(self) -> Verifier:
        return Verifier(name=self.name, public=ed25519.public_key(self.secret))

    def sign(self, text: str) -> str:
        """The note. Raises `NoteError` for a text that cannot be one."""
        _require_text(text)
        signature = ed25519.sign(self.secret, text.encode())
        line = _text(self.verifier.key_id + signature)
        return f"{text}\n{_MARK}{self.name} {line}\n"

    def private_text(self) -> str:
        """As a key file keeps it."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{_text(ED25519 + self.secret)}"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Raises `NoteError`; never quotes what was read."""
        text = text.strip()
        if not text.startswith(_PRIVATE):
            raise NoteError("this is no private key")
        name, key_id, secret = _parts(text.removeprefix(_PRIVATE))
        found = cls(name=name, secret=secret)
        if found.verifier.key_id.hex() != key_id:
            raise NoteError(f"the private key {name} was changed or cut off")
        return found


def text_of(note: str) -> str:
    """What a note says, signed or not. Raises `NoteError`."""
    text, _ = _split(note)
    return text


def verify(note: str, verifier: Verifier) -> str:
    """What the note says, where this key signed it. Raises `NoteError`."""
    text, lines = _split(note)
    for line in lines:
        name, _, encoded = line.removeprefix(_MARK).partition(" ")
        data = _bytes(encoded)
        if name != verifier.name or data[:4] != verifier.key_id:
            continue  # another key's signature says nothing to us
        if ed25519.verify(verifier.public, text.encode(), data[4:]):
            return text
        raise NoteError("the signature does not fit: text or signature was changed")
    raise NoteError(f"the key {verifier.name} ({verifier.key_id.hex()}) did not sign this")


def _split(note: str) -> tuple[str, list[str]]:
    if len(_encoded(note)) > NOTE_BYTES_MAX:
        raise NoteError(f"a note has at most {NOTE_BYTES_MAX} bytes")
    head, found, tail = note.rpartition(_SPLIT)
    *lines, end = tail.split("\n")
    signed = bool(lines) and all(each.startswith(_MARK) for each in lines)
    if not found or end or not signed:
        raise NoteError("this is no signed note")
    return head + "\n", lines


def _require_text(text: str) -> None:
    unseen = any(ord(each) < 0x20 and each != "\n" for each in text)
    if not text.endswith("\n") or unseen or len(_encoded(text)) > NOTE_BYTES_MAX // 2:
        raise NoteError("a note ends with a newline and has no other control characters")


def _parts(text: str) -> tuple[str, str, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _bytes(encoded)
    if not _NAME.fullmatch(name) or data[:1] != ED25519 or len(data) != 1 + ed25519.KEY_LEN:
        raise NoteError("this is no Ed25519 key of a signed note")
    return name, key_id, data[1:]


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NoteError("a note has no half characters") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("this is no base64") from None
    if _text(data) != text:
        raise NoteError("this is no base64 as we write it")
    return data
