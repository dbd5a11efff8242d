"""Photos in a printed review: each within the page itself, with what is known of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape

from server.reviewviews import ReviewPhotoView
from server.reviewwords import Words

Clock = Callable[[datetime | None, Words], str]
"""A moment as HTML."""


def gallery(photos: Sequence[ReviewPhotoView], words: Words, clock: Clock) -> str:
    """HTML."""
    return f'<ul class="photos">{"".join(_photo(each, words, clock) for each in photos)}</ul>'


def _photo(photo: ReviewPhotoView, words: Words, clock: Clock) -> str:
    """The image, or why there is none; below it who, when, where, and the first of its hash."""
    name = words("photo.name", number=photo.number, call_sign=photo.call_sign, order=photo.order)
    if photo.small is not None:
        data = base64.b64encode(photo.small).decode()
        shown = f'<img alt="{escape(name)}" src="data:image/jpeg;base64,{data}">'
    else:
        why = photo.gone or "more"
        shown = f"<em>{escape(words(f'photo.{why}'))}</em>"
    told = [escape(name), *([escape(photo.by)] if photo.by else [])]
    told.append(clock(photo.taken_at or photo.received_at, words))
    if photo.lon is not None and photo.lat is not None:
        told.append(f"{photo.lat:.5f}, {photo.lon:.5f}")
    digest = f" <code>{escape(photo.sha256[:16])}…</code>" if photo.sha256 else ""
    return f"<li>{shown}<span>{' · '.join(told)}{digest}</span></li>"
