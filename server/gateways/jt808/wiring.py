"""Puts the parts of the terminals' door together, and takes its sockets.

An operator who named an address or a port gets it, or a reason why not; else the port is only taken
where it is free: two servers on one machine must not fail over a port that nobody asked for.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Final

from devices.jt808.limits import LinkLimits
from server.dispatch.fieldwords import Language
from server.dispatch.runcards import RunCards
from server.gateways.door import DoorLimits
from server.gateways.guests.registry import Guests
from server.gateways.jt808.gateway import Jt808Gateway
from server.gateways.jt808.house import House, Jt808Limits
from server.jt808settings import HOST_SETTING, PORT_SETTING, Jt808Settings
from server.limits import Limits
from server.listening import CannotListen, bind

logger = logging.getLogger(__name__)

CHOOSE: Final = (HOST_SETTING, PORT_SETTING)


def build(
    settings: Jt808Settings,
    limits: Limits,
    guests: Guests,
    cards: Callable[[], RunCards],
    language: Language,
) -> Jt808Gateway:
    """Raises `CannotListen` where an operator asked for what cannot be had."""
    tcp, udp = _sockets(settings, limits.listen_backlog_len)
    house = House(
        guests=guests,
        language=language,
        types=lambda: cards().names,
        media=settings.media,
        limits=jt808_limits(limits),
    )
    return Jt808Gateway(house, tcp=tcp, udp=udp, backlog_len=limits.listen_backlog_len)


def jt808_limits(limits: Limits) -> Jt808Limits:
    return Jt808Limits(
        door=DoorLimits(
            connections_max=limits.jt808_connections_max,
            strangers_per_address_max=limits.jt808_strangers_per_address_max,
        ),
        link=LinkLimits(silence_s=limits.jt808_silence_s, probe_s=limits.jt808_silence_s / 2),
    )


def _sockets(
    settings: Jt808Settings, backlog_len: int
) -> tuple[list[socket.socket], list[socket.socket]]:
    if settings.port is None:
        return [], []
    tcp: list[socket.socket] = []
    try:
        tcp = bind(settings.host, settings.port, choose=CHOOSE)
        for each in tcp:
            each.listen(backlog_len)  # from now on nobody else has the port
        if not settings.udp:
            return tcp, []
        port = tcp[0].getsockname()[1]
        return tcp, bind(settings.host, port, choose=CHOOSE, kind=socket.SOCK_DGRAM)
    except (CannotListen, OSError) as error:
        for each in tcp:
            each.close()
        if settings.is_wanted:
            raise CannotListen(str(error)) from error
        logger.warning("JT/T 808 terminals are not let in: %s", error)
        return [], []
