"""The roster file: one JSON document of a county's stations, units, officers, devices and spares.

Says everything that is wrong with a file, entry by entry. Knows no database: whether a name that
the file only mentions exists is `server.rosterload`'s question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from server.dispatch.spares import SpareKind
from server.housekeeping import FIRST_ADMIN
from server.http.devices_admin import (
    SKILLS_LEN_MAX,
    CallSign,
    DeviceId,
    Model,
    Skills,
    SpareFits,
    SpareLabel,
)
from server.http.users import Badge, DisplayName, Phone, Username
from server.sparedesk import FITS_LEN_MAX
from server.stores.county import BROWSER_MODEL
from server.stores.roster import DEVICES_LEN_MAX
from server.stores.spares import SPARES_LEN_MAX
from server.stores.units import UNITS_LEN_MAX
from server.views import DeviceKind, UnitKind

BYTES_MAX: Final = 16 << 20
PROBLEMS_SHOWN_MAX: Final = 20
LENGTHS_MAX: Final = {
    "stations": 1_000,
    "units": UNITS_LEN_MAX,
    "officers": 20_000,
    "devices": DEVICES_LEN_MAX,
    "spares": SPARES_LEN_MAX,
}
"""Entries of each list."""
KEYS: Final = {
    "stations": "name",
    "units": "call_sign",
    "officers": "badge",
    "devices": "id",
    "spares": "label",
}
"""What names an entry, in the file and for ever."""
MEMBERS_LEN_MAX: Final = 100
"""Officers, and devices, of one unit."""
HINTS: Final = {
    "name": "Write 1 to 80 characters.",
    "lon": "Write degrees east of Greenwich, -180 to 180; west is negative.",
    "lat": "Write degrees north of the equator, -90 to 90; south is negative.",
    "call_sign": "Write 1 to 32 characters.",
    "badge": "Use letters A-Z, figures and hyphens, at most 32.",
    "officers": "List badges: letters A-Z, figures and hyphens, at most 32 each.",
    "leader": "Write the badge of an officer, or null.",
    "phone": "Write at most 32 figures, spaces and + ( ) / . -, or nothing.",
    "skills": f"List codes of skills as the run cards name them (letters a-z, figures and "
    f"underscores), at most {SKILLS_LEN_MAX}.",
    "devices": "List ids of devices.",
    "user": "Use small letters a-z, figures, dot, underscore and hyphen, 2 to 32.",
    "id": "Use letters A-Z, figures, dot, underscore and hyphen, at most 64.",
    "model": "Write at most 80 characters.",
    "station": "Write the name of a station, 1 to 80 characters.",
    "label": "Write 1 to 64 characters.",
    "fits": f"List at most {FITS_LEN_MAX} models of devices; none: it fits any.",
    "unit": "Write the call sign of a unit, 1 to 32 characters.",
    "charged": "Write true or false.",
    "note": "Write at most 500 characters.",
    "units.kind": f"Choose one of {', '.join(get_args(UnitKind))}.",
    "devices.kind": f"Choose one of {', '.join(get_args(DeviceKind))}.",
    "spares.kind": f"Choose one of {', '.join(SpareKind)}.",
}
"""What to do about a wrong field, of one list where its name has two meanings."""
TEMPLATE: Final = """\
{
  "note": "Everything here is an example. Load it with: ridgeline roster load FILE --tokens SECRETS",
  "stations": [
    {"name": "North Station", "lon": 100.2336, "lat": 26.8721, "note": "degrees, WGS-84"},
    {"name": "东巴谷派出所", "lon": 100.3105, "lat": 27.0142}
  ],
  "units": [
    {
      "call_sign": "P-01",
      "kind": "patrol_car",
      "station": "North Station",
      "officers": ["0412", "0413"],
      "leader": "0412",
      "devices": ["cam-0412", "hs-0412", "car-01"],
      "note": "kind: patrol_car, off_road, motorcycle or foot; both lists are complete; leader: whom to call when nobody of it answers"
    },
    {"call_sign": "X-02", "kind": "off_road", "station": "东巴谷派出所", "officers": ["0420"], "devices": []}
  ],
  "officers": [
    {"badge": "0412", "name": "He Jun", "phone": "+86 139 0000 0412", "user": "hejun", "note": "user: may sign in as this"},
    {"badge": "0413", "name": "Mu Lan"},
    {"badge": "0420", "name": "和志强", "user": "he.zhiqiang", "skills": ["first_aid", "mountain_rescue"]}
  ],
  "devices": [
    {"id": "cam-0412", "kind": "body_camera", "model": "BC-4G"},
    {"id": "hs-0412", "kind": "handset", "model": "H-11"},
    {"id": "car-01", "kind": "vehicle", "note": "kind: body_camera, handset or vehicle"},
    {"id": "cam-spare", "kind": "body_camera", "model": "BC-4G", "note": "in no unit yet"}
  ],
  "spares": [
    {"label": "pack-07", "kind": "pack", "fits": ["BC-4G"], "station": "North Station", "charged": true},
    {"label": "bank-01", "kind": "power_bank", "unit": "P-01", "note": "kind: pack, power_bank or camera; in a station or in a unit's vehicle"}
  ]
}
"""  # noqa: E501 (read by people, as it is)

Note = Annotated[str, Meta(max_length=500)]
T = TypeVar("T")


class _Entry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field that is left out stays as it is."""

    note: Note = ""
    """For whoever keeps the file; not loaded."""


class StationEntry(_Entry, frozen=True):
    name: DisplayName
    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]


class UnitEntry(_Entry, frozen=True):
    call_sign: CallSign
    kind: UnitKind
    station: DisplayName | UnsetType | None = UNSET
    officers: Annotated[list[Badge], Meta(max_length=MEMBERS_LEN_MAX)] | UnsetType = UNSET
    """The whole crew."""
    leader: Badge | UnsetType | None = UNSET
    """Of its crew, or of the shift."""
    devices: Annotated[list[DeviceId], Meta(max_length=MEMBERS_LEN_MAX)] | UnsetType = UNSET
    """All its devices, without browsers."""


class OfficerEntry(_Entry, frozen=True):
    badge: Badge
    name: DisplayName
    phone: Phone | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    """All that the officer can do, as codes of run cards."""
    user: Username | UnsetType = UNSET
    """Name to sign in with."""


class DeviceEntry(_Entry, frozen=True):
    id: DeviceId
    kind: DeviceKind
    model: Model | UnsetType = UNSET


class SpareEntry(_Entry, frozen=True):
    label: SpareLabel
    kind: SpareKind
    fits: SpareFits | UnsetType = UNSET
    """Models of devices; empty: any."""
    station: DisplayName | None = None
    """Where it lies at first; afterwards people say where they put it."""
    unit: CallSign | None = None
    """In whose vehicle, likewise."""
    charged: bool = False
    """Likewise."""


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entries are decoded one by one, so that each mistake is told."""

    note: Note = ""
    stations: list[msgspec.Raw] = []
    units: list[msgspec.Raw] = []
    officers: list[msgspec.Raw] = []
    devices: list[msgspec.Raw] = []
    spares: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFile:
    """Each list without doubles."""

    stations: list[StationEntry]
    units: list[UnitEntry]
    officers: list[OfficerEntry]
    devices: list[DeviceEntry]
    spares: list[SpareEntry]


class RosterError(Exception):
    """The roster cannot be loaded; `problems` has a sentence for each reason."""

    def __init__(self, problems: list[str]) -> None:
        shown = problems[:PROBLEMS_SHOWN_MAX]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more.")
        super().__init__("\n".join(shown))
        self.problems = problems


def decode(content: bytes) -> RosterFile:
    """The file's entries. Raises `RosterError` with everything that is wrong."""
    if len(content) > BYTES_MAX:
        raise RosterError([f"The file has more than {BYTES_MAX >> 20} MB; split it."])
    try:
        file = msgspec.json.decode(content.decode("utf-8-sig"), type=_File)
    except UnicodeDecodeError as error:
        text = f"The file is not UTF-8 (byte {error.start}). Save it as UTF-8."
        raise RosterError([text]) from None
    except msgspec.ValidationError as error:
        raise RosterError([f"{error}. See: ridgeline roster template"]) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RosterError([f"The file cannot be read: {error}{_line(content, error)}."]) from None
    problems: list[str] = []
    made = RosterFile(
        stations=_entries("stations", file.stations, StationEntry, problems),
        units=_entries("units", file.units, UnitEntry, problems),
        officers=_entries("officers", file.officers, OfficerEntry, problems),
        devices=_entries("devices", file.devices, DeviceEntry, problems),
        spares=_entries("spares", file.spares, SpareEntry, problems),
    )
    problems += _doubles(made)
    problems += _reserved(made)
    if problems:
        raise RosterError(problems)
    return made


def place(group: str, number: int, key: object) -> str:
    """How a problem names an entry; `number` counts from 0."""
    named = f" ({key})" if key is not None else ""
    return f"{group}, entry {number + 1}{named}"


def _line(content: bytes, error: Exception) -> str:
    """`, line 7` where the error says `(byte 123)`."""
    match = re.search(r"\(byte (\d+)\)", str(error))
    before = content[: int(match[1]) + 1] if match else b""
    return f", line {len(before.splitlines())}" if match else ""


def _entries(group: str, raws: list[msgspec.Raw], shape: type[T], problems: list[str]) -> list[T]:
    if len(raws) > LENGTHS_MAX[group]:
        problems.append(f"{group}: more than {LENGTHS_MAX[group]:,} entries; is it the right file?")
        return []
    entries: list[T] = []
    for number, raw in enumerate(raws):
        try:
            entries.append(msgspec.json.decode(raw, type=shape))
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(f"{place(group, number, _key(group, raw))}: {_told(group, error)}")
    return entries


def _key(group: str, raw: msgspec.Raw) -> object:
    try:
        entry: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return entry.get(KEYS[group]) if isinstance(entry, dict) else None


def _told(group: str, error: Exception) -> str:
    """`Expected … - at `$.badge`` as `badge: expected …`, and what to do."""
    match = re.fullmatch(r"(.*) - at `\$\.(\w+).*`", str(error))
    if match is None:
        return f"{error}."
    wrong, field = match.groups()
    hint = HINTS.get(f"{group}.{field}") or HINTS.get(field)
    return f"{field}: {wrong}. {hint}"


def _doubles(file: RosterFile) -> Iterable[str]:
    """What is listed twice: an entry, or a member of two units."""
    for group, key in KEYS.items():
        named = Counter(getattr(entry, key) for entry in getattr(file, group))
        for name, times in named.items():
            if times > 1:
                yield f"{group}: {name} is listed {times} times; keep one."
    users = Counter(entry.user for entry in file.officers if entry.user is not UNSET)
    for name, times in users.items():
        if times > 1:
            yield f"officers: {times} of them have the user name {name}; give each their own."
    for group in ("officers", "devices"):
        homes: dict[str, list[str]] = {}
        for unit in file.units:
            for member in getattr(unit, group) or ():
                homes.setdefault(member, []).append(unit.call_sign)
        for member, units in homes.items():
            if len(units) > 1:
                yield f"units: {member} is in the {group} of {', '.join(units)}; keep one."


def _reserved(file: RosterFile) -> Iterable[str]:
    for number, device in enumerate(file.devices):
        if device.id.startswith("web-") or device.model == BROWSER_MODEL:
            yield (
                f"{place('devices', number, device.id)}: browsers enrol themselves when an officer "
                f"signs in; take it out, or choose an id that does not begin with web- and a model "
                f"other than {BROWSER_MODEL}."
            )
    for number, officer in enumerate(file.officers):
        if officer.user == FIRST_ADMIN:
            yield (
                f"{place('officers', number, officer.badge)}: the user name {FIRST_ADMIN} is kept "
                "for the first administrator; choose another."
            )
