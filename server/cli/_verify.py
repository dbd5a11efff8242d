"""What `ridgeline audit verify` reads, and how it says what was found.

A file of any size is read in bounded memory. It may come from anybody, so what of it is shown has
no character that a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

if TYPE_CHECKING:
    from server.journal.findings import Finding, Report
    from server.journal.notes import Verifier

NOT_INTACT, NOT_COMPLETE, NEITHER, NOT_HELD = 3, 4, 5, 6
"""Exit codes of `verify`."""
SHOWN_MAX: Final = 40
"""Findings told one by one; --json has all that are kept."""
SMALL_BYTES_MAX: Final = 1024 * 1024
"""Of a key's or checkpoint's file."""


def lines(file: TextIO) -> Iterator[str]:
    """Of an export; of one that is longer than any entry only so much that it shows."""
    from server.journal.exportfile import LINE_LEN_MAX

    most = LINE_LEN_MAX + 1
    while line := file.readline(most):
        rest = line
        while len(rest) == most and not rest.endswith("\n"):
            rest = file.readline(most)
        yield line


def keys(key: str) -> list[Verifier]:
    """Said as it is, or by a file with one a line, oldest last. Raises `ClickException`."""
    from server.journal.notes import NoteError, Verifier

    path = Path(key)
    try:
        said = _small(path) if path.is_file() else key
        found = [Verifier.parse(line) for line in reversed(said.splitlines()) if line.strip()]
    except (NoteError, OSError, ValueError) as error:
        raise click.ClickException(f"{shown(key)} is no public key: {shown(error)}") from None
    if not found:
        raise click.ClickException(f"{shown(key)} has no public key in it.")
    return found


def checkpoint(path: Path) -> str:
    """As somebody has kept it; line ends and blanks at the end may be another program's.

    Raises `ClickException`.
    """
    from server.journal import notes

    try:
        said = _small(path)
        note = "".join(
            f"{line.rstrip()}\n" for line in said.strip().replace("\r\n", "\n").split("\n")
        )
        notes.text_of(note)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} is no checkpoint: {shown(error)}") from None
    return note


def exit_code(report: Report) -> int:
    """0: all is well, and every checkpoint that was given fits."""
    codes = {
        (False, False): NOT_HELD if report.unchecked else 0,
        (True, False): NOT_INTACT,
        (False, True): NOT_COMPLETE,
        (True, True): NEITHER,
    }
    return codes[bool(report.integrity), bool(report.completeness)]


def words(report: Report) -> Iterable[str]:
    """For people."""
    first, last = report.first, report.last
    count = max(0, last - first + 1)
    yield f"Log {shown(report.origin)}: entries {first} to {last} ({count}) in the file."
    part = first > 1 or last < report.signed
    if part:
        yield f"It is a part: the log had {report.signed} entries when it was last signed."
    yield from _verdict("Integrity", "what is here is what was signed", report.integrity)
    whole = f"nothing is missing between entry {first} and {last}" if part else "nothing is missing"
    yield from _verdict("Completeness", whole, report.completeness)
    if report.more:
        yield f"Faults that are not listed, of later entries: {report.more}."
    yield f"Held by signed checkpoints: up to entry {report.held}; last signed: {report.signed}."
    if report.held < last:
        yield "Of the entries behind that, nothing proves that they are what was signed."
    if report.agreed:
        yield f"Agrees with the checkpoints of witnesses, of {_sizes(report.agreed)} entries."
    if report.disputed:
        yield f"Does NOT agree with those of {_sizes(report.disputed)} entries."
    if not (report.agreed or report.disputed):
        yield "No witness's checkpoint was held against it: whoever has the key could have made it."
    if report.redacted:
        yield f"Redacted fields: {report.redacted}; their commitments are there, and proofs hold."
    if report.unannounced:
        entries = ", ".join(str(seq) for seq in report.unannounced[:SHOWN_MAX])
        yield f"Nothing in the file says who redacted them: entries {entries}."
    if report.waiting:
        yield f"Entries that had no place in the log yet: {report.waiting}."
    yield from (shown(each) for each in report.unchecked)


def as_json(report: Report) -> dict[str, Any]:
    """For programs."""
    public = [each.name for each in fields(report) if not each.name.startswith("_")]
    return {name: getattr(report, name) for name in public} | {
        "intact": not report.integrity,
        "complete": not report.completeness,
        "first_bad": min((each.first for each in report.findings), default=None),
        "more": report.more,
        "integrity": [_plain(each) for each in report.integrity],
        "completeness": [_plain(each) for each in report.completeness],
    }


def shown(text: object) -> str:
    """Without characters that move a cursor, turn a line around or are half of one."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text)
    )


def _sizes(found: Sequence[int]) -> str:
    return ", ".join(str(size) for size in sorted(set(found)))


def _verdict(name: str, well: str, findings: Sequence[Finding]) -> Iterable[str]:
    if not findings:
        yield f"{name}: {well}."
        return
    yield f"{name}: BROKEN, first at entry {findings[0].first}."
    yield from (f"  {shown(each)}" for each in findings[:SHOWN_MAX])
    if len(findings) > SHOWN_MAX:
        yield f"  and {len(findings) - SHOWN_MAX} more"


def _plain(found: Finding) -> dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}


def _small(path: Path) -> str:
    """Raises OSError, ValueError."""
    with path.open("rb") as file:
        data = file.read(SMALL_BYTES_MAX + 1)
    if len(data) > SMALL_BYTES_MAX:
        raise ValueError("the file is too large")
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
