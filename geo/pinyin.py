"""Chinese names as they are typed on a Latin keyboard: whole syllables, initials, and both mixed.

Every reading of a character counts: nobody is asked which one a surname has. Knows no words and no
tones, so it cannot say how a name is read, only how it may be (docs/adr/0015).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, islice, product
from pathlib import Path

CHARS_MAX = 40
"""Of a name; what is beyond is not read."""
READINGS_LEN_MAX = 4
"""Of a character; the rest are rare."""
WAYS_LEN_MAX = 24
"""To read a name, those with the fewest unusual readings; the rest are left out."""
KNOWN_NAMES_MAX = 20_000

_TABLE = Path(__file__).with_name("pinyin.txt")
_U_UMLAUT = {"lv": "lu", "nv": "nu", "lve": "lue", "nve": "nue"}
"""Where keyboards have "v", and others write "u"."""


def has_han(text: str) -> bool:
    """Whether there is a Chinese character in it that has a reading."""
    return any(letter in _table() for letter in text)


@lru_cache(KNOWN_NAMES_MAX)
def keys(name: str) -> tuple[str, ...]:
    """What somebody may type for a name with Chinese characters in it; empty without.

    For each way to read it the whole of it, its initials, and the first syllable with the initials
    of the rest ("zhangwei", "zw", "zhangw"), in lower case, letters and digits alone. The usual way
    comes first. What another key begins with is left out.
    """
    found = dict.fromkeys((*syllables(name), *initials(name), *_mixed(name)))
    return tuple(key for key in found if not any(_begins(other, key) for other in found))


def syllables(name: str) -> tuple[str, ...]:
    """The whole of it, for each way to read it: "zhangwei"; empty without Chinese characters."""
    return tuple(dict.fromkeys("".join(way) for way in _ways(name, len(name))))


def initials(name: str) -> tuple[str, ...]:
    """The initials alone: "zw"; empty without Chinese characters.

    Few letters say little, so of the characters one at most is read in an unusual way.
    """
    return tuple(dict.fromkeys("".join(part[0] for part in way) for way in _ways(name, 1)))


def _mixed(name: str) -> list[str]:
    return [way[0] + "".join(part[0] for part in way[1:]) for way in _ways(name, 1)]


def _ways(name: str, unusual_max: int) -> list[tuple[str, ...]]:
    """Readings of its characters: the usual ones, then those with one unusual, with two, …"""
    if not has_han(name):
        return []
    return list(islice(_all_ways(list(_parts(name)), unusual_max), WAYS_LEN_MAX))


def _all_ways(parts: list[tuple[str, ...]], unusual_max: int) -> Iterator[tuple[str, ...]]:
    usual = tuple(part[0] for part in parts)
    for unusual in range(min(len(parts), unusual_max) + 1):
        for places in combinations(range(len(parts)), unusual):
            for readings in product(*(parts[place][1:] for place in places)):
                way = dict(enumerate(usual)) | dict(zip(places, readings, strict=True))
                yield tuple(way.values())


def _begins(longer: str, key: str) -> bool:
    return longer != key and longer.startswith(key)


def _parts(name: str) -> Iterator[tuple[str, ...]]:
    """Readings of each character; a letter or digit is read as itself, all else is passed over."""
    table = _table()
    for letter in unicodedata.normalize("NFKC", name[:CHARS_MAX]).casefold():
        if readings := table.get(letter):
            yield readings
        elif letter.isalnum():
            yield (letter,)


@lru_cache(1)
def _table() -> dict[str, tuple[str, ...]]:
    """Readings by character, the usual one first."""
    read: dict[str, list[str]] = {}
    rows = [
        line.split("\t")
        for line in _TABLE.read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    for column in (1, 2):
        for row in rows:
            for letter in row[column]:
                read.setdefault(letter, []).append(row[0])
    return {letter: _spelt(*each[:READINGS_LEN_MAX]) for letter, each in read.items()}


@lru_cache(None)
def _spelt(*readings: str) -> tuple[str, ...]:
    """With "u" beside "v"; one object for all characters that are read alike."""
    return tuple(dict.fromkeys([*readings, *(_U_UMLAUT[r] for r in readings if r in _U_UMLAUT)]))
