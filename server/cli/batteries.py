"""`ridgeline batteries`: the list of a shift's cameras, asked of a running server.

What a battery will do is known to the server that learns from its reports, so this command signs in
there like anybody else.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.shiftviews import AdviceView, ShiftCameraView, ShiftPlanView

PASSWORD: Final = "RIDGELINE_PASSWORD"  # noqa: S105 (the name of a variable)
REMEDIES: Final = {
    "charge": "charge by {by}, {minutes} min",
    "swap": "swap by {by}: pack {label} {where}",
    "power_bank": "power bank by {by}: {label} {where}",
    "spare_camera": "spare camera by {by}: {label} {where}",
    "trade": "trade by {by} with {unit} ({device})",
}
COLUMNS: Final = ("unit", "camera", "level", "planned", "lasts", "empty at", "shift ends", "to do")


@click.command("batteries")
@click.option("--server", default="http://127.0.0.1:8080", show_default=True, metavar="URL")
@click.option("--user", required=True, help="A dispatcher, supervisor or administrator.")
@click.option(
    "--begins",
    metavar="TIME",
    help="The shift that begins then, 2026-01-31T08:00 by this machine's clock. Without it: the "
    "shift that runs.",
)
@click.option("--json", "form", flag_value="json", help="As the server says it.")
@click.option("--csv", "form", flag_value="csv", help="For a spreadsheet.")
def batteries_command(server: str, user: str, begins: str | None, form: str | None) -> None:
    """Which cameras will not last their shift as planned, and what to do about it.

    The password is asked for, or taken from RIDGELINE_PASSWORD.
    """
    from devices.shell.api import ApiProblem, Unreachable

    query = "" if begins is None else f"?begins={quote(_instant(begins).isoformat())}"
    password = os.environ.get(PASSWORD) or click.prompt("Password", hide_input=True, err=True)
    try:
        answer = asyncio.run(_ask(server, user, password, f"/api/shift-plan{query}"))
    except Unreachable as error:
        raise click.ClickException(f"{server} does not answer: {error}") from error
    except ApiProblem as error:
        raise click.ClickException(f"{server} refuses: {error}") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if form == "json":
        click.echo(json.dumps(answer, ensure_ascii=False, indent=1))
        return
    plan = msgspec.convert(answer, ShiftPlanView)
    rows = [_row(camera) for camera in plan.cameras]
    if form == "csv":
        csv.writer(sys.stdout).writerows([COLUMNS, *rows])
    else:
        _show(plan, rows)


async def _ask(server: str, user: str, password: str, path: str) -> Any:
    """Raises `ApiProblem`, `Unreachable`; ValueError for no address."""
    from devices.shell.api import Api

    api = Api(server)
    await api.sign_in(user, password)
    answer = await api.get(path)
    await api.post("/api/logout")
    return answer


def _instant(text: str) -> datetime:
    """A time without a zone is this machine's."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        told = f"--begins is {text!r}; write 2026-01-31T08:00."
        raise click.ClickException(told) from error


def _row(camera: ShiftCameraView) -> tuple[str, ...]:
    planned = (
        f"{camera.jobs:.1f} jobs, {camera.record_min:.0f} min recorded, "
        f"{camera.stream_min:.0f} streamed"
    )
    return (
        camera.call_sign,
        camera.device_id,
        "" if camera.level_pct is None else f"{camera.level_pct:.0f} %",
        planned,
        "unknown" if camera.p_lasts is None else f"{100 * camera.p_lasts:.0f} %",
        _clock(camera.empty_p50_at),
        _clock(camera.ends_at),
        "; ".join(_words(advice) for advice in camera.advice),
    )


def _words(advice: AdviceView) -> str:
    return REMEDIES[advice.remedy].format(
        by=_clock(advice.by_at),
        minutes=f"{advice.charge_min or 0:.0f}",
        label=advice.label,
        where=f"at {advice.station}" if advice.station else "in the unit's vehicle",
        unit=advice.trade_call_sign,
        device=advice.trade_with,
    )


def _clock(at: datetime | None) -> str:
    """By this machine's clock."""
    return "" if at is None else f"{at.astimezone():%m-%d %H:%M}"


def _show(plan: ShiftPlanView, rows: list[tuple[str, ...]]) -> None:
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console()
    console.print(table)
    failing = sum(camera.fails for camera in plan.cameras)
    console.print(
        f"{failing} of {len(rows)} cameras last with less than {100 * plan.lasts_min:.0f} %. "
        f"Jobs expected from {plan.past.jobs} in {plan.past.on_duty_h:.0f} h on duty in "
        f"{plan.past.days} days, with starting values."
    )
