"""`ridgeline webhook`: who outside is told what the command log says, and what was given up.

The same as an administrator does over HTTP. The deliveries themselves are a running server's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from server.cli._options import JSON
from server.cli.admin import DATA, actor, shaped, with_pool

if TYPE_CHECKING:
    from server.webhooks import Webhooks
    from server.webhookviews import DeadPageView, NewWebhookView, WebhookView

T = TypeVar("T")
DEAD_SHOWN: Final = 50
NUMBER = click.option("--number", type=click.IntRange(1, 2**62), help="One alone.  [default: all]")
WHICH = click.argument("which", metavar="ID|NAME")


@click.group("webhook")
def webhook_group() -> None:
    """Who outside is told what the command log says."""


@webhook_group.command("add")
@click.argument("name")
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    required=True,
    help="Of the log, whole or its first part: order.issued, order. Repeat for more than one.",
)
@JSON
@DATA
def add(name: str, url: str, kinds: tuple[str, ...], as_json: bool, data_dir: Path | None) -> None:
    """Tell URL, called NAME here, from now on; prints the secret, which is shown only once."""
    from server.http.webhooks import WebhookBody
    from server.ids import new_id

    wanted = {"request_id": new_id(), "name": name, "url": url, "kinds": list(kinds)}
    body = shaped(wanted, WebhookBody)

    async def work(desk: Webhooks) -> NewWebhookView:
        made, _ = await desk.add(
            request_id=body.request_id,
            name=body.name.strip(),
            url=body.url.strip(),
            kinds=body.kinds,
            by=actor(),
        )
        return made

    made = _on_desk(data_dir, work)
    _say(made, f"{made.webhook.id}: secret {made.secret}", as_json=as_json)


@webhook_group.command("list")
@JSON
@DATA
def list_them(as_json: bool, data_dir: Path | None) -> None:
    """All that stand, and those that were removed lately."""
    found = _on_desk(data_dir, lambda desk: desk.everybody())
    _say(found, "\n".join(map(_line, found)) or "None.", as_json=as_json)


@webhook_group.command("dead")
@WHICH
@click.option("--before", type=int, help="The next page: what the one before said.")
@JSON
@DATA
def dead(which: str, before: int | None, as_json: bool, data_dir: Path | None) -> None:
    """Deliveries that were given up, newest of the log first."""

    async def work(desk: Webhooks) -> DeadPageView:
        webhook_id = await _id_of(desk, which)
        return await desk.dead(webhook_id, before=before, limit=DEAD_SHOWN)

    page = _on_desk(data_dir, work)
    lines = [
        f"{each.number}  {each.kind}  {each.dead_at:%Y-%m-%d %H:%M} UTC  {each.last_error}"
        for each in page.deliveries
    ]
    if page.next is not None:
        lines.append(f"More: --before {page.next}")
    _say(page, "\n".join(lines) or "None.", as_json=as_json)


@webhook_group.command("resend")
@WHICH
@NUMBER
@JSON
@DATA
def resend(which: str, number: int | None, as_json: bool, data_dir: Path | None) -> None:
    """Have what was given up tried again."""
    _see_to_dead(data_dir, which, number, again=True, as_json=as_json)


@webhook_group.command("drop")
@WHICH
@NUMBER
@JSON
@DATA
def drop(which: str, number: int | None, as_json: bool, data_dir: Path | None) -> None:
    """Drop what was given up."""
    _see_to_dead(data_dir, which, number, again=False, as_json=as_json)


@webhook_group.command("remove")
@WHICH
@click.option("--why", required=True, help="Stands in the log for good.")
@JSON
@DATA
def remove(which: str, why: str, as_json: bool, data_dir: Path | None) -> None:
    """Tell it nothing more; what it was not told yet is dropped."""
    from server.http.webhooks import EndBody

    body = shaped({"why": why}, EndBody)

    async def work(desk: Webhooks) -> WebhookView:
        return await desk.end(await _id_of(desk, which), why=body.why.strip(), by=actor())

    ended = _on_desk(data_dir, work)
    _say(ended, _line(ended), as_json=as_json)


def _see_to_dead(
    data_dir: Path | None, which: str, number: int | None, *, again: bool, as_json: bool
) -> None:
    async def work(desk: Webhooks) -> WebhookView:
        webhook_id = await _id_of(desk, which)
        return await desk.see_to_dead(webhook_id, number=number, again=again, by=actor())

    found = _on_desk(data_dir, work)
    _say(found, _line(found), as_json=as_json)


async def _id_of(desk: Webhooks, which: str) -> str:
    """Names need not be unique; those that were removed go by their id."""
    everybody = await desk.everybody()
    named = [each.id for each in everybody if each.name == which and each.ended_at is None]
    if len(named) > 1:
        raise click.ClickException(f"Several are called {which}: say the id.")
    if named or which in {each.id for each in everybody}:
        return named[0] if named else which
    raise click.ClickException(f"There is no webhook {which}: see ridgeline webhook list.")


def _line(hook: WebhookView) -> str:
    state = "removed" if hook.ended_at is not None else f"{hook.behind} entries behind"
    return (
        f"{hook.id}  {hook.name}  {hook.url}  {', '.join(hook.kinds)}  "
        f"{hook.waiting} waiting, {hook.dead} given up, {state}"
    )


def _on_desk(data_dir: Path | None, work: Callable[[Webhooks], Awaitable[T]]) -> T:
    from server.metrics import Metrics
    from server.webhooks import Webhooks

    def desk(pool: Any) -> Webhooks:
        return Webhooks(pool=pool, clock=lambda: datetime.now(UTC), metrics=Metrics())

    return with_pool(data_dir, lambda pool: work(desk(pool)))


def _say(found: Any, text: str, *, as_json: bool) -> None:
    import msgspec

    click.echo(msgspec.json.encode(found).decode() if as_json else text)
