"""The words of a printed review in both languages, with times in one zone.

Dictionaries are `reviewlocales/en.json` and `zh.json`; a part in [brackets] is left out where what
it would say is not known, as on the audit page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
_DAYS_FROM_H: Final = 48
"""Shorter spans are told in hours."""
_FOLDER: Final = Path(__file__).parent / "reviewlocales"
_OPTIONAL: Final = re.compile(r"\[([^\]]*)\]")
_VALUE: Final = re.compile(r"\{(\w+)\}")


@cache
def dictionary(language: Language) -> Mapping[str, str]:
    """By key."""
    found: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a page is said in. `zone` of all its times."""

    language: Language
    zone: tzinfo
    day: date | None = None
    """Of times on this day of the zone the date is left out; None: of all."""

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key; a value that is None or empty leaves out the brackets around it."""
        template = dictionary(self.language).get(key, key)
        said = {name: "" if value is None else str(value) for name, value in values.items()}

        def optional(match: re.Match[str]) -> str:
            part = match[1]
            return part if all(said.get(name) for name in _VALUE.findall(part)) else ""

        return _VALUE.sub(lambda match: said.get(match[1], ""), _OPTIONAL.sub(optional, template))

    def why(self, why: str, values: Mapping[str, Any]) -> str:
        """A cause, its moments and spans in words."""
        return self(
            f"why.{why}", **{name: self._value(name, each) for name, each in values.items()}
        )

    def clock(self, at: datetime) -> str:
        """`08:14:05`; of another day, `02-01 08:14:05`."""
        local = at.astimezone(self.zone)
        other_day = self.day is not None and local.date() != self.day
        return local.strftime("%m-%d %H:%M:%S" if other_day else "%H:%M:%S")

    def tick(self, at: datetime) -> str:
        """`08:15`; of midnight, the day that begins: `02-01`."""
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M" if local.hour or local.minute else "%m-%d")

    def moment(self, at: datetime) -> str:
        """`2026-01-31 08:14`."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def span(self, seconds: float | None) -> str:
        """`45 s`, `3 min 20 s`, `14 min`, `1 h 5 min`, `3 d 4 h`."""
        if seconds is None:
            return self("none")
        whole = round(seconds)
        if whole < 60:
            return self("span.s", s=whole)
        if whole < 600 and whole % 60:
            return self("span.min_s", min=whole // 60, s=whole % 60)
        minutes = round(seconds / 60)
        if minutes < 60:
            return self("span.min", min=minutes)
        if minutes < _DAYS_FROM_H * 60:
            return self("span.h", h=minutes // 60, min=minutes % 60)
        hours = round(minutes / 60)
        return self("span.d", d=hours // 24, h=hours % 24)

    def listed(self, names: list[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(names)

    def _value(self, name: str, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return self.clock(value)
        if isinstance(value, Mapping):
            return str(value.get(self.language, ""))
        if isinstance(value, (list, tuple)):
            return self.listed([str(each) for each in value])
        return self.span(value) if name.endswith("_s") else str(value)
