"""`ridgeline device sim jt808`: a terminal that speaks JT/T 808, to try before one is bought."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import click

from devices.jt808.ride import Ride, location_of
from devices.jt808.terminal import Make, TerminalSession
from devices.jt808.terminal_events import (
    AlarmTaken,
    Event,
    IntervalChanged,
    LetIn,
    Ordered,
    QuestionAsked,
    Refused,
    TextShown,
)
from devices.shell.terminal import TerminalClient
from protocols.jt808.fields import CannotEncode, Dialect

POINTS_MAX: Final = 10_000
KMH_PER_MPS: Final = 3.6
TICK_S: Final = 0.5
_CHOICES: Final = {"accept": 1, "decline": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options."""

    server: tuple[str, int]
    make: Make
    code: str
    udp: bool
    route: list[tuple[float, float]]
    speed_kmh: float
    answer: str
    think_s: float
    sos_after_s: float | None
    battery_pct: int | None
    dead_zone: tuple[float, float] | None
    """From which second on, and for how many."""
    duration_s: float | None
    seed: int


@click.group("sim")
def sim_group() -> None:
    """Play a device of another maker."""


@sim_group.command("jt808")
@click.option("--server", required=True, metavar="HOST:PORT", help="Of the platform.")
@click.option("--phone", required=True, help="Digits of its SIM card, or 12 or 20 hex digits.")
@click.option(
    "--year", type=click.Choice(["2011", "2013", "2019"]), default="2013", show_default=True
)
@click.option("--udp", is_flag=True, help="Over UDP instead of TCP.")
@click.option("--code", default="", help="Authentication code; without one it registers.")
@click.option("--plate", default="", help="Number plate, or whatever names its carrier.")
@click.option(
    "--route",
    default="104.9,28.65",
    show_default=True,
    metavar="LON,LAT[;LON,LAT…]",
    help="To and fro along this line; one point stands. WGS-84.",
)
@click.option("--speed", "speed_kmh", type=click.FloatRange(0, 200), default=40, metavar="KM/H")
@click.option("--interval", type=click.FloatRange(0.5, 3600), default=10, metavar="S")
@click.option("--heartbeat", type=click.FloatRange(1, 3600), default=60, metavar="S")
@click.option(
    "--answer",
    type=click.Choice(["accept", "decline", "none"]),
    default="accept",
    show_default=True,
    help="What the person at it chooses when asked.",
)
@click.option("--think", "think_s", type=click.FloatRange(0, 600), default=3, metavar="S")
@click.option("--no-keypad", is_flag=True, help="Questions are not supported.")
@click.option("--sos", is_flag=True, help="Call for help at once.")
@click.option("--sos-after", "sos_after_s", type=click.FloatRange(min=0), metavar="S")
@click.option("--battery", "battery_pct", type=click.IntRange(0, 100), metavar="%")
@click.option("--dead-zone", metavar="FROM:FOR", help="Seconds: no network then, backfill after.")
@click.option("--duration", "duration_s", type=click.FloatRange(min=0), metavar="S")
@click.option("--seed", type=int, default=1)
def jt808_command(
    server: str,
    phone: str,
    year: str,
    plate: str,
    route: str,
    interval: float,
    heartbeat: float,
    no_keypad: bool,
    sos: bool,
    sos_after_s: float | None,
    dead_zone: str | None,
    **options: object,
) -> None:
    """A JT/T 808 terminal: registers, reports, shows what it is told, answers, calls for help.

    The platform must know its phone number, or lists it among the devices that nobody knows.
    """
    make = Make(
        phone=phone,
        dialect=Dialect(int(year)),
        plate=plate,
        has_keypad=not no_keypad,
        interval_s=interval,
        heartbeat_s=heartbeat,
    )
    wanted = Wanted(
        server=_server(server),
        make=make,
        route=_route(route),
        sos_after_s=0.0 if sos else sos_after_s,
        dead_zone=None if dead_zone is None else _dead_zone(dead_zone),
        **options,  # type: ignore[arg-type]  # click has seen to their types
    )
    try:
        asyncio.run(TerminalSim(wanted).run())
    except CannotEncode as error:
        raise click.ClickException(f"--phone: {error}") from error


class TerminalSim:
    """One run of the command."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._session = TerminalSession(wanted.make, code=wanted.code)
        self._client = TerminalClient(
            self._session,
            *wanted.server,
            udp=wanted.udp,
            handle=self._happened,
            rng=Random(wanted.seed),
        )
        self._ride = Ride(wanted.route, speed_mps=wanted.speed_kmh / KMH_PER_MPS)
        self._thinking: set[asyncio.TimerHandle] = set()
        self._told = ""

    async def run(self) -> None:
        """Until a signal or the duration."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, stop.set)
        jobs: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._client.run(), name="link"),
            asyncio.create_task(self._drive(), name="drive"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(
                jobs, timeout=self._wanted.duration_s, return_when=asyncio.FIRST_COMPLETED
            )
            for job in done:
                job.result()
        finally:
            for handle in self._thinking:
                handle.cancel()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        click.echo(f"{self._session.kept_count} reports were not taken.")

    async def _drive(self) -> None:
        begin = next_at = self._client.now
        while True:
            now = self._client.now
            self._meet_dead_zone(now - begin)
            if self._wanted.sos_after_s is not None and now - begin >= self._wanted.sos_after_s:
                self._call()
            if now >= next_at:
                spot = self._ride.at(now - begin)
                at = datetime.now(UTC)
                location = location_of(spot, at, battery_pct=self._wanted.battery_pct)
                self._session.report(location, now)
                self._client.flush()
                next_at = now + self._session.interval_s(now)
            self._say_trouble()
            await asyncio.sleep(min(TICK_S, max(0.0, next_at - self._client.now)))

    def _call(self) -> None:
        """Once; the alarm is on until the platform has taken it."""
        self._session.alarm = True
        self._wanted = replace(self._wanted, sos_after_s=None)
        _say("calls for help")

    def _meet_dead_zone(self, elapsed_s: float) -> None:
        if self._wanted.dead_zone is None:
            return
        begin_s, for_s = self._wanted.dead_zone
        there = not begin_s <= elapsed_s < begin_s + for_s
        if there == self._client.in_dead_zone:
            self._client.set_network(there=there)
            _say("network again" if there else "no network")

    def _say_trouble(self) -> None:
        if self._client.trouble != self._told:
            self._told = self._client.trouble
            if self._told:
                _say(f"no link: {self._told}")

    def _happened(self, event: Event) -> None:
        match event:
            case LetIn():
                _say("let in")
            case Refused(why=why):
                _say(f"refused: {why}")
            case TextShown(text=text, urgent=urgent):
                _say(f"{'URGENT ' if urgent else ''}text: {text}")
            case QuestionAsked():
                choices = " / ".join(f"{number} {label}" for number, label in event.choices)
                _say(f"question: {event.text}  [{choices}]")
                self._think_about(event)
            case AlarmTaken():
                _say("the platform took the alarm")
            case IntervalChanged():
                _say(f"reports every {self._session.interval_s(self._client.now):g} s")
            case Ordered(message=message):
                _say(f"ordered: {type(message).__name__}")

    def _think_about(self, asked: QuestionAsked) -> None:
        choice = _CHOICES.get(self._wanted.answer)
        if choice is None:
            return
        loop = asyncio.get_running_loop()
        self._thinking.add(loop.call_later(self._wanted.think_s, self._choose, asked, choice))

    def _choose(self, asked: QuestionAsked, choice: int) -> None:
        self._session.choose(asked.serial, choice, self._client.now)
        self._client.flush()
        _say(f"answers: {dict(asked.choices).get(choice, choice)}")


def _say(text: str) -> None:
    click.echo(f"{datetime.now(UTC):%H:%M:%S} {text}")


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65_535:
        raise click.BadParameter(
            f"{text!r} is not HOST:PORT, e.g. 127.0.0.1:8808", param_hint="--server"
        )
    return host, int(port)


def _route(text: str) -> list[tuple[float, float]]:
    points = []
    for each in text.split(";"):
        try:
            lon, lat = (float(part) for part in each.split(","))
        except ValueError:
            lon = lat = float("nan")
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            raise click.BadParameter(
                f"{each!r} is not LON,LAT in degrees, e.g. 104.9,28.65", param_hint="--route"
            )
        points.append((lon, lat))
    if len(points) > POINTS_MAX:
        raise click.BadParameter(f"more than {POINTS_MAX} points", param_hint="--route")
    return points


def _dead_zone(text: str) -> tuple[float, float]:
    try:
        begin_s, for_s = (float(part) for part in text.split(":"))
    except ValueError:
        begin_s = for_s = -1.0
    if not (begin_s >= 0 and for_s > 0):
        raise click.BadParameter(
            f"{text!r} is not FROM:FOR in seconds, e.g. 60:120", param_hint="--dead-zone"
        )
    return begin_s, for_s
