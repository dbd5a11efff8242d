"""What the protocols of other makers' devices cost.

decode_per_s   JT/T 808 location reports read in a second of a processor (not of a clock: others
               use this machine, too), each in a read of its own, as terminals send them.
               `ridgeline`: all that the gateway needs of a frame: delimiters, escapes, check byte,
               header, position, time, items, battery and charge. `bare`: the same frames taken
               apart by `struct` at fixed places, neither checked nor converted: what no decoder in
               Python can be quicker than
gateway_per_s  reports answered in a second, with 1,000 terminals connected that each keep a few
               unanswered: `ridgeline` is a server process that knows every terminal, judges each
               fix and answers once PostgreSQL has committed it; `bare` an asyncio echo in a process
               of its own. Server, database and terminals share the machine, rounds of both in turn
bytes_per_fix  the same fixes of a drive, with battery, each as one message of its protocol:
               `native` (JSON, before compression; benchmarks/wire.py has what goes over the wire),
               `jt808`, `cot` (XML) and `cot protobuf`
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Final

import msgspec

from benchmarks._report import Options, Row, interleaved_ms, main, say
from benchmarks._terminals import PHONE_FIRST, Crowd, a_bare_echo, a_gateway, allow_sockets
from benchmarks.wire import a_drive
from protocols import native
from protocols.cot import messages as cot_protobuf
from protocols.cot import units as cot_units
from protocols.cot import xmltext as cot_xml
from protocols.cot.event import Event, Point
from protocols.jt808.channel import Channel, Received
from protocols.jt808.fields import Dialect
from protocols.jt808.header import phone_of
from protocols.jt808.location import Location, LocationReport

FIXES: Final = 2000
ROUNDS: Final = 50
KMH_PER_MPS: Final = 3.6
TERMINALS, TERMINALS_QUICK = 1_000, 200
REPORTS_EACH, REPORTS_EACH_QUICK = 20, 5
"""Of a terminal in a round; all of them stay below its burst."""
GATEWAY_ROUNDS: Final = 8
FIXED_BY_GPS_AND_BEIDOU: Final = 1 << 1 | 1 << 18 | 1 << 19
SIGNAL, SATELLITES, MILEAGE, CHARGE_AND_LEVEL = 0x30, 0x31, 0x01, 0xE4
_FIXED_PLACES: Final = struct.Struct(">HH6sHIIIIhHH6s")


def run(options: Options) -> list[Row]:
    fixes = a_drive(options.random(), FIXES)
    reports = [report_of(fix, options.random()) for fix in fixes]
    return [
        *decode_rows(frames_of(reports), options),
        *gateway_rows(options),
        *size_rows(fixes, reports),
    ]


# -- decoding ----------------------------------------------------------------------------


def report_of(fix: native.Location, chance: random.Random) -> LocationReport:
    """The same fix as a terminal with a battery of its own says it."""
    location = Location(
        status_bits=FIXED_BY_GPS_AND_BEIDOU,
        latitude_e6=round(fix.lat * 1e6),
        longitude_e6=round(fix.lon * 1e6),
        altitude_m=2400 + chance.randrange(50),
        speed_dkmh=round((fix.spd or 0) * KMH_PER_MPS * 10),
        direction=round(fix.hdg or 0) % 360,
        observed_at=datetime.fromtimestamp(fix.at // 1000, UTC),
        items=(
            (MILEAGE, fix.n.to_bytes(4)),
            (SIGNAL, bytes((chance.randrange(32),))),
            (SATELLITES, bytes((chance.randrange(4, 20),))),
            (CHARGE_AND_LEVEL, bytes((1, fix.bat or 0))),
        ),
    )
    return LocationReport(location=location)


def frames_of(reports: Sequence[LocationReport], phone: str = "10000000001") -> list[bytes]:
    terminal = Channel(phone=phone_of(phone, Dialect.Y2013))
    return [frame for report in reports for frame in terminal.send(report).frames]


def decode(frames: Sequence[bytes]) -> list[tuple[float, float]]:
    """As the gateway reads them; the places, so that both systems can be seen to agree."""
    channel = Channel()
    places = []
    for frame in frames:
        for event in channel.receive(frame, 0.0):
            if isinstance(event, Received) and isinstance(event.message, LocationReport):
                location = event.message.location
                if location.has_fix and location.values.battery_pct is not None:
                    places.append((location.lat, location.lon))
    return places


def decode_bare(frames: Sequence[bytes]) -> list[tuple[float, float]]:
    """As little as can be done with the same bytes."""
    places = []
    for frame in frames:
        plain = frame[1:-1].replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        said = _FIXED_PLACES.unpack_from(plain)
        places.append((said[6] / 1e6, said[7] / 1e6))
    return places


def decode_rows(frames: Sequence[bytes], options: Options) -> list[Row]:
    assert decode(frames) == decode_bare(frames), "both read the same places"
    systems = {"ridgeline": decode, "bare": decode_bare}
    taken_s: dict[str, list[float]] = {name: [] for name in systems}

    def read(system: str, _: int) -> None:
        began = time.process_time()
        systems[system](frames)
        taken_s[system].append(time.process_time() - began)

    rounds = options.rounds(ROUNDS)
    interleaved_ms({name: partial(read, name) for name in systems}, rounds)
    return [
        Row(
            metric="decode_per_s",
            system=name,
            unit="1/s",
            value=round(len(frames) / median(each[-rounds:])),
            n=len(frames) * rounds,
        )
        for name, each in taken_s.items()
    ]


# -- the gateway -------------------------------------------------------------------------


def gateway_rows(options: Options) -> list[Row]:
    each = REPORTS_EACH_QUICK if options.quick else REPORTS_EACH
    count = TERMINALS_QUICK if options.quick else TERMINALS
    rounds = options.rounds(GATEWAY_ROUNDS)
    say(options, f"{count} terminals with {rounds} times {each} reports")
    said = reports_of_terminals(count, each, 1 + rounds, options)
    allow_sockets()
    with a_gateway(count) as port, a_bare_echo() as echo_port:
        found = asyncio.run(_interleaved(port, echo_port, said))
    return [
        Row(
            metric="gateway_per_s",
            system=system,
            unit="1/s",
            value=round(median(rates)),
            n=count * each * len(rates),
            note=f"{count} terminals; single rounds {min(rates):.0f} to {max(rates):.0f}",
        )
        for system, rates in found.items()
    ]


async def _interleaved(
    port: int, echo_port: int, said: Sequence[Sequence[Sequence[bytes]]]
) -> dict[str, list[float]]:
    """Everybody arrives first; then a round of each system in turn."""
    async with Crowd(port, said[0]) as ours, Crowd(echo_port, said[0]) as bare:
        found: dict[str, list[float]] = {"ridgeline": [], "bare": []}
        for frames in said[1:]:
            found["ridgeline"].append(await ours.rate_per_s(frames))
            found["bare"].append(await bare.rate_per_s(frames))
    return found


def reports_of_terminals(
    count: int, each: int, rounds: int, options: Options
) -> list[list[list[bytes]]]:
    """Frames by round and terminal: a drive of each that ends now, one fix in ten seconds."""
    fixes = a_drive(options.random(), each * rounds)
    shift_ms = round(time.time() * 1000) - fixes[-1].at
    moved = [msgspec.structs.replace(fix, at=fix.at + shift_ms) for fix in fixes]
    reports = [report_of(fix, options.random()) for fix in moved]
    frames = [frames_of(reports, str(PHONE_FIRST + n)) for n in range(count)]
    return [
        [of_one[begin : begin + each] for of_one in frames]
        for begin in range(0, each * rounds, each)
    ]


# -- size --------------------------------------------------------------------------------


def size_rows(fixes: Sequence[native.Location], reports: Sequence[LocationReport]) -> list[Row]:
    events = [event_of(fix) for fix in fixes]
    messages = {
        "native": [native.encode(fix) for fix in fixes],
        "jt808": frames_of(reports),
        "cot": [cot_xml.write_event(event) for event in events],
        "cot protobuf": [cot_protobuf.write_frame(event) for event in events],
    }
    return [
        Row(
            metric="bytes_per_fix",
            system=name,
            unit="B",
            value=round(sum(map(len, each)) / len(each), 1),
            n=len(each),
        )
        for name, each in messages.items()
    ]


def event_of(fix: native.Location) -> Event:
    """The same fix as a TAK client reports it."""
    unit = cot_units.Unit(
        callsign="PS 12",
        endpoint=cot_units.CHAT_ENDPOINT,
        battery_pct=fix.bat,
        speed_mps=fix.spd,
        course_deg=fix.hdg,
        team="Blue",
        role="Team Member",
    )
    return cot_units.unit_report(
        "RIDGELINE-00000000-0000-4000-8000-000000000001",
        unit,
        point=Point(lat=fix.lat, lon=fix.lon, ce_m=fix.acc),
        at=datetime.fromtimestamp(fix.at / 1000, UTC),
        valid=timedelta(seconds=50),
    )


if __name__ == "__main__":
    main("protocols", run, __doc__)
