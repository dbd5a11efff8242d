"""`ridgeline learn`: from drives to travel times, and back to an older version."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geo import mapfolder
from geo.driving.speed import Mode, Profile, Vehicle
from geo.errors import TrackError
from geo.learning.carrying import Carrying
from geo.learning.factors import LearnedFactors, summary
from geo.learning.school import Drive, Lessons, School
from geo.roadmap import RoadMap
from server.cli._options import JSON
from server.cli.admin import DATA, actor, with_pool
from server.cli.learnedfile import LearnedVersion, write_learned
from server.cli.match import MODE, VEHICLE, plain_errors, road_name
from server.cli.trackfile import SUFFIXES, read_track

TRACKS_MAX: Final = 10_000
"""Files of one folder."""
ROADS_SHOWN: Final = 20
NINETY_FIVE_PCT_SDS: Final = 1.96

REASON = click.option("--reason", default="by command", show_default=True, help="For the log.")


@click.group("learn", invoke_without_command=True)
@click.option("--map", "map_dir", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--tracks",
    "tracks_dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Learn from the tracks of this folder, show it, and keep nothing.",
)
@VEHICLE
@MODE
@click.option("--no-activate", is_flag=True, help="Make the version, and leave it aside.")
@REASON
@DATA
@JSON
@click.pass_context
def learn_group(
    context: click.Context,
    map_dir: Path | None,
    tracks_dir: Path | None,
    vehicle: str,
    mode: str,
    no_activate: bool,
    reason: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Learn travel times from the drives in the database, or from a folder of tracks.

    From the database: a new version is made and put in force, in a running server within half a
    minute. `ridgeline learn activate` goes back to another one.
    """
    if context.invoked_subcommand is not None:
        return
    if map_dir is None:
        raise click.UsageError("Missing option '--map'.")
    with plain_errors():
        roadmap = mapfolder.load(map_dir)
        if tracks_dir is not None:
            profile = Profile(vehicle=Vehicle(vehicle), mode=Mode(mode))
            _learn_from_files(roadmap, tracks_dir, profile, as_json)
        else:
            _learn_from_database(roadmap, data_dir, reason, not no_activate, as_json)


@learn_group.command("activate")
@click.argument("version")
@REASON
@DATA
@JSON
def activate_command(version: str, reason: str, data_dir: Path | None, as_json: bool) -> None:
    """Put VERSION in force, or "model" for the model alone."""
    from server.learnedversions import LearnedVersions
    from server.stores import learning as store
    from server.stores.activation import ActivationRow

    wanted = None if version == "model" else _number(version)

    async def work(pool: Any) -> ActivationRow:
        async with pool.acquire() as conn:
            map_id = await store.map_of(conn, wanted)
        versions = LearnedVersions(
            pool=pool,
            fanout=Unheard(),
            map_id=map_id or "",
            put_in_force=_leave_to_servers,
            clock=_now,
        )
        return await versions.activate(wanted, by=actor(), reason=reason)

    with plain_errors():
        row = with_pool(data_dir, work)
    if as_json:
        answer = {"active": row.version, "activated_by": row.activated_by, "reason": row.reason}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo("The model alone is in force." if wanted is None else f"Version {wanted} is.")


@learn_group.command("export")
@click.argument("version", required=False)
@click.option(
    "--map",
    "map_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Of whose map the version in force is wanted; needed where there are several.",
)
@click.option(
    "--out",
    "out_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
)
@DATA
@JSON
def export_command(
    version: str | None, map_dir: Path | None, out_file: Path, data_dir: Path | None, as_json: bool
) -> None:
    """Write VERSION, or the one in force, to a file for `--learned`."""
    from server.dispatch.errors import NotFound
    from server.stores import learning as store

    async def work(pool: Any) -> LearnedVersion:
        async with pool.acquire() as conn:
            number = None if version is None else _number(version)
            if number is None:
                map_id = await store.map_of(conn, None)
                if map_dir is not None:
                    map_id = mapfolder.load(map_dir).meta.map_id
                active = None if map_id is None else await store.active(conn, map_id)
                if active is None or active.version is None:
                    raise NotFound("not_found", "No version is in force, only the model.")
                number = active.version
            row = await store.version(conn, number)
            if row is None:
                raise NotFound("not_found", f"There is no version {number}.")
            modes = await store.factors(conn, number)
        return LearnedVersion(
            map_id=row.map_id,
            version=row.version,
            created_at=row.created_at,
            reason=row.reason,
            drives=row.trips,
            modes=modes,
        )

    with plain_errors():
        found = with_pool(data_dir, work)
    write_learned(out_file, found)
    if as_json:
        answer = {"version": found.version, "map_id": found.map_id, "file": str(out_file)}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo(f"Version {found.version}, learned on map {found.map_id}, is in {out_file}.")


@learn_group.command("carry")
@click.option(
    "--from",
    "from_dir",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The older map, whose drives shall count.",
)
@click.option(
    "--map",
    "map_dir",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The newer map.",
)
@click.option("--undo", is_flag=True, help="Take it back: its drives shall count no more.")
@REASON
@DATA
@JSON
def carry_command(
    from_dir: Path, map_dir: Path, undo: bool, reason: str, data_dir: Path | None, as_json: bool
) -> None:
    """Let drives over an older map count on a newer one, where its roads are found again.

    The next version learns from them; `ridgeline learn --map DIR` makes one at once.
    """
    from server.mapcarries import MapCarries

    with plain_errors():
        old, new = mapfolder.load(from_dir), mapfolder.load(map_dir)
        old_id = old.meta.map_id
        carrying = Carrying.between(old, new)
        counted = carrying.counted(old)

        async def work(pool: Any) -> None:
            carries = MapCarries(pool=pool, map_id=new.meta.map_id, clock=_now)
            if undo:
                await carries.take_back(old_id, by=actor(), reason=reason)
            else:
                await carries.carry(old_id, carrying, counted, by=actor(), reason=reason)

        with_pool(data_dir, work)
    if as_json:
        click.echo(
            json.dumps(
                {"from": old_id, "map": new.meta.map_id, "undone": undo}
                | ({} if undo else asdict(counted))
            )
        )
    elif undo:
        click.echo(f"Drives of map {old_id} count no more, from the next version on.")
    else:
        click.echo(
            f"Found again: {counted.edges} stretches of road, {counted.km:.1f} km. "
            f"Not found: {counted.edges_lost}, {counted.km_lost:.1f} km; what was driven there "
            "does not count. Run `ridgeline learn --map` to learn from the rest."
        )


class Unheard:
    """A fan-out for a command: running servers see the change when they look."""

    def publish(self, topic: str, payload: str) -> None:
        """Nobody listens."""

    def subscribe(self, topic: str, callback: Callable[[str], None]) -> None:
        """Nothing is ever published."""


def _learn_from_files(roadmap: RoadMap, folder: Path, profile: Profile, as_json: bool) -> None:
    """Show what the tracks of a folder teach; they are taken as of today."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise click.ClickException(f"{folder} has no track: {', '.join(SUFFIXES)}")
    if len(files) > TRACKS_MAX:
        raise click.ClickException(f"{folder} has more than {TRACKS_MAX} tracks")
    school = School(roadmap)
    lessons, now_s, refused = Lessons(school), _now().timestamp(), []
    for file in files:
        try:
            match = school.match(read_track(file), profile)
        except TrackError as error:
            refused.append(str(error))
            continue
        lessons.add(Drive(profile=profile, ended_s=now_s, runs=match.runs))
    learned = lessons.learned(now_s)[profile.mode]
    roads = _roads(school, profile, learned)
    if as_json:
        answer = {"map_id": roadmap.meta.map_id, "mode": profile.mode.value, "files": len(files)}
        click.echo(
            json.dumps(
                answer | {"drives": lessons.drives, "refused": refused, "roads": roads},
                ensure_ascii=False,
            )
        )
        return
    table = Table("Road", "Drives at most", "Against the model", "95 %")
    for road in roads[:ROADS_SHOWN]:
        spread = f"{road['low_pct']:+.0f} … {road['high_pct']:+.0f} %"
        name, drives = escape(road["road"]), str(road["drives_max"])
        table.add_row(name, drives, f"{road['slower_pct']:+.0f} %", spread)
    Console().print(table)
    for line in refused:
        click.echo(line, err=True)


def _learn_from_database(
    roadmap: RoadMap, data_dir: Path | None, reason: str, activate: bool, as_json: bool
) -> None:
    """Match what waits, then learn a version."""
    from server.classroom import Classroom
    from server.drivematcher import DriveMatcher
    from server.learnedversions import LearnedVersions
    from server.learningdesk import LearningDesk
    from server.stores.learning import VersionRow
    from server.surveyor import Surveyor

    async def work(pool: Any) -> VersionRow:
        classroom, surveyor, fanout = Classroom(roadmap), Surveyor(roadmap), Unheard()
        matcher = DriveMatcher(
            pool=pool, roadmap=roadmap, classroom=classroom, surveyor=surveyor, clock=_now
        )
        versions = LearnedVersions(
            pool=pool,
            fanout=fanout,
            map_id=roadmap.meta.map_id,
            put_in_force=_leave_to_servers,
            clock=_now,
        )
        desk = LearningDesk(
            pool=pool,
            fanout=fanout,
            classroom=classroom,
            matcher=matcher,
            versions=versions,
            clock=_now,
        )
        try:
            while await matcher.match_waiting():
                pass  # more may wait
            return await desk.learn(by=actor(), reason=reason, activate=activate)
        finally:
            await classroom.close()
            await surveyor.close()

    row = with_pool(data_dir, work)
    if as_json:
        answer = {"version": row.version, "drives": row.trips, "arcs": row.arcs}
        click.echo(json.dumps(answer | {"active": activate, "reason": row.reason}))
        return
    state = "is in force" if activate else "is left aside"
    click.echo(f"Version {row.version}, from {row.trips} drives over {row.arcs} arcs, {state}.")


async def _leave_to_servers(learned: object, version: int | None) -> None:
    """No routing runs here."""


def _roads(school: School, profile: Profile, learned: LearnedFactors) -> list[dict[str, Any]]:
    """Every road that was driven, by how far it is off the model; both directions together."""
    roadmap = school.roadmap
    model_s = school.model(profile).arc_s
    model_s = np.where(np.isfinite(model_s), model_s, 0.0)
    driven = np.flatnonzero(learned.trips > 0)
    names = np.array([road_name(roadmap, arc >> 1) for arc in driven.tolist()], dtype=object)
    found = []
    for name in sorted(set(names)):
        arcs = driven[names == name]
        known = summary(learned, arcs, model_s[arcs])
        low, high = (
            known.factor * np.exp(sds * known.log_sd)
            for sds in (-NINETY_FIVE_PCT_SDS, NINETY_FIVE_PCT_SDS)
        )
        found.append(
            {
                "road": name,
                "drives_max": int(learned.trips[arcs].max()),
                "slower_pct": round(100.0 * (known.factor - 1.0), 1),
                "low_pct": round(100.0 * (float(low) - 1.0), 1),
                "high_pct": round(100.0 * (float(high) - 1.0), 1),
            }
        )
    return sorted(found, key=lambda road: -abs(float(road["slower_pct"])))


def _now() -> datetime:
    return datetime.now(UTC)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**63:
        raise click.ClickException(f"{text!r} is no version; name a number, or model.")
    return int(text)
