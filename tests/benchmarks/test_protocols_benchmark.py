"""Both systems read the same frames, and the sizes are of messages that can be read."""

from __future__ import annotations

from benchmarks._report import Options
from benchmarks.protocols import decode, decode_bare, decode_rows, frames_of, report_of, size_rows
from benchmarks.wire import a_drive

OPTIONS = Options(seed=7, quick=True, as_json=True)


def test_rates_are_of_frames_that_both_systems_read() -> None:
    fixes = a_drive(OPTIONS.random(), 50)
    frames = frames_of([report_of(fix, OPTIONS.random()) for fix in fixes])

    places = decode(frames)
    rows = {row.system: row for row in decode_rows(frames, OPTIONS)}

    assert places == decode_bare(frames)
    assert places == [(round(fix.lat * 1e6) / 1e6, round(fix.lon * 1e6) / 1e6) for fix in fixes]
    assert rows["ridgeline"].n == 50 * OPTIONS.rounds(50)
    assert (rows["bare"].value or 0) > (rows["ridgeline"].value or 0) > 1000


def test_a_fix_is_smallest_as_jt808_and_largest_as_xml() -> None:
    fixes = a_drive(OPTIONS.random(), 50)
    rows = size_rows(fixes, [report_of(fix, OPTIONS.random()) for fix in fixes])

    sizes = {row.system: row.value or 0 for row in rows}

    assert sizes["jt808"] < sizes["native"] < sizes["cot"]
    assert sizes["jt808"] < sizes["cot protobuf"] < sizes["cot"]
