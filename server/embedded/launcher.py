"""Runs the private servers of one data folder, from lock to stop.

Started once by the parent of everything else, from its main thread: the servers die with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from server.embedded import binaries, process, sockets
from server.embedded.errors import DataFolderError
from server.embedded.lock import DataLock, unusable
from server.embedded.postgres import Postgres
from server.embedded.process import Account
from server.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What `run` yields; a server that was not asked for is None."""

    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def database_url(self) -> str | None:
        return self.postgres.url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        return self.valkey.url if self.valkey else None

    def ended(self) -> bool:
        """Whether PostgreSQL should run and does not."""
        return self.postgres is not None and not self.postgres.is_running()

    def mend(self, now: float) -> None:
        """Start again what may die without harm. From the main thread, now and then."""
        if self.valkey is not None:
            self.valkey.mend(now)


@contextmanager
def run(
    data_dir: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True
) -> Iterator[Running]:
    """Start what is asked for and wait until it answers; stop it in order on the way out.

    Raises `DataFolderInUse`, `DataFolderError`, `BinaryMissing`, `StartFailed`.
    """
    data_dir = data_dir.absolute()
    with ExitStack() as stack:
        account = process.choose_account(data_dir / "pg")
        prepare_folder(data_dir, account)
        stack.callback(DataLock.acquire(data_dir).release)
        running = _describe(data_dir, account, postgres=postgres, valkey=valkey, durable=durable)
        # Stopped in the opposite order: Valkey first.
        started = [server for server in (running.postgres, running.valkey) if server]
        for server in started:
            stack.callback(server.stop)
            _guarded_start(server, data_dir)
        for server in started:
            server.wait_ready()
        yield running


def prepare_folder(data_dir: Path, account: Account) -> None:
    """Make the data folder and let the servers' account pass. Raises `DataFolderError`."""
    try:
        missing = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        if account.other:
            for folder in {data_dir, *missing}:
                folder.chmod(folder.stat().st_mode | 0o711)  # whatever the umask is
    except OSError as error:
        raise unusable(data_dir, error) from error
    if not process.can_reach(account, data_dir):
        raise DataFolderError(
            f"You are root, so the databases run as the user {account.name}, who cannot reach "
            f"{data_dir}. Choose a folder outside with --data, e.g. /var/lib/ridgeline, or start "
            "Ridgeline as an ordinary user."
        )


def _describe(
    data_dir: Path, account: Account, *, postgres: bool, valkey: bool, durable: bool
) -> Running:
    copies = data_dir / "programs"
    try:
        place = _Place(
            data_dir=data_dir,
            socket_dir=sockets.folder_for(data_dir, account),
            account=account,
            durable=durable,
        )
        return Running(
            postgres=_postgres(place, copies) if postgres else None,
            valkey=_valkey(place, copies) if valkey else None,
        )
    except OSError as error:
        raise unusable(data_dir, error) from error


class _Place(TypedDict):
    """What both servers are told."""

    data_dir: Path
    socket_dir: Path
    account: Account
    durable: bool


def _postgres(place: _Place, copies: Path) -> Postgres:
    found = binaries.find_postgres()
    return Postgres(bin_dir=binaries.reachable_postgres(found, place["account"], copies), **place)


def _valkey(place: _Place, copies: Path) -> Valkey:
    found = binaries.find_valkey()
    return Valkey(program=binaries.reachable_valkey(found, place["account"], copies), **place)


def _guarded_start(server: Postgres | Valkey, data_dir: Path) -> None:
    try:
        server.start()
    except OSError as error:
        raise unusable(data_dir, error) from error
