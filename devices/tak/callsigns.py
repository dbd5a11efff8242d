"""By which name a client speaks: every place of an event that a client shows as its speaker's.

Values in, values out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from protocols.cot.event import Element, Event

_ATTRIBUTE_OF: Final = {
    "contact": "callsign",
    "uid": "Droid",
    "__chat": "senderCallsign",
    "__chatreceipt": "senderCallsign",
}
_ALERT: Final = "-Alert"
"""Behind the name in the contact of somebody's alert."""


def folded(callsign: str) -> str:
    """Equal for two that a person takes for the same: without case, width, spaces and what cannot
    be seen."""
    wide = unicodedata.normalize("NFKC", callsign).casefold()
    return "".join(each for each in wide if unicodedata.category(each)[0] not in "CZ")


def renamed(event: Event, rename: Callable[[str], str]) -> Event:
    """The event with each name of its speaker as `rename` has it; itself where all stay."""
    children = tuple(_renamed(each, rename) for each in event.detail.children)
    if children == event.detail.children:
        return event
    return replace(event, detail=replace(event.detail, children=children))


def _renamed(element: Element, rename: Callable[[str], str]) -> Element:
    if element.name == "emergency" and element.text.strip():
        return replace(element, text=rename(element.text.strip()))
    attribute = _ATTRIBUTE_OF.get(element.name, "")
    if not (said := element.get(attribute)):
        return element
    callsign = said.removesuffix(_ALERT)
    name = rename(callsign) + said[len(callsign) :]
    return replace(element, attributes={**element.attributes, attribute: name})
