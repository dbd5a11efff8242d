"""A county's roster from a file: all of it or nothing, and the same file again changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from geo.roadmap import RoadMap
from server.http.enrolment import enrol_browser
from server.roster.file import (
    BYTES_MAX,
    LENGTHS_MAX,
    MEMBERS_LEN_MAX,
    PROBLEMS_SHOWN_MAX,
    TEMPLATE,
    RosterError,
    decode,
)
from server.roster.load import Secrets, load
from server.stores import roster, spares, units, users
from server.stores.devices import authenticate
from server.stores.pool import Pool
from server.stores.spares import SPARES_LEN_MAX
from server.watchviews import LeaderView
from tests.server.dispatch_room import a_room
from tests.small_county import crossing

BY = "operator:test"
Lists = dict[str, Any]


def a_file(**lists: Any) -> Lists:
    """The template, some of its lists replaced."""
    return {**json.loads(TEMPLATE), **lists}


def changed(group: str, number: int, **fields: Any) -> Lists:
    """The template with one entry changed."""
    entries = a_file()[group]
    entries[number] = {**entries[number], **fields}
    return a_file(**{group: entries})


async def put(
    pool: Pool, file: Lists, secrets_file: Path | None = None, *, dry_run: bool = False
) -> list[str]:
    wanted = decode(json.dumps(file).encode())
    changes = await load(pool, wanted, by=BY, secrets_file=secrets_file, dry_run=dry_run)
    return [str(change) for change in changes]


async def rows(pool: Pool) -> dict[str, int]:
    tables = (
        "station",
        "unit",
        "officer",
        "unit_officer",
        "device",
        "app_user",
        "spare",
        "journal_entry",
    )
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def crews(pool: Pool) -> dict[str, tuple[list[str], list[str]]]:
    """Badges and device ids by call sign."""
    return {
        unit.call_sign: ([each.badge for each in unit.officers], [each.id for each in unit.devices])
        for unit in await units.load_units(pool)
    }


async def newest_entry(pool: Pool) -> tuple[str, str, Any]:
    row = await pool.fetchrow("SELECT * FROM journal_entry ORDER BY id DESC LIMIT 1")
    return row["actor"], row["kind"], row["body"]


# -- loading ------------------------------------------------------------------------------


async def test_template_makes_a_whole_county_and_its_secrets_work(
    pool: Pool, tmp_path: Path
) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")

    assert await crews(pool) == {
        "P-01": (["0412", "0413"], ["cam-0412", "car-01", "hs-0412"]),
        "X-02": (["0420"], []),
    }
    secrets = msgspec.json.decode((tmp_path / "secrets.json").read_bytes(), type=Secrets)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(secrets.devices) == 4
    for secret in secrets.devices:
        assert await authenticate(pool, secret.id, secret.token) is not None
    assert [(each.username, each.badge) for each in secrets.users] == [
        ("hejun", "0412"),
        ("he.zhiqiang", "0420"),
    ]
    found = await users.by_name(pool, "hejun")
    assert found is not None
    assert (found[0].must_change_password, found[0].officer_badge) == (True, "0412")


async def test_every_addition_is_logged_and_no_secret_is(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")

    entries = await pool.fetch("SELECT actor, kind, body::text FROM journal_entry ORDER BY id")

    kinds = ["station", "station", "unit", "unit", "officer", "officer", "officer"]
    assert [row["kind"] for row in entries] == (
        [f"{kind}.created" for kind in kinds]
        + ["unit.changed"]
        + 4 * ["device.enrolled"]
        + 2 * ["user.created"]
        + 2 * ["spare.created"]
    )
    assert {row["actor"] for row in entries} == {BY}
    secrets = msgspec.json.decode((tmp_path / "secrets.json").read_bytes(), type=Secrets)
    logged = "".join(row["body"] for row in entries)
    assert not any(each.token in logged for each in secrets.devices)
    assert not any(each.one_time_password in logged for each in secrets.users)


async def test_same_file_again_changes_nothing(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    before = await rows(pool)

    assert await put(pool, a_file(), tmp_path / "more.json") == []
    assert await rows(pool) == before
    assert not (tmp_path / "more.json").exists()


@pytest.mark.parametrize(
    ("file", "told", "kind", "logged"),
    [
        (
            changed("stations", 0, lat=26.9),
            "station North Station: lat 26.8721 → 26.9",
            "station.changed",
            {"name": "North Station", "changed": {"lat": {"from": 26.8721, "to": 26.9}}},
        ),
        (
            changed("units", 1, kind="motorcycle", station=None),
            "unit X-02: kind off_road → motorcycle, station 东巴谷派出所 → none",
            "unit.changed",
            {
                "call_sign": "X-02",
                "changed": {
                    "kind": {"from": "off_road", "to": "motorcycle"},
                    "station": {"from": "东巴谷派出所", "to": None},
                },
            },
        ),
        (
            changed("officers", 1, name="Mu Lanhua"),
            "officer 0413: name Mu Lan → Mu Lanhua",
            "officer.changed",
            {"changed": {"name": {"from": "Mu Lan", "to": "Mu Lanhua"}}},
        ),
        (
            changed("officers", 1, phone="+86 139 0000 0413"),
            "officer 0413: phone none → +86 139 0000 0413",
            "officer.changed",
            {"changed": {"phone": {"from": "", "to": "+86 139 0000 0413"}}},
        ),
        (
            changed("officers", 2, skills=["mountain_rescue", "drone", "drone"]),
            "officer 0420: skills first_aid, mountain_rescue → drone, mountain_rescue",
            "officer.changed",
            {
                "changed": {
                    "skills": {
                        "from": ["first_aid", "mountain_rescue"],
                        "to": ["drone", "mountain_rescue"],
                    }
                }
            },
        ),
        (
            changed("units", 0, leader="0420"),
            "leader P-01: badge 0412 → 0420",
            "unit.changed",
            {"call_sign": "P-01", "changed": {"leader": {"from": "0412", "to": "0420"}}},
        ),
        (
            changed("units", 0, leader=None),
            "leader P-01: badge 0412 → none",
            "unit.changed",
            {"call_sign": "P-01", "changed": {"leader": {"from": "0412", "to": None}}},
        ),
        (
            changed("devices", 2, model="T-7"),
            "device car-01: model none → T-7",
            "device.changed",
            {"changed": {"model": {"from": "", "to": "T-7"}}},
        ),
        (
            changed("units", 0, officers=["0412"]),
            "officer 0413: unit P-01 → none",
            "officer.changed",
            {"changed": {"unit": {"from": "P-01", "to": None}}},
        ),
        (
            changed("units", 0, devices=["cam-0412", "hs-0412"]),
            "device car-01: unit P-01 → none",
            "device.changed",
            {"changed": {"unit": {"from": "P-01", "to": None}}},
        ),
        (
            changed("spares", 0, fits=["BC-5G", "BC-4G"]),
            "spare pack-07: fits BC-4G → BC-4G, BC-5G",
            "spare.changed",
            {
                "label": "pack-07",
                "changed": {"fits": {"from": ["BC-4G"], "to": ["BC-4G", "BC-5G"]}},
            },
        ),
    ],
)
async def test_a_difference_is_made_told_and_logged(
    pool: Pool, tmp_path: Path, file: Lists, told: str, kind: str, logged: Lists
) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")

    assert await put(pool, file) == [told]
    assert await newest_entry(pool) == (BY, kind, logged)
    assert await put(pool, file) == []


async def test_an_officer_and_the_login_change_names_together(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")

    told = await put(pool, changed("officers", 0, name="He Yun"))

    assert told == ["officer 0412: name He Jun → He Yun", "login hejun: name He Jun → He Yun"]
    found = await users.by_name(pool, "hejun")
    assert found is not None
    assert found[0].display_name == "He Yun"


async def test_members_change_units(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    of_p, of_x = a_file()["units"]

    await put(
        pool,
        {
            "units": [
                {**of_p, "officers": ["0412"], "devices": ["hs-0412"]},
                {**of_x, "officers": ["0420", "0413"], "devices": ["cam-0412", "cam-spare"]},
            ]
        },
    )

    assert await crews(pool) == {
        "P-01": (["0412"], ["hs-0412"]),
        "X-02": (["0413", "0420"], ["cam-0412", "cam-spare"]),
    }


async def test_what_a_file_does_not_name_stays(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    before = await crews(pool)

    told = await put(
        pool,
        {
            "units": [{"call_sign": "P-01", "kind": "patrol_car"}],
            "officers": [{"badge": "0412", "name": "He Jun"}],
            "devices": [{"id": "cam-0412", "kind": "body_camera"}],
        },
    )

    assert told == []
    assert await crews(pool) == before


async def test_a_leader_is_an_officer_of_the_unit_or_of_another(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    of_p, of_x = a_file()["units"]

    told = await put(pool, {"units": [of_p, {**of_x, "leader": "0412"}]})

    assert told == ["leader X-02: badge none → 0412"]
    leader = LeaderView(badge="0412", name="He Jun", phone="+86 139 0000 0412", call_sign="P-01")
    assert [each.leader for each in await units.load_units(pool)] == [leader, leader]


async def test_a_browser_is_not_on_the_list_and_follows_its_officer(
    pool: Pool, tmp_path: Path
) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    async with pool.acquire() as conn, conn.transaction():
        unit_id = await roster.unit_id(conn, "P-01")
        assert unit_id is not None
        browser, _ = await enrol_browser(conn, "here", unit_id=unit_id, badge="0412", by=BY)

    assert await put(pool, a_file()) == []
    of_p, of_x = a_file()["units"]
    await put(
        pool,
        {"units": [{**of_p, "officers": ["0413"]}, {**of_x, "officers": ["0412", "0420"]}]},
    )

    assert browser in (await crews(pool))["X-02"][1]


async def test_a_spare_stays_where_people_put_it(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    (pack,) = [each for each in await spares.load_all(pool) if each.label == "pack-07"]
    assert (pack.kind, pack.fits, pack.station) == ("pack", ["BC-4G"], "North Station")
    unit_id = await roster.unit_id(pool, "X-02")
    await spares.put(pool, pack.id, spares.Place(unit_id=unit_id), charged=False)

    assert await put(pool, a_file()) == []
    found = await spares.load(pool, pack.id)
    assert found is not None
    assert (found.call_sign, found.charged) == ("X-02", False)


async def test_spares_that_cannot_be_are_told(pool: Pool, tmp_path: Path) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    await pool.execute("UPDATE spare SET retired_at = now() WHERE label = 'pack-07'")
    lists = [
        {"label": "pack-07", "kind": "pack", "station": "North Station"},
        {"label": "a", "kind": "pack"},
        {"label": "b", "kind": "pack", "unit": "P-01", "station": "North Station"},
        {"label": "c", "kind": "pack", "unit": "P-99"},
        {"label": "d", "kind": "pack", "station": "Nowhere"},
    ]

    with pytest.raises(RosterError) as raised:
        await put(pool, {"spares": lists})
    full = [{"label": f"n{i}", "kind": "pack", "unit": "P-01"} for i in range(SPARES_LEN_MAX)]
    with pytest.raises(RosterError, match="spares: there would be more than 2,000; retire some"):
        await put(pool, {"spares": full})

    lies = "say where it lies: a station, or a unit for its vehicle."
    assert raised.value.problems == [
        f"spares, entry 2 (a): {lies}",
        f"spares, entry 3 (b): {lies}",
        "spares, entry 4 (c): there is no unit P-99; add it to units.",
        "spares, entry 5 (d): there is no station Nowhere; add it to stations.",
        "spares, entry 1 (pack-07): that spare was taken out of service; "
        "write another label on this one.",
    ]


async def test_dry_run_says_the_same_and_changes_nothing(pool: Pool, tmp_path: Path) -> None:
    would = await put(pool, a_file(), tmp_path / "secrets.json", dry_run=True)

    assert set((await rows(pool)).values()) == {0}
    assert not (tmp_path / "secrets.json").exists()
    assert await put(pool, a_file(), tmp_path / "secrets.json") == would


# -- what stands in the way ---------------------------------------------------------------


async def test_new_secrets_need_a_file(pool: Pool) -> None:
    with pytest.raises(RosterError, match=r"6 new devices and logins: .* --tokens"):
        await put(pool, a_file())

    assert set((await rows(pool)).values()) == {0}


async def test_a_secrets_file_is_never_overwritten_and_nothing_is_loaded(
    pool: Pool, tmp_path: Path
) -> None:
    (tmp_path / "secrets.json").write_text("older tokens")

    with pytest.raises(RosterError, match="--tokens wants a new file"):
        await put(pool, a_file(), tmp_path / "secrets.json")

    assert (tmp_path / "secrets.json").read_text() == "older tokens"
    assert set((await rows(pool)).values()) == {0}


async def test_unknown_members_and_taken_names_are_told_together(
    pool: Pool, tmp_path: Path
) -> None:
    await put(pool, a_file(), tmp_path / "secrets.json")
    await pool.execute("UPDATE device SET disabled_at = now() WHERE id = 'cam-spare'")
    await pool.execute("UPDATE unit SET retired_at = now() WHERE call_sign = 'X-02'")
    file = changed(
        "units", 0, officers=["0412", "0999"], devices=["cam-99"], station="Nowhere", leader="0998"
    )
    file["officers"] = [
        {"badge": "0500", "name": "Other", "user": "hejun"},
        {"badge": "0412", "name": "He Jun", "user": "hj"},
    ]
    before = await rows(pool)

    with pytest.raises(RosterError) as raised:
        await put(pool, file, tmp_path / "more.json")

    assert raised.value.problems == [
        "units, entry 1 (P-01): there is no station Nowhere; add it to stations.",
        "units, entry 1 (P-01): 0999 is not known; add it to officers.",
        "units, entry 1 (P-01): cam-99 is not known; add it to devices.",
        "units, entry 1 (P-01): the leader 0998 is not known; add it to officers.",
        "units, entry 2 (X-02): that unit was taken out of service; choose another call sign.",
        "devices, entry 4 (cam-spare): that device was taken out of service; choose another id.",
        "officers, entry 1 (0500): the user name hejun is taken; choose another.",
        "officers, entry 2 (0412): signs in as hejun already; write that user name, or none.",
    ]
    assert await rows(pool) == before


async def test_nobody_leaves_a_unit_that_works_on_an_order(
    pool: Pool, small_map: RoadMap, tmp_path: Path
) -> None:
    async with a_room(pool, small_map) as room:
        unit = await room.add_unit("P-07", crossing(4, 2))
        (order,) = await room.send(await room.open(), unit)
        crew = {"call_sign": "P-07", "kind": "patrol_car", "officers": []}

        with pytest.raises(RosterError) as raised:
            await put(pool, {"units": [crew]})
        arriving = {"badge": "0500", "name": "Help"}
        both = {"units": [{**crew, "officers": ["B-P-07", "0500"]}], "officers": [arriving]}
        await put(pool, both)

    assert raised.value.problems == [
        f"officer B-P-07: unit P-07 → none: P-07 works on order {order.number}; "
        "load again when it is closed."
    ]
    assert (await crews(pool))["P-07"][0] == ["0500", "B-P-07"]


# -- the file -----------------------------------------------------------------------------


def problems_of(file: object) -> list[str]:
    with pytest.raises(RosterError) as raised:
        decode(json.dumps(file).encode())
    return raised.value.problems


def test_every_wrong_entry_is_named_with_what_to_do() -> None:
    file = a_file(
        stations=[{"name": "A", "lon": 100.2, "lat": 95}, "B"],
        units=[{"call_sign": "P-01", "kind": "car"}, {"kind": "foot"}],
        officers=[{"badge": "04 12", "name": "He Jun"}, {"badge": "1", "name": "x", "age": 3}],
        devices=[{"id": "cam", "kind": "camera"}],
    )

    assert problems_of(file) == [
        "stations, entry 1 (A): lat: Expected `float` <= 90.0. Write degrees north of the equator, "
        "-90 to 90; south is negative.",
        "stations, entry 2: Expected `object`, got `str`.",
        "units, entry 1 (P-01): kind: Invalid enum value 'car'. Choose one of patrol_car, "
        "off_road, motorcycle, foot.",
        "units, entry 2: Object missing required field `call_sign`.",
        r"officers, entry 1 (04 12): badge: Expected `str` matching regex "
        r"'^[A-Za-z0-9-]{1,32}\\Z'. Use letters A-Z, figures and hyphens, at most 32.",
        "officers, entry 2 (1): Object contains unknown field `age`.",
        "devices, entry 1 (cam): kind: Invalid enum value 'camera'. Choose one of body_camera, "
        "handset, vehicle.",
    ]


def test_doubles_are_told() -> None:
    file = a_file()
    file["stations"].append(file["stations"][0])
    file["units"][1] |= {"officers": ["0412"], "devices": ["hs-0412"]}
    file["officers"][1]["user"] = "hejun"

    assert problems_of(file) == [
        "stations: North Station is listed 2 times; keep one.",
        "officers: 2 of them have the user name hejun; give each their own.",
        "units: 0412 is in the officers of P-01, X-02; keep one.",
        "units: hs-0412 is in the devices of P-01, X-02; keep one.",
    ]


def test_names_that_the_server_gives_are_reserved() -> None:
    browser, model = changed("devices", 0, id="web-1"), changed("devices", 0, model="browser")
    admin = changed("officers", 0, user="admin")

    assert "browsers enrol themselves" in problems_of(browser)[0]
    assert "browsers enrol themselves" in problems_of(model)[0]
    assert "admin is kept for the first administrator" in problems_of(admin)[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "cannot be read: Input data was truncated."),
        (b'{\n"units": [\n}', "cannot be read: JSON is malformed.*, line 3."),
        (b'{"unit": []}', "unknown field `unit`. See: ridgeline roster template"),
        ('{"note": "何"}'.encode("gbk"), "not UTF-8 .byte 10."),
        (
            b'{"stations": [{"name": "A", "lon": 1e999, "lat": 0}]}',
            "stations, entry 1: lon: Number",
        ),
        (b" " * (BYTES_MAX + 1), "more than 16 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(RosterError, match=told):
        decode(content)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert len(decode(TEMPLATE.encode("utf-8-sig")).units) == 2


def test_lists_have_an_end() -> None:
    station = a_file()["stations"][0]
    many = [{**station, "name": f"S{n}"} for n in range(LENGTHS_MAX["stations"] + 1)]
    crew = [str(number) for number in range(MEMBERS_LEN_MAX + 1)]

    assert problems_of({"stations": many}) == [
        "stations: more than 1,000 entries; is it the right file?"
    ]
    assert decode(json.dumps({"stations": many[:-1]}).encode()).stations[-1].name == "S999"
    assert "length <= 100" in problems_of(changed("units", 0, officers=crew))[0]


def test_only_the_first_problems_are_shown() -> None:
    officers = [{"badge": "?", "name": "x"}] * (PROBLEMS_SHOWN_MAX + 5)

    with pytest.raises(RosterError, match="… and 5 more") as raised:
        decode(json.dumps({"officers": officers}).encode())

    assert len(str(raised.value).splitlines()) == PROBLEMS_SHOWN_MAX + 1
