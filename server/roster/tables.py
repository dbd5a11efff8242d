"""Lists of a roster as tables, for people with a spreadsheet: CSV in, CSV out.

One table is one list, known by its first row: the column that names its entries. A cell with
several values has them apart by spaces or semicolons; an empty one leaves the field as it is, and
`-` empties it. Knows no database; what the entries mean is `server.roster.file`'s business.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from server.roster.file import BYTES_MAX, KEYS, LENGTHS_MAX, RosterError, RosterFile, decode

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "stations": ("name", "lon", "lat"),
    "units": ("call_sign", "kind", "station", "officers", "leader", "devices"),
    "officers": ("badge", "name", "phone", "skills", "user"),
    "devices": ("id", "kind", "model"),
    "spares": ("label", "kind", "fits", "station", "unit", "charged"),
}
"""Of each list, in their order; the first names an entry."""
NEEDED: Final = {"stations": "lon", "units": "kind", "officers": "name", "devices": "kind"}
"""What tells a list from another one with the same first column."""
SEVERAL: Final = frozenset({"officers", "devices", "skills", "fits"})
NUMBERS: Final = frozenset({"lon", "lat"})
YES, NO = frozenset({"yes", "true", "1", "是"}), frozenset({"no", "false", "0", "否"})
NOTHING: Final = "-"
_SHAPE = re.compile(r"Expected `str` matching regex '.*?(?<!\\)'\. ")
"""What a pattern wants is said by the sentence after it."""
_PLACE = re.compile(r"^(\w+), entry (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with a file."""

    line: int | None
    """In the table, from 1; None: of the whole, or no table."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file as far as it could be read."""

    file: RosterFile | None
    problems: tuple[Problem, ...]
    lines: tuple[int, ...] = ()
    """Of each entry of a table."""


def read(text: str) -> Read:
    """A roster file (JSON) or one table of it (CSV); never raises."""
    if len(text.encode()) > BYTES_MAX:
        return _bad(f"The file has more than {BYTES_MAX >> 20} MB; split it.")
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return _decoded(text.encode(), ())
    try:
        return _table(text)
    except csv.Error as error:
        return _bad(f"The table cannot be read: {error}.")


def placed(problems: Sequence[str], lines: Sequence[int]) -> tuple[Problem, ...]:
    """Sentences about entries with the lines that they stand in."""
    return tuple(
        Problem(line=_line_of(each, lines), text=_SHAPE.sub("", each)) for each in problems
    )


def written(group: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """A list as CSV with a byte-order mark, as spreadsheets want it for Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS[group])
    for entry in entries:
        writer.writerow([_cell(entry.get(column)) for column in COLUMNS[group]])
    return "\ufeff" + out.getvalue()


def _table(text: str) -> Read:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    header = [each.strip() for each in next(reader, [])]
    group = _group(header)
    if group is None:
        known = "; ".join(",".join(columns) for columns in COLUMNS.values())
        return _bad(f"The first row names no list. It is one of: {known}")
    strange = sorted(set(header) - {*COLUMNS[group], "note", ""})
    if strange:
        return _bad(f"{group}: there is no column {', '.join(strange)}.")
    if len(set(header)) < len(header):
        return _bad(f"{group}: a column is there twice.")
    entries: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(entries) >= LENGTHS_MAX[group]:
            return _bad(f"{group}: more than {LENGTHS_MAX[group]:,} entries.")
        if len(row) > len(header):
            text = f"There are {len(row)} cells, and the first row has {len(header)}."
            return Read(file=None, problems=(Problem(line=reader.line_num, text=text),))
        entries.append(_entry(dict(zip(header, row, strict=False))))
        lines.append(reader.line_num)
    return _decoded(msgspec.json.encode({group: entries}), tuple(lines))


def _group(header: Sequence[str]) -> str | None:
    for group, key in KEYS.items():
        if header and header[0] == key and NEEDED.get(group, key) in header:
            return group
    return None


def _entry(row: Mapping[str, str]) -> dict[str, Any]:
    cells = ((column, cell.strip()) for column, cell in row.items() if column)
    return {column: _value(column, cell) for column, cell in cells if cell}


def _value(column: str, cell: str) -> Any:
    """What is not as the column wants it stays a text: the entry is refused with its line."""
    if column in SEVERAL:
        return [] if cell == NOTHING else re.split(r"[\s;；]+", cell.strip(";； "))
    if column == "charged" and cell.lower() in YES | NO:
        return cell.lower() in YES
    if cell == NOTHING:
        return "" if column in {"phone", "model", "note"} else None
    if column in NUMBERS:
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


def _cell(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _decoded(content: bytes, lines: tuple[int, ...]) -> Read:
    try:
        return Read(file=decode(content), problems=(), lines=lines)
    except RosterError as error:
        return Read(file=None, problems=placed(error.problems, lines), lines=lines)


def _line_of(text: str, lines: Sequence[int]) -> int | None:
    match = _PLACE.match(text)
    number = int(match[2]) - 1 if match else -1
    return lines[number] if 0 <= number < len(lines) else None


def _bad(text: str) -> Read:
    return Read(file=None, problems=(Problem(line=None, text=text),))
