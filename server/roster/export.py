"""The roster as the file that would make it: everything in service, or what an import changes.

Values into values. The part that an import changes, as it stood before, is the way back: loaded
again it undoes every change of a field; what was new stays, for nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.roster.plan import Change
from server.stores.county import County, Device, Leader, Login, Officer, Spare, Station, Unit

Lists = dict[str, list[dict[str, Any]]]
GROUPS: Final = {
    Station: "stations",
    Unit: "units",
    Leader: "units",
    Officer: "officers",
    Login: "officers",
    Device: "devices",
    Spare: "spares",
}


def lists(county: County) -> Lists:
    """Each list by key."""
    crews, carried = _by_unit(county.officers), _by_unit(county.devices)
    users = {login.badge: name for name, login in county.logins.items() if login.badge}
    return {
        "stations": [
            {"name": name, "lon": each.lon, "lat": each.lat}
            for name, each in sorted(county.stations.items())
        ],
        "units": [
            {
                "call_sign": call_sign,
                "kind": each.kind,
                "station": each.station,
                "officers": crews.get(call_sign, []),
                "leader": county.leaders[call_sign].badge,
                "devices": carried.get(call_sign, []),
            }
            for call_sign, each in sorted(county.units.items())
        ],
        "officers": [
            {"badge": badge, "name": each.name, "phone": each.phone, "skills": list(each.skills)}
            | ({"user": users[badge]} if badge in users else {})
            for badge, each in sorted(county.officers.items())
        ],
        "devices": [
            {"id": device_id, "kind": each.kind, "model": each.model}
            for device_id, each in sorted(county.devices.items())
        ],
        "spares": [
            {
                "label": label,
                "kind": each.kind,
                "fits": list(each.fits),
                "station": each.station,
                "unit": each.unit,
                "charged": each.charged,
            }
            for label, each in sorted(county.spares.items())
        ],
    }


def way_back(county: County, changes: Sequence[Change]) -> Lists:
    """Of `county`, what the changes are about and was there before."""
    wanted: dict[str, set[str]] = {group: set() for group in GROUPS.values()}
    for each in changes:
        wanted[GROUPS[type(each.after)]].add(_key(county, each))
        for facts in (each.before, each.after):
            if isinstance(facts, Officer | Device) and "unit" in each.fields() and facts.unit:
                wanted["units"].add(facts.unit)
    return {
        group: [entry for entry in entries if next(iter(entry.values())) in wanted[group]]
        for group, entries in lists(county).items()
    }


def _key(county: County, change: Change) -> str:
    """A login is its officer's."""
    login = change.after
    return (login.badge or "") if isinstance(login, Login) else change.key


def _by_unit(members: Mapping[str, Officer | Device]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, each in sorted(members.items()):
        if each.unit is not None:
            found.setdefault(each.unit, []).append(key)
    return found
