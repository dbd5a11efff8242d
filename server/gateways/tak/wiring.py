"""Puts the parts of the TAK port together, and takes its sockets.

An operator who named an address or a port gets it, or a reason why not; else the port is only taken
where it is free: two servers on one machine must not fail over a port that nobody asked for.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from server.accesslog import AccessLog
from server.board import Board
from server.dispatch.fieldwords import TypeNames
from server.dispatch.runcards import RunCards
from server.gateways.door import DoorLimits
from server.gateways.guests.registry import Guests
from server.gateways.tak.client import Office
from server.gateways.tak.correspondence import Post
from server.gateways.tak.picture import TakPicture, Words
from server.gateways.tak.port import BACKLOG_LEN, PortLimits, TakPort
from server.gateways.tak.room import TakRoom
from server.intakedesk import IntakeDesk
from server.listening import CannotListen, bind
from server.tak.keys import TakKeys
from server.tak.options import (
    HOST_SETTING,
    PLAIN_SETTING,
    PORT_SETTING,
    WEB_SETTING,
    TakOptions,
)

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
STRANGERS_PER_ADDRESS_MAX = 50
"""Whose certificate was not seen yet; all of a county's phones may be behind one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the port stands on."""

    guests: Guests
    board: Board
    inbox: IntakeDesk
    access: AccessLog
    cards: Callable[[], RunCards]
    center: tuple[float, float]
    """lon, lat of the county."""


def build(
    options: TakOptions,
    parts: Parts,
    *,
    keys: TakKeys | None,
    language: str,
    limits: PortLimits | None = None,
) -> TakPort:
    """Raises `CannotListen` where an operator asked for what cannot be had."""
    shared = parts.guests.field
    door = DoorLimits(
        connections_max=options.connections_max,
        strangers_per_address_max=STRANGERS_PER_ADDRESS_MAX,
    )
    limits = limits or PortLimits(door=door)
    words = Words(
        language="en" if language == "en" else "zh",
        types=lambda: type_names(parts.cards()),
        callsign=options.callsign,
    )
    room = TakRoom(
        fanout=shared.fanout,
        clock=shared.clock,
        metrics=shared.metrics,
        gateway_id=shared.gateway_id,
        callsign=options.callsign,
    )
    picture = TakPicture(
        room=room,
        board=parts.board,
        pool=shared.pool,
        fanout=shared.fanout,
        clock=shared.clock,
        metrics=shared.metrics,
        words=words,
        center=parts.center,
    )
    post = Post(
        pool=shared.pool,
        clock=shared.clock,
        metrics=shared.metrics,
        words=words,
        inbox=parts.inbox,
    )
    sockets = _sockets(options)
    if keys is not None and sockets.secure:
        keys.port = sockets.secure[0].getsockname()[1]
    return TakPort(
        Office(room=room, picture=picture, guests=parts.guests, post=post, limits=limits.client),
        access=parts.access,
        keys=keys,
        secure=sockets.secure,
        plain=sockets.plain,
        web=sockets.web,
        fanout=shared.fanout,
        limits=limits,
    )


def type_names(cards: RunCards) -> TypeNames:
    """Names of incident types by code and language."""
    return {card.code: {"en": card.en, "zh": card.zh} for card in (*cards.retired, *cards.cards)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sockets:
    secure: list[socket.socket] = field(default_factory=list)
    plain: list[socket.socket] = field(default_factory=list)
    web: list[socket.socket] = field(default_factory=list)


def _sockets(options: TakOptions) -> _Sockets:
    found = _Sockets()
    try:
        if options.port is not None:
            _take(found.secure, options.host, options.port, PORT_SETTING)
            if options.web_port is not None:
                _take(found.web, options.host, options.web_port, WEB_SETTING)
        if options.plain_port is not None:
            _take(found.plain, LOOPBACK, options.plain_port, PLAIN_SETTING)
    except (CannotListen, OSError) as error:
        for each in (*found.secure, *found.web, *found.plain):
            each.close()
        if options.is_wanted:
            raise CannotListen(str(error)) from error
        logger.warning("TAK clients are not let in: %s", error)
        return _Sockets()
    return found


def _take(taken: list[socket.socket], host: str, port: int, setting: str) -> None:
    """Bind and listen at once: from now on nobody else has the port."""
    own = PLAIN_SETTING if setting == PLAIN_SETTING else HOST_SETTING
    taken.extend(bind(host, port, choose=(own, setting)))
    for each in taken:
        each.listen(BACKLOG_LEN)
