"""What the two ends of a stream say about the stream and about what is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from protocols.cot.event import NO_DETAIL, Element, Event

PING, PONG = "t-x-c-t", "t-x-c-t-r"
DELETE = "t-x-d-d"
"""Something is gone: a client that left, or a marker. pytak says it of itself as its greeting."""
VERSIONS, VERSION_REQUEST, VERSION_RESPONSE = "t-x-takp-v", "t-x-takp-q", "t-x-takp-r"
PROTOBUF_VERSION = 1
PYTAK_GREETING_UID = "takPing"
NEGOTIATION_S = 60.0
"""So long may a client take to ask for a version."""
_SHORTLY = timedelta(seconds=20)
_MARKER_GONE = timedelta(minutes=10)


def ping(uid: str, now: datetime) -> Event:
    return _said(f"{uid}-ping", PING, now)


def pong(now: datetime) -> Event:
    """ATAK drops a connection on which it has received nothing for 25 s, so each ping needs one."""
    return _said("takPong", PONG, now)


def offer_protobuf(uid: str, server_version: str, now: datetime) -> Event:
    """Once, at the start; the request that answers it has the same uid."""
    offered = {"version": str(PROTOBUF_VERSION)}
    server = {"serverVersion": server_version, "apiVersion": "3"}
    control = Element(
        "TakControl",
        children=(
            Element("TakProtocolSupport", offered),
            Element("TakServerVersionInfo", server),
        ),
    )
    return _said(uid, VERSIONS, now, control, timedelta(seconds=NEGOTIATION_S))


def request_version(uid: str, version: int, now: datetime) -> Event:
    """A client's: after it, it says nothing until the response is there."""
    request = Element("TakRequest", {"version": str(version)})
    return _said(uid, VERSION_REQUEST, now, Element("TakControl", children=(request,)))


def respond_version(uid: str, granted: bool, now: datetime) -> Event:
    """Granted: from the next byte on, both ends write frames of protobuf."""
    response = Element("TakResponse", {"status": "true" if granted else "false"})
    return _said(uid, VERSION_RESPONSE, now, Element("TakControl", children=(response,)))


def offered_versions(event: Event) -> list[int]:
    control = event.find("TakControl")
    offers = control.find_all("TakProtocolSupport") if control else []
    return [version for offer in offers if (version := _version(offer)) is not None]


def requested_version(event: Event) -> int | None:
    """None: it asks for none that is a number."""
    control = event.find("TakControl")
    request = control.find("TakRequest") if control else None
    return _version(request) if request else None


def granted(event: Event) -> bool:
    control = event.find("TakControl")
    response = control.find("TakResponse") if control else None
    return response is not None and response.get("status").lower() == "true"


def disconnected(uid: str, now: datetime) -> Event:
    """A client has left: the others grey what it said."""
    link = Element("link", {"uid": uid, "relation": "p-p", "type": "a-f"})
    return _said(f"{uid}-gone", DELETE, now, link)


def deleted(uid: str, now: datetime) -> Event:
    """A marker is to go from every map, also where a person keeps it."""
    link = Element("link", {"uid": uid, "relation": "none", "type": "none"})
    force = Element("__forcedelete")
    return _said(f"{uid}-deleted", DELETE, now, link, _MARKER_GONE, force)


def deleted_uids(event: Event) -> list[str]:
    """What an event of type DELETE says is gone; empty for a greeting."""
    return [link.get("uid") for link in event.detail.find_all("link") if link.get("uid")]


def _said(
    uid: str,
    kind: str,
    now: datetime,
    child: Element | None = None,
    valid: timedelta = _SHORTLY,
    *more: Element,
) -> Event:
    children = (*([child] if child else []), *more)
    return Event(
        uid=uid,
        type=kind,
        how="m-g",
        time_at=now,
        start_at=now,
        stale_at=now + valid,
        detail=Element("detail", children=children) if children else NO_DETAIL,
    )


def _version(element: Element) -> int | None:
    text = element.get("version")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None
