"""`ridgeline demo`: everything at once, with a county that does not exist.

A synthetic map (made once, kept in the data folder), private databases, an invented roster, the
server, and the fleet simulator as a process of its own. Ctrl-C stops them all, in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from server.cli._options import default_data_dir, server_options, set_up_logging, settings_of

if TYPE_CHECKING:
    from server.demo import DemoSeed
    from server.settings import Settings

SEED_DEFAULT = 1
AREA_KM2_DEFAULT = 2230.0
UNITS_DEFAULT = 26
SPEED_DEFAULT = 10.0
INCIDENTS_PER_HOUR = 30.0
"""Per simulated hour: with the speed above, one every twelve seconds."""
STOP_SIMULATOR_S = 5.0
FLEET_FILE, KEPT_FILE = "fleet.json", "demo.json"
FACES = {"dispatcher": "console", "officer": "handset", "supervisor": "audit", "admin": "admin"}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a second start needs to know: passwords are nowhere else in clear."""

    map_id: str
    seed: Any


@click.command("demo")
@click.option(
    "--map",
    "map_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A map folder of your own instead of the synthetic county.",
)
@click.option(
    "--seed", default=SEED_DEFAULT, show_default=True, help="Of the county and its force."
)
@click.option(
    "--area-km2", type=click.FloatRange(60, 50_000), default=AREA_KM2_DEFAULT, show_default=True
)
@click.option("--units", type=click.IntRange(1, 2000), default=UNITS_DEFAULT, show_default=True)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 60),
    default=SPEED_DEFAULT,
    show_default=True,
    help="Simulated seconds per real second.",
)
@click.option("--sim/--no-sim", "simulate", default=True, show_default=True)
@server_options
def demo_command(
    map_dir: Path | None,
    seed: int,
    area_km2: float,
    units: int,
    speed: float,
    simulate: bool,
    data_dir: Path | None,
    verbose: bool,
    **options: Any,
) -> None:
    """Run everything with a simulated county.

    Prints the address and ready-made logins. Nothing leaves this machine.
    """
    set_up_logging(verbose, quiet=not verbose)
    console = Console(highlight=False)
    data_dir = data_dir or default_data_dir()
    if map_dir is None:
        map_dir = _county(data_dir, seed, area_km2, console)
    settings = settings_of(data_dir, map_dir, **options)
    demonstration = Demonstration(console, units=units, seed=seed, speed=speed, simulate=simulate)
    console.print("Starting the databases and the server")
    sys.exit(demonstration.run(settings))


class Demonstration:
    """One run: prepares the database, accompanies the server with the simulator."""

    def __init__(
        self, console: Console, *, units: int, seed: int, speed: float, simulate: bool
    ) -> None:
        self._console = console
        self._units, self._seed = units, seed
        self._speed, self._simulate = speed, simulate
        self._settings: Settings | None = None
        self._made: DemoSeed | None = None

    def run(self, settings: Settings) -> int:
        from server import main  # it imports much

        return main.run(settings, prepare=self._prepare, company=self._accompany)

    def _prepare(self, settings: Settings) -> None:
        """Seed an empty database; find the logins of one that was seeded before."""
        self._settings = settings
        self._made = asyncio.run(self._seed_once(settings))

    async def _seed_once(self, settings: Settings) -> DemoSeed:
        from geo import mapfolder
        from server import demo
        from server.stores.pool import open_pool

        assert settings.database_url is not None
        pool = await open_pool(settings.database_url, connections_max=2)
        try:
            if await pool.fetchval("SELECT EXISTS (SELECT FROM app_user)"):
                return _kept(settings)
            roadmap = mapfolder.load(settings.map_dir)
            made = await demo.seed(pool, roadmap, units=self._units, seed=self._seed)
        finally:
            await pool.close()
        demo.write_fleet(made.fleet, settings.data_dir / FLEET_FILE)
        _write_secret(settings.data_dir / KEPT_FILE, Kept(map_id=roadmap.meta.map_id, seed=made))
        return made

    @asynccontextmanager
    async def _accompany(self, address: str) -> AsyncIterator[None]:
        assert self._settings is not None
        assert self._made is not None
        log = self._settings.data_dir / "logs" / "simulator.log" if self._simulate else None
        with self._simulator(address, self._settings, log) if log else nullcontext():
            self._console.print(_welcome(address, self._made, log))
            yield
            self._console.print("Stopping …")

    @contextmanager
    def _simulator(self, address: str, settings: Settings, log: Path) -> Iterator[None]:
        """A process of its own, which dies with this one."""
        from server.embedded.process import Account, open_log, spawn, stop

        command = [
            *(sys.executable, "-m", "server.cli", "sim", "--url", address),
            *("--fleet", str(settings.data_dir / FLEET_FILE), "--map", str(settings.map_dir)),
            *("--seed", str(self._seed), "--speed", str(self._speed)),
            *("--incidents-per-hour", str(INCIDENTS_PER_HOUR)),
        ]
        child = spawn(command, account=Account(), death_signal=signal.SIGTERM, log=open_log(log))
        try:
            yield
        finally:
            if child.poll() is not None:
                self._console.print(f"The simulator had ended by itself; its log is {log}.")
            stop(child, [(signal.SIGTERM, STOP_SIMULATOR_S), (signal.SIGKILL, STOP_SIMULATOR_S)])


def _county(data_dir: Path, seed: int, area_km2: float, console: Console) -> Path:
    """The synthetic map: made at the first start, and again when the format has changed."""
    from geo import mapfolder
    from geo.errors import GeoError

    folder = (data_dir / f"map-synthetic-{seed}-{area_km2:g}").absolute()
    try:
        mapfolder.read_info(folder)
    except GeoError:
        console.print(f"Making up a county of {area_km2:g} km² (seed {seed}), once")
        # A process of its own gives all its memory back.
        command = [sys.executable, "-m", "server.cli", "map", "synth", "--seed", str(seed)]
        options = ["--area-km2", str(area_km2), "--out", str(folder)]
        code = subprocess.run([*command, *options], check=False).returncode  # noqa: S603
        if code != 0:
            raise click.ClickException("The synthetic county could not be made.") from None
    return folder


def _welcome(address: str, made: DemoSeed, simulator_log: Path | None) -> Panel:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("sign in as", "password", "page", ""):
        table.add_column(heading, no_wrap=True)
    for login in made.logins:
        page = f"{address}/{FACES.get(login.roles[0], '')}"
        note = f"unit {login.unit}" if login.unit else ""
        table.add_row(login.username, login.password, page, note)
    lines = [
        f"[bold]Ridgeline serves {address}[/bold]",
        "The county, its force and its incidents are invented.",
    ]
    if simulator_log is not None:
        lines.append(f"The simulator writes to {simulator_log}.")
    grid = Table.grid()
    grid.add_row("\n".join(lines))
    grid.add_row("")
    grid.add_row(table)
    grid.add_row("")
    grid.add_row("Ctrl-C stops everything.")
    return Panel(grid, expand=False)


def _kept(settings: Settings) -> DemoSeed:
    """What an earlier start of the demo has made. Raises `CannotServe`."""
    from geo import mapfolder
    from server.demo import DemoSeed
    from server.main import CannotServe

    path = settings.data_dir / KEPT_FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        made = msgspec.convert(kept.seed, DemoSeed)
    except (OSError, msgspec.DecodeError) as error:
        raise CannotServe(
            f"The database is in use and the demo did not fill it ({path}: {error}). "
            "Choose another folder with --data, or use ridgeline serve."
        ) from error
    if kept.map_id != mapfolder.read_info(settings.map_dir)["map_id"]:
        raise CannotServe(
            f"The demo in {settings.data_dir} was made for another map. "
            "Choose another folder with --data, or delete that one to start afresh."
        )
    return made


def _write_secret(path: Path, kept: Kept) -> None:
    """For this user's eyes alone."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
