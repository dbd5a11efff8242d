"""Parameters of JT/T 1078-2016 table 2, which are more than a number: 0x0075 to 0x007C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from protocols.jt808.fields import Dialect, Digits, MalformedBody, Reader
from protocols.jt808.layout import U8, U16, U32, Layout, Many, Part


class Encoding(Layout, frozen=True, kw_only=True):
    """0x0075: how channels are encoded, live and on the storage."""

    live_mode: U8
    live_resolution: U8
    live_key_frame_interval: U16
    live_frames_per_s: U8
    live_kbps: U32
    stored_mode: U8
    stored_resolution: U8
    stored_key_frame_interval: U16
    stored_frames_per_s: U8
    stored_kbps: U32
    overlay: U16
    audio: U8


class ChannelMapping(Layout, frozen=True, kw_only=True):
    physical: U8
    logical: U8
    kind: U8
    turns: U8


class Channels(Layout, frozen=True, kw_only=True):
    """0x0076."""

    audio_video: U8
    audio: U8
    video: U8
    channels: Annotated[tuple[ChannelMapping, ...], Many(Part(ChannelMapping))]


class SpecialAlarm(Layout, frozen=True, kw_only=True):
    """0x0079: recording around alarms."""

    storage_pct: U8
    minutes: U8
    before_minutes: U8


class ImageAnalysis(Layout, frozen=True, kw_only=True):
    """0x007B."""

    persons_max: U8
    fatigue: U8


class SleepAndWake(Layout, frozen=True, kw_only=True):
    """0x007C: what wakes a sleeping terminal; four spans of hours and minutes."""

    modes: U8
    conditions: U8
    weekdays: U8
    spans: U8
    wakes1: Annotated[str, Digits(2)]
    sleeps1: Annotated[str, Digits(2)]
    wakes2: Annotated[str, Digits(2)]
    sleeps2: Annotated[str, Digits(2)]
    wakes3: Annotated[str, Digits(2)]
    sleeps3: Annotated[str, Digits(2)]
    wakes4: Annotated[str, Digits(2)]
    sleeps4: Annotated[str, Digits(2)]


LAYOUTS: Final[Mapping[int, tuple[str, type[Layout]]]] = {
    0x0075: ("video_encoding", Encoding),
    0x0076: ("video_channels", Channels),
    0x0079: ("video_alarm_recording", SpecialAlarm),
    0x007B: ("video_analysis", ImageAnalysis),
    0x007C: ("sleep_and_wake", SleepAndWake),
}


def layout_of(parameter_id: int, data: bytes) -> Layout | None:
    """None: no such parameter, or another length than it has."""
    if parameter_id not in LAYOUTS:
        return None
    source = Reader(data, Dialect.Y2013)
    try:
        said = LAYOUTS[parameter_id][1].read(source)
    except MalformedBody:
        return None
    return None if source.left else said
