"""What has to change so that the roster agrees with a file: values into values.

The file speaks only of what it names: who or what it does not mention stays as it is, and nothing
is deleted. A unit's `officers` and `devices` are complete: who is no longer in them leaves the
unit, and stays on the roster.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import UNSET, UnsetType

from server.roster.file import RosterError, RosterFile, place
from server.stores.county import County, Device, Leader, Login, Officer, Spare, Station, Unit
from server.stores.spares import SPARES_LEN_MAX

Facts: TypeAlias = Station | Unit | Officer | Leader | Device | Login | Spare


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of the roster, before and after."""

    key: str
    before: Facts | None
    """None: it is new."""
    after: Facts

    @property
    def what(self) -> str:
        """station, unit, officer, leader, device, login or spare."""
        return type(self.after).__name__.lower()

    def fields(self) -> dict[str, tuple[object, object]]:
        """What is different, old and new; of a new entry all that is said."""
        old = dataclasses.asdict(self.before) if self.before else {}
        new = dataclasses.asdict(self.after)
        return {name: (old.get(name), new[name]) for name in new if old.get(name) != new[name]}

    @property
    def has_secret(self) -> bool:
        """A token or a password comes into being."""
        return self.before is None and isinstance(self.after, Device | Login)

    @property
    def left_unit(self) -> str | None:
        """Call sign of the unit that an officer or a device leaves."""
        if isinstance(self.before, Officer | Device) and "unit" in self.fields():
            return self.before.unit
        return None

    def __str__(self) -> str:
        if self.before is None:
            news = ((name, new) for name, (_, new) in self.fields().items() if new)
            said = ", ".join(f"{name} {_told(name, new)}" for name, new in news)
            return f"new {self.what} {self.key}: {said}"
        moves = (
            f"{name} {_told(name, a)} → {_told(name, b)}" for name, (a, b) in self.fields().items()
        )
        return f"{self.what} {self.key}: {', '.join(moves)}"


def plan(known: County, file: RosterFile) -> list[Change]:
    """What has to change, in an order in which it can. Raises `RosterError`."""
    problems = [*_unknown_names(known, file), *_taken_names(known, file)]
    if problems:
        raise RosterError(problems)
    wanted: list[tuple[Mapping[str, Facts], Mapping[str, Facts]]] = [
        (known.stations, _stations(file)),
        (known.units, _units(known, file)),
        (known.officers, _officers(known, file)),
        (known.leaders, _leaders(known, file)),
        (known.devices, _devices(known, file)),
        (known.logins, _logins(file)),
        (known.spares, _spares(known, file)),
    ]
    changes: list[Change] = []
    for before, after in wanted:
        changes += [
            Change(key=key, before=before.get(key), after=facts)
            for key, facts in after.items()
            if before.get(key) != facts
        ]
    return changes


# -- what the file wants ------------------------------------------------------------------


def _stations(file: RosterFile) -> dict[str, Station]:
    return {each.name: Station(lon=each.lon, lat=each.lat) for each in file.stations}


def _units(known: County, file: RosterFile) -> dict[str, Unit]:
    made: dict[str, Unit] = {}
    for each in file.units:
        old = known.units.get(each.call_sign)
        station = _or_old(each.station, old.station if old else None)
        made[each.call_sign] = Unit(kind=each.kind, station=station)
    return made


def _officers(known: County, file: RosterFile) -> dict[str, Officer]:
    """All officers, for one who is not mentioned may have to leave a unit that is."""
    homes = _homes(file, "officers")
    listed = {each.badge: each for each in file.officers}
    made: dict[str, Officer] = {}
    for badge in {**known.officers, **listed}:
        old, new = known.officers.get(badge), listed.get(badge)
        said = new or old
        assert said is not None
        made[badge] = Officer(
            name=said.name,
            phone=_or_old(new.phone if new else UNSET, old.phone if old else ""),
            skills=_skills(new.skills if new else UNSET, old.skills if old else ()),
            unit=homes.of(badge, old.unit if old else None),
        )
    return made


def _leaders(known: County, file: RosterFile) -> dict[str, Leader]:
    """Of the units that the file says it of; of a new unit only where it has one."""
    return {
        each.call_sign: Leader(badge=each.leader)
        for each in file.units
        if each.leader is not UNSET and (each.leader or each.call_sign in known.leaders)
    }


def _devices(known: County, file: RosterFile) -> dict[str, Device]:
    homes = _homes(file, "devices")
    listed = {each.id: each for each in file.devices}
    made: dict[str, Device] = {}
    for device_id in {**known.devices, **listed}:
        old, new = known.devices.get(device_id), listed.get(device_id)
        model = new.model if new else UNSET
        said = new or old
        assert said is not None
        made[device_id] = Device(
            kind=said.kind,
            model=_or_old(model, old.model if old else ""),
            unit=homes.of(device_id, old.unit if old else None),
        )
    return made


def _logins(file: RosterFile) -> dict[str, Login]:
    return {
        each.user: Login(name=each.name, badge=each.badge)
        for each in file.officers
        if each.user is not UNSET
    }


def _spares(known: County, file: RosterFile) -> dict[str, Spare]:
    """Where one lies, and whether it is charged, the file says only of a new one."""
    made: dict[str, Spare] = {}
    for each in file.spares:
        old = known.spares.get(each.label)
        fits = _or_old(each.fits, old.fits if old else ())
        made[each.label] = Spare(
            kind=each.kind,
            fits=tuple(sorted(set(fits))),
            station=old.station if old else each.station,
            unit=old.unit if old else each.unit,
            charged=old.charged if old else each.charged,
        )
    return made


@dataclass(frozen=True, slots=True)
class _Homes:
    """Which unit each member is in, as far as the file says."""

    of_member: dict[str, str]
    complete: frozenset[str]
    """Units whose list the file has."""

    def of(self, member: str, now_in: str | None) -> str | None:
        listed = self.of_member.get(member)
        return listed if listed or now_in in self.complete else now_in


def _homes(file: RosterFile, group: str) -> _Homes:
    lists = {each.call_sign: getattr(each, group) for each in file.units}
    lists = {call_sign: members for call_sign, members in lists.items() if members is not UNSET}
    of_member = {member: call_sign for call_sign, members in lists.items() for member in members}
    return _Homes(of_member, frozenset(lists))


# -- what stands in the way ---------------------------------------------------------------


def _unknown_names(known: County, file: RosterFile) -> Iterable[str]:
    """What a unit or a spare mentions and nobody has described."""
    stations = {each.name for each in file.stations} | set(known.stations)
    described = {
        "officers": {each.badge for each in file.officers} | set(known.officers),
        "devices": {each.id for each in file.devices} | set(known.devices),
    }
    for number, unit in enumerate(file.units):
        where = place("units", number, unit.call_sign)
        if isinstance(unit.station, str) and unit.station not in stations:
            yield f"{where}: there is no station {unit.station}; add it to stations."
        for group, names in described.items():
            for member in getattr(unit, group) or ():
                if member not in names:
                    yield f"{where}: {member} is not known; add it to {group}."
        if isinstance(unit.leader, str) and unit.leader not in described["officers"]:
            yield f"{where}: the leader {unit.leader} is not known; add it to officers."
    units = {each.call_sign for each in file.units} | set(known.units)
    for number, spare in enumerate(file.spares):
        if spare.label in known.spares:
            continue
        where = place("spares", number, spare.label)
        if (spare.station is None) == (spare.unit is None):
            yield f"{where}: say where it lies: a station, or a unit for its vehicle."
        elif spare.station is not None and spare.station not in stations:
            yield f"{where}: there is no station {spare.station}; add it to stations."
        elif spare.unit is not None and spare.unit not in units:
            yield f"{where}: there is no unit {spare.unit}; add it to units."


def _taken_names(known: County, file: RosterFile) -> Iterable[str]:
    """Keys that stand for something or somebody else."""
    for number, unit in enumerate(file.units):
        if unit.call_sign in known.retired_units:
            where = place("units", number, unit.call_sign)
            yield f"{where}: that unit was taken out of service; choose another call sign."
    for number, device in enumerate(file.devices):
        if device.id in known.disabled_devices:
            where = place("devices", number, device.id)
            yield f"{where}: that device was taken out of service; choose another id."
    for number, spare in enumerate(file.spares):
        if spare.label in known.retired_spares:
            where = place("spares", number, spare.label)
            yield f"{where}: that spare was taken out of service; write another label on this one."
    new = sum(each.label not in known.spares for each in file.spares)
    if len(known.spares) + new > SPARES_LEN_MAX:
        yield f"spares: there would be more than {SPARES_LEN_MAX:,}; retire some."
    user_of = {login.badge: name for name, login in known.logins.items() if login.badge}
    for number, officer in enumerate(file.officers):
        if officer.user is UNSET:
            continue
        where = place("officers", number, officer.badge)
        other = known.logins.get(officer.user)
        if officer.user in known.disabled_logins or (other and other.badge != officer.badge):
            yield f"{where}: the user name {officer.user} is taken; choose another."
        elif not other and officer.badge in user_of:
            mine = user_of[officer.badge]
            yield f"{where}: signs in as {mine} already; write that user name, or none."


def _skills(new: Sequence[str] | UnsetType, old: tuple[str, ...]) -> tuple[str, ...]:
    return old if new is UNSET else tuple(sorted(set(new)))


def _or_old(new: Any | UnsetType, old: Any) -> Any:
    return old if new is UNSET else new


def _told(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or ("any" if name == "fits" else "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == "" else str(value)
