"""`ridgeline decision`: what was recommended, from what, and whether it comes out again.

Replay ends with 0 where the answer is the same to the last byte, 3 where it is another, 4 where
what is kept is not what was kept.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.cli._options import JSON, iso
from server.cli.admin import DATA, with_pool

if TYPE_CHECKING:
    from server.dispatch.reckoned import Reckoned
    from server.recheck import Finding
    from server.stores.decisions import Line
    from server.stores.records import KeptRecord

DIFFERS, DAMAGED = 3, 4
SHOWN_MAX: Final = 40
"""Differences told one by one; --json has all."""


@click.group("decision")
def decision_group() -> None:
    """What was recommended, from what, and whether it comes out again."""


@decision_group.command("list")
@click.option(
    "--incident", type=click.IntRange(1, 2**63 - 1), metavar="NUMBER", help="Of one incident."
)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@DATA
@JSON
def list_command(incident: int | None, limit: int, data_dir: Path | None, as_json: bool) -> None:
    """The newest recommendations, and whom a dispatcher sent on them."""
    from server.stores import decisions

    async def work(pool: Any) -> list[Line]:
        async with pool.acquire() as conn:
            return await decisions.page(conn, incident_number=incident, limit=limit)

    lines = with_pool(data_dir, work)
    if as_json:
        click.echo(json.dumps([_line_json(each) for each in lines], ensure_ascii=False))
        return
    table = Table("Id", "At", "Incident", "Best", "Units", "Sent", "Rules", "Roads")
    for each in lines:
        table.add_row(
            each.id,
            iso(each.computed_at),
            f"{each.incident_number} {each.incident_type}",
            escape(each.best or "nobody"),
            f"{each.candidates} + {each.excluded}",
            escape(", ".join(each.sent)),
            "not recorded" if each.rules is None else str(each.rules),
            str(each.road_version),
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@decision_group.command("show")
@click.argument("wanted", metavar="ID")
@DATA
@JSON
def show_command(wanted: str, data_dir: Path | None, as_json: bool) -> None:
    """What the dispatcher saw, and by which versions it was computed.

    ID is that of a recommendation, or of a decision that was taken on it.
    """
    from server.dispatch.errors import RecordDamaged
    from server.recheck import damages_of, record_of

    kept, reckoned = with_pool(data_dir, lambda pool: _load(pool, wanted))
    damages = damages_of(kept, reckoned)
    try:
        record = None if kept.packed is None or damages else record_of(kept)
    except RecordDamaged as error:
        raise click.ClickException(_unreadable(kept, error)) from error
    about = _about(kept, None if record is None else _versions(record))
    if as_json:
        answer = {**about, "damages": damages, "answer": kept.answer}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _show(kept, about)
        for damage in damages:
            click.echo(f"DAMAGED: {damage}.")
    if damages:
        raise SystemExit(DAMAGED)


@decision_group.command("replay")
@click.argument("wanted", metavar="ID")
@click.option(
    "--map",
    "map_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The map of then: travel times are found anew on it. Without it, as recorded.",
)
@DATA
@JSON
def replay_command(wanted: str, map_dir: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Compute a recommendation again from what was recorded, and compare every byte.

    ID is that of a recommendation, or of a decision that was taken on it. Ends with 0 where the
    answer is the same, with 3 where it is another, with 4 where the record was changed.
    """
    from geo import mapfolder
    from geo.errors import GeoError
    from server.dispatch.errors import RecordDamaged
    from server.recheck import check
    from server.replay import Learned
    from server.stores import learning

    try:
        roadmap = None if map_dir is None else mapfolder.load(map_dir)
    except GeoError as error:
        raise click.ClickException(str(error)) from error

    async def work(pool: Any) -> tuple[KeptRecord, Finding]:
        async def learned_of(version: int) -> Learned | None:
            async with pool.acquire() as conn:
                if await learning.version(conn, version) is None:
                    return None
                return await learning.factors(conn, version)

        kept, reckoned = await _load(pool, wanted)
        try:
            return kept, await check(kept, reckoned, roadmap, learned_of)
        except RecordDamaged as error:
            raise click.ClickException(_unreadable(kept, error)) from error

    kept, found = with_pool(data_dir, work)
    click.echo(json.dumps(_json(kept, found), ensure_ascii=False) if as_json else _words(found))
    if found.damages:
        raise SystemExit(DAMAGED)
    if not found.identical:
        raise SystemExit(DIFFERS)


async def _load(pool: Any, wanted: str) -> tuple[KeptRecord, Reckoned]:
    from server.stores import records

    try:
        any_id = str(uuid.UUID(wanted))
    except ValueError as error:
        raise click.ClickException(
            f"{wanted!r} is no id. `ridgeline decision list` shows them."
        ) from error
    async with pool.acquire() as conn:
        found = await records.load(conn, any_id)
    if found is None:
        raise click.ClickException(f"There is no recommendation and no decision {any_id}.")
    return found


def _words(found: Finding) -> str:
    lines = [f"DAMAGED: {each}. Nothing was computed from it." for each in found.damages]
    lines += [f"Note: {each}." for each in found.notes]
    if not found.damages:
        what = "Travel times, batteries and ranking" if found.depth == "roads" else "The ranking"
        if found.identical:
            lines.append(f"{what} computed again: identical, SHA-256 {found.answer_now}.")
        else:
            lines.append(f"{what} computed again: {len(found.differences)} values differ.")
            lines += [f"  {each}" for each in found.differences[:SHOWN_MAX]]
            if (more := len(found.differences) - SHOWN_MAX) > 0:
                lines.append(f"  … and {more} more; --json has all.")
    return "\n".join(lines)


def _json(kept: KeptRecord, found: Finding) -> dict[str, Any]:
    import msgspec

    return {
        "recommendation": kept.id,
        "incident": kept.incident_number,
        "identical": found.identical,
        "recomputed": found.depth.value,
        "damages": list(found.damages),
        "notes": list(found.notes),
        "answer_then": found.answer_then,
        "answer_now": found.answer_now,
        "differences": [msgspec.to_builtins(each) for each in found.differences],
    }


def _about(kept: KeptRecord, versions: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "recommendation": kept.id,
        "incident": kept.incident_number,
        "computed_at": iso(kept.computed_at),
        "computed_by": kept.computed_by,
        "record_sha256": kept.sha256,
        "record_bytes": None if kept.packed is None else len(kept.packed),
        "versions": versions,
    }


def _versions(record: Any) -> dict[str, Any]:
    """Of everything that has one."""
    premises, by = record.premises, record.circumstances
    return {
        "rules": record.rules,
        "run_cards": record.asked.run_cards_version,
        "map": premises.map_id,
        "roads": premises.road_version,
        "roads_sha256": by.roads,
        "conditions": list(premises.conditions),
        "learned": by.learned_version,
        "batteries": record.battery_version,
        "stance": "war" if record.asked.war else "peace",
        "engine": by.engine,
        "answer_sha256": record.answer,
    }


def _show(kept: KeptRecord, about: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    facts = Table(show_header=False)
    for name, value in {**about, **(about["versions"] or {})}.items():
        if name != "versions":
            facts.add_row(name.replace("_", " "), escape(_plain(value)))
    console.print(facts)
    table = Table("", "Unit", "Median", "8 in 10", "9 in 10", "Way", "Batteries last", "Reasons")
    for part in ("candidates", "excluded"):
        for each in kept.answer[part]:
            table.add_row(*map(escape, _cells(each)))
    console.print(table)
    for line in _around(kept.answer):
        console.print(escape(line))


def _around(answer: dict[str, Any]) -> list[str]:
    """What is to be known of the choice as a whole; older answers have less of it."""
    lines = [each["text"] for each in answer.get("remarks") or []]
    if second := answer.get("runner_up"):
        behind = f"{second['margin_s'] / 60:.1f} min behind"
        lines.append(f"Second: {second['call_sign']}, {behind}. {second['flip']['text']}.")
    return lines


def _cells(unit: dict[str, Any]) -> list[str]:
    batteries = [
        f"{each['kind'].replace('_', ' ')} {100 * each['p_last']:.0f} %"
        for each in unit["batteries"]
        if each.get("p_last") is not None
    ]
    return [
        "–" if unit["rank"] is None else str(unit["rank"]),
        unit["call_sign"],
        *(_minutes(unit.get(name)) for name in ("eta_s", "eta_p80_s", "eta_p90_s")),
        "" if unit["distance_m"] is None else f"{unit['distance_m'] / 1000:.1f} km",
        ", ".join(batteries),
        "; ".join(each["text"] for each in unit["reasons"]),
    ]


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.1f} min"


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _line_json(line: Line) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(line), "computed_at": iso(line.computed_at)}


def _unreadable(kept: KeptRecord, error: Exception) -> str:
    return (
        f"The record of {kept.id} is whole, but this program cannot read it ({error}); it was made "
        f"under rules {kept.rules}. Replay it with the program of then."
    )
