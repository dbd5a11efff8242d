"""What a review has on paper beside itself: a running head and foot, and the checkpoint of the
log that it was made of, as a code and in words."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from server import qrcodes
from server.journal.checkpoint import Checkpoint
from server.journal.notes import text_of
from server.reviewviews import ReviewView
from server.reviewwords import Words

_FONT: Final = 'font:8pt "Noto Sans CJK SC","Noto Sans SC","Microsoft YaHei",system-ui,sans-serif'
_UNSAFE: Final = re.compile(r"[^\w .,:/()+·#-]")


def running(review: ReviewView, words: Words) -> str:
    """CSS of the margins (CSS Paged Media 3): which review, of when, which sheet of how many."""
    number = words("incident", number=review.incident.number)
    head, made = f"{words('title')} · {number}", words("made", at=words.moment(review.as_of))
    boxes = {
        "top-left": _quoted(head),
        "top-right": _quoted(made),
        "bottom-left": _quoted(words("paper.foot")),
        "bottom-right": 'counter(page)" / "counter(pages)',
    }
    return (
        f"@page{{{''.join(f'@{name}{{content:{each};{_FONT}}}' for name, each in boxes.items())}}}"
    )


def seal(note: str, words: Words) -> str:
    """HTML: the signed checkpoint as a QR code whose text is the whole note."""
    found = Checkpoint.parse(text_of(note))
    root = found.root.hex()
    code = qrcodes.svg(note, title=words("paper.code"), sized=False).decode()
    return (
        f'<section class="seal"><div class="code">{code}</div><div>'
        f"<h2>{escape(words('part.seal'))}</h2>"
        f"<p>{escape(words('paper.seal', n=found.size))}</p>"
        f"<p><code>{escape(found.origin)}</code><br><code>{root}</code></p>"
        "</div></section>"
    )


def _quoted(text: str) -> str:
    """As a string of CSS; everything that could end it, or the element, as an escape."""
    return '"' + _UNSAFE.sub(lambda found: f"\\{ord(found[0]):06x} ", text) + '"'
