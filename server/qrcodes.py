"""Texts as QR codes, made by segno: a checkpoint on paper, the set-up of a phone on the screen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

SCALE: Final = 4
"""Pixels of a module."""


def svg(text: str, *, title: str, sized: bool = True) -> bytes:
    """For a page or a printer; not `sized`: as large as what it stands in. Raises ValueError for
    more text than a code can hold."""
    out = io.BytesIO()
    fit = not sized
    _code(text).save(out, kind="svg", scale=SCALE, xmldecl=False, title=title, omitsize=fit)
    return out.getvalue()


def write(text: str, path: Path) -> None:
    """As SVG or PNG, by the file's name. Raises ValueError for another, OSError."""
    kind = path.suffix.removeprefix(".").lower()
    if kind not in ("svg", "png"):
        raise ValueError(f"{path} is neither .svg nor .png")
    with path.open("wb") as file:
        _code(text).save(file, kind=kind, scale=SCALE)


def _code(text: str) -> Any:
    import segno  # only who draws one loads it

    return segno.make_qr(text, error="m")
