"""What a device sent as a photo: is it one, of which kind, how large; and a small one to look at.

By its content alone, never by what the device says. Nothing that is not decoded to its end is
taken, and nothing is decoded that would unfold to more than `PIXELS_MAX`. Knows no store.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

from PIL import ExifTags, Image, ImageOps

PIXELS_MAX: Final = 24_000_000
"""Of a whole picture; a handset sends 2 million."""
SMALL_SIDE: Final = 480
SMALL_QUALITY: Final = 72

Type = Literal["image/jpeg", "image/png", "image/webp"]
TYPES: Final[dict[str, Type]] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

_BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    *(OverflowError, IndexError, KeyError, TypeError),
)
"""What Pillow's readers raise on bytes that are no image of theirs."""


class BadPhoto(Exception):
    """Not taken; `code` for the device, the message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One that can be shown."""

    type: Type
    width: int
    height: int
    small: bytes
    """A JPEG, upright, without any metadata; its longer side `SMALL_SIDE` at most."""


def look(data: bytes) -> Photo:
    """Raises `BadPhoto`. Decodes the whole of it: not for the event loop."""
    try:
        with Image.open(BytesIO(data), formats=tuple(TYPES)) as image:
            _check(image)
            width, height = image.size
            return Photo(
                type=TYPES[str(image.format)], width=width, height=height, small=_small(image)
            )
    except Image.DecompressionBombError:
        raise _too_large() from None
    except _BROKEN as error:
        text = f"It is no JPEG, PNG or WebP image that can be read ({type(error).__name__})."
        raise BadPhoto("not_an_image", text) from None


def _check(image: Image.Image) -> None:
    """Before anything is decoded."""
    if image.format not in TYPES:
        raise BadPhoto("not_an_image", f"Images of the kind {image.format} are not taken.")
    if image.width * image.height > PIXELS_MAX:
        raise _too_large()
    if getattr(image, "n_frames", 1) != 1:
        raise BadPhoto("animated", "A photo is one picture; this has several.")
    if image.getexif().get_ifd(ExifTags.IFD.GPSInfo):
        text = "It tells its place in its own metadata; that goes in the fields of the upload."
        raise BadPhoto("has_place", text)


def _small(image: Image.Image) -> bytes:
    image.draft("RGB", (SMALL_SIDE, SMALL_SIDE))  # a JPEG is decoded no larger than needed
    image.load()
    upright = ImageOps.exif_transpose(image).convert("RGBA")
    upright.thumbnail((SMALL_SIDE, SMALL_SIDE))
    ground = Image.new("RGB", upright.size, "white")
    ground.paste(upright, mask=upright)
    out = BytesIO()
    ground.save(out, "JPEG", quality=SMALL_QUALITY, optimize=True)
    return out.getvalue()


def _too_large() -> BadPhoto:
    text = f"It has more than {PIXELS_MAX // 1_000_000} million pixels."
    return BadPhoto("too_many_pixels", text)
