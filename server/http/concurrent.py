"""Two people change the same thing: whoever is second is told what the first one did.

A change says how the thing looked to whoever makes it (`was`) and how it shall look (`now`). Where
it looks different by then, nothing is changed and the answer names each difference and who made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from server.dispatch.errors import Conflict
from server.stores import people

Differences = dict[str, dict[str, Any]]


def differences(before: Struct, after: Struct) -> Differences:
    """Fields in which two of one shape differ, as the command log has them."""
    old: Mapping[str, Any] = msgspec.to_builtins(before)
    new: Mapping[str, Any] = msgspec.to_builtins(after)
    return {name: {"from": old[name], "to": new[name]} for name in new if old[name] != new[name]}


async def require_unchanged(
    conn: Any, was: Struct, stands: Struct, *, subject: str, kinds: Sequence[str]
) -> None:
    """Raises `Conflict` `changed_meanwhile`: `changed`, `by` and `at` of the newest change."""
    changed = differences(was, stands)
    if not changed:
        return
    newest = await people.last_change(conn, subject, kinds)
    by, at = newest or (None, None)
    text = f"Somebody changed this meanwhile: {', '.join(changed)}."
    detail = {"changed": changed, "by": by, "at": None if at is None else at.isoformat()}
    raise Conflict("changed_meanwhile", text, detail)
