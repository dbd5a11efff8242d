"""What the commands about journeys share: who drives, on what map, when, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from geo import mapfolder
from geo.driving.conditions import Condition
from geo.driving.speed import Mode, Profile, Vehicle
from geo.driving.sun import at_hour
from geo.errors import GeoError
from geo.eta import Eta, Spreads
from geo.ground import Ground
from geo.routing.choose import ENGINE_NAMES, EngineName
from geo.snap import Snap
from server.cli._options import LEARNED, iso

if TYPE_CHECKING:
    from server.cli.learnedfile import LearnedVersion

F = TypeVar("F", bound=Callable[..., Any])

CONDITION = click.option(
    "--condition",
    default="dry",
    show_default=True,
    metavar="TEXT",
    help="Weather, fog, ice, night: rain,night,fog=60,ice>1800.",
)
TO = click.option("--to", "target", required=True, metavar="LON,LAT", help="Degrees, WGS-84.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `journey_options`."""

    map_dir: Path
    vehicle: str
    mode: str
    condition: str
    depart: str | None
    engine: EngineName
    learned_file: Path | None

    def begin(self) -> Journeys:
        """Open the map, until the command ends. Raises GeoError, `click.ClickException`."""
        depart_at = None if self.depart is None else aware_time(self.depart)
        condition = Condition.parse(self.condition)
        roadmap = mapfolder.load(self.map_dir)
        if depart_at is not None:
            condition = at_hour(condition, depart_at, roadmap.meta.bounds)
        profile = Profile(vehicle=Vehicle(self.vehicle), mode=Mode(self.mode), condition=condition)
        ground = Ground(roadmap, engine=self.engine, profile=profile)
        # An engine must be let go of on the thread that made it, whatever the command comes to.
        click.get_current_context().call_on_close(ground.close)
        learned = None
        if self.learned_file is not None:
            from server.cli.learnedfile import read_learned  # it imports all that learns

            learned = read_learned(self.learned_file, roadmap)
            ground.set_factors({mode: each.factor for mode, each in learned.modes.items()})
        return Journeys(ground=ground, depart_at=depart_at, learned=learned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journeys:
    """An open map for one profile, and when one sets off."""

    ground: Ground
    depart_at: datetime | None
    learned: LearnedVersion | None
    """None: the model alone."""

    @property
    def spreads(self) -> Spreads:
        profile = self.ground.profile
        if profile.vehicle is Vehicle.FOOT:
            return Spreads(self.ground.roadmap, on_foot=True)
        learned = None if self.learned is None else self.learned.modes[profile.mode]
        return Spreads(self.ground.roadmap, learned=learned)

    def about(self) -> dict[str, Any]:
        """What every answer says of how it was made."""
        profile = self.ground.profile
        return {
            "map_id": self.ground.roadmap.meta.map_id,
            "engine": self.ground.engine_name,
            "vehicle": profile.vehicle.value,
            "mode": profile.mode.value,
            "condition": str(profile.condition),
            "learned_version": None if self.learned is None else self.learned.version,
            "depart_at": None if self.depart_at is None else iso(self.depart_at),
        }

    def arrival(self, eta: Eta) -> dict[str, Any]:
        """A travel time with its spread; clock times where the departure is known."""
        said: dict[str, Any] = {
            "median_s": round(eta.median_s, 3),
            "p80_s": round(eta.p80_s, 3),
            "p90_s": round(eta.p90_s, 3),
            "log_sd": round(eta.log_sd, 4),
        }
        if self.depart_at is not None:
            for name in ("median", "p80", "p90"):
                after = timedelta(seconds=said[f"{name}_s"])
                said[f"{name}_at"] = iso(self.depart_at + after)
        return said

    def when(self, eta: Eta) -> str:
        """For people: "23 min 10 s, 9 in 10 under 31 min 02 s (14:53)"."""
        words = f"{minutes(eta.median_s)}, 9 in 10 under {minutes(eta.p90_s)}"
        if self.depart_at is None:
            return words
        local = self.depart_at + timedelta(seconds=eta.p90_s)
        return f"{words} ({local:%H:%M})"


def journey_options(command: F) -> F:
    """--map, --vehicle, --mode, --condition, --depart, --engine, --learned, as one `asked`."""
    options = [
        click.option(
            "--map", "map_dir", required=True, type=click.Path(path_type=Path), metavar="DIR"
        ),
        _choice("--vehicle", [each.value for each in Vehicle], Vehicle.PATROL_CAR.value),
        _choice("--mode", [each.value for each in Mode], Mode.ROUTINE.value),
        CONDITION,
        click.option(
            "--depart",
            metavar="TIME",
            help="ISO 8601 with a time zone. Adds clock times, and night where the sun is down.",
        ),
        _choice("--engine", list(ENGINE_NAMES), "auto"),
        LEARNED,
    ]
    names = ("map_dir", "vehicle", "mode", "condition", "depart", "engine", "learned_file")

    @wraps(command)
    def gathered(**values: Any) -> Any:
        asked = Asked(**{name: values.pop(name) for name in names})
        return command(asked=asked, **values)

    wrapped: Any = gathered
    for option in reversed(options):
        wrapped = option(wrapped)
    found: F = wrapped
    return found


def place(text: str, option: str) -> tuple[float, float]:
    """Longitude, latitude of "LON,LAT". Range and bounds are the map's affair."""
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise click.ClickException(
            f"{option} {text!r} is not LON,LAT in degrees, e.g. 1.5218,42.5063"
        ) from error
    return lon, lat


def snap_json(snap: Snap) -> dict[str, float]:
    return {
        "lon": round(snap.lon, 7),
        "lat": round(snap.lat, 7),
        "distance_m": round(snap.distance_m, 1),
        "edge": snap.edge,
        "fraction": round(snap.fraction, 6),
    }


def minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s"


def kilometres(metres: float | None) -> str:
    return "" if metres is None else f"{metres / 1000.0:.1f} km"


@contextmanager
def plain_errors() -> Iterator[None]:
    """What is wrong, in one line."""
    try:
        yield
    except GeoError as error:
        raise click.ClickException(str(error)) from error


def _choice(name: str, values: list[str], default: str) -> Callable[[F], F]:
    return click.option(name, type=click.Choice(values), default=default, show_default=True)


def aware_time(text: str) -> datetime:
    """Of --depart. Raises `click.ClickException`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.ClickException(
            f"--depart {text!r} is not a time like 2026-01-31T21:30:00+08:00"
        ) from error
    if at.tzinfo is None:
        raise click.ClickException(
            f"--depart {text!r} says no time zone. Write {text}+08:00, or {text}Z for UTC."
        )
    return at
