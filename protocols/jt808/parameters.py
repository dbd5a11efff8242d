"""A terminal's parameters: 0x8103 sets, 0x8104 and 0x8106 ask, 0x0104 answers.

JT/T 808-2019 §8.8 to 8.11 and table 12, JT/T 1078-2016 table 2. Each is an id, a length, a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

import msgspec

from protocols.jt808.fields import CannotEncode, Number, Reader, Size, Writer, bytes_of, text_of
from protocols.jt808.layout import U16, Body, Layout, Many
from protocols.jt808.videoparameters import LAYOUTS, layout_of

HEARTBEAT_S: Final = 0x0001
REPORT_STRATEGY: Final = 0x0020
"""0 by time, 1 by distance, 2 both."""
REPORT_SCHEME: Final = 0x0021
"""0 by ignition, which a body camera has not."""
REPORT_ASLEEP_S: Final = 0x0027
REPORT_EMERGENCY_S: Final = 0x0028
REPORT_S: Final = 0x0029

NUMBERS: Final[Mapping[int, tuple[str, int]]] = {
    HEARTBEAT_S: ("heartbeat_s", 4),
    0x0002: ("tcp_timeout_s", 4),
    0x0003: ("tcp_retries", 4),
    0x0004: ("udp_timeout_s", 4),
    0x0005: ("udp_retries", 4),
    0x0006: ("sms_timeout_s", 4),
    0x0007: ("sms_retries", 4),
    0x0018: ("tcp_port", 4),
    0x0019: ("udp_port", 4),
    0x001B: ("ic_tcp_port", 4),
    0x001C: ("ic_udp_port", 4),
    REPORT_STRATEGY: ("report_strategy", 4),
    REPORT_SCHEME: ("report_scheme", 4),
    0x0022: ("report_logged_out_s", 4),
    REPORT_ASLEEP_S: ("report_asleep_s", 4),
    REPORT_EMERGENCY_S: ("report_emergency_s", 4),
    REPORT_S: ("report_s", 4),
    0x002C: ("report_m", 4),
    0x002D: ("report_logged_out_m", 4),
    0x002E: ("report_asleep_m", 4),
    0x002F: ("report_emergency_m", 4),
    0x0030: ("corner_deg", 4),
    0x0031: ("fence_radius_m", 2),
    0x0045: ("call_answering", 4),
    0x0046: ("call_s_max", 4),
    0x0047: ("call_month_s_max", 4),
    0x0050: ("alarm_mask", 4),
    0x0051: ("alarm_sms_mask", 4),
    0x0052: ("alarm_photo_mask", 4),
    0x0053: ("alarm_photo_kept_mask", 4),
    0x0054: ("alarm_key_mask", 4),
    0x0055: ("speed_kmh_max", 4),
    0x0056: ("overspeed_s", 4),
    0x0057: ("driving_s_max", 4),
    0x0058: ("driving_day_s_max", 4),
    0x0059: ("rest_s_min", 4),
    0x005A: ("parked_s_max", 4),
    0x005B: ("overspeed_warning_dkmh", 2),
    0x005C: ("fatigue_warning_s", 2),
    0x005D: ("collision", 2),
    0x005E: ("rollover_deg", 2),
    0x0064: ("photo_by_time", 4),
    0x0065: ("photo_by_distance", 4),
    0x0070: ("image_quality", 4),
    0x0071: ("brightness", 4),
    0x0072: ("contrast", 4),
    0x0073: ("saturation", 4),
    0x0074: ("hue", 4),
    0x007A: ("video_alarm_mask", 4),
    0x0080: ("odometer_dkm", 4),
    0x0081: ("province", 2),
    0x0082: ("city", 2),
    0x0084: ("plate_colour", 1),
    0x0090: ("gnss_mode", 1),
    0x0091: ("gnss_baud", 1),
    0x0092: ("gnss_output", 1),
    0x0093: ("gnss_sampling_s", 4),
    0x0094: ("gnss_upload", 1),
    0x0095: ("gnss_upload_setting", 4),
    0x0100: ("can1_sampling_ms", 4),
    0x0101: ("can1_upload_s", 2),
    0x0102: ("can2_sampling_ms", 4),
    0x0103: ("can2_upload_s", 2),
}
"""Name and bytes of those that are numbers."""
TEXTS: Final[Mapping[int, str]] = {
    0x0010: "apn",
    0x0011: "apn_user",
    0x0012: "apn_password",
    0x0013: "server",
    0x0014: "backup_apn",
    0x0015: "backup_user",
    0x0016: "backup_password",
    0x0017: "backup_server",
    0x001A: "ic_server",
    0x001D: "ic_backup_server",
    0x0023: "secondary_server",
    0x0024: "secondary_apn",
    0x0025: "secondary_user",
    0x0026: "secondary_password",
    0x0040: "platform_phone",
    0x0041: "reset_phone",
    0x0042: "factory_reset_phone",
    0x0043: "platform_sms",
    0x0044: "alarm_sms",
    0x0048: "listen_phone",
    0x0049: "privileged_sms",
    0x0083: "plate",
}
"""Name of those that are text."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter; what its bytes mean is in `value`."""

    id: int
    data: bytes

    @property
    def name(self) -> str | None:
        named = NUMBERS.get(self.id) or LAYOUTS.get(self.id)
        return named[0] if named else TEXTS.get(self.id)

    @property
    def value(self) -> int | str | Layout | None:
        """A number, a text or a set of values; None for what is not known."""
        if self.id in NUMBERS and 1 <= len(self.data) <= 4:
            return int.from_bytes(self.data)
        if self.id in TEXTS:
            return text_of(self.data).strip("\0")
        return layout_of(self.id, self.data)

    @classmethod
    def of(cls, parameter_id: int, value: int | str) -> Parameter:
        """Raises `CannotEncode` for an unknown id, or a value of the other kind."""
        if isinstance(value, str) and parameter_id in TEXTS:
            return cls(id=parameter_id, data=bytes_of(value))
        if isinstance(value, int) and parameter_id in NUMBERS:
            try:
                return cls(id=parameter_id, data=value.to_bytes(NUMBERS[parameter_id][1]))
            except OverflowError as error:
                raise CannotEncode(f"parameter {parameter_id:#06x}: {error}") from error
        raise CannotEncode(f"parameter {parameter_id:#06x} is not {value!r}")


class ParameterList:
    """Parameters behind their count. One that overruns the body ends the list, no more."""

    blank: tuple[Parameter, ...] = ()

    def read(self, source: Reader) -> tuple[Parameter, ...]:
        count = source.number(1)
        found: list[Parameter] = []
        while len(found) < count and source.left >= 5:
            parameter_id, size = source.number(4), source.number(1)
            if size > source.left:
                break
            found.append(Parameter(id=parameter_id, data=source.take(size)))
        return tuple(found)

    def write(self, value: tuple[Parameter, ...], target: Writer) -> None:
        target.number(len(value), 1)
        for each in value:
            target.number(each.id, 4)
            target.number(len(each.data), 1)
            target.data += each.data


class SetParameters(Body, frozen=True, kw_only=True):
    """0x8103, answered by 0x0001."""

    ID: ClassVar[int] = 0x8103
    parameters: Annotated[tuple[Parameter, ...], ParameterList()]


class AskAllParameters(Body, frozen=True, kw_only=True):
    """0x8104."""

    ID: ClassVar[int] = 0x8104


class AskParameters(Body, frozen=True, kw_only=True):
    """0x8106 (2013)."""

    ID: ClassVar[int] = 0x8106
    ids: Annotated[tuple[int, ...], Many(Number(4), Size(1))]


class ParametersAnswer(Body, frozen=True, kw_only=True):
    """0x0104; usually in packages."""

    ID: ClassVar[int] = 0x0104
    answers: U16
    parameters: Annotated[tuple[Parameter, ...], ParameterList()]
