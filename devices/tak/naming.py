"""Uids: who is who on a TAK map, and which of them are ours alone.

ATAK takes a chat's sender and message id from between the dots of its uid, so none of ours holds a
dot. Values in, values out.
"""

from __future__ import annotations

from typing import Final

UID_LEN_MAX: Final = 128
OURS: Final = "ridgeline-"
"""Whatever begins so is said by this server and by nobody else."""
ROOM: Final = f"{OURS}room"
"""The dispatcher's, a contact that may be written to."""
PONG: Final = "takPong"
PING: Final = "takPing"
_UNIT: Final = f"{OURS}unit-"
_INCIDENT: Final = f"{OURS}incident-"
_HELP: Final = f"{OURS}help-"
_RESERVED: Final = frozenset({PONG.lower(), PING.lower(), "all chat rooms", "all streaming"})


def uid_of_unit(unit_id: str) -> str:
    return f"{_UNIT}{unit_id}"


def uid_of_incident(incident_id: str) -> str:
    return f"{_INCIDENT}{incident_id}"


def uid_of_help(call_id: str) -> str:
    """Of the alert about a call for help."""
    return f"{_HELP}{call_id}"


def is_ours(uid: str) -> bool:
    return uid.lower().startswith(OURS)


def why_no_uid(uid: str) -> str | None:
    """Why a client cannot be called so; None: it can."""
    if not uid or len(uid) > UID_LEN_MAX:
        return f"a uid has 1 to {UID_LEN_MAX} characters"
    if not uid.isprintable() or uid != uid.strip():
        return "a uid has no control characters and no spaces around it"
    if is_ours(uid) or uid.lower() in _RESERVED:
        return "this uid is the server's own"
    return None
