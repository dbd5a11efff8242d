"""`ridgeline sim`: drive a simulated fleet against a server, through its public doors only."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from devices.shell.api import Api, ApiProblem, Unreachable
from devices.shell.autopilot import Autopilot, Tally
from devices.shell.fleet import Fleet
from devices.shell.fleetfile import FleetFile, FleetFileError, read
from devices.sim import incidents
from devices.sim.deadzones import DeadZones
from devices.sim.incidents import Kind, Planned
from devices.sim.roads import Roads
from devices.sim.unit import IN_JOB, Activity
from geo import mapfolder
from geo.errors import GeoError
from geo.roadmap import RoadMap
from geo.snap import Snap

UNITS_MAX: Final = 2000
SPEED_MAX: Final = 60.0
"""Beyond it a unit would leap over whole roads between two reports."""
SERVER_WAIT_S: Final = 2.0
"""Between two attempts to reach the server at the start."""
LIVE_S: Final = 1.0
LINE_S: Final = 10.0
"""Between two status lines, on a terminal and elsewhere."""
INCIDENT_OFF_ROAD_M_MAX: Final = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    url: str
    fleet: Path
    map_dir: Path
    units: int | None
    seed: int
    speed: float
    incidents_per_hour: float
    autopilot: bool
    duration_s: float | None
    fix_interval_s: float
    sos_after_s: float | None


@click.command("sim")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Of the server.")
@click.option(
    "--fleet",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Devices with their tokens, JSON; `ridgeline demo` writes one.",
)
@click.option(
    "--map",
    "map_dir",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The server's map folder.",
)
@click.option("--units", type=click.IntRange(1, UNITS_MAX), help="Only the first so many units.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, SPEED_MAX),
    default=1.0,
    show_default=True,
    help="Simulated seconds per real second: driving and people; clocks and batteries stay real.",
)
@click.option(
    "--incidents-per-hour",
    type=click.FloatRange(0.0, 3600.0),
    default=12.0,
    show_default=True,
    help="Per simulated hour, by the autopilot.",
)
@click.option(
    "--autopilot/--no-autopilot",
    default=True,
    show_default=True,
    help="A simulated dispatcher opens incidents and sends the first candidate.",
)
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=0.0), metavar="S", help="Real seconds."
)
@click.option(
    "--fix-interval",
    "fix_interval_s",
    type=click.FloatRange(0.5, 600.0),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Real seconds between two positions of a moving handset; cameras half as often.",
)
@click.option(
    "--sos-after",
    "sos_after_s",
    type=click.FloatRange(min=0.0),
    metavar="S",
    help="Real seconds until an officer of the first unit calls for help.",
)
def sim_command(**options: object) -> None:
    """Drive simulated body cameras and handsets against a server.

    Every device is a real WebSocket connection through the reference client, on the roads of the
    map at the speeds of its model, with batteries, dead zones and officers who take their time.
    """
    wanted = Options(**options)  # type: ignore[arg-type]  # click has seen to their types
    console = Console(highlight=False)
    try:
        fleet_file = read(wanted.fleet)
        api = Api(wanted.url)
        console.print(f"Loading the map {wanted.map_dir}")
        roadmap = mapfolder.load(wanted.map_dir)
        asyncio.run(Simulation(wanted, fleet_file, api, roadmap, console).run())
    except (FleetFileError, GeoError, ApiProblem, ValueError) as error:
        raise click.ClickException(str(error)) from error


class Simulation:
    """One run of the command."""

    def __init__(
        self, options: Options, fleet_file: FleetFile, api: Api, roadmap: RoadMap, console: Console
    ) -> None:
        self._options, self._file = options, fleet_file
        self._api, self._roadmap, self._console = api, roadmap, console
        self._language = incidents.language_of(roadmap.places)
        self._tally = Tally()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until a signal, the duration, or the refusal of every device."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._stop.set)
        work = asyncio.create_task(self._work(), name="simulation")
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            work.cancel()
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()
        self._console.print("Simulation ended.")

    async def _work(self) -> None:
        await self._reach_server()
        await self._sign_in()
        await self._check_map()
        roads = Roads(self._roadmap)
        try:
            fleet = self._make_fleet(roads)
            await self._run_fleet(fleet, roads)
        finally:
            roads.close()

    async def _run_fleet(self, fleet: Fleet, roads: Roads) -> None:
        runs = asyncio.create_task(fleet.run(), name="fleet")
        side = [asyncio.create_task(self._show(fleet), name="status")]
        sos = None
        if (after_s := self._options.sos_after_s) is not None:
            sos = asyncio.get_running_loop().call_later(after_s, self._call_for_help, fleet)
        if self._options.autopilot:
            side.append(asyncio.create_task(self._autopilot(fleet, roads), name="autopilot"))
        try:
            done, _ = await asyncio.wait(
                {runs, *side},
                timeout=self._options.duration_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                task.result()
            if runs in done:
                raise ValueError(_why_ended(fleet))
        finally:
            if sos is not None:
                sos.cancel()
            for task in (runs, *side):
                task.cancel()
            await asyncio.wait({runs, *side})

    def _call_for_help(self, fleet: Fleet) -> None:
        unit = fleet.units[0]
        unit.call_for_help()
        self._console.print(f"{unit.devices[0].device.call_sign} calls for help.")

    # -- before anything moves -----------------------------------------------------------------

    async def _reach_server(self) -> None:
        told = ""
        while True:
            try:
                await self._api.get("/healthz")
                return
            except Unreachable as error:
                text = f"Waiting for {self._options.url}: {error}"
            except ApiProblem as error:
                if error.status not in (502, 503):
                    raise
                text = f"Waiting for {self._options.url}: {error}"
            if text != told:
                self._console.print(text)
                told = text
            await asyncio.sleep(SERVER_WAIT_S)

    async def _sign_in(self) -> None:
        login = self._file.dispatcher
        if login is None:
            if self._options.autopilot:
                raise ValueError(
                    f"{self._options.fleet} names no dispatcher, whose login the autopilot needs. "
                    "Add one, or use --no-autopilot."
                )
            return
        try:
            await self._api.sign_in(login.username, login.password)
        except ApiProblem as error:
            if error.status != 401:
                raise
            raise ValueError(
                f"The server refused the dispatcher {login.username!r} of {self._options.fleet}: "
                f"{error}"
            ) from error

    async def _check_map(self) -> None:
        if self._file.dispatcher is None:
            self._console.print("No dispatcher in the fleet file: the map is not compared.")
            return
        theirs = await self._api.get("/api/map")
        ours = self._roadmap.meta
        if theirs["id"] != ours.map_id:
            raise ValueError(
                f"The server runs on another map: {theirs['name']!r} ({theirs['id'][:12]}), "
                f"{self._options.map_dir} is {ours.name!r} ({ours.map_id[:12]}). "
                "Give --map the server's own map folder."
            )

    def _make_fleet(self, roads: Roads) -> Fleet:
        units = self._file.units(self._options.units)
        if self._options.units is not None and len(units) < self._options.units:
            self._console.print(f"{self._options.fleet} has {len(units)} units; all of them ride.")
        seed = self._options.seed
        dead_zones = DeadZones.of(self._roadmap, Random(f"dead-zones-{seed}"))
        fleet = Fleet(
            units,
            url=device_url(self._options.url),
            roads=roads,
            dead_zones=dead_zones,
            seed=seed,
            speed=self._options.speed,
            fix_interval_s=self._options.fix_interval_s,
            language=self._language,
        )
        self._console.print(
            f"{len(fleet.units)} units with {fleet.device_count} devices on "
            f"{self._roadmap.meta.name}, {len(dead_zones.zones)} dead zones, "
            f"{self._options.speed:g} simulated seconds a second",
            soft_wrap=True,
        )
        return fleet

    # -- the dispatcher ------------------------------------------------------------------------

    async def _autopilot(self, fleet: Fleet, roads: Roads) -> None:
        pilot = Autopilot(
            self._api,
            sign_in=self._sign_in,
            plan=lambda kinds: self._plan(fleet, roads, kinds),
            rng=Random(f"dispatcher-{self._options.seed}"),
            speed=self._options.speed,
            tally=self._tally,
            unit_ids=fleet.answering_unit_ids(),
        )
        try:
            await pilot.put_on_duty()
            await pilot.run()
        except* ApiProblem as problems:
            raise ValueError(f"The autopilot cannot go on: {_first(problems)}") from problems

    def _plan(self, fleet: Fleet, roads: Roads, kinds: list[Kind]) -> Iterator[Planned]:
        station = fleet.units[0].sim.home

        def on_road(lon: float, lat: float) -> tuple[float, float] | None:
            try:
                place = roads.snap(lon, lat)
            except GeoError:
                return None
            return (place.lon, place.lat) if _serves(roads, station, place) else None

        return incidents.stream(
            seed=self._options.seed,
            places=self._roadmap.places,
            kinds=kinds,
            per_hour=self._options.incidents_per_hour,
            on_road=on_road,
            language=self._language,
        )

    # -- the status line -----------------------------------------------------------------------

    async def _show(self, fleet: Fleet) -> None:
        refused = 0
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False) as live:
                while True:
                    live.update(
                        Text(self._line(fleet), no_wrap=True, overflow="ellipsis"), refresh=True
                    )
                    refused = self._tell_refused(fleet, refused)
                    await asyncio.sleep(LIVE_S)
        while True:
            await asyncio.sleep(LINE_S)
            self._console.print(Text(self._line(fleet)), soft_wrap=True)
            refused = self._tell_refused(fleet, refused)

    def _tell_refused(self, fleet: Fleet, told: int) -> int:
        refused = fleet.tally.refused
        if len(refused) > told:
            self._console.print(f"Refused: {refused[told]} ({len(refused)} in all)")
        return len(refused)

    def _line(self, fleet: Fleet) -> str:
        doing = fleet.activities()
        moving = sum(unit.sim.moving for unit in fleet.units)
        jobs = ", ".join(
            f"{doing[each]} {each}" for each in Activity if each in IN_JOB & set(doing)
        )
        parts = [
            f"{fleet.connected_count}/{fleet.device_count} connected",
            f"{moving} moving",
            f"{fleet.silent_count} silent",
            f"orders: {jobs or 'none'}; {fleet.tally.steps['done']} done",
        ]
        if self._options.autopilot:
            tally = self._tally
            parts.append(f"incidents: {tally.opened} opened, {tally.closed} closed")
            if tally.close_times_s:
                parts[-1] += f", median {median(tally.close_times_s):.0f} s"
            if tally.troubles:
                parts.append(f"{tally.troubles} troubles, last: {tally.last_trouble}")
        return " · ".join(parts)


def device_url(url: str) -> str:
    """The device door of the server at `url`."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/v1/device"


def _why_ended(fleet: Fleet) -> str:
    tally = fleet.tally
    if tally.replaced:
        return "Another program runs these devices: they were replaced by newer connections."
    return (
        f"The server refused every device ({tally.refused[0] if tally.refused else 'no reason'}). "
        "The tokens of the fleet file are not this server's; enrol the devices again."
    )


def _first(problems: BaseExceptionGroup[ApiProblem]) -> BaseException:
    first: BaseException = problems
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _serves(roads: Roads, station: Snap, place: Snap) -> bool:
    return place.distance_m <= INCIDENT_OFF_ROAD_M_MAX and roads.connected(station, place)
