"""The TAK port's keys in use: the authority, and a TLS context that lets in whom it signed.

The context demands a certificate of every client (TLS 1.2 at least); whether that certificate is in
force is asked of the database afterwards, at every connection and while it lasts.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from server.envvalues import SettingsError
from server.metrics import Metrics
from server.ports import Clock
from server.tak import authority
from server.tak.authority import Pair

logger = logging.getLogger(__name__)

LOOK_S: Final = 60.0
"""Between two looks at the server's certificate: made anew by `ridgeline tak server-cert`, or soon
at its end."""
TOLD_BEFORE_DAYS: Final = 180
"""The authority's own end is told of so long before: every client needs a new data package then."""


class TakKeys:
    """`run` keeps the server's certificate fresh until cancelled."""

    def __init__(
        self,
        data_dir: Path,
        names: Iterable[str],
        *,
        port: int,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        """Makes what is missing. Raises `SettingsError`."""
        self.port = port
        """Where clients come in; the real one once it is bound."""
        self._data_dir, self._names, self._clock = data_dir, tuple(names), clock
        self.authority: Pair = authority.load_or_make(data_dir, now=clock())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(
            cadata=self.authority.certificate.public_bytes(Encoding.PEM).decode()
        )
        self.server_until: datetime
        self._taken_up: tuple[int, int] = (0, 0)
        self.look()
        if metrics is not None:
            metrics.gauge("tak_server_certificate_days", lambda: self._days(self.server_until))
            metrics.gauge("tak_authority_days", lambda: self._days(self.authority.expires_at))

    async def run(self) -> None:
        """Look at the certificate now and then; one that cannot be read leaves the former."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(self.look)
            except SettingsError as error:
                logger.error("TAK clients see the former certificate: %s", error)

    def look(self) -> None:
        """Take up the server's certificate as it is on disk now. Raises `SettingsError`."""
        path = authority.server_pair(self._data_dir, self.authority, self._names, now=self._clock())
        found = path.stat()
        stamp = found.st_mtime_ns, found.st_ino
        if stamp == self._taken_up:
            return
        try:
            self.context.load_cert_chain(path)
        except OSError as error:  # SSLError is one
            raise SettingsError(f"{path} cannot be used: {error}.") from error
        self._taken_up = stamp
        self.server_until = authority.read_pair(path).expires_at
        if (days := self._days(self.authority.expires_at)) < TOLD_BEFORE_DAYS:
            logger.warning(
                "the TAK authority ends in %d days: every client needs a new data package", days
            )

    def _days(self, until: datetime) -> float:
        return (until - self._clock()).total_seconds() / 86_400
